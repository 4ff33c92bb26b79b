"""Where a landed row came from: its source, and the file that the source named the row in.

Landed tables keep neither file nor line, because nobody needs them while all is well; the document of the source says
which files its tables were read from, and the key finds the row there.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

import pyarrow as pa

from assets.community.landed import Landed, Source
from assets.contracts.landed import source_document
from assets.contracts.table import TableContract
from assets.contracts.wording import some_of


def places_of(
    landed: Landed, contract: TableContract, month: str, rows: Sequence[Mapping[str, str]]
) -> tuple[str, ...]:
    """The place of each row: source and file of the last source that holds its key in that month; empty if none does.

    Args:
        landed: What landed.
        contract: The table.
        month: Partition.
        rows: Rows with at least their primary key, as text; those without have no place.
    """
    keys = [name for name in contract.primary_key if not pa.types.is_timestamp(contract.column(name).type)]
    wanted = [tuple(row.get(name, "") for name in keys) for row in rows]
    found = _sources_by_key(landed, contract, month, keys, [key[0] for key in wanted if key[0].isdecimal()])
    return tuple(_place(found[key], contract.key) if key in found else "" for key in wanted)


def _sources_by_key(
    landed: Landed, contract: TableContract, month: str, keys: list[str], first: list[str]
) -> dict[tuple[str, ...], Source]:
    """Sources of the rows that agree in the first column of the key; a later source counts instead of an earlier."""
    import pyarrow.dataset as ds  # loads pandas, which costs seconds

    wanted = pa.array(first, pa.string()).cast(contract.column(keys[0]).type)
    found: dict[tuple[str, ...], Source] = {}
    for _, source, rows in landed.datasets(contract, month) if first else ():
        matching = rows.to_table(columns=keys, filter=ds.field(keys[0]).isin(wanted)).to_pylist()
        found |= {tuple(str(row[name]) for name in keys): source for row in matching}
    return found


def _place(source: Source, table: str) -> str:
    document = source_document(source.zone) or {}
    path = document.get("identity", {}).get("path")
    files = document.get("tables", {}).get(table, {}).get("files", [])
    if path is None:
        return f"source {source.name}"
    if files == [PurePath(path).name]:
        return f"source {source.name}, {path}"
    named = f", in {some_of(files)}" if files else ""
    return f"source {source.name}, {path}{named}"
