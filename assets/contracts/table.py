"""What a table is: its columns with types, units and ranges, its keys, and how it is partitioned."""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import and_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

UTC_TIMESTAMP = pa.timestamp("us", tz="UTC")
UNDATED = "undated"
_MONTH = re.compile(rf"\d{{4}}-(0[1-9]|1[0-2])|{UNDATED}")


class ContractViolation(ValueError):
    """A table that is not what its contract says; the message names table, column and remedy."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: Name in Parquet, dbt and SQL.
        type: Arrow type; timestamps are microseconds in UTC.
        description: What a value means.
        nullable: Whether a value may be absent.
        unit: Unit of measure, where there is one.
        minimum: Smallest allowed value, inclusive.
        maximum: Largest allowed value, inclusive.
    """

    name: str
    type: pa.DataType
    description: str
    nullable: bool = False
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Reference:
    """A foreign key: values of ``column`` occur in ``to_column`` of the table ``to_table``."""

    column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class TableContract:
    """A table as everyone may rely on it.

    Attributes:
        key: Asset key, lake folder and dbt source name at once.
        description: What the table holds and what is excluded.
        grain: What one row is.
        columns: Columns in storage order.
        primary_key: Columns that identify a row; rows are stored sorted by them.
        event_time: Timestamp column whose calendar month is the partition; rows without a time, and
            whole tables without such a column, live in the partition ``undated``.
        references: Foreign keys into other tables.
    """

    key: str
    description: str
    grain: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    event_time: str | None = None
    references: tuple[Reference, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with nullability, without metadata."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when names, types or nullability change."""
        return hashlib.sha256(str(self.schema).encode()).hexdigest()[:16]

    @property
    def is_complete(self) -> pc.Expression:
        """Filter for rows without a null in a required column; files of an older contract may lack such a column."""
        required = [pc.field(column.name).is_valid() for column in self.columns if not column.nullable]
        return reduce(and_, required, pc.scalar(True))

    def column(self, name: str) -> Column:
        """The column called ``name``; ``KeyError`` names the ones there are."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.key} has no column {name!r}; it has {self.schema.names}")

    def conform(self, table: pa.Table) -> pa.Table:
        """Order and cast columns as the contract says; absent nullable columns become null.

        Raises:
            ContractViolation: A required column is absent, a column is unknown, or a value does not
                fit the declared type.
        """
        self._refuse_wrong_columns(table.schema.names)
        arrays = [self._cast(table, column) for column in self.columns]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def validate(self, table: pa.Table, partition: str | None = None) -> None:
        """Check types, nulls, ranges and the primary key of one partition.

        Args:
            table: Rows of one partition, conformed.
            partition: Where the rows are going; if it is a month or ``undated``, their event time must agree.

        Raises:
            ContractViolation: With the column, the number of offending rows and an example.
        """
        if table.schema != self.schema:
            raise ContractViolation(
                f"{self.key}: schema is {table.schema}, contract says {self.schema}; call conform() first"
            )
        for column in self.columns:
            self._check_column(table, column)
        self._check_primary_key(table)
        if partition is not None and self.event_time is not None and _MONTH.fullmatch(partition):
            self._check_month(table, self.event_time, partition)

    def _refuse_wrong_columns(self, names: list[str]) -> None:
        known = set(self.schema.names)
        unknown = [n for n in names if n not in known]
        if repeated := sorted({n for n in names if names.count(n) > 1}):
            raise ContractViolation(f"{self.key}: columns {repeated} occur more than once")
        absent = [c.name for c in self.columns if not c.nullable and c.name not in names]
        if unknown or absent:
            raise ContractViolation(
                f"{self.key}: missing columns {absent}, unknown columns {unknown}; expected {self.schema.names}"
            )

    def _cast(self, table: pa.Table, column: Column) -> pa.ChunkedArray:
        if column.name not in table.schema.names:
            return pa.chunked_array([pa.nulls(table.num_rows, column.type)])
        try:
            return table.column(column.name).cast(column.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ContractViolation(f"{self.key}.{column.name}: cannot become {column.type}: {error}") from error

    def _check_column(self, table: pa.Table, column: Column) -> None:
        values = table.column(column.name)
        if not column.nullable and values.null_count:
            raise ContractViolation(f"{self.key}.{column.name}: {values.null_count} rows are null, none may be")
        for bound, compare, word in (
            (column.minimum, pc.less, "below the minimum"),
            (column.maximum, pc.greater, "above the maximum"),
        ):
            if bound is not None:
                self._refuse(values, compare(values, bound), f"{self.key}.{column.name}", f"{word} {bound}")
        if pa.types.is_floating(column.type):
            self._refuse(values, pc.is_nan(values), f"{self.key}.{column.name}", "not a number; store null instead")

    @staticmethod
    def _refuse(values: pa.ChunkedArray, mask: pa.ChunkedArray, where: str, complaint: str) -> None:
        offending = pc.sum(mask).as_py() or 0
        if offending:
            example = values.filter(mask)[0].as_py()
            raise ContractViolation(f"{where}: {offending} rows are {complaint}, for example {example!r}")

    def _check_month(self, table: pa.Table, event_time: str, partition: str) -> None:
        times = table.column(event_time)
        if partition == UNDATED:
            foreign = pc.is_valid(times)
        else:
            start, end = (pa.scalar(moment, UTC_TIMESTAMP) for moment in _month_bounds(partition))
            inside = pc.and_(pc.greater_equal(times, start), pc.less(times, end))
            foreign = pc.invert(pc.fill_null(inside, False))
        self._refuse(times, foreign, f"{self.key}.{event_time}", f"outside of the partition {partition}")

    def _check_primary_key(self, table: pa.Table) -> None:
        keys = table.select(list(self.primary_key))
        counts = keys.group_by(list(self.primary_key)).aggregate([([], "count_all")])
        duplicated = counts.filter(pc.greater(counts["count_all"], 1))
        if duplicated.num_rows:
            example: dict[str, Any] = duplicated.slice(0, 1).to_pylist()[0]
            raise ContractViolation(
                f"{self.key}: {duplicated.num_rows} keys occur more than once, for example {example}"
            )


def month_of(moment: datetime | None) -> str:
    """Partition of an event: its calendar month in UTC as ``YYYY-MM``, or ``undated``.

    >>> month_of(datetime(2016, 3, 31, 23, 59)), month_of(None)
    ('2016-03', 'undated')
    """
    return UNDATED if moment is None else f"{moment:%Y-%m}"


def _month_bounds(month: str) -> tuple[datetime, datetime]:
    """First moment of a month, and of the next."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year, number, 1, tzinfo=UTC), datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
