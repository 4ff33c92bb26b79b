import dagster as dg
import pytest

from assets.contracts.settings import Settings
from assets.dbt import assets as under_test
from assets.dbt.assets import WarehouseConfig, _build, _chosen
from assets.dbt.changes import BuildPlan

EVERYTHING = ("2016-01", "2016-02", "2016-03")
UP_TO_DATE = BuildPlan("no news", up_to_date=True)
NEWS = BuildPlan("news", months=("2016-03",))


def test_chosen_by_default_is_what_changed():
    assert _chosen(WarehouseConfig(), NEWS, EVERYTHING) is NEWS
    assert _chosen(WarehouseConfig(), UP_TO_DATE, EVERYTHING) is UP_TO_DATE


def test_chosen_months_come_on_top_of_what_changed():
    plan = _chosen(WarehouseConfig(months=["2016-01"]), NEWS, EVERYTHING)
    assert (plan.up_to_date, plan.full_refresh, plan.months) == (False, False, ("2016-01", "2016-03"))


def test_chosen_full_refresh_replays_all_months_whatever_changed():
    for config in (WarehouseConfig(full_refresh=True), WarehouseConfig(full_refresh=True, months=["2016-02"])):
        for plan in (UP_TO_DATE, NEWS):
            chosen = _chosen(config, plan, EVERYTHING)
            assert (chosen.up_to_date, chosen.full_refresh, chosen.months) == (False, True, EVERYTHING)


def _build_over(monkeypatch, tmp_path, events):
    monkeypatch.setattr(under_test, "stream_dbt", lambda *_: events())
    return _build(dg.build_asset_context(), Settings(tmp_path, str(tmp_path)), NEWS)


def test_build_can_be_closed_in_between(monkeypatch, tmp_path):
    def events():
        yield dg.Output(None, output_name="fct_user_beauty")
        yield "a check"
        yield "another check"

    built = _build_over(monkeypatch, tmp_path, events)
    assert next(built) == "a check"
    built.close()
    assert list(built) == []


def test_build_yields_what_was_made_before_it_fails(monkeypatch, tmp_path):
    made = dg.Output(None, output_name="fct_user_beauty")

    def events():
        yield made
        raise RuntimeError("dbt failed")

    built = _build_over(monkeypatch, tmp_path, events)
    assert next(built) is made
    with pytest.raises(RuntimeError, match="dbt failed"):
        next(built)
