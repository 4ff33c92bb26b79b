"""The experiments in simulated communities, over seeds: what is planted is found, what is not is not."""

from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest

from assets.causal.experiments import EXPOSURE_TO_QUALITY
from tests.benchmarks.bench_experiments import run_experiments
from tests.benchmarks.compiled_marts import compile_models

SEEDS = range(20)
MOST_WRONG = 4
"""Of 20: the 99 % binomial region around 5 %."""
KNOBS = {"users": 1500, "months": 20, "images": False}


@pytest.fixture(scope="module")
def communities():
    """What exposure to quality found in each of 20 communities, with influence as planted and without any."""
    models = compile_models("fct_user_month_windows")
    found = {}
    with ProcessPoolExecutor(2) as pool:
        for influence in (0.6, 0.0):
            run = partial(
                run_experiments, models, {**KNOBS, "influence": influence}, experiments=(EXPOSURE_TO_QUALITY,)
            )
            found[influence] = [one[EXPOSURE_TO_QUALITY.name] for one in pool.map(run, SEEDS)]
    return found


def _column(found, name):
    return np.array([getattr(one, name) for one in found])


def test_intervals_cover_what_is_planted_and_the_sign_is_right(communities):
    found = communities[0.6]
    planted, value, lower, upper = (_column(found, name) for name in ("planted", "value", "lower", "upper"))
    assert (planted > 0.005).all()
    assert (value > 0).sum() >= len(SEEDS) - MOST_WRONG
    assert not (upper < 0).any()
    assert ((lower > planted) | (upper < planted)).sum() <= MOST_WRONG
    assert (lower > 0).sum() > 2 * MOST_WRONG


def test_the_naive_difference_is_further_from_what_is_planted(communities):
    found = communities[0.6]
    planted, value, naive = (_column(found, name).mean() for name in ("planted", "value", "naive"))
    assert abs(value - planted) < abs(naive - planted) / 2


def test_without_influence_nothing_is_found(communities):
    found = communities[0.0]
    assert (_column(found, "planted") == 0).all()
    assert ((_column(found, "lower") > 0) | (_column(found, "upper") < 0)).sum() <= MOST_WRONG


@pytest.mark.parametrize("influence", [0.6, 0.0])
def test_placebos_find_something_at_the_nominal_rate(communities, influence):
    assert _column(communities[influence], "is_placebo_found").sum() <= MOST_WRONG
