"""Inequality and correlations under Dagster, over a published warehouse of a handful of users."""

import dagster as dg
import duckdb
import pytest

from assets.contracts.lake import Lake
from assets.contracts.users_results import INEQUALITY, LORENZ_CURVES, USER_CORRELATIONS
from assets.resources import LakeResource
from assets.users import assets
from assets.users.assets import InequalitySettings, inequality, user_correlations

TABLES = (INEQUALITY, LORENZ_CURVES, USER_CORRELATIONS)


def _run(lake, published):
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [inequality, user_correlations],
            resources={"lake": LakeResource(uri=lake.uri), "published": published},
            instance=instance,
            run_config=dg.RunConfig(ops={"inequality": InequalitySettings(resamples=40)}),
        )


def _checks(result):
    return {check.check_name: (check.passed, check.severity.value) for check in result.get_asset_check_evaluations()}


@pytest.fixture(scope="module")
def made(tmp_path_factory, published):
    """A lake in which the tables stand, and what the run that made them said."""
    store = Lake(str(tmp_path_factory.mktemp("made") / "lake"))
    return store, _run(store, published)


def test_tables_are_made_and_pass(made):
    _, result = made
    assert len(_checks(result)) == 5
    assert {passed for passed, _ in _checks(result).values()} == {True}
    assert all(len(made[0].commits(contract.key)) == 1 for contract in TABLES)


def test_tables_are_left_alone_until_there_is_news(lake, publish):
    _run(lake, publish())
    commits = {contract.key: lake.commits(contract.key) for contract in TABLES}
    _run(lake, publish())
    assert {key: lake.commits(key) for key in commits} == commits
    _run(lake, publish(239))
    assert all(lake.commits(key) != commits[key] for key in commits)


def test_news_of_old_months_and_of_what_is_not_read_makes_nothing_again(lake, publish):
    published = publish()
    _run(lake, published)
    commits = {contract.key: lake.commits(contract.key) for contract in TABLES}
    _change(published, "update fct_user_months set followers = followers + 1")
    _change(published, f"update fct_user_months set active_weeks_cumulative = 99 where event_month < {_NEWEST}")
    _run(lake, published)
    assert {key: lake.commits(key) for key in commits} == commits
    _change(published, f"update fct_user_months set active_weeks_cumulative = user_id where event_month = {_NEWEST}")
    _run(lake, published)
    assert lake.commits(USER_CORRELATIONS.key) != commits[USER_CORRELATIONS.key]


_NEWEST = "(select max(event_month) from fct_user_months)"


def _change(published, statement):
    with duckdb.connect(published.path) as connection:
        connection.execute(statement)


def test_figures_and_findings_are_shown(made):
    events = made[1].get_asset_materialization_events()
    shown = {event.asset_key.path[-1]: event.materialization.metadata for event in events}
    assert "data:image/png" in shown["inequality"]["gini"].value
    assert "data:image/png" in shown["lorenz_curves"]["curves"].value
    assert "data:image/png" in shown["user_correlations"]["matrix"].value
    assert shown["user_correlations"]["left_out"].value == "nothing"
    assert "followers 0." in shown["inequality"]["finding"].value


def test_without_users_nothing_is_made_and_nothing_stays(lake, publish):
    _run(lake, publish())
    result = _run(lake, publish(0))
    assert result.success
    assert set(_checks(result).values()) == {(False, "WARN")}
    assert all(lake.commits(contract.key) == [] for contract in TABLES)


def test_where_nobody_holds_anything_no_inequality_is_made_and_none_stays(lake, publish):
    published = publish()
    _run(lake, published)
    _change(published, "update dim_users set photos = 0, followers = 0, followees = 0")
    _change(published, "update fct_user_months set favorites_received_cumulative = 0")
    _change(published, "delete from fct_user_beauty")
    result = _run(lake, published)
    reasons = {check.check_name: check.description for check in result.get_asset_check_evaluations()}
    unequal = ("shares_are_nested", "gini_is_the_area_of_its_curve", "curves_lie_under_the_diagonal")
    assert {name: _checks(result)[name] for name in unequal} == dict.fromkeys(unequal, (False, "WARN"))
    assert {reasons[name] for name in unequal} == {
        "no user has beauty, followers, favorites or photos that could be spread unequally"
    }
    assert lake.commits(INEQUALITY.key) == lake.commits(LORENZ_CURVES.key) == []


@pytest.mark.parametrize(
    ("function", "check"),
    [
        ("broken_statistics", "shares_are_nested"),
        ("disagreeing_areas", "gini_is_the_area_of_its_curve"),
        ("broken_curves", "curves_lie_under_the_diagonal"),
        ("miscounted_pairs", "pairs_of_measures_occur_once"),
        ("broken_correlations", "correlations_lie_in_their_intervals"),
    ],
)
def test_what_is_wrong_fails_its_check_alone(made, published, monkeypatch, function, check):
    monkeypatch.setattr(assets, function, lambda *_: ["photos"])
    checks = _checks(_run(made[0], published))
    assert {name for name, found in checks.items() if not found[0]} == {check}
    assert checks[check] == (False, "ERROR")


def test_a_check_of_no_rows_is_red():
    assert assets._all_but([], 0) == (False, "there is nothing to look at")
