import subprocess
import sys

import duckdb
import pytest

from assets.contracts.settings import Settings
from assets.dbt.publish import PublicationFailure, connect_published, publish_warehouse


@pytest.fixture
def settings(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    settings.warehouse.parent.mkdir()
    return settings


def _write(settings, value):
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(f"create or replace table t as select {value} as x")


def test_publish_warehouse_copies_what_is_committed(settings):
    _write(settings, 1)
    assert publish_warehouse(settings) == settings.published_warehouse
    with connect_published(settings) as connection:
        assert connection.execute("select x from t").fetchall() == [(1,)]
    assert [p.name for p in settings.warehouse.parent.iterdir()] == ["warehouse.duckdb"]
    assert [p.name for p in settings.published_warehouse.parent.iterdir()] == ["warehouse.duckdb"]


def test_publish_warehouse_leaves_open_readers_their_copy(settings):
    _write(settings, 1)
    publish_warehouse(settings)
    with connect_published(settings) as reader:
        _write(settings, 2)
        publish_warehouse(settings)
        assert reader.execute("select x from t").fetchall() == [(1,)]
    with connect_published(settings) as reader:
        assert reader.execute("select x from t").fetchall() == [(2,)]


def test_publish_warehouse_without_a_warehouse_says_what_to_do(settings):
    with pytest.raises(PublicationFailure, match=r"no warehouse at .*; run `beautyflow materialize`"):
        publish_warehouse(settings)


def test_publish_warehouse_refuses_while_another_process_writes(settings):
    _write(settings, 1)
    publish_warehouse(settings)
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(settings.warehouse)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "open\n"
        with pytest.raises(PublicationFailure, match="in use by another writer"):
            publish_warehouse(settings)
        with connect_published(settings) as reader:
            assert reader.execute("select x from t").fetchall() == [(1,)]
        writer.stdin.close()


def test_connect_published_is_read_only_and_in_utc(settings):
    _write(settings, 1)
    publish_warehouse(settings)
    with connect_published(settings) as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            connection.execute("drop table t")


def test_connect_published_before_the_first_build_says_what_to_do(settings):
    with pytest.raises(PublicationFailure, match=r"nothing is published at .* yet; run `beautyflow materialize` first"):
        connect_published(settings)
