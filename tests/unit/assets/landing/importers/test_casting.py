from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from assets.contracts.table import UTC_TIMESTAMP, Column
from assets.landing.importers.casting import Field, cast, constant, range_condition, time_hint


def utc(*parts):
    """A time as DuckDB gives it: UTC, without saying so."""
    return datetime(*parts, tzinfo=UTC).replace(tzinfo=None)


def evaluate(arrow_type, sql, duck_type="VARCHAR", *, nullable=True, is_key=False):
    """(value, absent) of one cast."""
    made = cast(Column("c", arrow_type, "", nullable=nullable), Field(sql, duck_type), is_key=is_key)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(f"SELECT {made.value}, {made.absent}").fetchone()


@pytest.mark.parametrize(
    ("arrow_type", "text", "value"),
    [
        (pa.int64(), "12", 12),
        (pa.int64(), " +12 ", 12),
        (pa.int64(), "12.0", 12),
        (pa.int64(), "9007199254740993", 9_007_199_254_740_993),
        (pa.int64(), "12.5", None),
        (pa.int64(), "1e3", None),
        (pa.int64(), "1_000", None),
        (pa.int64(), "0x1f", None),
        (pa.int64(), "99999999999999999999", None),
        (pa.int32(), "3000000000", None),
        (pa.float64(), "1e-3", 0.001),
        (pa.float64(), "inf", None),
        (pa.float64(), "1,5", None),
        (pa.float32(), "1e300", None),
        (pa.bool_(), "Yes", True),
        (pa.bool_(), "0", False),
        (pa.bool_(), "2", None),
        (pa.list_(pa.int64()), "[1, 2]", [1, 2]),
        (pa.list_(pa.int64()), "1 2", None),
        (pa.string(), " kept ", " kept "),
    ],
)
def test_cast_reads_text(arrow_type, text, value):
    assert evaluate(arrow_type, f"'{text}'") == (value, False)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-03-01", utc(2016, 3, 1)),
        ("2016-03-01T10:00:00", utc(2016, 3, 1, 10)),
        ("2016-03-01 10:00:00Z", utc(2016, 3, 1, 10)),
        ("2016-03-01T10:00:00.25+02:00", utc(2016, 3, 1, 8, 0, 0, 250_000)),
        ("2016-03-01 10:00:00-0530", utc(2016, 3, 1, 15, 30)),
        ("1456826400", utc(2016, 3, 1, 10)),
        ("1456826400.728360", utc(2016, 3, 1, 10, 0, 0, 728_360)),
        ("2016-02-30", None),
        ("01.03.2016", None),
        ("infinity", None),
        ("1e300", None),
        ("tomorrow", None),
    ],
)
def test_cast_reads_times_as_utc(text, moment):
    assert evaluate(UTC_TIMESTAMP, f"'{text}'") == (moment, False)


@pytest.mark.parametrize("text", ["", "  ", "\\N", "NULL", "null", "NA", "NaN", "nan", "None"])
@pytest.mark.parametrize("arrow_type", [pa.int64(), pa.float64(), pa.bool_(), UTC_TIMESTAMP, pa.list_(pa.string())])
def test_cast_knows_absent_values(arrow_type, text):
    assert evaluate(arrow_type, f"'{text}'") == (None, True)


def test_cast_keeps_empty_text_only_in_required_columns_outside_the_key():
    assert evaluate(pa.string(), "''", nullable=False) == ("", False)
    assert evaluate(pa.string(), "''", nullable=False, is_key=True) == (None, True)
    assert evaluate(pa.string(), "''") == (None, True)
    assert evaluate(pa.string(), "'NA'") == ("NA", False)


@pytest.mark.parametrize(
    ("arrow_type", "sql", "duck_type", "expected"),
    [
        (pa.int64(), "CAST(7 AS UTINYINT)", "UTINYINT", (7, False)),
        (pa.int64(), "7.0::DOUBLE", "DOUBLE", (7, False)),
        (pa.int64(), "7.5::DOUBLE", "DOUBLE", (None, False)),
        (pa.int64(), "'nan'::DOUBLE", "DOUBLE", (None, True)),
        (pa.int64(), "7::DECIMAL(5, 2)", "DECIMAL(5,2)", (7, False)),
        (pa.int64(), "18446744073709551615::UBIGINT", "UBIGINT", (None, False)),
        (pa.float64(), "3", "INTEGER", (3.0, False)),
        (pa.float64(), "'inf'::DOUBLE", "DOUBLE", (None, False)),
        (pa.bool_(), "true", "BOOLEAN", (True, False)),
        (pa.bool_(), "1", "INTEGER", (True, False)),
        (UTC_TIMESTAMP, "DATE '2016-03-01'", "DATE", (utc(2016, 3, 1), False)),
        (UTC_TIMESTAMP, "TIMESTAMP_NS '2016-03-01 10:00:00'", "TIMESTAMP_NS", (utc(2016, 3, 1, 10), False)),
        (
            UTC_TIMESTAMP,
            "TIMESTAMPTZ '2016-03-01 10:00:00+02'",
            "TIMESTAMP WITH TIME ZONE",
            (utc(2016, 3, 1, 8), False),
        ),
        (UTC_TIMESTAMP, "1456826400", "BIGINT", (utc(2016, 3, 1, 10), False)),
        (pa.list_(pa.int64()), "[1, 2]::INTEGER[]", "INTEGER[]", ([1, 2], False)),
        (pa.string(), "5", "INTEGER", ("5", False)),
    ],
)
def test_cast_reads_typed_values(arrow_type, sql, duck_type, expected):
    assert evaluate(arrow_type, sql, duck_type) == expected


@pytest.mark.parametrize(("value", "read"), [(None, None), (True, True), (3, 3), ("it's", "it's")])
def test_constant_is_the_same_in_every_row(value, read):
    assert duckdb.sql(f"SELECT {constant(value).sql}").fetchone() == (read,)


def test_range_condition_follows_the_contract():
    column = Column("c", pa.float64(), "", minimum=0, maximum=1)
    assert range_condition(column, "v") == ("(v < 0 OR v > 1)", "at least 0 and at most 1")
    assert range_condition(Column("c", pa.int64(), ""), "v") is None
    condition, expected = range_condition(Column("c", UTC_TIMESTAMP, ""), "v") or ("", "")
    assert expected == "a time in 1990..2099"
    for moment, outside in [("1989-12-31", True), ("1990-01-01", False), ("2100-01-01", True)]:
        assert duckdb.sql(f"SELECT {condition} FROM (SELECT TIMESTAMP '{moment}' AS v)").fetchone() == (outside,)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1420070400000", " (this looks like milliseconds since 1970: divide by 1,000)"),
        (" 1420070400000.0 ", " (this looks like milliseconds since 1970: divide by 1,000)"),
        ("1420070400000000", " (this looks like microseconds since 1970: divide by 1,000,000)"),
        ("1420070400000000000", " (this looks like nanoseconds since 1970: divide by 1,000,000,000)"),
        ("31/12/2015", " (this looks like a date that ends with its year: write it as 2015-12-31)"),
        ("31.12.2015 23:00", " (this looks like a date that ends with its year: write it as 2015-12-31)"),
        ("2015/12/31", " (this looks like a date without dashes: write it as 2015-12-31)"),
        ("2015-12-31 23:00 PST", " (this looks like a zone by its name: write its offset, as in -08:00)"),
        ("2015-02-31", ""),
        ("12", ""),
        ("tomorrow", ""),
    ],
)
def test_time_hint_names_what_a_time_looks_like(text, hint):
    column = Column("c", UTC_TIMESTAMP, "")
    assert duckdb.sql(f"SELECT {time_hint(column, 'v')} FROM (SELECT '{text}' AS v)").fetchone() == (hint,)
    assert evaluate(UTC_TIMESTAMP, f"'{text}'")[0] is None or not hint


def test_time_hint_is_about_times_only():
    assert duckdb.sql(f"SELECT {time_hint(Column('c', pa.int64(), ''), '1420070400000')}").fetchone() == ("",)
