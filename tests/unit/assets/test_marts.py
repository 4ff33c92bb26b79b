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


def test_fingerprints_change_with_rows_and_not_with_their_order(marts):
    before = marts.fingerprints("fct_users", "moments")
    assert set(before) == {"fct_users", "moments"}
    _change(marts, "create or replace table fct_users as select * from fct_users order by user_id desc")
    assert marts.fingerprints("fct_users", "moments") == before
    _change(marts, "update fct_users set beauty = 9 where user_id = 0")
    after = marts.fingerprints("fct_users", "moments")
    assert after["fct_users"] != before["fct_users"]
    assert after["moments"] == before["moments"]


def test_fingerprint_of_an_empty_table_is_one(marts):
    _change(marts, "delete from fct_users")
    assert marts.fingerprints("fct_users") == {"fct_users": "0-None"}


def test_without_a_published_warehouse_it_says_what_to_make(tmp_path):
    with pytest.raises(NoMarts, match=r"nothing is published at .*warehouse\.duckdb yet; make the asset `warehouse`"):
        Marts(tmp_path / "warehouse.duckdb").read("select 1")
