import duckdb
import pytest

from assets.contracts.settings import Settings
from assets.dbt.publish import publish_warehouse
from assets.dbt.query import QueryFailure, print_query, prompt, run_query


@pytest.fixture
def settings(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    settings.warehouse.parent.mkdir()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "create table t as select * from (values (1, 0.25, 'a'), (20, null, 'bc')) as v (user_id, beauty, name)"
        )
    publish_warehouse(settings)
    return settings


QUERY = "select * from t order by user_id"


def test_print_query_aligns_numbers_right_and_text_left(settings):
    assert print_query(settings, QUERY).splitlines() == [
        "user_id  beauty  name",
        "-------  ------  ----",
        "      1    0.25  a",
        "     20    null  bc",
    ]


def test_print_query_says_when_rows_are_cut(settings):
    assert print_query(settings, QUERY, rows=1).splitlines()[-1] == "(only the first 1 rows; ask for more with --rows)"


def test_print_query_of_nothing_says_so(settings):
    assert print_query(settings, "select * from t where false").splitlines()[-1] == "(no rows)"


def test_print_query_as_csv_and_json(settings):
    assert print_query(settings, QUERY, "csv") == "user_id,beauty,name\n1,0.25,a\n20,,bc"
    assert print_query(settings, QUERY, "json", 1) == '{"user_id": 1, "beauty": "0.25", "name": "a"}'


def test_print_query_refuses_an_unknown_format(settings):
    with pytest.raises(QueryFailure, match="unknown format 'xml'; choose one of table, csv, json"):
        print_query(settings, QUERY, "xml")


def test_run_query_says_what_duckdb_says(settings):
    with pytest.raises(QueryFailure, match="nowhere does not exist"):
        run_query(settings, "select * from nowhere")


def test_run_query_before_the_first_build_says_what_to_do(tmp_path):
    with pytest.raises(QueryFailure, match="run `beautyflow materialize` first"):
        run_query(Settings(tmp_path, ""), "select 1")


def test_prompt_answers_until_the_person_leaves(settings):
    lines = iter(["select count(*) as n", "from t;", "bad;", ".tables", ".quit"])
    said: list[str] = []
    prompt(settings, read=lambda _: next(lines), say=said.append)
    assert said[1].split() == ["n", "-", "2"]
    assert "Parser Error" in said[2]
    assert said[3].splitlines()[2].split()[0] == "t"
