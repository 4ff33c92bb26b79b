import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from assets.causal.balance import balance_table, effective_size, overlap
from assets.causal.design import Experiment
from assets.causal.sample import read_sample


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    treated = np.arange(60) < 20
    columns = {"treated": treated, "y": np.zeros(60), "x": rng.normal(size=60) + treated, "flag": rng.random(60) < 0.5}
    return pa.table({**columns, "tied": rng.integers(0, 4, 60), "same": np.full(60, 0.1)})


def rows(table, weights, estimand="ATT"):
    experiment = Experiment("e", "treated", "y", ("x", "flag", "tied", "same"), estimand=estimand)
    return {row.covariate: row for row in balance_table(read_sample(table, experiment), weights)}


@pytest.mark.parametrize(("estimand", "arms"), [("ATT", ["t"]), ("ATC", ["c"]), ("ATE", ["t", "c"])])
def test_smd_is_standardised_by_the_arm_of_the_estimand(table, estimand, arms):
    found = rows(table, np.ones(60), estimand)
    for name, ddof in (("x", 1), ("flag", 0)):
        values = np.asarray(table[name], dtype=float)
        both = {"t": values[:20], "c": values[20:]}
        spread = np.sqrt(np.mean([both[arm].var(ddof=ddof) for arm in arms]))
        assert found[name].before.smd == pytest.approx((both["t"].mean() - both["c"].mean()) / spread)


def test_weights_of_after_count_units_as_often(table):
    """Whole weights are repeated rows, for means, variances as shares and distribution functions."""
    weights = np.r_[np.ones(20), np.random.default_rng(1).integers(0, 4, 40)].astype(float)
    found = rows(table, weights)["tied"].after
    values = np.asarray(table["tied"], dtype=float)
    control = np.repeat(values[20:], weights[20:].astype(int))
    assert found.mean_control == pytest.approx(control.mean())
    assert found.ks == pytest.approx(stats.ks_2samp(values[:20], control).statistic)
    before = rows(table, weights)["tied"].before
    assert before.variance_ratio == pytest.approx(values[:20].var(ddof=1) / values[20:].var(ddof=1))
    assert before.ks == pytest.approx(stats.ks_2samp(values[:20], values[20:]).statistic)


def test_what_does_not_vary_is_balanced_if_equal_and_unknown_if_not(table):
    assert rows(table, np.ones(60))["same"].after.smd == 0
    apart = table.set_column(5, "same", pa.array(np.where(np.asarray(table["treated"]), 1.0, 2.0)))
    assert np.isnan(rows(apart, np.ones(60))["same"].after.smd)


def test_indicators_have_no_variance_ratio(table):
    found = rows(table, np.ones(60))["flag"].before
    assert np.isnan(found.variance_ratio)
    assert found.ks == pytest.approx(abs(found.mean_treated - found.mean_control))


def test_effective_size_is_the_number_of_equal_weights():
    assert effective_size(np.array([2.0, 2.0, 0.0])) == pytest.approx(2)
    assert effective_size(np.array([3.0, 1.0])) == pytest.approx(1.6)
    assert effective_size(np.zeros(3)) == 0


def test_overlap_counts_those_beyond_the_other_arm():
    found = overlap(np.array([0.2, 0.9, 0.1, 0.3, 0.5, 0.6]), np.array([True, True, False, False, False, False]))
    assert (found.treated_range, found.control_range) == ((0.2, 0.9), (0.1, 0.6))
    assert (found.treated_outside, found.control_outside) == (0.5, 0.25)
