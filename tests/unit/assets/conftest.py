"""A small published community, written without landing or audit."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from assets.contracts.lake import Lake
from assets.contracts.registry import all_contracts
from assets.contracts.table import month_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def join_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``join_package(package, registry, source)``: a module ``extra`` of a package for one test.

    The registry, a cached function, finds it, and has forgotten it afterwards.
    """
    joined: list[tuple[ModuleType, Any]] = []

    def join(package: ModuleType, registry: Any, source: str) -> None:
        (tmp_path / "extra.py").write_text(source)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        registry.cache_clear()
        joined.append((package, registry))

    yield join
    for package, registry in joined:
        sys.modules.pop(f"{package.__name__}.extra", None)
        registry.cache_clear()


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """``2013-04-01`` or ``2013-04-01T10:00`` in UTC."""
    return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def put(lake: Lake) -> Callable[..., None]:
    """Publish tables: ``put(photos=[{...}], edges=[...])``; absent nullable columns are null."""

    def publish(**tables: Sequence[Mapping[str, Any]]) -> None:
        for key, rows in tables.items():
            contract = all_contracts()[key]

            def month(row: Mapping[str, Any], event: str | None = contract.event_time) -> str:
                return month_of(row.get(event) if event else None)

            for name, part in groupby(sorted(rows, key=month), key=month):
                full = [{column: row.get(column) for column in contract.schema.names} for row in part]
                lake.write(contract, name, pa.Table.from_pylist(full, schema=contract.schema))

    return publish
