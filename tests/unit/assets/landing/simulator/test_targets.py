"""Estimators of the comparison with Flickr, on cases with known answers."""

import numpy as np
import pytest

from assets.landing.simulator.draws import Draws
from assets.landing.simulator.links import Links
from assets.landing.simulator.targets import power_law_exponent, reciprocity, within_two_steps


def _links(people: int, pairs: list[tuple[int, int]]) -> Links:
    follower, followee = (np.array(side, dtype=np.int32) for side in zip(*sorted(pairs), strict=True))
    months = np.zeros(len(pairs), dtype=np.int16)
    return Links(people, follower, followee, months, np.full(len(pairs), 2**62))


def test_reciprocity_counts_answered_links() -> None:
    assert reciprocity(_links(4, [(0, 1), (1, 0), (1, 2), (3, 0)])) == 0.5


def test_power_law_exponent_recovers_a_planted_exponent() -> None:
    uniform = Draws(1).uniform("degree", 0, np.arange(50_000))
    degrees = np.floor(4.5 * uniform ** (-1 / 1.2) + 0.5).astype(np.int64)  # exponent 2.2 from 5 on
    exponent, xmin = power_law_exponent(degrees, 10)
    assert xmin == 10
    assert exponent == pytest.approx(2.2, abs=0.05)


def test_power_law_exponent_of_a_short_tail_is_unknown() -> None:
    exponent, xmin = power_law_exponent(np.array([1, 2, 3]))
    assert np.isnan(exponent)
    assert xmin == 0


def test_within_two_steps_follows_the_direction_of_links() -> None:
    links = _links(5, [(0, 1), (1, 2), (3, 0), (2, 4)])
    near = within_two_steps(links, np.array([0, 0, 2, 0]), np.array([1, 2, 0, 4]))
    assert near.tolist() == [True, True, False, False]
