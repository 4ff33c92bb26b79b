"""dbt on a tiny lake: exact values, increments equal to rebuilds, and a writer that is killed."""

import ast
import importlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES
from assets.contracts.community import EDGES, FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.dbt.build import DbtFailure, artifacts_folder, build_warehouse, run_dbt
from assets.dbt.documentation import write_documentation
from assets.dbt.manifest import ensure_manifest
from assets.dbt.query import run_query
from assets.marts import Marts
from tests.integration.models_only import build_models

EXACT_TABLES = ("int_user_beauty__monthly", "fct_user_beauty", "fct_user_beauty_monthly", "fct_user_recognition")
PATIENCE_SECONDS = 180


def _at(month, day=1):
    return datetime(2016, month, day, tzinfo=UTC)


def _write(settings, contract, partition, rows):
    Lake(settings.lake_uri).write(contract, partition, pa.Table.from_pylist(rows, schema=contract.schema))


def _write_photos(settings, month, rows):
    """Rows are (photo, owner, day, beauty, month of deletion)."""
    _write(
        settings,
        PHOTOS,
        f"2016-{month:02d}",
        [
            {
                "photo_id": photo,
                "user_id": owner,
                "uploaded_at": _at(month, day),
                "is_public": True,
                "uri": "",
                "deleted_at": gone and _at(gone),
            }
            for photo, owner, day, _, gone in rows
        ],
    )
    _write(
        settings,
        SCORES,
        f"2016-{month:02d}",
        [
            {
                "photo_id": photo,
                "model_version": "ready",
                "preprocessing_hash": "none",
                "uploaded_at": _at(month, day),
                "beauty": beauty,
            }
            for photo, _, day, beauty, _ in rows
        ],
    )


def _write_people(settings, count=4):
    people = [{"user_id": i, "joined_at": _at(1), "opted_in": True} for i in range(1, count + 1)]
    _write(settings, USERS, "2016-01", people)


def _settings(home):
    return Settings(home, str(home / "lake"))


def _rows(settings, sql):
    return run_query(settings, sql)[1]


def _tables(settings):
    return {table: _rows(settings, f"select * from {table} order by all") for table in EXACT_TABLES}


@pytest.fixture(scope="module")
def community(tmp_path_factory):
    settings = _settings(tmp_path_factory.mktemp("community"))
    _write_people(settings)
    _write_photos(settings, 1, [(1, 1, 5, 0.25, None), (2, 1, 31, 0.75, None), (3, 2, 6, 0.5, 3)])
    _write_photos(settings, 3, [(4, 2, 1, 0.75, None), (5, 2, 2, 1.0, None)])
    _write(settings, EDGES, "2016-01", [{"follower_id": 3, "followee_id": 1, "created_at": _at(1, 20)}])
    favorites = [
        {"user_id": 3, "photo_id": 2, "created_at": _at(2)},
        {"user_id": 4, "photo_id": 1, "created_at": _at(2)},
    ]
    _write(settings, FAVORITES, "2016-02", favorites)
    plan = build_warehouse(settings)
    assert (plan.full_refresh, plan.months) == (True, ("2016-01", "2016-02", "2016-03"))
    return settings


QUERIES = {
    query: getattr(importlib.import_module(module), query)
    for module, query in (
        ("assets.network.against_chance", "BEAUTY_OF_USERS"),
        ("assets.network.cores", "RECOGNITION_OF_USERS"),
        ("assets.network.pair_gap_tables", "BEAUTY_BY_MONTH"),
        ("assets.network.pair_gap_tables", "NOISE_WITHIN_MONTHS"),
        ("assets.recommender.past", "BEAUTY_BEFORE"),
        ("assets.recommender.past", "BEAUTY_MONTHLY"),
        ("assets.recommender.past", "ANY_BEAUTY"),
        ("assets.recommender.past", "BEAUTY_TODAY"),
        ("assets.recommender.past", "LAST_MONTH"),
        ("assets.users.measures", "MEASURES_OF_USERS"),
        ("assets.users.survival", "DURATIONS_OF_USERS"),
        ("assets.users.survival", "USERS_AT_LANDMARK"),
    )
}

NEED_MORE_MONTHS = {"DURATIONS_OF_USERS", "USERS_AT_LANDMARK"}
"""Three months are too few for anybody to have been away for long enough: dbt's columns answer, with no rows."""


@pytest.mark.parametrize("query", QUERIES)
def test_what_python_asks_of_marts_is_answered_by_those_that_dbt_makes(community, query):
    """Unit tests of these modules make marts of their own, which may have columns that dbt's have not."""
    text = QUERIES[query]
    parameter = date(2016, 3, 1) if "event_month = ?" in text else 30
    answer = Marts(community.published_warehouse).read(text, [parameter] * text.count("?"))
    assert answer.num_rows > 0 or query in NEED_MORE_MONTHS


def test_every_query_of_marts_is_asked():
    found = set()
    for path in (PROJECT_ROOT / "assets").glob("*/*.py"):
        for node in ast.parse(path.read_text()).body:
            text = node.value.value if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) else ""
            if isinstance(text, str) and re.search(r"\bfrom (fct|dim|int)_", text):
                found.add(ast.unparse(node.targets[0]))
    assert found >= {"MEASURES_OF_USERS", "BEAUTY_OF_USERS"}
    assert found == set(QUERIES)


def test_fct_user_beauty_holds_means_of_standing_photos(community):
    found = _rows(community, "select user_id, photos, beauty, beauty_standard_error from fct_user_beauty order by 1")
    assert found == [(1, 2, 0.5, 0.25), (2, 2, 0.875, 0.125)]


def test_fct_user_beauty_monthly_knows_nothing_of_later_months(community):
    found = _rows(
        community,
        "select user_id, month(event_month), month(valid_until_month), photos, beauty, photos_cumulative,"
        " beauty_cumulative from fct_user_beauty_monthly order by 1, 2",
    )
    assert found == [
        (1, 1, None, 2, 0.5, 2, 0.5),
        (2, 1, 3, 1, 0.5, 1, 0.5),
        (2, 3, None, 2, 0.875, 2, 0.875),
    ]


def test_fct_user_recognition_counts_followers_at_upload(community):
    # Photo 1 came before the follower, photo 2 after. Half a favorite per photo came from others, and one from the one
    # follower: the public adds 0.5, and the floor of 5 holds both times. Photo 3 is deleted, and the windows of 4
    # and 5 are not over by the last event, the upload of 5.
    found = _rows(
        community,
        "select user_id, photos, favorites_in_window, exposure, followers from fct_user_recognition order by 1",
    )
    assert found == [(1, 2, 2, 10.0, 1)]
    assert _rows(community, "select public_exposure from int_community__public_exposure") == [(0.5,)]


def test_fct_community_monthly_counts_events(community):
    found = _rows(
        community,
        "select month(event_month), joins, uploads, follows, favorites, scored_photos, beauty"
        " from fct_community_monthly order by 1",
    )
    assert found == [(1, 4, 3, 1, 0, 2, 0.5), (2, 0, 0, 0, 2, 0, None), (3, 0, 2, 0, 0, 2, 0.875)]


def test_build_warehouse_without_news_changes_nothing(community):
    files = (community.published_warehouse, artifacts_folder(community) / "run_results.json")
    before = [file.stat() for file in files]
    assert build_warehouse(community).up_to_date
    assert [file.stat() for file in files] == before, "a build without news must not start dbt"


def test_everything_that_is_listed_answers_in_the_published_copy(community):
    listed = _rows(community, "select schema_name || '.' || view_name from duckdb_views() where not internal")
    listed += _rows(community, "select schema_name || '.' || table_name from duckdb_tables()")
    names = {name for (name,) in listed}
    assert {"lake.photos", "main.stg_lake__photos", "main.fct_user_beauty"} <= names
    for name in names:
        _rows(community, f"select * from {name} limit 1")
    assert _rows(community, "select count(*) from lake.photos") == [(5,)]


def test_every_dbt_unit_test_passes(community):
    said = run_dbt(community, ["test", "--select", "test_type:unit"])
    assert "ERROR=0" in said
    assert "PASS=0" not in said


def test_every_data_test_of_a_table_turns_red_on_bad_rows(community, tmp_path):
    spoiled = replace(community, home=tmp_path)
    shutil.copytree(community.warehouse.parent, spoiled.warehouse.parent)
    manifest = json.loads(ensure_manifest().read_text())
    models = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    tables = {name for name, node in models.items() if node["config"]["materialized"] != "view"}
    with duckdb.connect(str(spoiled.warehouse)) as connection:
        for number, table in enumerate(sorted(tables), start=1):
            _spoil(connection, table, -number)
    expected = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and (node.get("attached_node") or "").rpartition(".")[2] in tables
        and node["test_metadata"]["name"] != "is_not_empty"
    }
    assert len(expected) > 50
    assert _failing_data_tests(spoiled) == expected


def test_every_table_that_should_hold_rows_turns_red_when_empty(community, tmp_path):
    emptied = replace(community, home=tmp_path)
    shutil.copytree(community.warehouse.parent, emptied.warehouse.parent)
    # Fed by these, which stay; what they feed is emptied.
    kept = {
        "int_user_beauty__monthly",
        "int_photos__attention",
        "int_photos__recognition",
        "int_beauty_models__selected",
    }
    with duckdb.connect(str(emptied.warehouse)) as connection:
        names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        for name in set(names) - kept:
            connection.execute(f"delete from {name}")
    assert _failing_data_tests(emptied) == {
        "fct_exposure_monthly_is_not_empty_where_users_joined_in_time",
        "fct_user_months_end_with_the_dated_photos_that_stand",
        "fct_user_months_end_with_the_favorites_that_owners_hold",
        "fct_user_months_end_with_the_favorites_that_stand",
        "fct_user_months_is_not_empty_where_users_joined_in_time",
        "fct_user_weeks_hold_every_dated_link",
        "fct_user_weeks_hold_every_dated_upload",
        "fct_user_weeks_is_not_empty_where_photos_have_owner_and_time",
        "fct_user_beauty_is_not_empty_where_owned_photos_are_scored",
        "fct_user_recognition_is_not_empty_where_dated_favorites_and_complete_windows_are",
        "fct_user_retention_is_not_empty_where_users_are",
        "is_not_empty_dim_users_ref_stg_lake__users_",
        "is_not_empty_fct_community_monthly_ref_stg_lake__photos___uploaded_at_is_not_null",
        "is_not_empty_fct_user_beauty_monthly_ref_int_user_beauty__monthly___deleted_month_is_null",
    }


def _spoil(connection, table, number):
    """Add a row without any value, and twice a row whose numbers are below every range and which nobody refers to."""
    columns = connection.execute(f"describe {table}").fetchall()
    texts = {"VARCHAR": "'bad'", "DATE": "date '1999-01-01'", "BOOLEAN": "true"}
    values = [
        texts.get(kind, "timestamptz '1999-01-01 00:00:00+00'" if kind.startswith("TIMESTAMP") else str(number))
        for _, kind, *_ in columns
    ]
    connection.execute(f"insert into {table} values ({', '.join('null' for _ in columns)})")
    for _ in range(2):
        connection.execute(f"insert into {table} values ({', '.join(values)})")


def _failing_data_tests(settings):
    with pytest.raises(DbtFailure):
        run_dbt(settings, ["test", "--select", "test_type:data"])
    results = json.loads((artifacts_folder(settings) / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2] for result in results if result["status"] == "fail"}


def test_an_empty_community_fails_and_is_not_published(tmp_path):
    settings = _settings(tmp_path)
    with pytest.raises(DbtFailure, match="community_has_users_or_photos_or_links"):
        build_warehouse(settings)
    assert not settings.published_warehouse.exists()


def test_documentation_can_be_written_before_anything_has_landed(tmp_path):
    page = write_documentation(_settings(tmp_path))
    assert "fct_talented_unseen_users" in page.read_text()


def test_favorites_without_times_leave_recognition_empty_and_the_rest_whole(tmp_path):
    settings = _settings(tmp_path)
    _write_people(settings)
    _write_photos(settings, 1, [(1, 1, 5, 0.25, None)])
    _write_photos(settings, 3, [(2, 2, 6, 0.5, None)])
    _write(settings, FAVORITES, "undated", [{"user_id": 3, "photo_id": 1}])
    build_warehouse(settings)
    assert _rows(settings, "select photo_id from int_photos__recognition where is_window_complete") == [(1,)]
    assert _rows(settings, "select count(*) from fct_user_beauty") == [(2,)]
    for table in ("fct_user_recognition", "fct_talented_unseen_users"):
        assert _rows(settings, f"select count(*) from {table}") == [(0,)]


def test_months_in_any_order_with_late_rows_equal_a_rebuild_to_the_last_digit(tmp_path):
    rng = random.Random(11)
    months = {
        month: [
            (
                month * 100 + i,
                rng.randrange(1, 5),
                rng.randrange(1, 28),
                rng.random(),
                rng.choice([None, None, month + 2]),
            )
            for i in range(40)
        ]
        for month in (1, 2, 3, 5)
    }
    late = [(900 + i, rng.randrange(1, 5), 3, rng.random(), None) for i in range(7)]
    grown = _settings(tmp_path / "grown")
    _write_people(grown)
    for month in (5, 3):
        _write_photos(grown, month, months[month])
    build_models(grown)
    for month, rows in {2: months[2], 3: [*months[3], *late], 1: months[1]}.items():
        _write_photos(grown, month, rows)
    plan = build_warehouse(grown)
    assert (plan.full_refresh, plan.months) == (False, ("2016-01", "2016-02", "2016-03"))

    rebuilt = _settings(tmp_path / "rebuilt")
    _write_people(rebuilt)
    for month, rows in {**months, 3: [*late, *months[3]]}.items():
        _write_photos(rebuilt, month, rows)
    build_models(rebuilt)
    found = _tables(grown)
    assert len(found["int_user_beauty__monthly"]) > 20
    assert found == _tables(rebuilt)


def test_a_killed_writer_leaves_the_published_copy_and_the_next_run_heals(tmp_path):
    settings = _settings(tmp_path)
    _write_people(settings)
    _write_photos(settings, 1, [(1, 1, 5, 0.25, None)])
    build_models(settings)
    before = _rows(settings, "select user_id, photos, beauty from fct_user_beauty")
    _write_photos(settings, 2, [(2, 1, 5, 0.75, None), (3, 2, 5, 0.5, None)])
    for moment in (
        "START sql view model main.stg_lake__users",
        "Batch 1 of 1 START batch 2016-02",
        "START sql table model main.fct_user_beauty_monthly",
    ):
        _kill_build(settings, moment)
        assert _rows(settings, "select user_id, photos, beauty from fct_user_beauty") == before
    assert build_warehouse(settings).months == ("2016-02",)
    found = _rows(settings, "select user_id, photos, beauty from fct_user_beauty order by 1")
    assert found == [(1, 2, 0.5), (2, 1, 0.5)]


def _kill_build(settings, moment):
    """Start a build, and kill it and its dbt as soon as dbt's log tells of the moment."""
    log = artifacts_folder(settings) / "dbt.log"
    log.unlink(missing_ok=True)
    script = (
        "from assets.contracts.settings import Settings; from assets.dbt.build import build_warehouse;"
        "build_warehouse(Settings.from_environment())"
    )
    environment = {**os.environ, "BEAUTYFLOW_HOME": str(settings.home), "BEAUTYFLOW_LAKE": settings.lake_uri}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, start_new_session=True) as build:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (log.exists() and moment in log.read_text()):
            assert build.poll() is None, "the build ended before it could be killed"
            assert time.monotonic() < deadline, f"the build did not come to {moment!r}"
            time.sleep(0.01)
        os.killpg(build.pid, signal.SIGKILL)
