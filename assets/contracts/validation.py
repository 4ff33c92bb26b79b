"""What ``TableContract.validate`` finds in the values of a table; a module of its own for what it costs to import."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from assets.contracts.table import UNDATED, UTC_TIMESTAMP, Column, ContractViolation


def refuse_bad_values(key: str, column: Column, values: pa.ChunkedArray) -> None:
    """Refuse nulls where none may be, values out of range, and numbers that are none.

    Raises:
        ContractViolation: With the column, the number of offending rows and an example.
    """
    where = f"{key}.{column.name}"
    if not column.nullable and values.null_count:
        raise ContractViolation(f"{where}: {values.null_count} rows are null, none may be")
    for bound, compare, word in (
        (column.minimum, pc.less, "below the minimum"),
        (column.maximum, pc.greater, "above the maximum"),
    ):
        if bound is not None:
            _refuse(values, compare(values, bound), where, f"{word} {bound}")
    if pa.types.is_floating(column.type):
        _refuse(values, pc.is_nan(values), where, "not a number; store null instead")


def refuse_other_months(where: str, times: pa.ChunkedArray, partition: str) -> None:
    """Refuse events that did not happen in the month of their partition, and dated ones among the undated.

    Raises:
        ContractViolation: With the column, the number of offending rows and an example.
    """
    if partition == UNDATED:
        foreign = pc.is_valid(times)
    else:
        start, end = (pa.scalar(moment, UTC_TIMESTAMP) for moment in _month_bounds(partition))
        inside = pc.and_(pc.greater_equal(times, start), pc.less(times, end))
        foreign = pc.invert(pc.fill_null(inside, False))
    _refuse(times, foreign, where, f"outside of the partition {partition}")


def refuse_repeated_keys(key: str, keys: pa.Table) -> None:
    """Refuse rows that share a key.

    Args:
        key: Name of the table.
        keys: Its columns of the primary key.

    Raises:
        ContractViolation: With the number of repeated keys and an example.
    """
    counts = keys.group_by(keys.schema.names).aggregate([([], "count_all")])
    duplicated = counts.filter(pc.greater(counts["count_all"], 1))
    if duplicated.num_rows:
        example: dict[str, Any] = duplicated.slice(0, 1).to_pylist()[0]
        raise ContractViolation(f"{key}: {duplicated.num_rows} keys occur more than once, for example {example}")


def _refuse(values: pa.ChunkedArray, mask: pa.ChunkedArray, where: str, complaint: str) -> None:
    offending = pc.sum(mask).as_py() or 0
    if offending:
        example = values.filter(mask)[0].as_py()
        raise ContractViolation(f"{where}: {offending} rows are {complaint}, for example {example!r}")


def _month_bounds(month: str) -> tuple[datetime, datetime]:
    """First moment of a month, and of the next."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
