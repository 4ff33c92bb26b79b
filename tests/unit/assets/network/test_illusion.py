import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.network.illusion import DEFINITIONS, gap_by_covariance, illusion
from assets.network.links import simple_links


def test_illusion_of_a_star_is_complete():
    """Everybody follows the one who is beautiful: all see beauty, a tenth is beautiful."""
    links = simple_links(range(1, 10), [0] * 9, range(10))
    found = illusion(links, np.array([1.0] + [0.0] * 9))
    assert set(found) == set(DEFINITIONS)
    assert found["link_gap_mean"] == pytest.approx(0.9)
    assert found["user_gap_median"] == 1
    for name in DEFINITIONS:
        if "above" in name:
            assert found[name] == 1, name


def test_illusion_tells_mean_median_and_majority_apart():
    """User 0 sees 0, 0 and 1; user 1 sees 0.4 and 0.6; the mean of all users is 0.4, their median 0.4."""
    links = simple_links([0, 0, 0, 1, 1], [2, 3, 4, 5, 6], range(7))
    beauty = np.array([0.3, 0.5, 0.0, 0.0, 1.0, 0.4, 0.6])
    found = illusion(links, beauty)
    assert found["weak_above_platform"] == pytest.approx(0.5)  # 1/3 and 0.5 against 0.4
    assert found["weak_above_own"] == pytest.approx(0.5)  # 1/3 > 0.3, 0.5 is not above 0.5
    assert found["median_above_own"] == 0
    assert found["strong_above_platform"] == 0  # one of three; one of two
    assert found["links_above_own"] == pytest.approx(2 / 5)
    assert found["user_gap_mean"] == pytest.approx((1 / 3 + 0.5) / 2 - 0.4)
    assert found["link_gap_mean"] == pytest.approx(0.4 - 0.4)


def test_users_without_beauty_are_left_out_on_both_sides():
    links = simple_links([0, 0, 3, 1], [1, 2, 1, 3], range(4))
    found = illusion(links, np.array([0.2, 0.8, 0.4, np.nan]))
    assert found["link_gap_mean"] == pytest.approx(0.6 - np.mean([0.2, 0.8, 0.4]))
    assert found["weak_above_own"] == 1


def test_illusion_of_nothing_is_not_defined():
    nobody = illusion(simple_links([0], [1], range(2)), np.array([0.5, np.nan]))
    assert all(np.isnan(value) for value in nobody.values())


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 200))
def test_gap_is_the_covariance_of_beauty_and_in_degree(seed, nodes, size):
    generator = np.random.default_rng(seed)
    ends = generator.integers(0, nodes, (size, 2))
    links = simple_links(ends[:, 0], ends[:, 1], range(nodes))
    beauty = np.where(generator.random(nodes) < 0.2, np.nan, generator.random(nodes))
    known = ~np.isnan(beauty)
    inside = known[links.source] & known[links.target]
    followers = np.bincount(links.target[inside], minlength=nodes)[known]
    gap, expected = illusion(links, beauty)["link_gap_mean"], gap_by_covariance(beauty[known], followers)
    if np.isnan(gap):
        assert np.isnan(expected)
    else:
        assert gap == pytest.approx(expected, abs=1e-12)
