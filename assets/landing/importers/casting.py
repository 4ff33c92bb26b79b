r"""SQL that turns what stands in a file into the type a contract asks for, or says that it cannot.

Rules that hold for every format:

- Absent values are SQL nulls and NaN, and in text: nothing, ``\N``, ``NULL``, ``null``, ``NA``, ``NaN``, ``nan``,
  ``None``. A string column takes only nothing and ``\N`` for absent, and a required string column that is
  not part of the key takes nothing as the empty text.
- Whole numbers may end in ``.0``, because pandas writes them so when a column has gaps.
- Times are ISO 8601, with a zone or without one (then UTC is assumed), or seconds since 1970 with or without a
  fraction. Times outside 1990..2099 are out of range: earlier than the web, or milliseconds taken for seconds. The
  upper end is a constant, not the clock, so that importing the same file gives the same rows on any day. What lies
  between the delivery and it is rejected by ``checking.future_rules``, which goes by the files for the same reason.
- Truth is ``true``, ``t``, ``yes``, ``y``, ``1`` and their opposites, in any case.
- Lists are written ``[1, 2, 3]``.
"""

from dataclasses import dataclass

import pyarrow as pa

from assets.contracts.table import Column

EARLIEST = "1990-01-01"
LATEST = "2100-01-01"

_ABSENT = r"'', '\N', 'NULL', 'null', 'NA', 'NaN', 'nan', 'None'"
_TRUE = "'true', 't', 'yes', 'y', '1'"
_FALSE = "'false', 'f', 'no', 'n', '0'"
_WHOLE = r"[+-]?[0-9]+(\.0+)?"
_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?"
_TIME_FORMATS = "a time such as 2015-12-31, 2015-12-31T23:00:00Z or 2015-12-31 23:00:00-08:00, or seconds since 1970"
_FARTHEST_SECOND = 253_402_300_799  # end of the year 9999: beyond it make_timestamp fails instead of giving null


@dataclass(frozen=True)
class Field:
    """An expression over the rows of a file.

    Attributes:
        sql: DuckDB expression, for example a quoted column name.
        type: DuckDB type of the expression.
    """

    sql: str
    type: str = "VARCHAR"


@dataclass(frozen=True)
class Cast:
    """How one column is read.

    Attributes:
        value: SQL of the value; null where it is absent or cannot be read.
        absent: SQL condition: nothing stands there.
        raw: SQL of what stands there.
        reason: Reason for quarantine when something stands there that cannot be read.
        expected: What should stand there, for people.
    """

    value: str
    absent: str
    raw: str
    reason: str
    expected: str


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier.

    >>> identifier("photo id")
    '"photo id"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text as a SQL literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def field_of(name: str, duck_type: str = "VARCHAR") -> Field:
    """The field of a column called ``name``."""
    return Field(identifier(name), duck_type)


def constant(value: str | bool | int | None) -> Field:
    """A field that has the same value in every row."""
    if value is None:
        return Field("CAST(NULL AS VARCHAR)")
    if isinstance(value, bool):
        return Field(str(value).lower(), "BOOLEAN")
    if isinstance(value, int):
        return Field(str(value), "BIGINT")
    return Field(literal(value))


def cast(column: Column, raw: Field, *, is_key: bool) -> Cast:
    """How ``raw`` becomes the type of ``column``."""
    family = _family(column.type)
    typed = _TYPED.get(family, {}).get(_kind(raw.type))
    if typed is not None:
        value, absent = typed.format(raw=raw.sql, type=_duck_type(column.type)), _absent_typed(raw)
        return Cast(value, absent, raw.sql, _REASONS[family], _EXPECTED[family])
    text = raw.sql if raw.type == "VARCHAR" else f"CAST({raw.sql} AS VARCHAR)"
    if family == "string":
        return _cast_string(column, text, is_key=is_key)
    value = _FROM_TEXT[family].format(text=f"trim({text})", type=_duck_type(column.type))
    return Cast(value, f"({text} IS NULL OR trim({text}) IN ({_ABSENT}))", text, _REASONS[family], _EXPECTED[family])


def expected_of(column: Column) -> str:
    """What should stand in a column, for people."""
    return _EXPECTED.get(_family(column.type), "text")


def time_hint(column: Column, raw: str) -> str:
    """SQL of what a time that cannot be read, or lies out of range, looks like instead; empty text if nobody knows.

    Args:
        column: The column; for others than times the hint is empty.
        raw: SQL of what stands there.
    """
    if not pa.types.is_timestamp(column.type):
        return "''"
    text = f"trim(CAST({raw} AS VARCHAR))"
    number = f"TRY_CAST({text} AS DOUBLE)"
    units = [
        f"WHEN {number} >= {_EARLIEST_SECOND * factor} AND {number} < {_LATEST_SECOND * factor} "
        f"THEN {literal(f' (this looks like {unit} since 1970: divide by {factor:,})')}"
        for unit, factor in _UNITS.items()
    ]
    shapes = [
        f"WHEN regexp_full_match({text}, {literal(shape)}) THEN {literal(f' (this looks like {looks})')}"
        for shape, looks in _TIME_SHAPES.items()
    ]
    return f"CASE {' '.join([*units, *shapes])} ELSE '' END"


def range_condition(column: Column, value: str) -> tuple[str, str] | None:
    """SQL condition for a value outside the contract's range, and what is expected; None without a range."""
    if pa.types.is_timestamp(column.type):
        return f"({value} < TIMESTAMP '{EARLIEST}' OR {value} >= TIMESTAMP '{LATEST}')", "a time in 1990..2099"
    conditions, words = [], []
    if column.minimum is not None:
        conditions.append(f"{value} < {column.minimum}")
        words.append(f"at least {column.minimum:g}")
    if column.maximum is not None:
        conditions.append(f"{value} > {column.maximum}")
        words.append(f"at most {column.maximum:g}")
    return (f"({' OR '.join(conditions)})", " and ".join(words)) if conditions else None


_EARLIEST_SECOND, _LATEST_SECOND = 631_152_000, 4_102_444_800
"""``EARLIEST`` and ``LATEST``."""
_UNITS = {"milliseconds": 1_000, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}
_TIME_SHAPES = {
    r"[0-9]{1,2}[/.\- ][0-9]{1,2}[/.\- ][0-9]{4}.*": "a date that ends with its year: write it as 2015-12-31",
    r"[0-9]{4}[/.][0-9]{1,2}[/.][0-9]{1,2}.*": "a date without dashes: write it as 2015-12-31",
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*[0-9 ][A-Za-z]{3,5}": "a zone by its name: write its offset, as in -08:00",
}


def _cast_string(column: Column, text: str, *, is_key: bool) -> Cast:
    if column.nullable or is_key:
        absent = f"({text} IS NULL OR {text} IN ('', '\\N'))"
        return Cast(f"CASE WHEN {absent} THEN NULL ELSE {text} END", absent, text, "not_a_text", "text")
    return Cast(f"coalesce({text}, '')", "false", text, "not_a_text", "text")


def _family(arrow_type: pa.DataType) -> str:
    for family, is_family in (
        ("integer", pa.types.is_integer),
        ("number", pa.types.is_floating),
        ("boolean", pa.types.is_boolean),
        ("timestamp", pa.types.is_timestamp),
        ("list", pa.types.is_list),
    ):
        if is_family(arrow_type):
            return family
    return "string"


def _duck_type(arrow_type: pa.DataType) -> str:
    if pa.types.is_list(arrow_type):
        return f"{_duck_type(arrow_type.value_type)}[]"
    names = {"int64": "BIGINT", "int32": "INTEGER", "double": "DOUBLE", "float": "FLOAT", "string": "VARCHAR"}
    return names.get(str(arrow_type), "TIMESTAMP")


def _kind(duck_type: str) -> str:
    if duck_type.endswith("[]"):
        return "list"
    for kind, prefixes in _KINDS.items():
        if duck_type.startswith(prefixes):
            return kind
    return "other"


def _absent_typed(raw: Field) -> str:
    if _kind(raw.type) == "number":
        return f"({raw.sql} IS NULL OR isnan({raw.sql}))"
    return f"({raw.sql} IS NULL)"


_KINDS = {
    "zoned": ("TIMESTAMP WITH TIME ZONE",),
    "moment": ("TIMESTAMP", "DATE"),
    "integer": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINY", "USMALL", "UINT", "UBIG", "UHUGE"),
    "number": ("FLOAT", "DOUBLE"),
    "boolean": ("BOOLEAN",),
}
_TYPED = {
    "integer": {
        "integer": "TRY_CAST({raw} AS {type})",
        "number": "CASE WHEN isfinite({raw}) AND {raw} = floor({raw}) THEN TRY_CAST({raw} AS {type}) END",
    },
    "number": {
        "integer": "TRY_CAST({raw} AS {type})",
        "number": "CASE WHEN isfinite(TRY_CAST({raw} AS {type})) THEN TRY_CAST({raw} AS {type}) END",
    },
    "boolean": {"boolean": "{raw}"},
    "timestamp": {"zoned": "make_timestamp(epoch_us({raw}))", "moment": "TRY_CAST({raw} AS TIMESTAMP)"},
    "list": {"list": "TRY_CAST({raw} AS {type})"},
}
_FROM_TEXT = {
    "integer": f"CASE WHEN regexp_full_match({{text}}, '{_WHOLE.replace('{', '{{').replace('}', '}}')}') "
    "THEN TRY_CAST({text} AS {type}) END",
    "number": "CASE WHEN isfinite(TRY_CAST({text} AS {type})) THEN TRY_CAST({text} AS {type}) END",
    "boolean": f"CASE WHEN lower({{text}}) IN ({_TRUE}) THEN true WHEN lower({{text}}) IN ({_FALSE}) THEN false END",
    "timestamp": f"CASE WHEN abs(TRY_CAST({{text}} AS DOUBLE)) <= {_FARTHEST_SECOND} "
    "THEN make_timestamp(CAST(round(TRY_CAST({text} AS DOUBLE) * 1e6) AS BIGINT)) "
    f"WHEN regexp_full_match({{text}}, '{_ISO.replace('{', '{{').replace('}', '}}')}') "
    "THEN make_timestamp(epoch_us(TRY_CAST({text} AS TIMESTAMPTZ))) END",
    "list": "TRY_CAST({text} AS {type})",
}
_REASONS = {
    "integer": "not_an_integer",
    "number": "not_a_number",
    "boolean": "not_a_boolean",
    "timestamp": "not_a_timestamp",
    "list": "not_a_list",
}
_EXPECTED = {
    "integer": "a whole number",
    "number": "a finite number",
    "boolean": "true or false",
    "timestamp": _TIME_FORMATS,
    "list": "a list such as [1, 2, 3]",
}
