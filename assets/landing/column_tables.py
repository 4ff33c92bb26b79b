"""Columns of the tables that can land, written from the contracts into the page for people who bring data.

``python -m assets.landing.column_tables`` writes them into the page again; ``--print`` only shows them.
"""

import sys
from collections.abc import Iterable

import pyarrow as pa

from assets.contracts.settings import PROJECT_ROOT
from assets.contracts.table import Column, TableContract
from assets.contracts.written_pages import WrittenPart
from assets.landing.importers.canonical import column_defaults
from assets.landing.importers.casting import expected_of, range_condition
from assets.landing.importers.format import CONSENT_IN_USERS, CONSENT_OF_ALL, landing_tables

PAGE = PROJECT_ROOT / "docs" / "how-to" / "bring-your-own-community.md"
COMMAND = "python -m assets.landing.column_tables"


def render_columns(contracts: Iterable[TableContract]) -> str:
    """The tables of columns as Markdown."""
    return "\n".join(_table(contract) for contract in contracts)


def _table(contract: TableContract) -> str:
    month = f"month by `{contract.event_time}`" if contract.event_time else "no month"
    references = "".join(f"; `{r.column}` refers to `{r.to_table}.{r.to_column}`" for r in contract.references)
    rows = [f"| `{c.name}` | {_values(c)} | {_need(contract, c)} | {_meaning(c)} |" for c in contract.columns]
    keys = ", ".join(f"`{name}`" for name in contract.primary_key)
    return "\n".join(
        [
            f"### `{contract.key}`",
            f"{contract.grain[0].upper()}{contract.grain[1:]}. Key: {keys}; {month}{references}.",
            "",
            "| column | values | needed | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _values(column: Column) -> str:
    bounds = range_condition(column, column.name)
    if bounds and pa.types.is_timestamp(column.type):
        return bounds[1]
    if pa.types.is_list(column.type) and pa.types.is_string(column.type.value_type):
        return "a list such as [sky, sea]"
    return f"{expected_of(column)}, {bounds[1]}" if bounds else expected_of(column)


def _need(contract: TableContract, column: Column) -> str:
    if column.nullable or column.name in column_defaults(contract, "", CONSENT_IN_USERS):
        return "optional"
    if column.name in column_defaults(contract, "", CONSENT_OF_ALL):
        return 'required, unless `consent = "all"`'
    return "required"


def _meaning(column: Column) -> str:
    return f"{column.description} Unit: {column.unit}." if column.unit else column.description


PART = WrittenPart(PAGE, COMMAND, "assets/contracts", lambda: render_columns(landing_tables().values()))


if __name__ == "__main__":
    if "--print" in sys.argv[1:]:
        print(PART.render())
    else:
        PART.write()
