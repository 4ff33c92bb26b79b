"""One SQL select per file: every row cast, and the first rule it breaks beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from assets.contracts.table import Column
from assets.landing.importers.casting import Cast, identifier, literal, range_condition, time_hint
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, TextRows

FILE_SHIFT = 40
"""Bits of ``_seq`` that hold the row; the file's number stands above them."""

CONSENT_FLAGS: Mapping[str, str] = {"users": "opted_in", "photos": "is_public"}
"""Table -> the flag with which its rows refuse: false, or something that stands there and cannot be read."""

REFUSES = "_refuses"
"""Column of the tables of ``CONSENT_FLAGS``: whether the row refuses, also where it is rejected itself."""

_LOGICAL_TIMES = ("scored_at",)
"""Times that are no events: scores carry the end of their month, which lies ahead while the month is open."""

_FOUND_CHARACTERS = 80


@dataclass(frozen=True)
class Rule:
    """Something a row must not be, beyond types, nulls and ranges.

    Attributes:
        broken: SQL condition over the columns of the contract; null counts as kept.
        reason: Reason for quarantine.
        column: Column at fault, if one is.
        detail: SQL text: what was found and what was expected.
    """

    broken: str
    reason: str
    column: str | None
    detail: str


@dataclass(frozen=True)
class Source:
    """Rows of one file, as SQL can read them.

    Attributes:
        file: Name for people: the path below the imported path.
        relation: What stands after ``FROM``; it has ``_row``, ``_text``, ``_problem`` and ``_detail``.
        fields: Column -> DuckDB type.
        stream: The text stream behind the relation, if there is one.
        has_text: ``_text`` is the row as it stands in a file; otherwise it is made when a row is rejected.
    """

    file: str
    relation: str
    fields: Mapping[str, str]
    stream: TextRows | None = None
    has_text: bool = False


@dataclass(frozen=True)
class _Fault:
    """One way in which a row can be wrong: condition and what to write down, as SQL."""

    condition: str
    reason: str
    column: str
    detail: str


def future_rules(columns: Sequence[Column], latest: datetime) -> list[Rule]:
    """One rule per event time: nothing has happened after ``latest``."""
    expected = literal(f" UTC, expected a time until {latest:%Y-%m-%d %H:%M:%S} UTC, a day after the delivery")
    return [
        Rule(
            f"{identifier(column.name)} > TIMESTAMP '{latest:%Y-%m-%d %H:%M:%S.%f}'",
            "in_the_future",
            column.name,
            f"'found ' || strftime({identifier(column.name)}, '%Y-%m-%d %H:%M:%S') || {expected}",
        )
        for column in columns
        if pa.types.is_timestamp(column.type) and column.name not in _LOGICAL_TIMES
    ]


def found_fields(parts: str, expected: int) -> str:
    """SQL of what is wrong with a line that was split into another number of parts.

    Args:
        parts: SQL of the list of parts.
        expected: How many there should be.
    """
    ending = f"CASE len({parts}) WHEN 1 THEN '' ELSE 's' END"
    return f"'found ' || len({parts}) || ' field' || {ending} || ', expected {expected}'"


def checked_rows_sql(
    columns: Sequence[Column],
    casts: Sequence[Cast],
    source: Source,
    rules: Sequence[Rule],
    file_number: int,
    flag: str | None = None,
) -> str:
    """Select of ``_seq``, ``_text``, the columns, and ``_reason``, ``_column``, ``_detail`` of rejected rows.

    With a ``flag``, the column of that name, ``_refuses`` says whether something stands there that is not true.
    """
    values = ", ".join(f"{c.value} AS {identifier(column.name)}" for column, c in zip(columns, casts, strict=True))
    evidence = ", ".join(f"{c.absent} AS _absent_{i}, {c.raw} AS _raw_{i}" for i, c in enumerate(casts))
    cast_sql = (
        f"SELECT {file_number}::BIGINT << {FILE_SHIFT} | {ROW} AS _seq, {TEXT}, {values}, {PROBLEM}, {DETAIL}, "
        f"{evidence} FROM {source.relation}"
    )
    faults = [_Fault(f"{PROBLEM} IS NOT NULL", PROBLEM, "NULL", DETAIL)]
    for i, (column, c) in enumerate(zip(columns, casts, strict=True)):
        faults += _column_faults(i, column, c)
    faults += [_rule_fault(rule) for rule in rules]
    numbered = list(enumerate(faults, start=1))
    fault = f"CASE {' '.join(f'WHEN {f.condition} THEN {n}' for n, f in numbered)} ELSE 0 END"
    names = ", ".join(identifier(column.name) for column in columns)
    return (
        f"SELECT _seq, {_kept_text(source)} AS _text, {names}, {_refusal(columns, flag)}"
        f"{_chosen(numbered, 'reason')} AS _reason, "
        f"{_chosen(numbered, 'column')} AS _column, {_chosen(numbered, 'detail')} AS _detail "
        f"FROM (SELECT *, {fault} AS _fault FROM ({cast_sql}))"
    )


def _refusal(columns: Sequence[Column], flag: str | None) -> str:
    if flag is None:
        return ""
    position = [column.name for column in columns].index(flag)
    return f"(_absent_{position} IS FALSE AND {identifier(flag)} IS NOT TRUE) AS {REFUSES}, "


def _kept_text(source: Source) -> str:
    """Text of every row of a text file; of a Parquet file only of rejected rows, because it must be made."""
    if source.has_text:
        return TEXT
    return f"CASE WHEN _fault <> 0 THEN CAST(to_json({TEXT}) AS VARCHAR) END"


def _chosen(faults: Sequence[tuple[int, _Fault]], attribute: str) -> str:
    whens = " ".join(f"WHEN {number} THEN {getattr(fault, attribute)}" for number, fault in faults)
    return f"CAST(CASE _fault WHEN 0 THEN NULL {whens} END AS VARCHAR)"


def _column_faults(i: int, column: Column, cast: Cast) -> list[_Fault]:
    name, value = literal(column.name), identifier(column.name)
    found = f"'found ' || coalesce(left(CAST(_raw_{i} AS VARCHAR), {_FOUND_CHARACTERS}), 'nothing')"
    found += f" || {time_hint(column, f'_raw_{i}')} || ', expected '"
    faults = [
        _Fault(
            f"NOT _absent_{i} AND {value} IS NULL", literal(cast.reason), name, f"{found} || {literal(cast.expected)}"
        )
    ]
    if not column.nullable:
        detail = literal(f"found nothing, expected {cast.expected}")
        faults.append(_Fault(f"_absent_{i}", literal("null_in_required_column"), name, detail))
    bounds = range_condition(column, value)
    if bounds is not None:
        condition, expected = bounds
        faults.append(_Fault(condition, literal("out_of_range"), name, f"{found} || {literal(expected)}"))
    return faults


def _rule_fault(rule: Rule) -> _Fault:
    column = "NULL" if rule.column is None else literal(rule.column)
    return _Fault(rule.broken, literal(rule.reason), column, rule.detail)
