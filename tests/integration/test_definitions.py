"""What Dagster is told: every asset explains itself, and schedule and sensors start the right runs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets import automation
from assets.community.publishing import published_tables
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, TRAINING_SET
from assets.contracts.table import TableContract
from assets.definitions import build_defs

PUBLISHED = [*published_tables(), TRAINING_SET, BEAUTY_MODELS, SCORES]
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build_defs()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def instance_on_disk(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A schedule asks for its instance by reference, which one in memory does not have."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened


# ---- assets ----


def test_definitions_load_with_all_jobs_and_triggers(definitions):
    dg.Definitions.validate_loadable(definitions)
    names = {job.name for job in automation.JOBS}
    assert names == {
        "land_community",
        "build_community",
        "nightly_increment",
        "evaluate_beauty",
        "pretrain_objects",
        "vacuum_lake",
    }
    assert all(definitions.resolve_job_def(name).executor_def is dg.in_process_executor for name in names)
    assert definitions.resolve_schedule_def("nightly").job_name == "nightly_increment"
    assert definitions.resolve_schedule_def("weekly_vacuum").job_name == "vacuum_lake"
    assert definitions.resolve_sensor_def("landing_folder").job_name == "land_community"
    assert definitions.resolve_sensor_def("landed_months").job_name == "nightly_increment"


@pytest.mark.parametrize("contract", PUBLISHED, ids=lambda contract: contract.key)
def test_published_table_is_an_asset_with_its_columns(definitions, contract: TableContract):
    graph = definitions.resolve_asset_graph()
    node = graph.get(dg.AssetKey(contract.key))
    schema = node.metadata["dagster/column_schema"]
    assert [(column.name, column.type) for column in schema.columns] == [
        (column.name, str(column.type)) for column in contract.columns
    ]
    assert all(column.description for column in schema.columns)
    assert node.check_keys


def test_every_asset_explains_itself(definitions):
    graph = definitions.resolve_asset_graph()
    nodes = [graph.get(key) for key in graph.materializable_asset_keys]
    assert len(nodes) > 30
    silent = [
        node.key.to_user_string()
        for node in nodes
        if not (node.description and node.owners == ["team:beautyflow"] and node.kinds)
        or node.group_name in (None, "default")
    ]
    assert silent == []


def test_a_refused_month_stops_nothing_and_is_told_by_a_step_that_nothing_waits_for(definitions):
    graph = definitions.resolve_asset_graph()
    tables = {dg.AssetKey(table.key) for table in published_tables()}
    checks = [graph.get(check) for key in tables for check in graph.get(key).check_keys]
    assert len(checks) > 100
    assert not [check.key for check in checks if check.blocking]
    told = graph.get(dg.AssetKey("refused_months"))
    assert told.parent_keys == tables
    assert told.child_keys == set()
    for job in ("build_community", "nightly_increment"):
        assert told.key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys


def test_no_two_writers_of_one_thing_run_at_once(definitions):
    graph = definitions.resolve_asset_graph()
    pools = {key.to_user_string(): graph.get(key).pools for key in graph.materializable_asset_keys}
    assert pools["landing"] == {"landing"}
    assert pools["scores"] == pools["beauty_model"] == pools["beauty_cross_validation"] == {"gpu"}
    assert pools["fct_user_beauty"] == pools["dim_users"] == {"warehouse"}


def test_backfills_are_one_run(definitions):
    graph = definitions.resolve_asset_graph()
    by_month = [node for key in graph.materializable_asset_keys if (node := graph.get(key)).partitions_def]
    assert {node.key.to_user_string() for node in by_month} >= {"users", "photos", "favorites", "scores"}
    assert {node.backfill_policy for node in by_month} == {dg.BackfillPolicy.single_run()}


# ---- the nightly schedule ----


def _nightly(instance: dg.DagsterInstance, now: datetime) -> list[tuple[str | None, str | None]]:
    """Month and run key of every run that is asked for."""
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=now)
    asked = [each for each in automation.nightly(context) if isinstance(each, dg.RunRequest)]
    return [(request.partition_key, request.run_key) for request in asked]


def test_nightly_asks_for_the_open_month(instance_on_disk):
    instance_on_disk.add_dynamic_partitions("months", ["2016-01", "2016-02", "2016-03", "undated"])
    assert _nightly(instance_on_disk, datetime(2016, 3, 4, 2, 30, tzinfo=UTC)) == [("2016-03", "2016-03@2016-03-04")]


@pytest.mark.parametrize("day", [1, 2, 3])
def test_nightly_asks_for_late_comers_in_the_first_days_of_a_month(instance_on_disk, day):
    instance_on_disk.add_dynamic_partitions("months", ["2015-12", "2016-01"])
    asked = _nightly(instance_on_disk, datetime(2016, 1, day, 2, 30, tzinfo=UTC))
    assert asked == [("2015-12", f"2015-12@2016-01-0{day}"), ("2016-01", f"2016-01@2016-01-0{day}")]


def test_nightly_skips_a_month_that_has_not_landed(instance_on_disk):
    instance_on_disk.add_dynamic_partitions("months", ["2016-01"])
    assert _nightly(instance_on_disk, datetime(2016, 2, 10, 2, 30, tzinfo=UTC)) == []
    assert _nightly(instance_on_disk, datetime(2016, 2, 2, 2, 30, tzinfo=UTC)) == [("2016-01", "2016-01@2016-02-02")]


# ---- the sensor of the landing folder ----


def _look(instance: dg.DagsterInstance, cursor: str | None) -> tuple[int, str | None]:
    """Runs that one look asks for, and the cursor for the next."""
    tick = automation.landing_folder.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor))
    return len(tick.run_requests or []), tick.cursor


def test_landing_folder_starts_a_run_once_files_are_at_rest(instance, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    runs, cursor = _look(instance, None)
    assert runs == 0
    file = tmp_path / "landing" / "club" / "users.csv"
    file.parent.mkdir(parents=True)
    for content in ("user_id\n1", "user_id\n1\n2"):  # half-copied: it changes between two looks
        file.write_text(content)
        runs, cursor = _look(instance, cursor)
        assert runs == 0
    started, cursor = _look(instance, cursor)
    again, cursor = _look(instance, cursor)
    assert (started, again) == (1, 0)
    file.write_text("user_id\n1\n2\n3\n")
    changed, cursor = _look(instance, cursor)
    at_rest, cursor = _look(instance, cursor)
    assert (changed, at_rest) == (0, 1)


def test_landing_folder_does_not_wait_for_files_named_unfinished(instance, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    (tmp_path / "landing" / "club").mkdir(parents=True)
    (tmp_path / "landing" / "club" / "photos.csv.part").write_text("photo_id\n1")
    runs, cursor = _look(instance, None)
    assert (runs, _look(instance, cursor)[0]) == (0, 0)


# ---- the sensor of landed months ----


def _land(instance: dg.DagsterInstance, changed: list[str]) -> None:
    @dg.asset(name="landing")
    def landing() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"changed_months": changed})

    assert dg.materialize([landing], instance=instance).success


def _asked(
    instance: dg.DagsterInstance, definitions: dg.Definitions, cursor: str | None = None
) -> tuple[list[tuple[str, str]], str | None]:
    """Ranges of months that the sensor asks for, and where it looks from the next time."""
    context = dg.build_sensor_context(instance, definitions=definitions, cursor=cursor)
    tick = automation.landed_months.evaluate_tick(context)
    ranges = [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in tick.run_requests or []]
    return ranges, tick.cursor


def test_landed_months_asks_for_one_run_per_stretch_of_changed_months(instance, definitions):
    instance.add_dynamic_partitions("months", ["2015-11", "2015-12", "2016-01", "2016-02", "2016-03", "undated"])
    _land(instance, ["2015-11", "2015-12", "2016-02", "undated"])
    asked, _ = _asked(instance, definitions)
    assert asked == [("2015-11", "2015-12"), ("2016-02", "2016-02"), ("undated", "undated")]


def test_landed_months_makes_up_for_landings_between_two_looks_and_asks_once(instance, definitions):
    instance.add_dynamic_partitions("months", ["2015-11", "2016-01", "2016-02"])
    _land(instance, ["2015-11"])
    first, cursor = _asked(instance, definitions)
    for changed in (["2016-01"], ["2016-02"], []):
        _land(instance, changed)
    second, cursor = _asked(instance, definitions, cursor)
    third, _ = _asked(instance, definitions, cursor)
    assert (first, second, third) == ([("2015-11", "2015-11")], [("2016-01", "2016-02")], [])


def test_landed_months_asks_for_nothing_where_nothing_changed(instance, definitions):
    instance.add_dynamic_partitions("months", ["2015-11"])
    _land(instance, [])
    assert _asked(instance, definitions)[0] == []
