from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from assets.causal.analysis import Refutation, analyse, effect_of, form_matched_sample
from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.refutation import leave_one_stratum_out, placebo_outcome, refute

E = Experiment("drawn", "treated", "outcome", ("x", "z"))
WITH = Design(metric="mahalanobis", replacement=True, bias_adjusted=True)


def with_column(table: pa.Table, name: str, values: np.ndarray) -> pa.Table:
    return table.append_column(name, pa.array(values))


def test_refute_finds_nothing_where_nothing_is(draw):
    table = draw(0, n=1500)
    rng = np.random.default_rng(5)
    other = rng.random(1500) < 0.3
    table = with_column(with_column(table, "other", other), "weather", rng.normal(size=1500))
    result = refute(
        table,
        analyse(table, E, WITH),
        placebo_outcomes=("before",),
        negative_controls=("weather",),
        placebo_treatments=("other",),
        shuffles=2,
    )
    kinds = ["placebo outcome", "negative control", "placebo treatment", "shuffled treatment", "shuffled treatment"]
    assert [one.kind for one in result.refutations] == kinds
    assert [one.column for one in result.refutations][:3] == ["before", "weather", "other"]
    assert all(abs(one.effect.value) < 3 * one.effect.standard_error for one in result.refutations)
    assert analyse(table, E, WITH).refutations == ()


def test_a_confounder_left_out_is_found_by_the_placebo_outcome_and_said(draw):
    table = draw(1, n=1500)
    result = refute(table, analyse(table, replace(E, covariates=("z",)), WITH), placebo_outcomes=("before",))
    assert result.refutations[0].found_something
    assert len(result.objections) == 1
    assert result.objections[0].startswith("placebo outcome before has an effect of ")


def test_placebo_outcome_reruns_the_same_design_with_the_other_column(draw):
    table = draw(2)
    for design in (WITH, Design(caliper_sd=0.2), Design(method="subclasses")):
        again = analyse(table, replace(E, outcome="before"), design).effect
        assert placebo_outcome(table, analyse(table, E, design), "before").effect == again


def test_placebo_outcome_refuses_a_covariate(draw):
    table = draw(2)
    with pytest.raises(CannotMatchError, match="x is matched on"):
        placebo_outcome(table, analyse(table, E, WITH), "x")
    with pytest.raises(CannotMatchError, match=r"no column \['nothing'\]"):
        placebo_outcome(table, analyse(table, E, WITH), "nothing")


def test_placebos_find_something_at_the_nominal_rate(draw):
    found = 0
    for seed in range(100):
        matched = form_matched_sample(draw(seed, n=300), replace(E, outcome="before"), WITH)
        found += Refutation("placebo outcome", "before", effect_of(matched, matched.sample.outcome)).found_something
    low, high = stats.binom.interval(0.99, 100, 0.05)
    assert low <= found <= high


def test_shuffled_treatment_stays_in_its_stratum(draw):
    table = draw(3, n=600)
    design = replace(WITH, coarsened=(("x", (0.0,)),))
    result = refute(table, analyse(table, E, design), shuffles=3)
    assert len({one.effect.value for one in result.refutations}) == 3
    assert all(abs(one.effect.value) < 0.7 for one in result.refutations)
    assert all(one.effect.n == result.effect.n for one in result.refutations)


def test_shuffled_treatment_goes_on_where_it_lasted(draw, monkeypatch):
    """Users whose treatment lasts for eight of sixteen rows: dealt out row by row, it would change every other row."""
    user = np.repeat(np.arange(60), 16)
    lasting = (np.tile(np.arange(16), 60) // 8 + user) % 2 == 0
    table = draw(6, n=960).append_column("user", pa.array(user))
    table = table.set_column(table.schema.get_field_index("treated"), "treated", pa.array(lasting))
    result = analyse(table, replace(E, cluster="user"), WITH)
    dealt = []
    monkeypatch.setattr(
        "assets.causal.refutation.analyse", lambda units, *_: dealt.append(units["treated"].to_numpy()) or result
    )
    refute(table, result, shuffles=2)
    for shuffled in dealt:
        changes = (np.diff(shuffled.reshape(60, 16)) != 0).sum()
        assert shuffled.sum() == lasting.sum()
        assert changes == (np.diff(lasting.reshape(60, 16)) != 0).sum()
        assert (shuffled != lasting).any()


def test_shuffled_treatments_that_last_find_something_at_the_nominal_rate(draw):
    """Outcomes that belong to users, and a treatment that lasts: intervals by user must still hold."""
    found = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        user = np.repeat(np.arange(40), 8)
        table = draw(seed, n=320).append_column("user", pa.array(user))
        lasting = pa.array((rng.random(40) < 0.4)[user])
        outcome = pa.array(rng.normal(size=40)[user] + 0.2 * rng.normal(size=320))
        table = table.set_column(table.schema.get_field_index("treated"), "treated", lasting)
        table = table.set_column(table.schema.get_field_index("outcome"), "outcome", outcome)
        result = analyse(table, replace(E, covariates=("z",), cluster="user"), WITH)
        found += refute(table, result, shuffles=1).refutations[0].found_something
    low, high = stats.binom.interval(0.99, 100, 0.05)
    assert low <= found <= high


@pytest.mark.parametrize(
    "design", [WITH, Design(caliper_sd=0.3), Design(method="strata")], ids=["with", "without", "strata"]
)
def test_leave_one_stratum_out_is_the_effect_on_the_others(draw, design):
    table = draw(4, n=600)
    experiment = replace(E, exact=("group",))
    design = replace(design, bias_adjusted=False)
    result = analyse(table, experiment, design)
    left_out = leave_one_stratum_out(result)
    assert len(left_out) == 3
    assert sum(one.n for one in left_out) == result.effect.n
    if design.method == "strata":
        group = np.asarray(table["group"])
        for one, name in zip(left_out, "abc", strict=True):
            assert one.value == pytest.approx(
                analyse(table.filter(pa.array(group != name)), experiment, design).effect.value
            )
    else:
        pairs = result.matched.pairs
        outcome = result.matched.sample.outcome
        effects = outcome[pairs.focal] - outcome[pairs.match]
        for one in left_out:
            stay = result.matched.stratum[pairs.focal] != one.stratum
            assert one.value == pytest.approx(effects[stay].mean())


def test_leave_one_stratum_out_refuses_a_single_stratum(draw):
    with pytest.raises(CannotMatchError, match="one stratum cannot be left out"):
        leave_one_stratum_out(analyse(draw(5), E, WITH))
