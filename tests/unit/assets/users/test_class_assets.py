"""Classes and survival under Dagster, over a published warehouse of three planted classes."""

import dagster as dg
import pytest

from assets.contracts.lake import Lake
from assets.contracts.users_results import CLASS_SURVIVAL, USER_CLASSES
from assets.resources import LakeResource
from assets.users import class_assets, survival
from assets.users.class_assets import (
    _CLASS_TABLES,
    _SURVIVAL_TABLES,
    CLASS_CHECKS,
    SURVIVAL_CHECKS,
    ClassSettings,
    SurvivalSettings,
    class_survival,
    user_classes,
)

TABLES = (*_CLASS_TABLES, *_SURVIVAL_TABLES)
CONFIG = dg.RunConfig(ops={"user_classes": ClassSettings(most_classes=4, refits=4, clouds=4)})


def _run(lake, published, config=CONFIG):
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [user_classes, class_survival],
            resources={"lake": LakeResource(uri=lake.uri), "published": published},
            instance=instance,
            run_config=config,
        )


def _checks(result):
    return {check.check_name: (check.passed, check.severity.value) for check in result.get_asset_check_evaluations()}


@pytest.fixture(scope="module")
def made(tmp_path_factory, published):
    """A lake in which the tables stand, and what the run that made them said."""
    store = Lake(str(tmp_path_factory.mktemp("made") / "lake"))
    return store, _run(store, published)


def test_planted_classes_are_found_named_and_followed(made):
    lake, result = made
    assert len(_checks(result)) == 7
    assert {passed for passed, _ in _checks(result).values()} == {True}
    classes = lake.read(USER_CLASSES).to_pylist()
    kinds = {row["user_id"] % 3: row["class_name"] for row in classes}
    assert kinds == {0: "barely active", 1: "talented and unseen", 2: "popular"}
    assert sum(kinds[row["user_id"] % 3] == row["class_name"] for row in classes) > 0.98 * len(classes)


def test_tables_are_left_alone_without_news(made, published):
    lake, _ = made
    commits = {contract.key: lake.commits(contract.key) for contract in TABLES}
    assert all(len(found) == 1 for found in commits.values())
    _run(lake, published)
    assert {key: lake.commits(key) for key in commits} == commits


def test_classes_at_the_landmark_are_made_with_the_seed_of_the_asset(lake, publish, monkeypatch):
    seeds, classify = [], survival.classify
    monkeypatch.setattr(
        survival, "classify", lambda *arguments: seeds.append(arguments[-1].seed) or classify(*arguments)
    )
    published, commits = publish(90), []
    for settings in (SurvivalSettings(), SurvivalSettings(seed=5)):
        _run(lake, published, dg.RunConfig(ops={**CONFIG.ops, "class_survival": settings}))
        commits.append(lake.commits(CLASS_SURVIVAL.key))
    assert seeds == [0, 5]
    assert commits[0] != commits[1]


def test_figures_and_findings_are_shown(made):
    events = made[1].get_asset_materialization_events()
    shown = {event.asset_key.path[-1]: event.materialization.metadata for event in events}
    for table, figure in (
        ("user_classes", "sizes"),
        ("user_class_profiles", "profile"),
        ("class_evidence", "evidence"),
        ("class_survival", "whole_history"),
        ("class_survival", "landmark"),
        ("class_survival_medians", "medians"),
        ("class_survival_tests", "p_values"),
    ):
        assert "data:image/png" in shown[table][figure].value
    assert shown["class_evidence"]["finding"].value.startswith("3 classes, further apart than one cloud")
    assert shown["class_survival"]["finding"].value.startswith("Still there 365 days after the landmark: ")


def test_with_too_few_users_nothing_is_made_and_nothing_stays(lake, publish):
    _run(lake, publish(90))
    assert all(lake.commits(contract.key) for contract in TABLES)
    for users in (49, 0):
        result = _run(lake, publish(users))
        assert result.success
        assert set(_checks(result).values()) == {(False, "WARN")}
        assert all(lake.commits(contract.key) == [] for contract in TABLES)


@pytest.mark.parametrize(
    ("module", "function", "value", "check"),
    [
        (class_assets, "misplaced_users", "users differ", CLASS_CHECKS["user_classes"][0]),
        (class_assets, "broken_profiles", "shares", CLASS_CHECKS["user_class_profiles"][0]),
        (class_assets, "broken_evidence", "none is chosen", CLASS_CHECKS["class_evidence"][0]),
        (survival, "broken_survival", ["a"], SURVIVAL_CHECKS["class_survival"][0][0]),
        (survival, "uncounted_users", "3 users", SURVIVAL_CHECKS["class_survival"][1][0]),
        (survival, "broken_medians", ["a"], SURVIVAL_CHECKS["class_survival_medians"][0][0]),
        (survival, "broken_tests", ["a"], SURVIVAL_CHECKS["class_survival_tests"][0][0]),
    ],
)
def test_what_is_wrong_fails_its_check_alone(made, published, monkeypatch, module, function, value, check):
    monkeypatch.setattr(module, function, lambda *_: value)
    checks = _checks(_run(made[0], published))
    assert {name for name, found in checks.items() if not found[0]} == {check}
    assert checks[check] == (False, "ERROR")


def test_a_check_of_no_rows_is_red():
    found = class_assets._result(USER_CLASSES, 0, {CLASS_CHECKS["user_classes"][0]: ""}).check_results[0]
    assert (found.passed, found.description) == (False, "there is nothing to look at")
