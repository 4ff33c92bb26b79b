"""Where the rows of one import are checked: a DuckDB file that works out of core and is thrown away.

Every table of a contract becomes one table of checked rows. A row that breaks a rule stays there with
its reason; the first rule that it breaks counts. ``landing_zone.py`` then takes the accepted rows to
the lake in order, and the others to quarantine.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from assets.contracts.quarantine import QUARANTINE
from assets.contracts.table import UNDATED, Column, TableContract
from assets.landing.importers.casting import Field, cast, constant, identifier, literal
from assets.landing.importers.checking import (
    CONSENT_FLAGS,
    FILE_SHIFT,
    Rule,
    Source,
    checked_rows_sql,
    future_rules,
)
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, TextRows

BATCH_ROWS = 131_072
SLICE_BATCHES = 16
MOST_UPDATES = 200_000
"""Rows that one UPDATE may change: DuckDB keeps all of them in memory until it ends, whatever its limit."""


@dataclass
class CheckedTable:
    """What is known of one table while it is checked.

    Attributes:
        contract: The table.
        rows: Name of the DuckDB table that holds its rows.
        selects: SQL selects of the accepted rows, one per way in which a row lands.
        many_per_line: Whether one line of a file holds many rows; the quarantine keeps lines.
        files: Files that its rows were read from, in the order of reading.
    """

    contract: TableContract
    rows: str
    selects: list[str] = field(default_factory=list)
    many_per_line: bool = False
    files: list[str] = field(default_factory=list)


class Workspace:
    """One import's DuckDB database.

    Args:
        folder: Empty folder for the database and what DuckDB spills.
        memory_limit: What DuckDB may hold, for example ``1GB``.
        latest: Events after this moment, in UTC, are rejected.
    """

    def __init__(self, folder: Path, memory_limit: str, latest: datetime) -> None:
        self.latest = latest
        self.tables: dict[str, CheckedTable] = {}
        self._files: list[str] = []
        self._numbers = itertools.count()
        self._slices: dict[int, tuple[str, pa.RecordBatchReader]] = {}
        self._connection = duckdb.connect(
            folder / "rows.duckdb",
            config={
                "memory_limit": memory_limit,
                "temp_directory": str(folder / "spill"),
                "preserve_insertion_order": False,
            },
        )
        self._connection.execute("SET TimeZone = 'UTC'")

    def close(self) -> None:
        """Close the database; its file can be deleted then."""
        self._connection.close()

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL and return its rows: for the few statements that a format needs of its own."""
        return self._connection.execute(sql).fetchall()

    def add_arrow(self, name: str, data: pa.Table | pa.RecordBatchReader) -> None:
        """Copy Arrow rows into a table called ``name``, creating it if need be."""
        self._connection.register("_arriving", data)
        exists = self.execute(f"SELECT 1 FROM duckdb_tables() WHERE table_name = {literal(name)}")
        verb = f"INSERT INTO {identifier(name)}" if exists else f"CREATE TABLE {identifier(name)} AS"
        self._connection.execute(f"{verb} SELECT * FROM _arriving")
        self._connection.unregister("_arriving")

    # ---- files ----

    def text_source(self, rows: TextRows, file: str) -> Source:
        """A text file as a source; it can be read once."""
        name = f"_stream_{next(self._numbers)}"
        reader = rows.reader()
        self._slices[id(rows)] = (name, reader)
        self._connection.register(name, _slice_of(reader, []))
        return Source(file, identifier(name), dict.fromkeys(rows.names, "VARCHAR"), rows, has_text=True)

    def parquet_source(self, path: Path, file: str) -> Source:
        """A Parquet file as a source.

        Raises:
            ImportFailure: It is no Parquet file.
        """
        scan = f"read_parquet({literal(str(path))}, file_row_number = true)"
        try:
            described = self.execute(f"DESCRIBE SELECT * FROM {scan}")
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise ImportFailure(
                f"cannot be read as Parquet: {reason}",
                file=path,
                expected="a whole Parquet file",
                remedy="Get it again.",
            ) from error
        fields = {name: duck_type for name, duck_type, *_ in described if name != "file_row_number"}
        numbered = f"SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS {ROW} FROM {scan}"
        return Source(file, _with_row_as_text(numbered, fields), fields)

    def arrow_source(self, data: pa.Table, file: str) -> Source:
        """Rows in memory as a source; the column ``_row`` says where each one stands."""
        name = f"_memory_{next(self._numbers)}"
        self._connection.register(name, data)
        described = self.execute(f"DESCRIBE SELECT * EXCLUDE ({ROW}) FROM {identifier(name)}")
        fields = {column: duck_type for column, duck_type, *_ in described}
        return Source(file, _with_row_as_text(f"SELECT * FROM {identifier(name)}", fields), fields)

    # ---- rows ----

    def load(
        self,
        contract: TableContract,
        source: Source,
        values: Mapping[str, Field],
        *,
        rules: Sequence[Rule] = (),
        extra: Sequence[Column] = (),
        many_per_line: bool = False,
    ) -> None:
        """Read a source, cast it and keep every row, with a reason where it is rejected.

        Args:
            contract: The table the rows are meant for.
            source: Where they come from.
            values: Column of the contract (or of ``extra``) -> what it is read from; absent ones are null.
            rules: What a row must not be, checked after types, nulls and ranges.
            extra: Columns that are checked and kept here, but do not land.
            many_per_line: One line of the file holds many rows; the quarantine keeps lines.

        Raises:
            ImportFailure: The file turned out to be unusable while it was read.
        """
        self._files.append(source.file)
        columns = [*contract.columns, *extra]
        casts = [
            cast(column, values.get(column.name, constant(None)), is_key=column.name in contract.primary_key)
            for column in columns
        ]
        all_rules = [*rules, *future_rules(columns, self.latest)]
        flag = CONSENT_FLAGS.get(contract.key)
        sql = checked_rows_sql(columns, casts, source, all_rules, len(self._files) - 1, flag)
        table = self.tables.get(contract.key)
        rows = f"rows_{contract.key}"
        verb = f"CREATE TABLE {identifier(rows)} AS" if table is None else f"INSERT INTO {identifier(rows)} BY NAME"
        self._run(f"{verb} {sql}", source)
        while self._advance(source):
            self._run(f"INSERT INTO {identifier(rows)} BY NAME {sql}", source)
        if table is None:
            self.tables[contract.key] = CheckedTable(contract, rows, [_accepted_sql(contract, rows)], many_per_line)
        if source.file not in self.tables[contract.key].files:
            self.tables[contract.key].files.append(source.file)

    def read_once(self, name: str, select: str, source: Source) -> None:
        """Keep what a SQL select makes of a source in a table called ``name``.

        Raises:
            ImportFailure: The file turned out to be unusable while it was read.
        """
        if source.stream is not None:
            stream, reader = self._slices[id(source.stream)]
            self._connection.unregister(stream)
            self._connection.register(stream, reader)
        self._run(f"CREATE TABLE {identifier(name)} AS {select}", source)

    def accepted(self, key: str) -> int:
        """Rows of a table that no rule has rejected so far, as they stand in files."""
        rows = self.tables[key].rows
        if not rows:
            return 0
        return int(self.execute(f"SELECT count(*) FROM {identifier(rows)} WHERE _reason IS NULL")[0][0])

    def reject_duplicates(self, key: str, expressions: Sequence[str] | None = None) -> None:
        """Reject accepted rows whose key stood before; the first one in the order of files and rows stays.

        Args:
            key: The table.
            expressions: SQL of the key; the contract's primary key by default.
        """
        table = self.tables[key]
        named = list(table.contract.primary_key) if expressions is None else list(expressions)
        keys = ", ".join(f"{sql} AS k{i}" for i, sql in enumerate(named))
        ordinals = ", ".join(f"k{i}" for i in range(len(named)))
        self.execute(
            "CREATE OR REPLACE TEMP TABLE _repeated AS "
            f"SELECT {ordinals}, min(_seq) AS first FROM (SELECT _seq, {keys} FROM {identifier(table.rows)} "
            f"WHERE _reason IS NULL) GROUP BY {ordinals} HAVING count(*) > 1"
        )
        same = " AND ".join(f"({sql}) IS NOT DISTINCT FROM _repeated.k{i}" for i, sql in enumerate(named))
        shown = " || ', ' || ".join(
            f"{literal(sql + ' = ')} || coalesce(CAST({sql} AS VARCHAR), 'null')" for sql in named
        )
        detail = (
            f"'found ' || {shown} || ' again, first in ' || {self._file_of('_repeated.first')} || ' row ' || "
            f"{_row_of('_repeated.first')} || ', expected one row per key'"
        )
        values = {"_reason": "'duplicate_key'", "_column": literal(named[-1]), "_detail": detail}
        self.change(key, values, "_reason IS NULL AND _seq <> _repeated.first", f"JOIN _repeated ON {same}")

    def reject(self, key: str, rule: Rule) -> None:
        """Reject the accepted rows of a table that break one more rule."""
        column = "NULL" if rule.column is None else literal(rule.column)
        values = {"_reason": literal(rule.reason), "_column": column, "_detail": rule.detail}
        self.change(key, values, f"_reason IS NULL AND ({rule.broken})")

    def change(self, key: str, values: Mapping[str, str], where: str, join: str = "") -> int:
        """Change the rows of a table for which a condition holds, however many there are.

        Args:
            key: The table.
            values: Column -> SQL of its new value.
            where: SQL condition; null counts as no. It must not hold for a row for which ``join`` finds nothing.
            join: A ``JOIN`` that ``values`` and ``where`` may look at; it finds at most one row for each.

        Returns:
            How many rows were changed.
        """
        rows = identifier(self.tables[key].rows)
        number = int(self.execute(f"SELECT count(*) FROM {rows} {join} WHERE {where}")[0][0])
        new = ", ".join(f"{sql} AS _new_{name}" for name, sql in values.items())
        if number > MOST_UPDATES:
            joined = f"{rows} LEFT {join}" if join else rows
            self._write_anew(rows, values, f"SELECT {rows}.*, {where} AS _changes, {new} FROM {joined}")
        elif number:
            named = ", ".join(f"{identifier(name)} = _changes._new_{name}" for name in values)
            changes = f"SELECT {rows}.rowid AS _place, {new} FROM {rows} {join} WHERE {where}"
            self.execute(f"UPDATE {rows} SET {named} FROM ({changes}) AS _changes WHERE {rows}.rowid = _changes._place")
        return number

    def _write_anew(self, rows: str, names: Iterable[str], judged: str) -> None:
        chosen = ", ".join(
            f"CASE WHEN _changes THEN _new_{name} ELSE {identifier(name)} END AS {identifier(name)}" for name in names
        )
        fresh = ", ".join(f"_new_{name}" for name in names)
        self.execute(f"CREATE TABLE _anew AS SELECT * EXCLUDE (_changes, {fresh}) REPLACE ({chosen}) FROM ({judged})")
        self.execute(f"DROP TABLE {rows}")
        self.execute(f"ALTER TABLE _anew RENAME TO {rows}")

    def derive(self, contract: TableContract, select: str) -> None:
        """Let the rows of a SQL select land too, although no file lists them."""
        if contract.key not in self.tables:
            self.tables[contract.key] = CheckedTable(contract, "")
        self.tables[contract.key].selects.append(select)

    # ---- results ----

    def landing_batches(self, key: str) -> Iterator[tuple[str, pa.RecordBatch]]:
        """Rows that land, as (partition, batch), sorted by partition and primary key."""
        table = self.tables[key]
        contract = table.contract
        month = "NULL" if contract.event_time is None else f"strftime({contract.event_time}, '%Y-%m')"
        union = " UNION ALL ".join(f"({select})" for select in table.selects)
        order = ", ".join(["_month", *(identifier(name) for name in contract.primary_key)])
        sql = f"SELECT coalesce({month}, {literal(UNDATED)}) AS _month, * FROM ({union}) ORDER BY {order}"
        for batch in self._connection.execute(sql).to_arrow_reader(BATCH_ROWS):
            yield from _by_month(batch)

    def lands_a_row(self) -> bool:
        """Whether any table has a row that lands."""
        selects = [select for table in self.tables.values() for select in table.selects]
        return any(self.execute(f"SELECT 1 FROM ({select}) LIMIT 1") for select in selects)

    def rejected_counts(self, key: str) -> dict[str, int]:
        """Reason -> rejected rows of a table."""
        rows = self.tables[key].rows
        if not rows:
            return {}
        counted = "count(DISTINCT _seq)" if self.tables[key].many_per_line else "count(*)"
        counts = self.execute(
            f"SELECT _reason, {counted} FROM {identifier(rows)} WHERE _reason IS NOT NULL GROUP BY _reason"
        )
        return dict(sorted(counts))

    def rejected_batches(self, key: str, source: str) -> Iterator[pa.RecordBatch]:
        """Rejected rows of a table in the form of the quarantine, sorted by its primary key."""
        kept = ", ".join(f"{identifier(n)} := {identifier(n)}" for n in self.tables[key].contract.schema.names)
        text = f"coalesce(_text, CAST(to_json(struct_pack({kept})) AS VARCHAR))"
        columns = f"_seq, _column, _reason, coalesce(_detail, '') AS _detail, {text} AS _text"
        rejected = f"SELECT {columns} FROM {identifier(self.tables[key].rows)} WHERE _reason IS NOT NULL"
        if self.tables[key].many_per_line:
            rejected = (
                "SELECT _seq, min(_column) AS _column, _reason, string_agg(_detail, '; ' ORDER BY _detail) AS _detail, "
                f"string_agg(_text, '; ' ORDER BY _text) AS _text FROM ({rejected}) GROUP BY _seq, _reason"
            )
        sql = (
            f'SELECT {literal(source)} AS source, {literal(key)} AS "table", {self._file_of("_seq")} AS file, '
            f'{_row_of("_seq")} AS "row", _column AS "column", _reason AS reason, _detail AS detail, _text AS text '
            f"FROM ({rejected}) ORDER BY {', '.join(identifier(name) for name in QUARANTINE.primary_key)}"
        )
        yield from self._connection.execute(sql).to_arrow_reader(BATCH_ROWS)

    def _advance(self, source: Source) -> bool:
        """Let the next slice of a stream stand where the last one stood; False at its end."""
        if source.stream is None:
            return False
        name, reader = self._slices[id(source.stream)]
        first = next(reader, None)
        if first is None:
            return False
        self._connection.unregister(name)
        self._connection.register(name, _slice_of(reader, [first]))
        return True

    def _run(self, sql: str, source: Source) -> None:
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            if source.stream is not None and source.stream.failure is not None:
                raise source.stream.failure from error
            if isinstance(error, duckdb.OutOfMemoryException):
                raise
            reason = str(error).partition("\n")[0]
            raise ImportFailure(f"cannot be read: {reason}", file=source.file, expected="a whole file") from error

    def _file_of(self, seq: str) -> str:
        names = ", ".join(literal(name) for name in self._files)
        return f"[{names}][({seq} >> {FILE_SHIFT}) + 1]"


def _slice_of(reader: pa.RecordBatchReader, first: list[pa.RecordBatch]) -> pa.RecordBatchReader:
    """The next few batches: DuckDB keeps what one statement inserts in memory until the statement ends."""
    batches = itertools.chain(first, itertools.islice(reader, SLICE_BATCHES))
    return pa.RecordBatchReader.from_batches(reader.schema, batches)


def _row_of(seq: str) -> str:
    return f"({seq} & {(1 << FILE_SHIFT) - 1})"


def _with_row_as_text(select: str, fields: Mapping[str, str]) -> str:
    """A relation for rows that have no text of their own: the row itself stands for it until it is rejected."""
    shown = ", ".join(f"{identifier(name)} := {_shown(name, duck_type)}" for name, duck_type in fields.items())
    return (
        f"(SELECT *, struct_pack({shown}) AS {TEXT}, CAST(NULL AS VARCHAR) AS {PROBLEM}, "
        f"CAST(NULL AS VARCHAR) AS {DETAIL} FROM ({select}))"
    )


def _shown(name: str, duck_type: str) -> str:
    if duck_type == "BLOB":
        return f"'<' || octet_length({identifier(name)}) || ' bytes>'"
    return identifier(name)


def _accepted_sql(contract: TableContract, rows: str) -> str:
    names = ", ".join(identifier(name) for name in contract.schema.names)
    return f"SELECT {names} FROM {identifier(rows)} WHERE _reason IS NULL"


def _by_month(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Split a batch sorted by its first column, the month, into one batch per month without it."""
    months = batch.column(0)
    rows = batch.drop_columns(["_month"])
    start = 0
    for month, length in _runs(months):
        yield month, rows.slice(start, length)
        start += length


def _runs(values: pa.Array) -> Iterator[tuple[str, int]]:
    encoded = pc.run_end_encode(values)
    previous = 0
    for end, value in zip(encoded.run_ends.to_pylist(), encoded.values.to_pylist(), strict=True):
        yield value, end - previous
        previous = end
