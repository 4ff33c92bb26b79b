import numpy as np
import pytest

from assets.network.clubs import club_density, thresholds
from assets.network.links import simple_links


def test_club_density_counts_links_among_members_alone():
    """Users 0, 1, 2 are members: three of their six possible links are there."""
    links = simple_links([0, 1, 2, 0, 3], [1, 0, 0, 3, 4], range(5))
    numbers = np.array([5.0, 4.0, 4.0, 1.0, np.nan])
    assert club_density(links, numbers, 4.0) == pytest.approx(3 / 6)


def test_club_density_of_one_member_is_not_defined():
    links = simple_links([0], [1], range(2))
    assert np.isnan(club_density(links, np.array([1.0, 0.0]), 1.0))


def test_thresholds_are_ascending_and_have_two_members():
    numbers = np.concatenate([np.zeros(95), [1.0, 2.0, 3.0, 4.0, 5.0], [np.nan]])
    found = thresholds(numbers)
    assert found == sorted(set(found))
    assert all((numbers >= at).sum() >= 2 for at in found)
    assert thresholds(np.full(3, np.nan)) == []
