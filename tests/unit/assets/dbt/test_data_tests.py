"""Data tests of our own, as dbt renders them, on tables of a few rows."""

import re
from pathlib import Path

import duckdb
import pytest
from jinja2 import Template

import assets

FOLDER = Path(assets.__file__).parents[1] / "dbt_project" / "macros" / "tests"


def _sql(name, **arguments):
    """The query of a data test; dbt's own tags around it are no Jinja."""
    body = re.sub(r"{%-?\s*(test|endtest)\b.*?%}", "", (FOLDER / f"{name}.sql").read_text())
    return Template(body).render(**arguments)


@pytest.mark.parametrize(
    ("followees", "failing"),
    [
        ((4, 5, 6), []),
        ((0, 5, 6), []),  # before the first month nothing is known
        ((4, 4, 6), [(2, 4, 5)]),
        ((4, 0, 6), [(2, 0, 5)]),
        ((4, None, 6), [(2, None, 5)]),
    ],
)
def test_starts_with_the_month_before_looks_at_every_month_but_the_first(followees, failing):
    columns = "(values (1, date '2016-01-01', ?::bigint), (1, '2016-02-01', ?), (1, '2016-03-01', ?))"
    with duckdb.connect() as connection:
        for table, counts in (("starts", followees), ("ends", (5, 6, 7))):
            connection.execute(f"create table {table} (user_id bigint, event_month date, followees bigint)")
            connection.execute(f"insert into {table} from {columns}", counts)
        query = _sql("starts_with_the_month_before", model="starts", column_name="followees", ends="ends")
        found = connection.execute(f"select month(event_month), found, expected from ({query})").fetchall()
    assert found == failing


def test_starts_with_the_month_before_finds_who_has_no_months_there_at_all():
    with duckdb.connect() as connection:
        for table, user in (("starts", 1), ("ends", 2)):
            connection.execute(f"create table {table} (user_id bigint, event_month date, followees bigint)")
            connection.execute(f"insert into {table} values ({user}, date '2016-01-01', 3)")
        query = _sql("starts_with_the_month_before", model="starts", column_name="followees", ends="ends")
        assert connection.execute(f"select user_id, found, expected from ({query})").fetchall() == [(1, 3, None)]
