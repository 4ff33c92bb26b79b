"""dbt's sources, written from the contracts: what the lake says and what dbt believes cannot differ.

``python -m assets.dbt.sources`` writes ``dbt_project/models/staging/sources.yml`` again.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from assets.contracts.registry import all_contracts
from assets.contracts.table import Column, TableContract
from assets.dbt.catalog import duckdb_type, sql_columns
from assets.dbt.changes import DBT_PROJECT

SOURCES_FILE = DBT_PROJECT / "models" / "staging" / "sources.yml"
COMMAND = "python -m assets.dbt.sources"

_HEADER = f"# Written from assets/contracts by `{COMMAND}`; change the contracts, not this file.\n"


class StaleSources(RuntimeError):
    """The committed sources are not those of the contracts; the message says how to write them again."""


def render_sources(contracts: Iterable[TableContract]) -> str:
    """The source file of these contracts as YAML text."""
    document = {
        "version": 2,
        "sources": [
            {
                "name": "lake",
                "schema": "lake",
                "description": "Committed partitions of the lake, as views that are made again before each run.",
                "tables": [_table(contract) for contract in contracts],
            }
        ],
    }
    return _HEADER + yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


def check_sources(path: Path = SOURCES_FILE) -> None:
    """Compare the committed file with the contracts.

    Raises:
        StaleSources: They differ.
    """
    committed = path.read_text() if path.exists() else ""
    if committed != render_sources(all_contracts().values()):
        raise StaleSources(f"{path.name} is not what the contracts say; run `{COMMAND}` and commit the result")


def write_sources(path: Path = SOURCES_FILE) -> None:
    """Write the file from the contracts."""
    path.write_text(render_sources(all_contracts().values()))


def _table(contract: TableContract) -> dict[str, Any]:
    return {
        "name": contract.key,
        "description": f"{contract.description} Grain: {contract.grain}.",
        "columns": [_column(column) for column in sql_columns(contract)],
    }


def _column(column: Column) -> dict[str, Any]:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return {
        "name": column.name,
        "description": f"{column.description}{unit}",
        "data_type": duckdb_type(column.type).lower(),
        # Names such as `table` and `row` are words of SQL.
        "quote": True,
    }


if __name__ == "__main__":
    write_sources()
