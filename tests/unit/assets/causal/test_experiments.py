"""The declared experiments find what is planted in user-months, and say what speaks against it."""

import importlib
import re
import textwrap
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.causal.comparable import FEWEST, with_numbers
from assets.causal.declared import EXPERIENCE, TREATED, Measure
from assets.causal.experiment_checks import WHERE_NOTHING_IS, wrong_verdicts
from assets.causal.experiment_tables import effect_rows, experiment_row, judged
from assets.causal.experiments import (
    EXPERIMENTS,
    EXPOSURE,
    EXPOSURE_TO_QUALITY,
    IMBALANCE_ABOVE,
    IMBALANCE_BELOW,
    RECOGNITION_TO_RETENTION,
    STANDING,
)
from assets.causal.reports import report, with_placebo_treatments, without_linked
from tests.unit.assets.causal.windows import BEAUTY_GAINED, LEAVING_ADDED, drawn_windows

PLANTED = {
    "exposure_to_quality": BEAUTY_GAINED,
    "imbalance_above": LEAVING_ADDED,
    "imbalance_below": LEAVING_ADDED,
    "recognition_to_retention": LEAVING_ADDED,
}
"""What ``drawn_windows`` plants; an experiment that is added has nothing planted here, and only has to be whole."""
HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "add-an-experiment.md"


@pytest.fixture(scope="module")
def units():
    """Reads the user-months of an experiment, of all doses or not."""
    windows = drawn_windows(400)

    def read(experiment, **options):
        with duckdb.connect() as connection:
            connection.register("fct_user_month_windows", windows)
            return connection.execute(experiment.query(**options)).to_arrow_table()

    return read


@pytest.fixture(scope="module")
def found(units):
    return {one.name: report(units(one, all_doses=True), one, shuffles=1) for one in EXPERIMENTS}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_effects_are_found_and_credible(found, name):
    result, planted = found[name].result, PLANTED[name]
    assert abs(result.effect.value - planted) < 3 * result.effect.standard_error + 0.1 * planted
    assert result.effect.lower > 0
    assert not found[name].objections
    assert result.largest_smd < 0.1 < max(abs(row.before.smd) for row in result.balance)


def test_the_effect_is_nearer_to_what_is_planted_than_the_naive_one(found):
    result = found[EXPOSURE_TO_QUALITY.name].result
    assert abs(result.naive.value - BEAUTY_GAINED) > 3 * abs(result.effect.value - BEAUTY_GAINED)


def test_nobody_is_compared_with_another_month_of_oneself(found):
    for one in found.values():
        pairs, cluster = one.result.matched.pairs, one.result.matched.sample.cluster
        assert len(pairs.focal) > FEWEST
        assert (cluster[pairs.focal] != cluster[pairs.match]).all()


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_experiments_are_whole(found, units, experiment):
    one = found[experiment.name]
    table = units(experiment)
    assert set(pc.unique(table[TREATED]).to_pylist()) == {True, False}
    assert set(pc.unique(table[EXPERIENCE]).to_pylist()) <= {"newcomer", "established", "professional"}
    arms = {name: arm.units for name, arm in one.arms.items()}
    assert arms == {
        "treated": pc.sum(table[TREATED]).as_py(),
        "compared": table.num_rows - pc.sum(table[TREATED]).as_py(),
    }
    kinds = {part.kind for part in one.parts}
    assert kinds >= {"design", "month", *(["outcome"] if experiment.also else [])}
    assert {refutation.kind for refutation in one.result.refutations} >= {"placebo outcome", "shuffled treatment"}
    weights = one.matched.filter(pc.field(TREATED))["weight"]
    assert pc.sum(weights).as_py() == pytest.approx(one.result.counts["matched_treated"])
    if experiment.dose:
        assert sum(group.low <= experiment.dose.reference < group.high for group in one.doses) == 1
    assert 0 <= one.treated_before <= 1


def test_an_outcome_is_missing_where_nothing_was_uploaded_and_counts_as_attrition(found, units):
    table = units(EXPOSURE_TO_QUALITY)
    missing = {arm: table.filter(pc.equal(table[TREATED], arm))["beauty_change"].null_count for arm in (True, False)}
    arms = found[EXPOSURE_TO_QUALITY.name].arms
    assert (arms["treated"].without_outcome, arms["compared"].without_outcome) == (missing[True], missing[False])
    assert min(missing.values()) > 50
    assert 0.4 < arms["treated"].treated_later < 0.6


def test_months_that_were_not_observed_for_long_enough_take_no_part(units):
    months = pc.unique(units(EXPOSURE_TO_QUALITY)["event_month"]).to_pylist()
    assert "2016-01" in months
    assert "2016-02" not in months


@pytest.mark.parametrize(
    "experiment", [IMBALANCE_ABOVE, IMBALANCE_BELOW, RECOGNITION_TO_RETENTION], ids=lambda e: e.name
)
def test_whether_users_leave_is_asked_of_those_who_act_in_the_month(experiment):
    windows = drawn_windows(200)
    windows["is_active"] = windows["user_id"] % 3 > 0
    with duckdb.connect() as connection:
        connection.register("fct_user_month_windows", windows)
        asked = pc.unique(connection.execute(experiment.query()).to_arrow_table()["user_id"]).to_pylist()
    assert len(asked) > 20
    assert all(user % 3 > 0 for user in asked)


def test_a_covariate_that_the_outcome_moved_is_told_by_a_placebo(units):
    """A hidden trait that makes users join groups, and be treated, is found by the negative control."""
    table = units(EXPOSURE_TO_QUALITY, all_doses=True)
    at = table.schema.get_field_index("groups_joined")
    moved = pc.add(table["groups_joined"], pc.cast(pc.fill_null(table[TREATED], False), pa.float64()))
    result = report(table.set_column(at, "groups_joined", moved), EXPOSURE_TO_QUALITY).result
    assert "negative control groups_joined has an effect of" in "; ".join(result.objections)


def test_a_placebo_treatment_that_finds_something_is_objected_to(found, units):
    (placebo,) = EXPOSURE_TO_QUALITY.placebo_treatments
    table = units(EXPOSURE_TO_QUALITY.with_placebo(placebo))
    treated = pc.sum(table[TREATED]).as_py()
    assert 0 < treated < table.num_rows
    fine = with_placebo_treatments(found[EXPOSURE_TO_QUALITY.name], {placebo.name: table})
    assert [one.column for one in fine.result.refutations if one.kind == "placebo treatment"] == [placebo.name]
    assert not fine.objections
    moved = pc.add(table["beauty_change"], pc.multiply(pc.cast(table[TREATED], pa.float64()), 0.05))
    wrong = with_placebo_treatments(
        found[EXPOSURE_TO_QUALITY.name], {placebo.name: _with(table, "beauty_change", moved)}
    )
    assert f"placebo treatment {placebo.name} has an effect of" in "; ".join(wrong.objections)
    nobody = with_placebo_treatments(found[EXPOSURE_TO_QUALITY.name], {placebo.name: table.slice(0, 0)})
    assert "0 user-months" in nobody.parts[-1].reason


def test_arms_that_overlap_are_refused(units):
    both = replace(EXPOSURE_TO_QUALITY, name="both", treatment="links >= 1", comparison="links <= 1")
    with pytest.raises(duckdb.InvalidInputException, match="experiment both: a user-month is both treated and comp"):
        units(both)


def test_without_a_period_the_effect_is_that_of_the_others(found, units):
    for one in found.values():
        effect, left_out = one.result.effect, [part for part in one.parts if part.kind == "without period"]
        assert len(left_out) == len(set(one.result.matched.stratum[one.result.matched.weights > 0])) > 1
        # Whoever is left out of one is in all others.
        others = sum(part.effect.value * part.effect.n for part in left_out) / sum(p.effect.n for p in left_out)
        assert others == pytest.approx(effect.value)
        assert sum(effect.n - part.effect.n for part in left_out) == effect.n


def test_what_is_found_says_how_strong_a_hidden_trait_would_have_to_be(found):
    rows = judged([experiment_row(one) for one in found.values()])
    assert {row["verdict"] for row in rows} == {"found"}
    for row in rows:
        trait = row["strongest_covariate"].replace("_", " ")
        said = f"odds of treatment by {row['gamma']:.2f}; {trait} multiplies them by {row['strongest_odds']:.2f}."
        assert row["finding"].endswith(said)
        (unfound,) = judged([{**row, "p_value": 0.9}])
        assert "odds of treatment" not in unfound["finding"]


def test_an_effect_that_errors_of_scores_can_have_made_is_not_credible(units):
    table = units(EXPOSURE_TO_QUALITY, all_doses=True)
    few = report(table, EXPOSURE_TO_QUALITY, in_parts=False)
    assert 0 < abs(few.error_shift) < BEAUTY_GAINED / 4
    (row,) = judged([experiment_row(few)])
    assert row["error_shift"] == few.error_shift
    assert "Errors of scores" not in row["finding"]
    factor = 2 * few.result.effect.value / few.error_shift
    for times in (factor / 4, factor):
        large = pc.multiply(table["beauty_error"], times)
        wrong = report(_with(table, "beauty_error", large), EXPOSURE_TO_QUALITY, in_parts=False)
        (row,) = judged([experiment_row(wrong)])
        assert "Errors of scores can have made up to" in row["finding"]
        assert ("errors of scores can make" in row["objections"]) == (times == factor)
        assert (row["verdict"] == "not credible") == (times == factor)
        placebos = [row for row in effect_rows(wrong) if row["kind"] in WHERE_NOTHING_IS]
        assert not wrong_verdicts([row], placebos)
        assert wrong_verdicts([{**row, "verdict": "found" if times == factor else "not credible"}], placebos)


def test_p_values_are_adjusted_within_their_kind(found):
    rows = effect_rows(found[EXPOSURE_TO_QUALITY.name])
    months = [row for row in rows if row["kind"] == "month" and row["p_value"] is not None]
    assert len(months) > 5
    least = min(months, key=lambda row: row["p_value"])
    assert least["p_value_adjusted"] == pytest.approx(min(1, least["p_value"] * len(months)))
    (alone,) = [row for row in rows if row["kind"] == "outcome"]
    assert alone["p_value_adjusted"] == alone["p_value"]
    assert all(row["p_value_adjusted"] is None for row in rows if row["kind"] == "without period")


def test_too_few_units_give_a_reason_and_no_number(units):
    table = units(RECOGNITION_TO_RETENTION)
    treated = table.filter(table[TREATED]).slice(0, FEWEST - 1)
    few = pa.concat_tables([treated, table.filter(pc.invert(table[TREATED]))])
    one = report(few, RECOGNITION_TO_RETENTION)
    assert one.result is None
    assert one.reason == f"the smaller arm has {FEWEST - 1} user-months with an outcome; it needs {FEWEST}"


def test_a_missing_covariate_leaves_out_its_user_month(units):
    table = units(RECOGNITION_TO_RETENTION)
    at = table.schema.get_field_index("tenure")
    holes = pa.array([None if row % 10 == 0 else value for row, value in enumerate(table["tenure"].to_pylist())])
    one = report(table.set_column(at, "tenure", holes), RECOGNITION_TO_RETENTION)
    out = {arm: (a.without_outcome, a.without_covariate) for arm, a in one.arms.items()}
    assert sum(covariate for _, covariate in out.values()) == -(-table.num_rows // 10)
    assert one.result.counts["treated"] == one.arms["treated"].units - out["treated"][1]


def test_comparisons_linked_to_the_treated_can_be_left_out(found, units):
    one, table = found[EXPOSURE_TO_QUALITY.name], units(EXPOSURE_TO_QUALITY, all_doses=True)
    compared = with_numbers(table.filter(pc.equal(table[TREATED], False)), (EXPOSURE_TO_QUALITY.outcome,))
    linked = compared.slice(0, 300).select(["user_id", "event_month"])
    more = without_linked(one, table, linked).parts[-1]
    assert (more.kind, more.name) == ("units", "without comparisons linked to the treated")
    assert more.effect.value == pytest.approx(BEAUTY_GAINED, abs=0.01)
    assert more.effect != one.result.effect


def _with(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, values)


def test_a_placebo_that_cannot_be_tried_is_told_and_objected_to(units):
    table = units(EXPOSURE_TO_QUALITY, all_doses=True)
    nothing = pa.nulls(table.num_rows, pa.float64())
    one = report(_with(table, "beauty_change_last_month", nothing), EXPOSURE_TO_QUALITY)
    assert one.objections == ("no placebo outcome could be tried",)
    (placebo,) = [part for part in one.parts if part.kind == "placebo outcome"]
    assert "the smaller arm has 0 user-months" in placebo.reason


def test_more_shuffles_do_not_hide_a_placebo_that_fails(units):
    table = units(RECOGNITION_TO_RETENTION)
    moved = pc.add(table["earlier_active_weeks"], pc.multiply(pc.cast(table[TREATED], pa.float64()), 0.6))
    for shuffles in (0, 4):
        one = report(_with(table, "earlier_active_weeks", moved), RECOGNITION_TO_RETENTION, shuffles=shuffles)
        assert any("placebo outcome" in objection for objection in one.objections)


def test_a_covariate_that_does_not_vary_takes_its_caliper_along(units):
    """A community without favorites."""
    imbalance = EXPERIMENTS[1]
    table = units(imbalance)
    one = report(_with(table, "log_favorites", pa.array([0.0] * table.num_rows)), imbalance)
    assert "log_favorites" in dict(imbalance.design.calipers)
    assert one.result.effect.lower > 0


def test_those_of_a_kind_that_the_other_arm_has_not_are_left_out(units):
    table = units(RECOGNITION_TO_RETENTION)
    rows = [not treated and row % 10 == 0 for row, treated in enumerate(table[TREATED].to_pylist())]
    one = report(_with(table, "has_no_exposure", pa.array(rows).cast(pa.float64())), RECOGNITION_TO_RETENTION)
    assert one.arms["compared"].alone == sum(rows) > FEWEST
    assert one.result.counts["control"] == one.arms["compared"].units - sum(rows)


def test_arms_that_differ_in_who_has_an_outcome_are_objected_to(units):
    table = units(EXPOSURE_TO_QUALITY, all_doses=True)
    rows = zip(table["beauty_change"].to_pylist(), table[TREATED].to_pylist(), strict=True)
    holes = [None if treated and row % 2 else value for row, (value, treated) in enumerate(rows)]
    one = report(_with(table, "beauty_change", pa.array(holes, pa.float64())), EXPOSURE_TO_QUALITY)
    assert "arms differ in who has an outcome" in "; ".join(one.objections)


def test_a_dose_without_a_reference_says_so_and_keeps_its_ranges(units):
    imbalance = EXPERIMENTS[1]
    table = units(imbalance, all_doses=True)
    wide = report(table.filter(pc.greater(table["imbalance"], 0.06)), imbalance)
    assert len(wide.doses) == len(imbalance.dose.cuts) + 1
    assert wide.doses[0].units == 0
    assert all("0 user-months" in group.part.reason for group in wide.doses[1:])


def test_the_experiment_of_the_documentation_can_be_run(units):
    """docs/how-to/add-an-experiment.md, literally."""
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    names = vars(importlib.import_module("assets.causal.experiments")).copy()
    exec(textwrap.dedent(code), names)
    one = report(units(names["MANY_LINKS"], all_doses=True), names["MANY_LINKS"])
    assert one.reason == "" or "user-months" in one.reason
    assert one.arms["treated"].units > 0 < one.arms["compared"].units


def test_a_fourth_experiment_is_a_value(units):
    many = replace(
        EXPOSURE_TO_QUALITY,
        name="many_links",
        treatment="links >= 3",
        comparison="links between 1 and 2",
        covariates=(*STANDING, *EXPOSURE),
        outcome=Measure("uploads", "uploads_after_3"),
        also=(),
        negative_controls=(),
        treated_later=None,
        dose=None,
    )
    one = report(units(many, all_doses=True), many)
    assert one.result.experiment.name == "many_links"
    assert one.result.counts["matched_treated"] > FEWEST
