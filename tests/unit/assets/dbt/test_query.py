import duckdb
import pytest

from assets.contracts.settings import Settings
from assets.dbt.publish import publish_warehouse
from assets.dbt.query import QueryFailure, answer_script, print_query, prompt, run_query


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


def test_print_query_cuts_tables_only(settings):
    many = "select range as number from range(1000)"
    assert print_query(settings, many).splitlines()[-1] == "(only the first 50 rows; ask for more with --rows)"
    assert len(print_query(settings, many, "csv").splitlines()) == 1001
    assert len(print_query(settings, many, "json").splitlines()) == 1000
    assert len(print_query(settings, many, "json", rows=3).splitlines()) == 3


def test_print_query_says_when_rows_are_cut(settings):
    assert print_query(settings, QUERY, rows=1).splitlines()[-1] == "(only the first row; ask for more with --rows)"


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


def test_print_query_refuses_several_statements(settings):
    with pytest.raises(QueryFailure, match="^one statement at a time; several go through a pipe"):
        print_query(settings, "select 1; select 2")


@pytest.mark.parametrize("sql", ["", " ", ";", "-- nothing", "/* nothing; */ ;"])
def test_print_query_of_no_statement_says_so(settings, sql):
    with pytest.raises(QueryFailure, match="^there is no statement to answer"):
        print_query(settings, sql)


@pytest.mark.parametrize("sql", ["select 1 as a; -- the end;", "/* ; */ select 1 as a ;;\n"])
def test_print_query_takes_comments_for_no_statement(settings, sql):
    assert print_query(settings, sql, "csv") == "a\n1"


def test_print_query_takes_a_pivot_for_one_statement(settings):
    assert print_query(settings, "pivot t on name using count(*)", "csv")


def test_print_query_takes_a_semicolon_within_a_text_for_what_it_is(settings):
    assert print_query(settings, "select 'a;b' as x;").splitlines()[-1] == "a;b"


@pytest.mark.parametrize("line", ["help", ".help", "help;"])
def test_prompt_helps(settings, line):
    lines = iter([line, ".quit"])
    said: list[str] = []
    prompt(settings, read=lambda _: next(lines), say=said.append)
    assert len(said[1].splitlines()) == 2
    assert "lake.<table>" in said[1]


def test_prompt_leaves_an_unfinished_query_at_the_end_of_input(settings):
    lines = iter(["select 1 as n"])
    said: list[str] = []
    prompt(settings, read=lambda _: _next_line(lines), say=said.append)
    assert len(said) == 1  # the welcome


def test_answer_script_answers_all_and_counts_failures(settings):
    script = "select 1 as a; select 2 as b;\n-- a comment\nbad;\nselect 3 as c -- and another\nfrom t limit 1"
    lines = iter(script.splitlines())
    said: list[str] = []
    complaints: list[str] = []
    failures = answer_script(settings, "csv", 50, lambda _: _next_line(lines), said.append, complaints.append)
    assert failures == 1
    assert said == ["a\n1", "b\n2", "c\n3"]
    assert len(complaints) == 1
    assert "Parser Error" in complaints[0]


@pytest.mark.parametrize(
    ("script", "answers", "failures"),
    [
        ("", [], 0),
        ("\n;\n-- a comment;\n/* another;\none */", [], 0),
        ("selec 1; select 2 as b; select 3 as c", ["b\n2", "c\n3"], 1),
        ("select 1 as a; -- first;\nselect 2 as b", ["a\n1", "b\n2"], 0),
        ("select 'é;\n\n  x' as a;\nselect 2 as b", ['a\n"é;\n\n  x"', "b\n2"], 0),
        ('select $$;$$ as a, 1 as ";"; select 2 as b;', ["a,;\n;,1", "b\n2"], 0),
        ("select 1 as a; select 'never closed;", ["a\n1"], 1),
        ("select 1 as a;\n.quit\nselect 2 as b;", ["a\n1"], 0),
    ],
)
def test_answer_script_answers_statement_by_statement(settings, script, answers, failures):
    lines = iter(script.splitlines())
    said: list[str] = []
    complaints: list[str] = []
    assert answer_script(settings, "csv", None, lambda _: _next_line(lines), said.append, complaints.append) == failures
    assert said == answers
    assert len(complaints) == failures


def test_answer_script_before_the_first_build_says_what_to_do(tmp_path):
    with pytest.raises(QueryFailure, match="run `beautyflow materialize` first"):
        answer_script(Settings(tmp_path, ""), "csv", 1, lambda _: "select 1;", print, print)


def _next_line(lines):
    try:
        return next(lines)
    except StopIteration:
        raise EOFError from None
