from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from assets.causal.analysis import analyse
from assets.causal.design import CannotMatchError, Design, Experiment

E = Experiment("drawn", "treated", "outcome", ("x", "z"))
WITH_TEXT = replace(E, covariates=("x", "z", "group"))
DESIGNS = {
    "without replacement": Design(caliper_sd=0.2),
    "closest": Design(caliper_sd=0.2, order="closest"),
    "random": Design(order="random", seed=3, caliper_sd=0.2),
    "with replacement": Design(replacement=True),
    "mahalanobis": Design(metric="mahalanobis", replacement=True, ratio=2, bias_adjusted=True),
    "robust": Design(metric="robust_mahalanobis", caliper_sd=0.5, calipers=(("x", 0.5),)),
    "inverse variance": Design(metric="inverse_variance", replacement=True, bias_adjusted=True),
    "strata": Design(method="strata", coarsen_rest=True),
    "stated cuts": Design(method="strata", coarsened=(("x", (-1, 0, 1)), ("z", (-1, 0, 1)))),
    "subclasses": Design(method="subclasses", subclasses=8),
    "coarsened, then nearest": Design(caliper_sd=0.3, coarsened=(("x", (-1.0, 0.0, 1.0)),)),
}
BOUNDED_BIAS = 3  # standard errors around the truth, on one sample each


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_finds_the_effect_that_the_naive_difference_misses(draw, name):
    result = analyse(draw(1, n=3000), WITH_TEXT, DESIGNS[name])
    assert abs(result.effect.value - 1) < BOUNDED_BIAS * result.effect.standard_error
    assert result.naive.lower > 1.2
    assert result.effect.standard_error < 0.2
    assert result.largest_smd < 0.15
    assert result.sensitivity.e_value.estimate > 1.5


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("estimand", ["ATT", "ATC"])
def test_counts_and_reasons_add_up(draw, name, estimand):
    result = analyse(draw(2, n=600), replace(E, estimand=estimand), DESIGNS[name])
    for arm in ("treated", "control"):
        dropped = sum(row.count for row in result.matched.dropped if row.arm == arm)
        assert result.counts[f"matched_{arm}"] + dropped == result.counts[arm] > 0
    assert 0 < result.effective_sizes[0] <= result.counts["matched_treated"] + 1e-9


@pytest.mark.parametrize("name", ["with replacement", "mahalanobis", "strata", "subclasses"])
def test_effect_on_all_lies_between_those_on_treated_and_controls(draw, name):
    table = draw(3, n=2000)
    varied = pa.array(np.asarray(table["outcome"]) + np.asarray(table["treated"]) * np.asarray(table["x"]))
    table = table.set_column(table.schema.get_field_index("outcome"), "outcome", varied)
    found = {e: analyse(table, replace(E, estimand=e), DESIGNS[name]).effect.value for e in ("ATT", "ATC", "ATE")}
    assert found["ATC"] < found["ATE"] < found["ATT"]


def test_swapped_arms_give_the_opposite_effect(draw):
    table = draw(4)
    at = table.schema.get_field_index("treated")
    swapped = table.set_column(at, "treated", pa.array(~np.asarray(table["treated"])))
    for design in (DESIGNS["mahalanobis"], DESIGNS["with replacement"]):
        ours = analyse(table, replace(E, estimand="ATC"), design).effect
        theirs = analyse(swapped, E, design).effect
        assert (ours.value, ours.standard_error) == pytest.approx((-theirs.value, theirs.standard_error), rel=1e-6)


def test_exact_columns_and_calipers_hold_in_every_pair(draw):
    table = draw(5)
    design = Design(metric="mahalanobis", caliper_sd=0.4, calipers=(("x", 0.3),), replacement=True, ratio=2)
    result = analyse(table, replace(E, exact=("group",)), design)
    pairs, group, x = result.matched.pairs, np.asarray(table["group"]), np.asarray(table["x"])
    logit = result.matched.propensity.logit
    assert len(pairs.focal) > 50
    assert (group[pairs.focal] == group[pairs.match]).all()
    assert np.abs(x[pairs.focal] - x[pairs.match]).max() <= 0.3
    assert np.abs(logit[pairs.focal] - logit[pairs.match]).max() <= 0.4 * logit.std(ddof=1) + 1e-12


def test_result_names_covariates_that_stay_apart(draw):
    result = analyse(draw(6), E, Design(order="random", ratio=2))
    assert len(result.objections) == 1
    assert result.objections[0].startswith("not balanced, |SMD| above 0.1: x (+")
    assert analyse(draw(6, n=3000), E, Design(caliper_sd=0.05)).objections == ()


def test_clusters_widen_the_error_of_what_users_share(draw):
    table = draw(7, n=2000, users=100)
    for design in (Design(replacement=True), Design(caliper_sd=0.2), Design(method="subclasses")):
        alone, by_user = analyse(table, E, design).effect, analyse(table, replace(E, cluster="user_id"), design).effect
        assert by_user.value == pytest.approx(alone.value)
        assert "user_id" in by_user.errors or "cluster" in by_user.errors
        assert 0.5 * alone.standard_error < by_user.standard_error < 3 * alone.standard_error


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatment": "nothing"}, r"the table has no column \['nothing'\]; it has"),
        ({"outcome": "group"}, "column group must be numeric, found string"),
        ({"treatment": "x"}, "treatment x must be boolean or 0 and 1"),
        ({"covariates": ()}, "covariates are needed"),
        ({"covariates": ("x", "holes")}, "missing or not finite in 400 rows: holes in 2; leave those units out"),
        ({"covariates": ("x", "endless")}, "endless in 1;"),
        ({"exact": ("user_id",)}, r"no overlap: no stratum of \['user_id'\] holds both arms"),
        ({"treatment": "everybody"}, "no unit is control; there is nothing to compare"),
        ({"treatment": "nobody"}, "no unit is treated; there is nothing to compare"),
        ({"covariates": ("x", "decides")}, "no overlap: the terms of the propensity model separate"),
    ],
)
def test_tables_that_cannot_be_matched_are_refused_in_words(draw, change, message):
    table = draw(8)
    x, treated = np.asarray(table["x"]).copy(), np.asarray(table["treated"])
    holes, endless = x.copy(), x.copy()
    holes[:2], endless[0] = np.nan, np.inf
    more = {"holes": holes, "endless": endless, "everybody": np.ones(400), "nobody": np.zeros(400)}
    more["decides"] = treated.astype(float)
    for name, values in more.items():
        table = table.append_column(name, pa.array(values))
    with pytest.raises(CannotMatchError, match=message):
        analyse(table, replace(E, **change), Design())


@pytest.mark.parametrize(
    ("design", "message"),
    [
        (Design(ratio=0), "ratio must be at least 1"),
        (Design(caliper_sd=0.0), "calipers must be positive"),
        (Design(calipers=(("before", 1.0),)), r"\['before'\] are none"),
        (Design(method="subclasses", subclasses=1), "subclasses must be at least 2"),
        (Design(method="strata"), "strata need exact or coarsened columns"),
        (Design(method="strata", coarsen_rest=True, bias_adjusted=True), "for nearest neighbours"),
        (Design(variance_matches=-1), "at least 0"),
        (Design(calipers=(("x", 1e-12),), metric="mahalanobis"), "no unit of experiment drawn has a match"),
    ],
)
def test_designs_that_contradict_themselves_are_refused_in_words(draw, design, message):
    with pytest.raises(CannotMatchError, match=message):
        analyse(draw(9), E, design)
    with pytest.raises(CannotMatchError, match="would match units twice"):
        analyse(draw(9), replace(E, estimand="ATE"), Design())


def test_an_empty_table_is_refused(draw):
    with pytest.raises(CannotMatchError, match="the table has no rows"):
        analyse(draw(0).slice(0, 0), E, Design())


def test_a_single_pair_has_no_error_and_says_so():
    table = pa.table({"treated": [1, 0, 0], "outcome": [2.0, 1.0, 0.0], "x": [0.1, 0.2, 9.0]})
    result = analyse(table, Experiment("one", "treated", "outcome", ("x",)), Design(metric="mahalanobis"))
    assert result.effect.value == 1.0
    assert np.isnan(result.effect.standard_error)
    assert "the standard error is unknown" in result.objections
