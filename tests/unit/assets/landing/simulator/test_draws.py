"""Draws belong to events: same ids, same number, and the distributions are what they say."""

import numpy as np
from scipy import stats

from assets.landing.simulator.draws import Draws, poisson_quantile

MANY = np.arange(20_000)


def test_draws_do_not_depend_on_order_or_company() -> None:
    draws = Draws(3)
    alone = draws.uniform("x", 5, np.array([17]), np.array([2]))
    among = draws.uniform("x", 5, MANY, 2)
    assert alone[0] == among[17]


def test_draws_differ_by_seed_purpose_month_and_order_of_ids() -> None:
    one, two = np.array([1]), np.array([2])
    values = [
        Draws(3).uniform("x", 5, one, two),
        Draws(4).uniform("x", 5, one, two),
        Draws(3).uniform("y", 5, one, two),
        Draws(3).uniform("x", 6, one, two),
        Draws(3).uniform("x", 5, two, one),
    ]
    assert len({float(v[0]) for v in values}) == 5


def test_uniform_is_uniform_and_neighbouring_ids_are_independent() -> None:
    drawn = Draws(1).uniform("u", 0, MANY)
    assert stats.kstest(drawn, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03


def test_gamma_has_mean_one_and_the_stated_variance() -> None:
    drawn = Draws(1).gamma("g", 0, 3.0, MANY)
    assert abs(drawn.mean() - 1) < 0.02
    assert abs(drawn.var() - 1 / 3) < 0.03


def test_poisson_quantile_agrees_with_scipy() -> None:
    probabilities = Draws(1).uniform("p", 0, MANY)
    rates = np.geomspace(0.01, 59, len(MANY))
    assert np.array_equal(poisson_quantile(probabilities, rates), stats.poisson.ppf(probabilities, rates).astype(int))


def test_poisson_grows_with_the_rate_for_the_same_id() -> None:
    draws = Draws(1)
    low, high = (draws.poisson("n", 0, np.full(len(MANY), rate), MANY) for rate in (2.0, 2.5))
    assert (high >= low).all()
    assert (high > low).any()


def test_below_stays_below_and_is_zero_for_nothing() -> None:
    drawn = Draws(1).below("b", 0, np.array([0, 1, 7]), np.array([1, 2, 3]))
    assert drawn[0] == 0
    assert drawn[1] == 0
    assert 0 <= drawn[2] < 7
