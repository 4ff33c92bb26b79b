"""What a table is: its columns with types, units and ranges, its keys, and how it is partitioned."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    # Its hundreds of functions are made on import: a tenth of a second for every process that only knows contracts.
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
        reads_marts: Whether it is computed from tables of the warehouse. Whatever dbt makes of it is built after
            them, and news in it do not make them out of date.
    """

    key: str
    description: str
    grain: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    event_time: str | None = None
    references: tuple[Reference, ...] = ()
    reads_marts: bool = False

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema with nullability, without metadata."""
        return pa.schema([pa.field(c.name, c.type, nullable=c.nullable) for c in self.columns])

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when names, types or nullability change."""
        return hashlib.sha256(str(self.schema).encode()).hexdigest()[:16]

    @property
    def is_complete(self) -> "pc.Expression":
        """Filter for rows without a null in a required column; files of an older contract may lack such a column."""
        import pyarrow.compute as pc

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
        from assets.contracts.validation import refuse_bad_values, refuse_other_months, refuse_repeated_keys

        for column in self.columns:
            refuse_bad_values(self.key, column, table.column(column.name))
        refuse_repeated_keys(self.key, table.select(list(self.primary_key)))
        if partition is not None and self.event_time is not None and _MONTH.fullmatch(partition):
            refuse_other_months(f"{self.key}.{self.event_time}", table.column(self.event_time), partition)

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


def month_of(moment: datetime | None) -> str:
    """Partition of an event: its calendar month in UTC as ``YYYY-MM``, or ``undated``.

    >>> month_of(datetime(2016, 3, 31, 23, 59)), month_of(None)
    ('2016-03', 'undated')
    """
    return UNDATED if moment is None else f"{moment:%Y-%m}"
