"""Text files as streams of Arrow batches in which every row knows its line.

Delimited files with a header come as one text column per field, other files as lines. Files that end in
``.gz``, ``.bz2``, ``.zst`` or ``.lz4``, in any case, are read compressed. Memory is bound by a few blocks.
"""

import bz2
import contextlib
import csv
import functools
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from assets.contracts.wording import counted
from assets.landing.importers.failures import ImportFailure

BLOCK_BYTES = 2 << 20
"""Bytes parsed at once; no row may be longer."""

ROW, TEXT, PROBLEM, DETAIL = "_row", "_text", "_problem", "_detail"
_OWN_FIELDS = [(ROW, pa.int64()), (TEXT, pa.string()), (PROBLEM, pa.string()), (DETAIL, pa.string())]
_HEADER_BYTES = 1 << 20
_NO_DELIMITER = "\x01"
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}
_NO_ROWS = ("Empty CSV file", "either file is too short")
"""What Arrow says of a file that ends with its header, with or without a line break."""

Lines = np.ndarray[Any, np.dtype[np.int64]]


@dataclass
class TextRows:
    """Rows of one text file, to be read once.

    Attributes:
        path: The file.
        names: Its columns, in order.
        delimiter: Between fields.
        header_lines: Lines before the first row.
        quoted: Whether fields may stand in double quotes and hold line breaks.
        keep_blank: Whether lines without any value are rows too.
        failure: What made the file unusable while it was streamed; SQL engines that read the stream
            hide the exception itself.
    """

    path: Path
    names: list[str]
    delimiter: str
    header_lines: int = 1
    quoted: bool = True
    keep_blank: bool = False
    failure: ImportFailure | None = field(default=None, init=False)

    @property
    def schema(self) -> pa.Schema:
        """Text columns, after line, raw text, problem and its detail."""
        return pa.schema([*_OWN_FIELDS, *((name, pa.string()) for name in self.names)])

    def reader(self) -> pa.RecordBatchReader:
        """Batches of rows. Rows with a wrong number of fields have a problem, and those values that stand in order."""
        return pa.RecordBatchReader.from_batches(self.schema, self._guarded())

    def _guarded(self) -> Iterator[pa.RecordBatch]:
        try:
            yield from self._batches()
        except (pa.ArrowInvalid, OSError) as error:
            self.failure = _explain(self.path, error)
            raise self.failure from error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        bad: list[pacsv.InvalidRow] = []
        with _open_stream(self.path) as stream:
            reader = self._open(stream, bad)
            lines = _LineNumbers(self.header_lines + 1)
            for batch in reader or ():
                yield from self._numbered(batch, bad, lines)
            yield from self._numbered(None, bad, lines)

    def _open(self, stream: pa.NativeFile, bad: list[pacsv.InvalidRow]) -> pacsv.CSVStreamingReader | None:
        def keep(row: pacsv.InvalidRow) -> str:
            bad.append(row)
            return "skip"

        try:
            return pacsv.open_csv(
                stream,
                read_options=pacsv.ReadOptions(
                    use_threads=False, block_size=BLOCK_BYTES, column_names=self.names, skip_rows=self.header_lines
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=self.delimiter,
                    quote_char='"' if self.quoted else False,
                    newlines_in_values=self.quoted,
                    ignore_empty_lines=False,
                    invalid_row_handler=keep,
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            if any(sign in str(error) for sign in _NO_ROWS):
                return None
            raise

    def _numbered(
        self, batch: pa.RecordBatch | None, bad: list[pacsv.InvalidRow], lines: "_LineNumbers"
    ) -> Iterator[pa.RecordBatch]:
        """The batch with its lines, then the rows that could not be split, which ``bad`` is emptied of."""
        text = pa.array([], pa.string()) if batch is None else self._text_of(batch)
        good_lines, bad_lines = lines.next(text, [(row.number, row.text) for row in bad])
        if batch is not None and batch.num_rows:
            nothing = pa.nulls(batch.num_rows, pa.string())
            arrays = [pa.array(good_lines), text, nothing, nothing, *batch.columns]
            rows = pa.RecordBatch.from_arrays(arrays, schema=self.schema)
            yield rows if self.keep_blank else _without_blank(rows, batch)
        if bad:
            yield self._problems(bad, bad_lines)
            bad.clear()

    def _text_of(self, batch: pa.RecordBatch) -> pa.Array:
        if batch.num_columns == 1:
            return batch.column(0)
        return pc.binary_join_element_wise(*batch.columns, self.delimiter)

    def _problems(self, bad: list[pacsv.InvalidRow], lines: Lines) -> pa.RecordBatch:
        details = [f"found {counted(r.actual_columns, 'field')}, expected {r.expected_columns}" for r in bad]
        own = [
            pa.array(lines),
            pa.array([r.text for r in bad], pa.string()),
            pa.array(["wrong_number_of_fields"] * len(bad), pa.string()),
            pa.array(details, pa.string()),
        ]
        values = [self._fields_of(row.text) for row in bad]
        fields = [pa.array([row[i] for row in values], pa.string()) for i in range(len(self.names))]
        return pa.RecordBatch.from_arrays([*own, *fields], schema=self.schema)

    def _fields_of(self, text: str) -> list[str | None]:
        """As many values as there are columns: what a malformed row says of consent must not be lost."""
        found: list[str] = []
        if self.quoted:
            with contextlib.suppress(csv.Error):
                found = next(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter), [])
        return [*found, *[None] * len(self.names)][: len(self.names)]


def lines_of(path: Path, *, keep_blank: bool = False) -> TextRows:
    """A file as lines, in one column called ``line``. Empty lines are left out unless asked for, but they count."""
    refuse_unusable(path)
    return TextRows(path, ["line"], _NO_DELIMITER, header_lines=0, quoted=False, keep_blank=keep_blank)


def delimited_rows(path: Path) -> TextRows:
    """A file with a header line; the delimiter is comma, semicolon or tab, whichever the header holds most.

    Raises:
        ImportFailure: The file is absent, empty or not UTF-8, or its header has unnamed or equal columns.
    """
    refuse_unusable(path)
    first = _head(path)
    delimiter = max(",;\t", key=first.partition("\n")[0].count)
    header = [name.strip() for name in next(csv.reader(io.StringIO(first), delimiter=delimiter), [])]
    seen = {own for own, _ in _OWN_FIELDS}
    for position, name in enumerate(header, start=1):
        if not name or name.lower() in seen:
            problem = f"the name {name!r} stands twice or is reserved" if name else f"column {position} has no name"
            raise ImportFailure(problem, file=path, line=1, expected="a header line with one name per column")
        seen.add(name.lower())  # SQL does not tell upper case from lower case
    return TextRows(path, header, delimiter)


def first_lines(path: Path, number: int) -> list[str]:
    """The first lines of a file, without line breaks, to guess its layout from."""
    refuse_unusable(path)
    return _head(path).splitlines()[:number]


def refuse_unusable(path: Path) -> None:
    """Raise ``ImportFailure`` for a path that is no file, or an empty one."""
    if not path.is_file():
        raise ImportFailure(
            "there is no such file" if not path.exists() else "this is no file",
            file=path,
            expected="a text file",
            remedy="Check the path.",
        )
    if not path.stat().st_size:
        raise ImportFailure("the file is empty", file=path, expected="at least a header or one row")


class _LineNumbers:
    """Turns record numbers into line numbers: quoted line breaks make later rows stand lower."""

    def __init__(self, first: int) -> None:
        self._record = first
        self._breaks = 0
        self._bad_waiting: list[int] = []

    def next(self, good: pa.Array, bad: list[tuple[int, str]]) -> tuple[Lines, Lines]:
        """Lines of the next good rows, and of the bad rows (record number, text) met while reading them."""
        self._bad_waiting += [number for number, _ in bad]
        records = np.arange(self._record, self._record + len(good) + len(self._bad_waiting))
        if self._bad_waiting:
            records = np.setdiff1d(records, self._bad_waiting)[: len(good)]
        if len(records):
            self._record = int(records[-1]) + 1
            self._bad_waiting = [number for number in self._bad_waiting if number >= self._record]
        numbers = np.concatenate([records, np.array([number for number, _ in bad], dtype=np.int64)])
        inside = pc.count_substring(good, "\n").to_numpy(zero_copy_only=False).astype(np.int64)
        breaks = np.concatenate([inside, np.array([text.count("\n") for _, text in bad], dtype=np.int64)])
        lines = numbers + self._breaks
        if breaks.any():
            order = np.argsort(numbers, kind="stable")
            lines[order] += np.cumsum(breaks[order]) - breaks[order]
            self._breaks += int(breaks.sum())
        return lines[: len(records)], lines[len(records) :]


def _without_blank(rows: pa.RecordBatch, fields: pa.RecordBatch) -> pa.RecordBatch:
    """Drop rows whose fields are all empty: blank lines, and the lines of delimiters that spreadsheets leave."""
    if fields.num_columns == 1:
        return rows.filter(pc.not_equal(pc.ascii_trim_whitespace(fields.column(0)), ""))
    filled = [pc.greater(pc.binary_length(column), 0) for column in fields.columns]
    return rows.filter(functools.reduce(pc.or_, filled))


def _head(path: Path) -> str:
    try:
        with _open_stream(path) as stream:
            content: bytes = stream.read(_HEADER_BYTES)
    except (pa.ArrowInvalid, OSError) as error:
        raise _explain(path, error) from error
    whole = content if len(content) < _HEADER_BYTES else content[: content.rfind(b"\n") + 1]
    try:
        return whole.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _not_utf8(path) from error


def _open_stream(path: Path) -> pa.NativeFile:
    """A file as Arrow reads it, unpacked; Arrow itself knows the endings in lower case only."""
    return pa.input_stream(str(path), compression=_COMPRESSIONS.get(path.suffix.lower()))


def _explain(path: Path, error: Exception) -> ImportFailure:
    text = str(error)
    if "UTF8" in text:
        return _not_utf8(path)
    if "straddling" in text:
        return ImportFailure(
            f"a row is longer than {BLOCK_BYTES >> 20} MiB",
            file=path,
            expected="shorter rows",
            remedy='Look for a double quote that is opened and never closed, or write "" for a quote inside a field.',
        )
    return ImportFailure(f"cannot be read: {text}", file=path, expected="a whole text file", remedy="Get it again.")


def _not_utf8(path: Path) -> ImportFailure:
    return ImportFailure(
        "the text is not UTF-8",
        file=path,
        line=_first_undecodable_line(path),
        expected="UTF-8",
        remedy="Convert it, for example with `iconv -f latin1 -t utf-8`.",
    )


def _first_undecodable_line(path: Path) -> int | None:
    with _open_binary(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def _open_binary(path: Path) -> IO[bytes]:
    suffix = path.suffix.lower()
    if suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    return bz2.open(path) if suffix == ".bz2" else path.open("rb")
