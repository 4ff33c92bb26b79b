"""Reactions: exactly absent at zero, of the right sign otherwise."""

import numpy as np
import pytest

from assets.statistics import behaviour

GAPS = np.linspace(-0.4, 0.4, 41)


@pytest.mark.parametrize("form", ["linear", "threshold", "saturating", "lagged"])
def test_influence_on_beauty_is_absent_at_zero_and_odd_in_the_gap(form: str) -> None:
    assert (behaviour.influence_on_beauty(0.0, form, GAPS) == 0).all()
    pull = behaviour.influence_on_beauty(0.3, form, GAPS)
    assert (np.diff(pull) >= -1e-15).all()
    assert pull[-1] > 0
    assert pull == pytest.approx(-pull[::-1])


def test_influence_on_beauty_differs_by_form() -> None:
    gap = np.array([0.04, 0.4])
    assert behaviour.influence_on_beauty(0.5, "linear", gap) == pytest.approx([0.02, 0.2])
    assert behaviour.influence_on_beauty(0.5, "threshold", gap) == pytest.approx([0, 0.06])
    assert behaviour.influence_on_beauty(0.5, "saturating", gap)[1] == pytest.approx(0.05, rel=1e-2)


def test_remembered_gap_moves_slowly_only_when_lagged() -> None:
    gap, before = np.array([0.2]), np.array([0.0])
    assert behaviour.remembered_gap("linear", gap, before)[0] == 0.2
    assert behaviour.remembered_gap("lagged", gap, before)[0] == pytest.approx(0.08)


def test_leaving_probability_rises_with_imbalance_and_neglect() -> None:
    imbalance, recognition = np.array([0.1, 0.4, -0.4, np.nan]), np.array([0.0, 0.0, 0.0, np.nan])
    without = behaviour.leaving_probability(0.02, 0.0, 0.0, imbalance, recognition)
    assert without == pytest.approx(np.full(4, 0.02))
    moved = behaviour.leaving_probability(0.02, 0.5, 0.0, imbalance, recognition)
    assert moved[0] < moved[1] == moved[2]
    assert moved[3] == pytest.approx(0.02)
    unseen = behaviour.leaving_probability(0.02, 0.0, 0.5, np.full(2, np.nan), np.array([-1.0, 1.0]))
    assert unseen[0] > 0.02 > unseen[1]
    assert (behaviour.leaving_probability(0.0, 1.0, 1.0, imbalance, recognition) == 0).all()


def test_upload_multiplier_is_one_at_zero_and_falls_with_strain_and_neglect() -> None:
    imbalance, recognition = np.array([0.05, 0.4]), np.array([1.0, -1.0])
    assert (behaviour.upload_multiplier(0.0, 0.0, imbalance, recognition) == 1).all()
    assert np.diff(behaviour.upload_multiplier(0.5, 0.0, imbalance, recognition))[0] < 0
    assert np.diff(behaviour.upload_multiplier(0.0, 0.5, imbalance, recognition))[0] < 0


def test_expected_active_weeks_lies_below_the_rate_and_the_weeks() -> None:
    weeks = behaviour.expected_active_weeks(np.array([0.0, 0.1, 1000.0]), 4.4)
    assert weeks[0] == 0
    assert 0.09 < weeks[1] < 0.1
    assert weeks[2] == pytest.approx(4.4)
