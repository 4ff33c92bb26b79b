"""Parquet files whose bytes depend on their rows alone, written with bounded memory."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from assets.contracts.table import ContractViolation, TableContract

ROW_GROUP_ROWS = 131_072
"""Rows per row group: the most that a streamed partition holds in memory at once."""


def write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches in row groups of a fixed size, however they were cut; returns the number of rows."""
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _regrouped(schema, batches):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += group.num_rows
    return rows


def checked_batches(
    contract: TableContract, partition: str, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Pass on batches that obey the contract and come sorted by primary key, without duplicates.

    Raises:
        ContractViolation: A batch breaks the contract, or keys do not strictly increase.
    """
    last: tuple[tuple[bool, object], ...] | None = None
    order = [(name, "ascending") for name in contract.primary_key]
    for batch in batches:
        if not batch.num_rows:
            continue
        table = contract.conform(pa.Table.from_batches([batch]))
        contract.validate(table, partition)
        keys = table.select(list(contract.primary_key))
        first = _ordered_key(keys, 0)
        if keys.sort_by(order) != keys or (last is not None and first <= last):
            start = keys.slice(0, 1).to_pylist()[0]
            raise ContractViolation(
                f"{contract.key}: keys of {partition} do not strictly increase in the batch that starts at {start}; "
                f"sort the rows by {', '.join(contract.primary_key)} and remove duplicates"
            )
        last = _ordered_key(keys, keys.num_rows - 1)
        yield from table.combine_chunks().to_batches()


def sha256_of(path: Path) -> str:
    """Hash of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _regrouped(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        waiting.append(batch)
        held += batch.num_rows
        if held >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(waiting, schema)
            whole = held - held % ROW_GROUP_ROWS
            for start in range(0, whole, ROW_GROUP_ROWS):
                yield table.slice(start, ROW_GROUP_ROWS).combine_chunks()
            waiting, held = table.slice(whole).to_batches(), held - whole
    if held:
        yield pa.Table.from_batches(waiting, schema).combine_chunks()


def _ordered_key(keys: pa.Table, row: int) -> tuple[tuple[bool, object], ...]:
    """Key of one row in Arrow's ascending order, where nulls come last."""
    values = keys.slice(row, 1).to_pylist()[0].values()
    return tuple((value is None, value) for value in values)
