import datetime

import duckdb
import pytest

from assets.marts import Marts, NoMarts


@pytest.fixture
def marts(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table fct_users as select i as user_id, i / 2.0 as beauty from range(5) as t (i)")
        connection.execute("create table moments as select timestamptz '2016-01-01 00:00:00+00' as happened_at")
    return Marts(path)


def _change(marts, statement):
    with duckdb.connect(str(marts.path)) as connection:
        connection.execute(statement)


def test_read_answers_a_query_with_parameters(marts):
    rows = marts.read("select user_id, beauty from fct_users where user_id > ? order by 1", [2])
    assert rows.to_pylist() == [{"user_id": 3, "beauty": 1.5}, {"user_id": 4, "beauty": 2.0}]


def test_read_gives_times_in_utc(marts):
    (moment,) = marts.read("select happened_at from moments")["happened_at"].to_pylist()
    assert moment == datetime.datetime(2016, 1, 1, tzinfo=datetime.UTC)
    assert str(moment.tzinfo) == "UTC"


def test_read_leaves_no_connection_behind(marts):
    marts.read("select 1")
    _change(marts, "create table another as select 1 as x")
    assert marts.read("select x from another").num_rows == 1


ALL = "select * from fct_users order by user_id"


def test_fingerprint_changes_with_rows_and_not_with_their_order(marts):
    before = marts.fingerprint_of(ALL)
    _change(marts, "create or replace table fct_users as select * from fct_users order by user_id desc")
    assert marts.fingerprint_of(ALL) == before
    _change(marts, "update fct_users set beauty = 9 where user_id = 0")
    assert marts.fingerprint_of(ALL) != before


def test_fingerprint_tells_which_column_holds_what(marts):
    assert marts.fingerprint_of("select 1 as x, 2 as y") != marts.fingerprint_of("select 2 as x, 1 as y")
    assert marts.fingerprint_of("select null as x") != marts.fingerprint_of("select 0 as x")


def test_fingerprint_is_of_the_rows_and_columns_that_the_query_reads(marts):
    query = "select user_id from fct_users where user_id > ?"
    before = [marts.fingerprint_of(query, [least]) for least in (1, 3)]
    assert before[0] != before[1]
    _change(marts, "update fct_users set beauty = 9")
    _change(marts, "delete from fct_users where user_id = 2")
    after = [marts.fingerprint_of(query, [least]) for least in (1, 3)]
    assert (after[0] == before[0], after[1] == before[1]) == (False, True)


def test_fingerprint_of_no_rows_is_one(marts):
    _change(marts, "delete from fct_users")
    assert marts.fingerprint_of(ALL) == "0-None"


def test_without_a_published_warehouse_it_says_what_to_make(tmp_path):
    with pytest.raises(NoMarts, match=r"nothing is published at .*warehouse\.duckdb yet; make the asset `warehouse`"):
        Marts(tmp_path / "warehouse.duckdb").read("select 1")
