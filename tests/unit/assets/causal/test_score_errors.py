import numpy as np
import pyarrow as pa
import pytest

from assets.causal.analysis import analyse
from assets.causal.design import Design, Experiment
from assets.causal.reports import can_be_errors
from assets.causal.score_errors import shift_by_errors

E = Experiment("noisy", "treated", "change", ("measured", "other"))
DESIGN = Design(replacement=True, ratio=3, squares=True, caliper_sd=0.2, bias_adjusted=True)
EFFECT = 0.3


def _units(error, n=20_000, leaning=0.8):
    """Treated for what they are; measured with an error; a change since what was measured."""
    rng = np.random.default_rng(1)
    true, other = rng.normal(size=(2, n))
    treated = rng.random(n) < 1 / (1 + np.exp(1 - leaning * true - 0.3 * other))
    measured = true + error * rng.normal(size=n)
    after = true + EFFECT * treated + 0.5 * rng.normal(size=n)
    columns = {"treated": treated, "measured": measured, "other": other, "change": after - measured}
    return pa.table(columns)


@pytest.mark.parametrize(("error", "leaning"), [(0.3, 0.8), (0.5, 0.8), (0.3, -0.8)])
def test_shift_by_errors_is_the_bias_that_errors_make(error, leaning):
    result = analyse(_units(error, leaning=leaning), E, DESIGN)
    bias = result.effect.value - EFFECT
    shift = shift_by_errors(result, "measured", np.full(20_000, error**2))
    assert abs(bias) > 3 * result.effect.standard_error
    assert abs(bias - shift) < 2.5 * result.effect.standard_error + 0.15 * abs(shift)


def test_shift_by_errors_of_a_covariate_without_errors_is_none():
    result = analyse(_units(0.0, n=4_000), E, DESIGN)
    assert shift_by_errors(result, "measured", np.zeros(4_000)) == 0
    assert np.isnan(shift_by_errors(result, "nothing", np.zeros(4_000)))
    unscored = analyse(_units(0.0, n=4_000), E, Design(metric="mahalanobis", replacement=True))
    assert np.isnan(shift_by_errors(unscored, "measured", np.ones(4_000)))


@pytest.mark.parametrize(
    ("lower", "upper", "shift", "expected"),
    [
        (0.005, 0.015, 0.02, True),
        (-0.015, -0.005, -0.02, True),
        (0.005, 0.015, 0.006, True),
        (0.005, 0.015, 0.004, False),
        (-0.015, -0.005, -0.004, False),
        (0.005, 0.015, -0.02, False),
        (-0.005, 0.025, 0.02, False),
        (0.005, 0.015, float("nan"), False),
        (float("nan"), float("nan"), 0.02, False),
    ],
)
def test_what_is_found_can_be_errors_if_nothing_is_found_without_them(lower, upper, shift, expected):
    assert can_be_errors(lower, upper, shift) == expected
