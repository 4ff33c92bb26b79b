"""Where rows go that no table accepts: counted, with their reason, never dropped.

What stood in such a row may be of somebody who refuses, and nobody can tell. So it stays in the landing zone, where
``beautyflow rejected`` reads it; the warehouse says where a rejected row stood and why, not what it said.
"""

import pyarrow as pa

from assets.contracts.table import Column, TableContract

QUARANTINE = TableContract(
    key="quarantine",
    description="Rows of landed files that were rejected, each with its reason; SQL does not show what they said.",
    grain="one row per rejected row of a landed file; the partition is the table it was meant for",
    columns=(
        Column("source", pa.string(), "Name of the landed source."),
        Column("table", pa.string(), "Table the row was meant for."),
        Column("file", pa.string(), "File the row stood in."),
        Column("row", pa.int64(), "Line of a text file or row of a Parquet file, from 1.", minimum=1),
        Column("column", pa.string(), "Column at fault, where one is.", nullable=True),
        Column("reason", pa.string(), "Short reason, such as `not_a_timestamp`, `duplicate_key` or `no_image`."),
        Column("detail", pa.string(), "What was found and what was expected."),
        Column("text", pa.string(), "The row as it stood there."),
    ),
    primary_key=("source", "table", "file", "row", "reason"),
)

UNPUBLISHED_COLUMNS = ("detail", "text")
"""Columns of the quarantine that repeat what a rejected row said."""
