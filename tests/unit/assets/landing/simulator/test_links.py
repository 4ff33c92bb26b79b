"""Links: membership, expiry, and what new ones must never be."""

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.links import NEVER, Links, NewLinks, positions_within
from assets.landing.simulator.world import World


def test_positions_within_counts_each_run_from_zero() -> None:
    assert positions_within(np.array([2, 0, 3])).tolist() == [0, 1, 0, 1, 2]


def test_links_advance_adds_and_forgets() -> None:
    links = Links(3)
    new = NewLinks(
        np.array([2, 0]),
        np.array([0, 1]),
        np.array([5, 6]),
        np.array([50, NEVER]),
        np.zeros(2, dtype=np.int16),
        np.zeros(2, dtype=bool),
    )
    links.advance(10, new)
    assert links.has(np.array([0, 2, 1]), np.array([1, 0, 0])).tolist() == [True, True, False]
    assert links.in_degree.tolist() == [1, 1, 0]
    links.advance(50, None)
    assert links.has(np.array([0, 2]), np.array([1, 0])).tolist() == [True, False]


def test_make_links_never_repeats_an_active_link_or_follows_oneself() -> None:
    world = World(SimulationConfig(users=200, months=8), 4, with_outcomes=False)
    seen = 0
    for happened in world.live():
        new = happened.links
        assert not (new.follower == new.followee).any()
        assert not world.links.has(new.follower, new.followee).any()
        assert len(np.unique(new.follower * 200 + new.followee)) == new.count
        assert (new.removed_at > new.created_at).all()
        seen += new.count
    assert seen > 300
