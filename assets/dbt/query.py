"""Questions to the published warehouse from a terminal: one query, or a prompt."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from assets.contracts.settings import Settings
from assets.dbt.publish import PublicationFailure, connect_published

FORMATS = ("table", "csv", "json")

_TABLES = """
select table_name, comment, estimated_size as rows
from duckdb_tables()
where schema_name = 'main'
order by table_name
"""
_WELCOME = (
    "Read-only copy of the warehouse. End a query with `;`. `.tables` lists tables, `.help` helps, `.quit` leaves."
)
_HELP = """\
Lake tables are `lake.<table>`, such as `lake.photos`; marts go by their name, such as `fct_user_beauty`.
End a query with `;`. `.tables` lists the marts. `.quit` or Ctrl-D leaves."""


_TABLE_ROWS = 50


class QueryFailure(RuntimeError):
    """A query could not be answered; the message says why."""


def run_query(settings: Settings, sql: str, rows: int | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Names of the columns, and at most so many rows; all rows if ``rows`` is None.

    Raises:
        QueryFailure: Nothing was published yet, or DuckDB refuses the query.
    """
    try:
        with connect_published(settings) as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description or []]
            return names, result.fetchall() if rows is None else result.fetchmany(rows)
    except (PublicationFailure, duckdb.Error) as error:
        raise QueryFailure(str(error)) from error


def print_query(settings: Settings, sql: str, output: str = "table", rows: int | None = None) -> str:
    """Answer of one query as text.

    Args:
        settings: The community.
        sql: One statement; the warehouse is read-only.
        output: ``table``, ``csv`` or ``json`` (one object per line).
        rows: Most rows to print; None: 50 in a table, which a person reads, and all of them in the other formats.

    Raises:
        QueryFailure: Unknown format, not one statement, nothing published yet, or DuckDB refuses the query.
    """
    if output not in FORMATS:
        raise QueryFailure(f"unknown format {output!r}; choose one of {', '.join(FORMATS)}")
    statements = len(_statements(sql))
    if statements == 0:
        raise QueryFailure('there is no statement to answer; write one, such as "select * from fct_user_beauty"')
    if statements > 1:
        raise QueryFailure("one statement at a time; several go through a pipe: beautyflow sql < queries.sql")
    most = _TABLE_ROWS if rows is None and output == "table" else rows
    names, found = run_query(settings, sql, None if most is None else most + 1)
    shown = found[:most]
    if output == "csv":
        return _as_csv(names, shown)
    if output == "json":
        return "\n".join(json.dumps(dict(zip(names, row, strict=True)), default=str) for row in shown)
    more = (
        f"\n(only the first {'row' if most == 1 else f'{most} rows'}; ask for more with --rows)"
        if len(found) > len(shown)
        else ""
    )
    return _as_table(names, shown) + more


def prompt(
    settings: Settings, rows: int | None = None, read: Callable[[str], str] = input, say: Callable[[str], None] = print
) -> None:
    """Answer queries until the person leaves with ``.quit`` or end of input.

    Raises:
        QueryFailure: Nothing was published yet.
    """
    run_query(settings, "select 1")
    say(_WELCOME)
    for entry in _entries(read):
        try:
            _answer(settings, entry, "table", rows, say)
        except QueryFailure as failure:
            say(str(failure))


def answer_script(
    settings: Settings,
    output: str,
    rows: int | None,
    read: Callable[[str], str],
    say: Callable[[str], None],
    complain: Callable[[str], None],
) -> int:
    """Answer every statement of a file or pipe without prompts; the last one needs no ``;``.

    A statement that fails keeps no other one from its answer; each is answered on a connection of its own. Comments
    and empty statements have no answer.

    Args:
        settings: The community.
        output: Format of the answers.
        rows: Most rows to print of each answer, as for ``print_query``.
        read: Returns the next line; raises EOFError at the end.
        say: Receives answers.
        complain: Receives the reason for each failure.

    Returns:
        Number of failures.

    Raises:
        QueryFailure: Nothing was published yet.
    """
    run_query(settings, "select 1")
    failures = 0
    for entry in _entries(read, with_rest=True):
        try:
            _answer(settings, entry, output, rows, say)
        except QueryFailure as failure:
            failures += 1
            complain(str(failure))
    return failures


def _entries(read: Callable[[str], str], with_rest: bool = False) -> Iterable[str]:
    """Commands, and statements up to their ``;``, one at a time; the unfinished rest if asked for."""
    pending = ""
    while True:
        try:
            line = read("...> " if pending else "sql> ")
        except EOFError:
            break
        except KeyboardInterrupt:
            return
        if line.strip() in {".quit", ".exit"}:
            return
        if not pending and _is_command(line):
            yield line.strip()
            continue
        pending = f"{pending}\n{line}" if pending else line  # not a space: a comment ends with its line
        if ";" in line:
            *ended, pending = _at_semicolons(pending)
            yield from ended
        pending = pending if pending.strip() else ""
    if pending and with_rest:
        yield pending


def _is_command(line: str) -> bool:
    return line.lstrip().startswith(".") or line.strip("; ") == "help"


def _at_semicolons(text: str) -> list[str]:
    """Statements with their ``;``, and what follows the last one; a ``;`` in a text or comment ends none.

    By tokens, so that a statement that cannot be parsed does not take its neighbours with it.
    """
    encoded = text.encode()  # offsets of tokens count bytes
    ends = [at + 1 for at, _ in duckdb.tokenize(text) if encoded[at : at + 1] == b";"]
    return [encoded[start:end].decode() for start, end in zip([0, *ends], [*ends, len(encoded)], strict=True)]


def _answer(settings: Settings, entry: str, output: str, rows: int | None, say: Callable[[str], None]) -> None:
    command = entry.rstrip("; ")
    if command in {"help", ".help"}:
        say(_HELP)
        return
    for statement in _statements(_TABLES if command == ".tables" else entry):
        say(print_query(settings, statement, output, rows))


def _statements(sql: str) -> list[str]:
    """Statements as a person counts them: DuckDB's parser takes some, such as ``pivot``, for two."""
    return [part.strip() for part in _at_semicolons(sql) if duckdb.tokenize(part.rstrip("; \n\t"))]


def _as_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(name), *(len(row[i]) for row in cells)) if cells else len(name) for i, name in enumerate(names)]
    numeric = [_is_numeric(rows, i) for i in range(len(names))]
    lines = ["  ".join(_aligned(n, w, r) for n, w, r in zip(names, widths, numeric, strict=True)).rstrip()]
    lines.append("  ".join("-" * width for width in widths))
    lines += [
        "  ".join(_aligned(c, w, r) for c, w, r in zip(row, widths, numeric, strict=True)).rstrip() for row in cells
    ]
    return "\n".join(lines if rows else [*lines, "(no rows)"])


def _as_csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def _aligned(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _is_numeric(rows: Sequence[Sequence[Any]], column: int) -> bool:
    values = [row[column] for row in rows if row[column] is not None]
    return bool(values) and all(isinstance(v, int | float | Decimal) and not isinstance(v, bool) for v in values)
