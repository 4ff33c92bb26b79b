import math

import numpy as np
import pytest

from assets.statistics.gini import gini, lorenz, top_share


def test_gini_of_two_people_is_half_the_difference_in_shares() -> None:
    assert gini([1, 3]) == pytest.approx(0.25)


def test_gini_of_integers_approaches_a_third() -> None:
    assert gini(np.arange(1, 10_001)) == pytest.approx(1 / 3, abs=1e-4)


def test_gini_ignores_scale_order_and_gaps() -> None:
    assert gini([5, 1, float("nan"), 3]) == pytest.approx(gini([2, 6, 10]))


def test_gini_of_nothing_is_not_a_number() -> None:
    assert math.isnan(gini([]))
    assert math.isnan(gini([0, 0]))


def test_gini_refuses_debts() -> None:
    with pytest.raises(ValueError, match="must not be negative, found -1"):
        gini([2, -1])


def test_lorenz_starts_at_nothing_and_ends_at_everything() -> None:
    people, held = lorenz([3, 1])
    assert people.tolist() == [0, 0.5, 1]
    assert held.tolist() == [0, 0.25, 1]


def test_lorenz_encloses_half_the_gini() -> None:
    values = [0, 1, 1, 5, 9]
    people, held = lorenz(values)
    assert 1 - 2 * np.trapezoid(held, people) == pytest.approx(gini(values))


@pytest.mark.parametrize(("share", "part"), [(0, 0), (0.25, 0.7), (0.5, 0.9), (1, 1)])
def test_top_share_reads_the_lorenz_curve(share: float, part: float) -> None:
    assert top_share([7, 2, 1, 0], share) == pytest.approx(part)
