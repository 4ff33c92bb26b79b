import pytest

from assets.contracts.registry import result_tables
from assets.contracts.settings import Settings
from assets.dbt.changes import (
    dated_months,
    forget_build,
    plan_build,
    plan_results,
    project_fingerprint,
    remember_build,
    remember_results,
)


def _catalog(partitions, columns=None):
    files = sorted(name for name in partitions if name.startswith("photos"))
    tables = {"photos": {"columns": columns or {"photo_id": "BIGINT"}, "files": files, "uniform": True}}
    return {"tables": tables, "partitions": partitions}


@pytest.fixture
def settings(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    settings.warehouse.parent.mkdir()
    settings.warehouse.touch()
    settings.published_warehouse.parent.mkdir()
    settings.published_warehouse.touch()
    return settings


BEFORE = {"photos/2016-01": "a", "photos/2016-03": "b", "photos/undated": "c"}


def test_plan_build_first_time_is_full(settings):
    plan = plan_build(settings, _catalog(BEFORE))
    assert (plan.full_refresh, plan.months) == (True, ("2016-01", "2016-03"))


def test_plan_build_without_news_does_nothing(settings):
    remember_build(settings, _catalog(BEFORE))
    plan = plan_build(settings, _catalog(BEFORE))
    assert plan.up_to_date
    assert plan.invocations == []


def test_plan_build_replays_only_what_changed_came_or_went(settings):
    remember_build(settings, _catalog(BEFORE))
    after = {"photos/2016-01": "a", "photos/2016-02": "new", "photos/undated": "c"}
    plan = plan_build(settings, _catalog(after))
    assert (plan.full_refresh, plan.months) == (False, ("2016-02", "2016-03"))


def test_plan_build_for_undated_news_replays_the_last_month(settings):
    remember_build(settings, _catalog(BEFORE))
    plan = plan_build(settings, _catalog(BEFORE | {"photos/undated": "d"}))
    assert (plan.up_to_date, plan.full_refresh, plan.months) == (False, False, ("2016-03",))


def test_plan_build_is_full_when_contracts_change(settings):
    remember_build(settings, _catalog(BEFORE))
    plan = plan_build(settings, _catalog(BEFORE, {"photo_id": "VARCHAR"}))
    assert (plan.full_refresh, plan.reason) == (True, "models or contracts changed")


@pytest.mark.parametrize("lost", ["warehouse", "published_warehouse"])
def test_plan_build_notices_lost_files(settings, lost):
    remember_build(settings, _catalog(BEFORE))
    getattr(settings, lost).unlink()
    plan = plan_build(settings, _catalog(BEFORE))
    assert not plan.up_to_date
    assert plan.full_refresh is (lost == "warehouse")


def test_forget_build_makes_the_next_build_full(settings):
    remember_build(settings, _catalog(BEFORE))
    forget_build(settings)
    assert plan_build(settings, _catalog(BEFORE)).full_refresh


def test_project_fingerprint_changes_with_sources_alone(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.sql").write_text("select 1")
    before = project_fingerprint(tmp_path)
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "a.sql").write_text("compiled")
    assert project_fingerprint(tmp_path) == before
    (tmp_path / "models" / "a.sql").write_text("select 2")
    assert project_fingerprint(tmp_path) != before


RESULT = "beauty_mixing/undated"


def test_news_in_results_leave_marts_up_to_date(settings):
    remember_build(settings, _catalog(BEFORE))
    assert "beauty_mixing" in result_tables()
    assert plan_build(settings, _catalog(BEFORE | {RESULT: "r", "beauty_mixing/2020-01": "r"})).up_to_date
    assert dated_months(_catalog(BEFORE | {"beauty_mixing/2020-01": "r"})) == ("2016-01", "2016-03")


@pytest.mark.parametrize("after", [BEFORE | {RESULT: "s"}, BEFORE | {RESULT: "r", "photos/2016-01": "z"}, BEFORE])
def test_plan_results_notices_news_in_results_and_in_marts(settings, after):
    remember_results(settings, _catalog(BEFORE | {RESULT: "r"}))
    assert plan_results(settings, _catalog(BEFORE | {RESULT: "r"})).up_to_date
    plan = plan_results(settings, _catalog(after))
    assert not plan.up_to_date
    (arguments,) = plan.invocations
    assert arguments[0] == "build"
    assert plan.selection[0] == "--select"
    assert "source:lake.beauty_mixing+" in plan.selection


def test_plan_results_notices_a_lost_copy(settings):
    remember_results(settings, _catalog(BEFORE))
    settings.published_warehouse.unlink()
    assert not plan_results(settings, _catalog(BEFORE)).up_to_date


def test_marts_are_built_without_models_of_results(settings):
    selection = plan_build(settings, _catalog(BEFORE)).selection
    assert selection[0] == "--exclude"
    assert len(selection) == 1 + len(result_tables()) > 1


def test_results_are_built_again_after_any_build_of_marts(settings):
    """The warehouse may be a new file, though the lake, the marts and the published copy are as they were."""
    remember_build(settings, _catalog(BEFORE))
    remember_results(settings, _catalog(BEFORE))
    assert plan_results(settings, _catalog(BEFORE)).up_to_date
    remember_build(settings, _catalog(BEFORE))
    assert not plan_results(settings, _catalog(BEFORE)).up_to_date
