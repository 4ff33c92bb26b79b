"""The catalog: which committed files dbt may read, written as JSON just before dbt starts.

dbt makes one view per lake table from it (``dbt_project/macros/create_lake_views.sql``), over literal
lists of files, so that a warehouse is built from one state of the lake and never from staged data.
"""

import json
import os
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.contracts.lake import Commit, Lake
from assets.contracts.landed import LANDED, landed_sources
from assets.contracts.quarantine import QUARANTINE, UNPUBLISHED_COLUMNS
from assets.contracts.registry import all_contracts
from assets.contracts.settings import Settings
from assets.contracts.table import Column, TableContract

_SCALAR_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int32(): "INTEGER",
    pa.int64(): "BIGINT",
    pa.float32(): "FLOAT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    pa.binary(): "BLOB",
    pa.date32(): "DATE",
}


def catalog_path(settings: Settings) -> Path:
    """Where the catalog of the next or running dbt invocation is."""
    return settings.warehouse.with_name("lake_catalog.json")


def lake_catalog(lake: Lake) -> dict[str, Any]:
    """Every table of the registry, with or without data; of the quarantine, that of every landed source.

    Returns:
        ``tables``: key -> ``columns`` (name -> DuckDB type), ``files``, and ``uniform``, whether all files
        were written under the present contract; ``partitions``: ``table/partition`` -> sha256.
    """
    contracts = all_contracts()
    commits_of = {key: lake.commits(key) for key in _reading_order(contracts)}
    tables: dict[str, Any] = {}
    partitions: dict[str, str] = {}
    for key, contract in contracts.items():
        found = {f"{key}/{commit.partition}": (lake, commit) for commit in commits_of[key]}
        if contract is QUARANTINE:
            found = _quarantines(lake)
        tables[key] = {
            "columns": duckdb_columns(contract),
            "files": [place.location(commit.file) for place, commit in found.values()],
            "uniform": all(commit.schema == contract.fingerprint for _, commit in found.values()),
        }
        partitions |= {name: commit.sha256 for name, (_, commit) in found.items()}
    return {"tables": tables, "partitions": partitions}


def _quarantines(lake: Lake) -> dict[str, tuple[Lake, Commit]]:
    """Rejected rows stay beside the source that they came from, in a zone of its own."""
    return {
        f"{LANDED}/{name}/{QUARANTINE.key}/{commit.partition}": (zone, commit)
        for name, zone in landed_sources(lake).items()
        for commit in zone.commits(QUARANTINE.key)
    }


def _reading_order(contracts: Mapping[str, TableContract]) -> tuple[str, ...]:
    """Tables before those they refer to, so that scores published meanwhile are not seen without their photos."""
    referring: dict[str, set[str]] = {key: set() for key in contracts}
    for key, contract in contracts.items():
        for reference in contract.references:
            referring[reference.to_table].add(key)
    return tuple(TopologicalSorter(referring).static_order())


def write_catalog(lake: Lake, path: Path) -> dict[str, Any]:
    """Write the catalog in one atomic step and return it."""
    catalog = lake_catalog(lake)
    write_json(catalog, path)
    return catalog


def write_json(document: dict[str, Any], path: Path) -> None:
    """Replace a JSON file in one step: readers see the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    staged.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    staged.replace(path)


def duckdb_columns(contract: TableContract) -> dict[str, str]:
    """Columns of a contract that SQL shows, with their DuckDB types, in order."""
    return {column.name: duckdb_type(column.type) for column in sql_columns(contract)}


def sql_columns(contract: TableContract) -> list[Column]:
    """Columns that the warehouse shows: all, but for what rejected rows said; it may be of those who refuse."""
    hidden = UNPUBLISHED_COLUMNS if contract is QUARANTINE else ()
    return [column for column in contract.columns if column.name not in hidden]


def duckdb_type(arrow_type: pa.DataType) -> str:
    """DuckDB's name of an Arrow type.

    Raises:
        TypeError: No contract has had such a type yet; add it here.

    >>> duckdb_type(pa.timestamp("us", tz="UTC")), duckdb_type(pa.list_(pa.int64()))
    ('TIMESTAMP WITH TIME ZONE', 'BIGINT[]')
    """
    if pa.types.is_list(arrow_type):
        return f"{duckdb_type(arrow_type.value_type)}[]"
    if pa.types.is_timestamp(arrow_type):
        return "TIMESTAMP WITH TIME ZONE" if arrow_type.tz else "TIMESTAMP"
    if arrow_type not in _SCALAR_TYPES:
        raise TypeError(f"no DuckDB type is known for Arrow type {arrow_type}; add it to assets/dbt/catalog.py")
    return _SCALAR_TYPES[arrow_type]
