"""The declared experiments find what is planted in user-months, and say what speaks against it."""

from dataclasses import replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.causal.declared import EXPERIENCE, TREATED, Measure
from assets.causal.experiments import EXPERIMENTS, EXPOSURE, EXPOSURE_TO_QUALITY, RECOGNITION_TO_RETENTION, STANDING
from assets.causal.reports import FEWEST, report, with_numbers, without_linked
from tests.unit.assets.causal.windows import BEAUTY_GAINED, LEAVING_ADDED, drawn_windows

PLANTED = {"exposure_to_quality": BEAUTY_GAINED}


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


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda one: one.name)
def test_planted_effects_are_found_credible_and_nearer_than_the_naive_ones(found, experiment):
    result = found[experiment.name].result
    planted = PLANTED.get(experiment.name, LEAVING_ADDED)
    assert abs(result.effect.value - planted) < 3 * result.effect.standard_error + 0.1 * planted
    assert result.effect.lower > 0
    assert not result.objections
    assert result.largest_smd < 0.1 < max(abs(row.before.smd) for row in result.balance)
    if experiment is EXPOSURE_TO_QUALITY:
        assert abs(result.naive.value - planted) > 3 * abs(result.effect.value - planted)


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
    assert {"outcome", "design", "month"} <= kinds
    assert {refutation.kind for refutation in one.result.refutations} >= {"placebo outcome", "shuffled treatment"}
    weights = one.matched.filter(pc.field(TREATED))["weight"]
    assert pc.sum(weights).as_py() == pytest.approx(one.result.counts["matched_treated"])
    assert sum(group.low <= experiment.dose.reference < group.high for group in one.doses) == 1


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


def test_a_covariate_that_the_outcome_moved_is_told_by_a_placebo(units):
    """A hidden trait that makes users join groups, and be treated, is found by the negative control."""
    table = units(EXPOSURE_TO_QUALITY, all_doses=True)
    at = table.schema.get_field_index("groups_joined")
    moved = pc.add(table["groups_joined"], pc.cast(pc.fill_null(table[TREATED], False), pa.float64()))
    result = report(table.set_column(at, "groups_joined", moved), EXPOSURE_TO_QUALITY).result
    assert "negative control groups_joined has an effect of" in "; ".join(result.objections)


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


def test_a_fourth_experiment_is_a_value(units):
    """As docs/how-to/add-an-experiment.md goes."""
    many = replace(
        EXPOSURE_TO_QUALITY,
        name="many_links",
        treatment="links >= 3",
        comparison="links between 1 and 2",
        covariates=(*STANDING, *EXPOSURE),
        outcome=Measure("uploads", "uploads_first_3"),
        also=(),
        negative_controls=(),
        treated_later=None,
        dose=None,
    )
    one = report(units(many, all_doses=True), many)
    assert one.result.experiment.name == "many_links"
    assert one.result.counts["matched_treated"] > FEWEST
