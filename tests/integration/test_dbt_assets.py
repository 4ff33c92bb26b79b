"""The dbt assets under Dagster: lineage from the lake, checks, publication, and a second run without news."""

from dataclasses import dataclass
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
from assets.dbt.build import artifacts_folder, build_warehouse
from assets.dbt.query import run_query
from assets.resources import LakeResource

UPLOADED = datetime(2016, 1, 5, tzinfo=UTC)
RESOURCES = {"lake": LakeResource()}


@pytest.fixture
def settings(tmp_path, monkeypatch):
    return _at(tmp_path, monkeypatch)


def _at(home, monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(home))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    return Settings.from_environment()


@dataclass(frozen=True)
class Made:
    """Where Dagster has made the marts of one scored photo, and what it said."""

    settings: Settings
    instance: dg.DagsterInstance
    result: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        settings = _at(tmp_path_factory.mktemp("made"), patch)
        _write(settings, USERS, {"user_id": 1, "joined_at": UPLOADED, "opted_in": True})
        _write(settings, PHOTOS, {"photo_id": 1, "user_id": 1, "uploaded_at": UPLOADED, "is_public": True, "uri": ""})
        score = {"photo_id": 1, "model_version": "ready", "preprocessing_hash": "none", "beauty": 0.75}
        _write(settings, SCORES, {**score, "uploaded_at": UPLOADED})
        yield Made(settings, instance, dg.materialize([warehouse], resources=RESOURCES, instance=instance))


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


def _metadata(result):
    return {made.asset_key.path[-1]: made.metadata for made in result.asset_materializations_for_node("warehouse")}


def test_materializing_publishes_and_repeats_nothing(made):
    settings = made.settings
    assert made.result.success
    beauty = _metadata(made.result)["fct_user_beauty"]
    assert beauty["dagster/row_count"].value == 1
    assert "data:image/png" in beauty["figure"].value
    checks = made.result.get_asset_check_evaluations()
    assert len(checks) > 50
    assert all(check.passed for check in checks)
    assert "community_has_users_or_photos_or_links" in {check.check_name for check in checks}
    assert run_query(settings, "select beauty from fct_user_beauty")[1] == [(0.75,)]

    files = (settings.published_warehouse, artifacts_folder(settings) / "run_results.json")
    before = [file.stat() for file in files]
    second = dg.materialize([warehouse], resources=RESOURCES, instance=made.instance)
    assert [file.stat() for file in files] == before, "a run without news must not start dbt"
    again = _metadata(second)["fct_user_beauty"]
    assert again["dagster/row_count"].value == 1
    assert again["unchanged"].value is True


def test_a_failing_data_test_fails_the_run_and_publishes_nothing(settings):
    result = dg.materialize([warehouse], resources=RESOURCES, raise_on_error=False)
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


def _write_result(settings, kept):
    row = {"swaps_per_link": 1.0, "kept": kept, "assortativity": None}
    lake = Lake(settings.lake_uri)
    lake.write(REWIRING_MIXING, "undated", pa.Table.from_pylist([row], schema=REWIRING_MIXING.schema))


def test_results_are_shown_after_the_marts_and_make_nothing_of_them_again(made):
    assert made.result.success
    settings = made.settings
    _write_result(settings, kept=0.5)
    shown = dg.materialize([warehouse_results], resources=RESOURCES, instance=made.instance)
    assert shown.success
    checks = [check for check in shown.get_asset_check_evaluations() if "rewiring_mixing" in str(check.asset_key)]
    assert checks
    assert all(check.passed for check in checks)
    assert run_query(settings, "select kept from stg_lake__rewiring_mixing")[1] == [(0.5,)]
    published = settings.published_warehouse.stat()
    both = dg.materialize([warehouse, warehouse_results], resources=RESOURCES, instance=made.instance)
    assert both.success
    assert settings.published_warehouse.stat() == published


def test_a_second_build_without_dagster_shows_new_results_alone(made):
    settings = made.settings
    build_warehouse(settings)
    _write_result(settings, kept=0.25)
    assert build_warehouse(settings).up_to_date
    assert run_query(settings, "select kept from stg_lake__rewiring_mixing")[1] == [(0.25,)]
    published = settings.published_warehouse.stat()
    build_warehouse(settings)
    assert settings.published_warehouse.stat() == published
