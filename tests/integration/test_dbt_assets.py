"""The dbt assets under Dagster: lineage from the lake, checks, publication, and a second run without news."""

import time
from datetime import UTC, datetime

import dagster as dg
import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.mixing import REWIRING_MIXING
from assets.contracts.registry import all_contracts, result_tables
from assets.contracts.settings import Settings
from assets.dbt.assets import warehouse, warehouse_results
from assets.dbt.build import build_warehouse
from assets.dbt.query import run_query
from assets.resources import LakeResource

UPLOADED = datetime(2016, 1, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    return Settings.from_environment()


def _write(settings, contract, row):
    Lake(settings.lake_uri).write(contract, "2016-01", pa.Table.from_pylist([row], schema=contract.schema))


def _upstream(multi_asset):
    return {key.to_user_string() for keys in multi_asset.asset_deps.values() for key in keys}


def test_lake_tables_are_upstream_of_the_marts_and_no_key_is_foreign():
    assert set(all_contracts()) - result_tables() <= _upstream(warehouse)
    assert warehouse.op.pool == warehouse_results.op.pool == "warehouse"
    specs = {spec.key.to_user_string(): spec for spec in warehouse.specs}
    assert specs["fct_user_beauty"].group_name == "marts_user_beauty"
    assert specs["stg_lake__photos"].group_name == "staging"
    assert all(spec.owners == ["team:beautyflow"] and spec.description for spec in specs.values())
    assert {check.asset_key.to_user_string() for check in warehouse.check_specs} <= set(specs)


def test_materializing_publishes_and_repeats_nothing(settings):
    _write(settings, USERS, {"user_id": 1, "joined_at": UPLOADED, "opted_in": True})
    _write(settings, PHOTOS, {"photo_id": 1, "user_id": 1, "uploaded_at": UPLOADED, "is_public": True, "uri": ""})
    score = {"photo_id": 1, "model_version": "ready", "preprocessing_hash": "none", "beauty": 0.75}
    _write(settings, SCORES, {**score, "uploaded_at": UPLOADED})
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.materialize([warehouse], resources={"lake": LakeResource()}, instance=instance)
        assert first.success
        made = {m.asset_key.path[-1]: m.metadata for m in first.asset_materializations_for_node("warehouse")}
        assert made["fct_user_beauty"]["dagster/row_count"].value == 1
        assert "beauty_of_users" in made["fct_user_beauty"]
        checks = first.get_asset_check_evaluations()
        assert len(checks) > 50
        assert all(check.passed for check in checks)
        assert "community_has_users_or_photos_or_links" in {check.check_name for check in checks}
        assert run_query(settings, "select beauty from fct_user_beauty")[1] == [(0.75,)]

        published = settings.published_warehouse.stat()
        started = time.monotonic()
        second = dg.materialize([warehouse], resources={"lake": LakeResource()}, instance=instance)
        assert time.monotonic() - started < 10
        assert settings.published_warehouse.stat() == published
        again = {m.asset_key.path[-1]: m.metadata for m in second.asset_materializations_for_node("warehouse")}
        assert again["fct_user_beauty"]["dagster/row_count"].value == 1
        assert again["fct_user_beauty"]["unchanged"].value is True


def test_a_failing_data_test_fails_the_run_and_publishes_nothing(settings):
    result = dg.materialize([warehouse], resources={"lake": LakeResource()}, raise_on_error=False)
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert "community_has_users_or_photos_or_links" in str(failure.event_specific_data)
    assert not settings.published_warehouse.exists()


def test_tables_computed_from_marts_are_upstream_of_models_of_results_alone():
    assert result_tables()
    assert result_tables() <= _upstream(warehouse_results)
    assert not result_tables() & _upstream(warehouse)
    assert "stg_lake__beauty_mixing" in {spec.key.to_user_string() for spec in warehouse_results.specs}
    assert not {spec.key for spec in warehouse_results.specs} & {spec.key for spec in warehouse.specs}


def test_results_are_shown_after_the_marts_and_make_nothing_of_them_again(settings):
    _write(settings, USERS, {"user_id": 1, "joined_at": UPLOADED, "opted_in": True})
    resources = {"lake": LakeResource()}
    with dg.DagsterInstance.ephemeral() as instance:
        assert dg.materialize([warehouse], resources=resources, instance=instance).success
        row = {"swaps_per_link": 1.0, "kept": 0.5, "assortativity": None}
        lake = Lake(settings.lake_uri)
        lake.write(REWIRING_MIXING, "undated", pa.Table.from_pylist([row], schema=REWIRING_MIXING.schema))
        shown = dg.materialize([warehouse_results], resources=resources, instance=instance)
        assert shown.success
        checks = [check for check in shown.get_asset_check_evaluations() if "rewiring_mixing" in str(check.asset_key)]
        assert checks
        assert all(check.passed for check in checks)
        assert run_query(settings, "select kept from stg_lake__rewiring_mixing")[1] == [(0.5,)]
        published = settings.published_warehouse.stat()
        both = dg.materialize([warehouse, warehouse_results], resources=resources, instance=instance)
        assert both.success
        assert settings.published_warehouse.stat() == published


def test_a_second_build_without_dagster_shows_new_results_alone(settings):
    _write(settings, USERS, {"user_id": 1, "joined_at": UPLOADED, "opted_in": True})
    build_warehouse(settings)
    row = {"swaps_per_link": 1.0, "kept": 0.5, "assortativity": None}
    lake = Lake(settings.lake_uri)
    lake.write(REWIRING_MIXING, "undated", pa.Table.from_pylist([row], schema=REWIRING_MIXING.schema))
    assert build_warehouse(settings).up_to_date
    assert run_query(settings, "select kept from stg_lake__rewiring_mixing")[1] == [(0.5,)]
    published = settings.published_warehouse.stat()
    build_warehouse(settings)
    assert settings.published_warehouse.stat() == published
