from datetime import date

import duckdb
import pytest

from assets.dbt.assets import SPECS
from assets.dbt.mart_figures import FIGURES, Cohorts, Counts, Courses, Tail, draw_marts

PNG = b"\x89PNG"


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


def test_every_mart_has_a_figure():
    marts = {spec.key.path[-1] for spec in SPECS if (spec.group_name or "").startswith("marts_")}
    assert set(FIGURES) - {"fct_recommendations"} == marts


def test_marts_without_rows_and_other_models_have_no_figure(connection):
    connection.execute("create table fct_user_beauty (beauty_shrunken double)")
    assert draw_marts(connection, {"fct_user_beauty", "int_pairs__spells"}) == {}
    connection.execute("insert into fct_user_beauty values (0.4)")
    assert draw_marts(connection, {"fct_user_beauty"})["fct_user_beauty"].startswith(PNG)


def drawn_by(monkeypatch, function):
    """Draws with a function that only notes what it was given."""
    seen = []
    monkeypatch.setattr(f"assets.dbt.mart_figures.{function}", lambda *given, **named: seen.append(given) or PNG)
    return seen


def test_counts_put_every_row_in_a_bin(connection, monkeypatch):
    seen = drawn_by(monkeypatch, "histogram_figure")
    connection.execute("create table t as select unnest([0, 1, 2, 2, 10, null]) as v, 5 as same, null::double as none")
    for column in ("v", "same", "none"):
        Counts("title", "x", "t", column).draw(connection)
    (edges, counts, *_), (_, same, *_), (_, none, *_) = seen
    assert (edges[0], edges[-1], sum(counts)) == (0, 10, 5)
    assert (counts[0], counts[4], counts[8], counts[-1]) == (1, 1, 2, 1)
    assert (sum(same), sum(none)) == (6, 0)


def test_tail_is_the_share_with_at_least_so_much(connection, monkeypatch):
    seen = drawn_by(monkeypatch, "tail_figure")
    connection.execute("create table t as select unnest(range(0, 101))::double as v")
    Tail("title", "x", "y", "t", "v").draw(connection)
    values, shares = seen[0][0]["users"]
    assert (values[0], shares[0]) == (1, 1)
    assert values[30] == pytest.approx(50.5)
    assert shares[30] == pytest.approx(0.5)


def test_courses_and_cohorts_keep_gaps_and_groups(connection, monkeypatch):
    seen = drawn_by(monkeypatch, "courses_figure")
    query = "select * from (values (date '2020-01-01', 1.5), (date '2020-02-01', null)) as t (month, v)"
    Courses("title", "month", query, {"panel": {"line": "v"}}).draw(connection)
    time, values = seen[0][0]["panel"]["line"]
    assert time == [date(2020, 1, 1), date(2020, 2, 1)]
    assert values[0] == 1.5
    assert values[1] != values[1]
    Cohorts("title", "x", "share", "values (2020, 0, 1.0), (2020, 1, 0.5), (2021, 0, 1.0)").draw(connection)
    assert seen[1][0] == {"share": {"2020": ([0, 1], [1, 0.5])}}
