"""A small lake, sources that land in it, and files that no contract has checked."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.contracts.lake import Lake, Staged
from assets.contracts.registry import all_contracts
from assets.contracts.table import TableContract, month_of

Rows = Sequence[Mapping[str, Any]]


def at(text: str) -> datetime:
    """``2013-04-01`` or ``2013-04-01T10:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def moment() -> Callable[[str], datetime]:
    return at


@pytest.fixture
def land(lake: Lake) -> Callable[..., None]:
    """Land tables of a source: ``land("flickr", consent="all", users=[{...}], photos=[...])``."""

    def put(source: str, *, consent: str = "users_table", **tables: Rows) -> None:
        zone = lake.zone(f"landed/{source}")
        for key, rows in tables.items():
            contract = all_contracts()[key]
            for month, part in _by_month(contract, rows).items():
                zone.write(contract, month, pa.Table.from_pylist(part, schema=_schema(contract, part)))
        zone.put_bytes("source.json", json.dumps({"consent": consent}).encode())

    return put


@pytest.fixture
def put_unchecked(lake: Lake) -> Callable[[TableContract, str, pa.Table], Staged]:
    """Put a data file into the lake that no contract has looked at."""

    def put(contract: TableContract, month: str, rows: pa.Table) -> Staged:
        name = f"{contract.key}/data/{month}-unchecked.parquet"
        path = Path(lake.location(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return Staged(contract.key, month, name, rows.num_rows, path.stat().st_size, digest, contract.fingerprint)

    return put


def _by_month(contract: TableContract, rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    months: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        months[month_of(row.get(contract.event_time) if contract.event_time else None)].append(row)
    return months


def _schema(contract: TableContract, rows: Rows) -> pa.Schema:
    named: Iterator[str] = (name for name in contract.schema.names if any(name in row for row in rows))
    return pa.schema([contract.schema.field(name) for name in named])
