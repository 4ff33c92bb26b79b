"""The matching experiments under Dagster, and each of their checks with one bad row."""

import copy
import shutil
from datetime import date

import dagster as dg
import duckdb
import pyarrow as pa
import pytest

from assets.causal import experiment_checks as checks
from assets.causal.assets import CHECKS, TABLES, ExperimentSettings, matching_experiments
from assets.causal.experiment_checks import WHERE_NOTHING_IS
from assets.causal.experiment_figures import doses_shown
from assets.causal.experiments import EXPERIMENTS
from assets.causal.group_assets import CHECKS as GROUP_CHECKS
from assets.causal.group_assets import TABLES as GROUP_TABLES
from assets.causal.group_assets import ForestSettings, effect_heterogeneity
from assets.causal.group_tables import unjudged_forests
from assets.causal.staying import rising_curves
from assets.contracts.community import EDGES
from assets.contracts.experiments import (
    DOSE_RESPONSES,
    EFFECT_GROUPS,
    EXPERIMENT_BALANCE,
    EXPERIMENT_BOUNDS,
    EXPERIMENT_DROPPED,
    EXPERIMENT_EFFECTS,
    EXPERIMENT_SURVIVAL,
    EXPERIMENT_TRAJECTORIES,
    FOREST_CALIBRATION,
    MATCHING_EXPERIMENTS,
)
from assets.contracts.lake import Lake
from assets.contracts.network import USER_GRAPH_METRICS
from assets.contracts.table import UNDATED
from assets.contracts.users_results import USER_CLASSES
from assets.resources import LakeResource
from tests.unit.assets.causal.test_experiments import PLANTED
from tests.unit.assets.causal.windows import publish_windows

CONFIG = dg.RunConfig(
    ops={"matching_experiments": ExperimentSettings(shuffles=1), "effect_heterogeneity": ForestSettings(trees=20)}
)
ALL_TABLES = (*TABLES, *GROUP_TABLES)


def _run(lake, published):
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            [matching_experiments, effect_heterogeneity],
            resources={"lake": LakeResource(uri=lake.uri), "published": published},
            instance=instance,
            run_config=CONFIG,
        )


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return publish_windows(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def made(tmp_path_factory, published):
    """A lake in which the tables stand, and what the run that made them said."""
    lake = Lake(str(tmp_path_factory.mktemp("made") / "lake"))
    links = [{"follower_id": user, "followee_id": user % 400 + 1} for user in range(1, 400, 5)]
    lake.write(EDGES, UNDATED, EDGES.conform(pa.Table.from_pylist(links, EDGES.schema)), code_version="1", inputs={})
    classes = [{"user_id": u, "class_number": u % 2 + 1, "class_name": f"class {u % 2}"} for u in range(1, 401)]
    lake.write(USER_CLASSES, UNDATED, pa.Table.from_pylist(classes, USER_CLASSES.schema), code_version="1", inputs={})
    return lake, _run(lake, published)


@pytest.fixture
def rows(made):
    lake, _ = made
    return {contract: copy.deepcopy(lake.read(contract).to_pylist()) for contract in ALL_TABLES}


def test_all_tables_are_made_and_all_checks_pass(made, rows):
    _, result = made
    found = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert set(found) == {*CHECKS, *(name for name, _ in GROUP_CHECKS.values())}
    assert all(found.values()), found
    verdicts = {row["experiment"]: row["verdict"] for row in rows[MATCHING_EXPERIMENTS]}
    assert {verdicts[name] for name in PLANTED} == {"found"}
    assert set(verdicts) == {one.name for one in EXPERIMENTS}
    kinds = {row["kind"] for row in rows[EXPERIMENT_EFFECTS]}
    assert {"month", "outcome", "design", "units", "without period", *WHERE_NOTHING_IS} == kinds
    linked = [r for r in rows[EXPERIMENT_EFFECTS] if r["name"] == "without comparisons linked to the treated"]
    assert len(linked) == len(EXPERIMENTS)
    assert {row["grouping"] for row in rows[EFFECT_GROUPS]} == {"experience", "user_class", "predicted"}
    pictures = [
        name
        for event in result.get_asset_materialization_events()
        for name, value in event.materialization.metadata.items()
        if "data:image/png" in str(getattr(value, "value", ""))
    ]
    drawn = len(EXPERIMENTS)
    stays, doses = (sum(map(bool, (getattr(one, name) for one in EXPERIMENTS))) for name in ("follows_staying", "dose"))
    of_all = ["effects", "figure", "slopes", "shares", "p_values"]
    assert len(pictures) == len(of_all) + 3 * drawn + stays + doses
    assert set(of_all) <= set(pictures)


def test_nothing_is_made_again_without_news(made, published):
    lake, _ = made
    commits = {contract.key: lake.commits(contract.key) for contract in ALL_TABLES}
    assert all(len(found) == 1 for found in commits.values())
    _run(lake, published)
    assert {key: lake.commits(key) for key in commits} == commits


def test_groups_are_made_again_when_classes_or_the_graph_change(tmp_path, made, published):
    first, _ = made
    lake = Lake(str(shutil.copytree(first.uri, tmp_path / "lake")))
    classes = [{"user_id": u, "class_number": 1, "class_name": "everybody"} for u in range(1, 401)]
    lake.write(USER_CLASSES, UNDATED, pa.Table.from_pylist(classes, USER_CLASSES.schema), code_version="2", inputs={})
    nothing = dict.fromkeys(USER_GRAPH_METRICS.schema.names, 0) | {"snapshot_month": date(2015, 1, 1)}
    cores = [{**nothing, "user_id": user, "core": user % 7} for user in range(1, 401)]
    table = pa.Table.from_pylist(cores, USER_GRAPH_METRICS.schema)
    lake.write(USER_GRAPH_METRICS, "2015-01", table, code_version="1", inputs={})
    _run(lake, published)
    assert lake.commits(MATCHING_EXPERIMENTS.key) == first.commits(MATCHING_EXPERIMENTS.key)
    (commit,) = lake.commits(EFFECT_GROUPS.key)
    assert {"user_classes/undated", "user_graph_metrics/2015-01"} <= set(commit.inputs)
    groups = lake.read(EFFECT_GROUPS).to_pylist()
    assert {row["group_name"] for row in groups if row["grouping"] == "user_class"} == {"everybody"}
    assert "core" in {row["grouping"] for row in groups}


def test_without_user_months_there_is_a_reason_and_no_table(tmp_path, made):
    published = publish_windows(tmp_path, users=2)
    with duckdb.connect(published.path) as connection:
        connection.execute("delete from fct_user_month_windows")
    lake = Lake(str(tmp_path / "lake"))
    result = _run(lake, published)
    found = result.get_asset_check_evaluations()
    assert {check.severity.value for check in found} == {"WARN"}
    assert not any(check.passed for check in found)
    assert not any(lake.partitions(contract.key) for contract in ALL_TABLES)


def test_a_result_with_a_failing_placebo_must_not_be_credible(rows):
    experiments, effects = rows[MATCHING_EXPERIMENTS], rows[EXPERIMENT_EFFECTS]
    assert not checks.wrong_verdicts(experiments, effects)
    placebo = next(row for row in effects if row["kind"] == "placebo outcome")
    placebo["p_value"] = 1e-6
    assert placebo["experiment"] in checks.wrong_verdicts(experiments, effects)


def test_an_unbalanced_result_must_not_be_credible_and_is_told(rows):
    experiments, effects = rows[MATCHING_EXPERIMENTS], rows[EXPERIMENT_EFFECTS]
    experiments[0]["smd_after"] = 0.2
    assert "is called found" in checks.wrong_verdicts(experiments, effects)
    experiments[0] |= {"verdict": "not credible", "objections": "not balanced"}
    assert not checks.wrong_verdicts(experiments, effects)
    assert checks.not_credible(experiments) == f"{experiments[0]['experiment']}: not balanced"


def _effect_outside(rows):
    rows[EXPERIMENT_EFFECTS][0]["effect"] = 9.0
    return checks.misplaced_effects(rows[EXPERIMENT_EFFECTS], "kind", "name")


def _no_effect_without_reason(rows):
    rows[EXPERIMENT_EFFECTS][0] |= {"effect": None, "lower": None, "reason": ""}
    return checks.misplaced_effects(rows[EXPERIMENT_EFFECTS], "kind", "name")


def _other_balance(rows):
    for row in rows[EXPERIMENT_BALANCE]:
        row["smd_after"] = 0.5
    return checks.uneven_balance(rows[EXPERIMENT_BALANCE], rows[MATCHING_EXPERIMENTS])


def _no_balance(rows):
    return checks.uneven_balance([], rows[MATCHING_EXPERIMENTS])


def _lost_unit(rows):
    rows[MATCHING_EXPERIMENTS][0]["matched_treated"] -= 1
    return checks.lost_units(rows[EXPERIMENT_DROPPED], rows[MATCHING_EXPERIMENTS])


def _narrower_bound(rows):
    rows[EXPERIMENT_BOUNDS][-1] |= {"effect_lower": 0.0, "effect_upper": 0.0, "p_upper": 0.0}
    return checks.narrowing_bounds(rows[EXPERIMENT_BOUNDS])


def _apart(rows):
    for row in rows[EXPERIMENT_TRAJECTORIES]:
        if row["arm"] == "treated" and row["relative_month"] == -1:
            row |= {"lower": 1e3, "upper": 2e3}
    return checks.apart_before(rows[EXPERIMENT_TRAJECTORIES])


def _risen(rows):
    rows[EXPERIMENT_SURVIVAL][-1]["survival"] = 1.0
    return rising_curves(rows[EXPERIMENT_SURVIVAL])


def _second_reference(rows):
    for row in rows[DOSE_RESPONSES]:
        row["is_reference"] = True
    return checks.without_reference(rows[DOSE_RESPONSES])


def _group_without_effect(rows):
    rows[EFFECT_GROUPS][0] |= {"effect": None, "lower": None, "reason": ""}
    return checks.misplaced_effects(rows[EFFECT_GROUPS], "grouping", "group_name")


def _unjudged(rows):
    groups = [row for row in rows[EFFECT_GROUPS] if row["grouping"] != "predicted"]
    return unjudged_forests(rows[FOREST_CALIBRATION], groups)


@pytest.mark.parametrize(
    "bad_row",
    [
        _effect_outside,
        _no_effect_without_reason,
        _other_balance,
        _no_balance,
        _lost_unit,
        _narrower_bound,
        _apart,
        _risen,
        _second_reference,
        _group_without_effect,
        _unjudged,
    ],
)
def test_one_bad_row_turns_its_check_red(rows, bad_row):
    assert bad_row(rows)


def test_core_numbers_are_those_of_the_month_before(made):
    from assets.causal.heterogeneity import cores_of

    schema = USER_GRAPH_METRICS.schema
    cores = pa.Table.from_pylist(
        [
            {"snapshot_month": date(2015, 1, 1), "user_id": user, "core": core}
            for user, core in [(1, 0), (2, 1), (3, 2), (4, 3), (5, 4), (6, 5)]
        ]
        + [{"snapshot_month": date(2015, 2, 1), "user_id": 1, "core": 9}],
        schema,
    )
    units = pa.Table.from_pylist(
        [
            {"user_id": 1, "event_month": "2015-02"},
            {"user_id": 3, "event_month": "2015-02"},
            {"user_id": 6, "event_month": "2015-02"},
            {"user_id": 7, "event_month": "2015-02"},
            {"user_id": 1, "event_month": "2015-05"},
        ]
    )
    assert cores_of(units, cores).to_pylist() == ["1 periphery", "2 between", "3 core", None, None]


def test_doses_that_are_not_balanced_are_not_drawn_and_counted(rows):
    doses = rows[DOSE_RESPONSES]
    first = doses[0]["experiment"]
    of_first = [row for row in doses if row["experiment"] == first]
    for row in of_first:
        row["smd_after"] = 0.05
    shown = doses_shown(of_first)[first]
    assert "not balanced" not in shown[0]
    other = next(row for row in of_first if not row["is_reference"] and row["effect"] is not None)
    other["smd_after"] = 0.2
    said, curve = doses_shown(of_first)[first]
    assert len(curve["x"]) == len(shown[1]["x"]) - 1
    assert said.endswith(f"(1 of {len(of_first)} ranges are not balanced, and not shown)")
