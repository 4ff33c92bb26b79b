import numpy as np
import pyarrow as pa
import pytest

from assets.causal.design import CannotMatchError, Experiment
from assets.causal.propensity import fit_propensity
from assets.causal.sample import read_sample

PRINTED = {
    "intercept": -1.66328159482181,
    "age": 0.0157770709858204,
    "educ": 0.161306877011067,
    "race=hispan": -2.08173411895593,
    "race=white": -3.06536772923412,
    "married": -0.832113271326339,
    "nodegree": 0.707296881079667,
    "re74": -7.17766856807588e-05,
    "re75": 5.34464463884473e-05,
}


def fitted(columns, treated):
    table = pa.table({"treated": treated, "y": np.zeros(len(treated)), **columns})
    sample = read_sample(table, Experiment("e", "treated", "y", tuple(columns)))
    return sample, fit_propensity(sample.score_terms, sample.treated)


@pytest.fixture(scope="module")
def lalonde(reference):
    table = reference("matchit_lalonde.csv")
    return fitted({n: table[n] for n in ("age", "educ", "race", "married", "nodegree", "re74", "re75")}, table["treat"])


def test_fit_propensity_agrees_with_glm_to_its_tolerance(lalonde):
    _, model = lalonde
    found = dict(zip(model.names, model.coefficients, strict=True))
    assert found == {name: pytest.approx(value, rel=1e-8, abs=1e-8) for name, value in PRINTED.items()}


def test_fit_propensity_stopped_where_glm_stops_agrees_to_every_printed_digit(lalonde):
    """R stops when the deviance changes by less than 1e-8 of itself; the fixed point is what it stops short of."""
    sample, model = lalonde
    x = np.column_stack([np.ones(614), sample.score_terms.full_rank[1]])
    y = sample.treated.astype(float)
    mean, last = (y + 0.5) / 2, np.inf
    for _ in range(25):
        weight = mean * (1 - mean)
        work = np.log(mean / (1 - mean)) + (y - mean) / weight
        beta = np.linalg.lstsq(x * np.sqrt(weight)[:, None], work * np.sqrt(weight), rcond=None)[0]
        mean = 1 / (1 + np.exp(-x @ beta))
        deviance = -2 * np.sum(np.log(np.where(y == 1, mean, 1 - mean)))
        if abs(deviance - last) / (abs(deviance) + 0.1) < 1e-8:
            break
        last = deviance
    assert beta == pytest.approx(list(PRINTED.values()), rel=1e-10)
    slope = x.T @ (y - model.probability) / np.abs(x).sum(axis=0)
    assert np.abs(slope).max() < 1e-14
    assert np.abs(x.T @ (y - mean) / np.abs(x).sum(axis=0)).max() > 1e-13


def test_fit_propensity_agrees_with_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(0)
    x = rng.normal(size=(500, 3)) * [1, 1e4, 1e-3]
    treated = rng.random(500) < 1 / (1 + np.exp(-x[:, 0] + x[:, 1] / 1e4))
    _, model = fitted({f"x{i}": x[:, i] for i in range(3)}, treated)
    theirs = sm.GLM(treated.astype(float), sm.add_constant(x / [1, 1e4, 1e-3]), sm.families.Binomial()).fit(tol=1e-14)
    assert model.coefficients * [1, 1, 1e4, 1e-3] == pytest.approx(theirs.params, rel=1e-9, abs=1e-10)


def test_fit_propensity_leaves_out_what_other_terms_determine():
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    treated = rng.random(200) < 0.5
    _, model = fitted({"x": x, "twice": 2 * x, "same": np.ones(200)}, treated)
    _, alone = fitted({"x": x}, treated)
    assert model.left_out == ("twice", "same")
    assert model.probability == pytest.approx(alone.probability, abs=1e-12)


@pytest.mark.parametrize("gap", [0.001, 5.0])
def test_fit_propensity_refuses_separated_arms(gap):
    x = np.concatenate([np.linspace(0, 1, 50), np.linspace(1, 2, 50) + gap])
    with pytest.raises(CannotMatchError, match="no overlap: the terms of the propensity model separate"):
        fitted({"x": x}, np.repeat([False, True], 50))


def test_fit_propensity_refuses_a_term_that_separates_some_units():
    rng = np.random.default_rng(3)
    treated = rng.random(200) < 0.5
    with pytest.raises(CannotMatchError, match="a term separates some units"):
        fitted({"x": rng.normal(size=200), "only_treated": (treated & (rng.random(200) < 0.2)).astype(float)}, treated)


def test_fit_propensity_of_far_outliers_does_not_overflow():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.normal(size=300), [1e4]])
    treated = np.concatenate([rng.random(300) < 0.3, [False]])
    with np.errstate(over="raise"):
        _, model = fitted({"x": x, "square": x**2}, treated)
    assert model.probability[:300].min() > 0
