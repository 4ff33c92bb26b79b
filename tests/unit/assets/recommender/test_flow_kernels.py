import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.recommender.flow_kernels import (
    _best,
    clearing,
    exchanged,
    priced,
    repaired,
    taken_in_order,
    wanted_first,
)


class _Small:
    """Two users with five arcs each to five users, limits of both kinds, and what is left of them."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.start = np.array([0, 5, 10])
        self.row = np.repeat([0, 1], 5)
        self.target = np.tile(np.arange(5, dtype=np.int32), 2)
        self.value = np.where(rng.random(10) < 0.1, 0.0, rng.random(10))
        deviation = rng.normal(0, 0.3, 10)
        self.above, self.below = deviation - 0.05, -deviation - 0.05
        self.room = np.where(rng.random((2, 2)) < 0.2, np.inf, rng.choice([0.0, 0.2], (2, 2)))
        self.slots, self.capacity = int(rng.integers(1, 4)), rng.integers(0, 3, 5)
        self.price = np.where(rng.random(5) < 0.3, 0.0, rng.random(5))
        self.order = np.argsort(-self.value)
        self.is_taken = np.zeros(10, bool)
        self.left = (self.room[0].copy(), self.room[1].copy(), np.full(2, self.slots), self.capacity.copy())

    def arcs(self):
        return self.start, self.target, self.value, self.above, self.below

    def in_order(self):
        return self.order, self.row, self.target, self.above, self.below, *self.left, self.is_taken

    def by_user(self):
        return *self.arcs(), *self.left, self.is_taken

    def asked(self):
        """Bound of all users at the prices, demand, what is wanted, and bids."""
        demand, wanted, bid = np.zeros(5, np.int64), np.zeros(10, bool), np.zeros(10)
        multipliers = np.zeros(2), np.zeros(2)
        found = priced(*self.arcs(), *self.room, self.slots, self.price, demand, *multipliers, wanted, bid)
        return found, demand, wanted, bid, multipliers

    def keeps_limits(self, taken):
        used = [np.bincount(self.row, each * taken, 2) for each in (self.above, self.below)]
        return bool(
            (np.bincount(self.row[taken], minlength=2) <= self.slots).all()
            and (np.bincount(self.target[taken], minlength=5) <= self.capacity).all()
            and all((use <= room + 1e-11).all() for use, room in zip(used, self.room, strict=True))
        )

    def counts_down(self):
        """Whether what is left is what was there less what is taken."""
        taken = self.is_taken
        return (
            np.array_equal(self.left[2], self.slots - np.bincount(self.row[taken], minlength=2))
            and np.array_equal(self.left[3], self.capacity - np.bincount(self.target[taken], minlength=5))
            and self.left[0] == pytest.approx(self.room[0] - np.bincount(self.row, self.above * taken, 2), abs=1e-12)
            and self.left[1] == pytest.approx(self.room[1] - np.bincount(self.row, self.below * taken, 2), abs=1e-12)
        )


@settings(max_examples=25)
@given(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0, 2.0]), max_size=12), st.integers(1, 4))
def test_best_are_the_largest_positive_values_the_first_of_equal_ones(values, slots):
    chosen = np.empty(slots, np.int64)
    count, total = _best(np.array(values, np.float64), slots, chosen)
    expected = [i for i in np.argsort(-np.array(values), kind="stable") if values[i] > 0][:slots] if values else []
    assert chosen[:count].tolist() == expected
    assert total == pytest.approx(sum(values[i] for i in expected))


@pytest.mark.parametrize("seed", range(20))
def test_priced_gives_a_bound_at_any_prices(seed):
    small = _Small(seed)
    best = max(
        small.value[np.array(taken)].sum()
        for taken in itertools.product([False, True], repeat=10)
        if small.keeps_limits(np.array(taken))
    )
    found, *_ = small.asked()
    assert found + small.price @ small.capacity >= best - 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_priced_says_what_users_want_and_how_much_they_would_pay(seed):
    small = _Small(seed)
    _, demand, wanted, bid, (of_above, of_below) = small.asked()
    assert demand.tolist() == np.bincount(small.target[wanted], minlength=5).tolist()
    assert (np.bincount(small.row[wanted], minlength=2) <= small.slots).all()
    worth = small.value - of_above[small.row] * small.above - of_below[small.row] * small.below
    reduced = worth - small.price[small.target]
    assert (reduced[wanted] > 0).all()
    for user in (0, 1):
        here = small.row == user
        best = np.sort(np.maximum(reduced[here], 0))[::-1]
        in_slots, out = best[small.slots - 1], best[small.slots]
        expected = np.where(wanted[here], worth[here] - out, worth[here] - in_slots)
        assert bid[here] == pytest.approx(expected)
    # Whoever bids more than the price is who wants it.
    assert (bid[wanted] >= small.price[small.target[wanted]] - 1e-12).all()
    assert (bid[~wanted] <= small.price[small.target[~wanted]] + 1e-12).all()


def test_clearing_is_the_lowest_price_at_which_capacity_suffices():
    bid = np.array([0.5, 0.9, 0.2, 0.4, -0.3, 0.7])
    target = np.array([0, 0, 0, 1, 1, 3])
    by_target = np.array([0, 3, 5, 5, 6])
    place = np.arange(6)
    assert clearing(by_target, place, bid, np.array([1, 1, 0, 1])).tolist() == [0.5, 0.0, 0.0, 0.0]
    assert clearing(by_target, place, bid, np.array([0, 0, 0, 0])).tolist() == [0.9, 0.4, 0.0, 0.7]
    assert clearing(by_target, place, bid, np.array([2, 2, 2, 2])).tolist() == [0.2, 0.0, 0.0, 0.0]
    price = clearing(by_target, place, bid, np.array([2, 0, 1, 0]))
    assert (np.bincount(target[bid > price[target]], minlength=4) <= [2, 0, 1, 0]).all()


@pytest.mark.parametrize("seed", range(20))
def test_taken_in_order_keeps_limits_and_leaves_nothing_that_fits(seed):
    small = _Small(seed)
    count = 0
    while number := taken_in_order(*small.in_order()):
        count += number
    assert count == small.is_taken.sum()
    assert small.keeps_limits(small.is_taken)
    assert small.counts_down()
    for arc in np.flatnonzero(~small.is_taken):
        more = small.is_taken.copy()
        more[arc] = True
        assert not small.keeps_limits(more)


def test_taken_in_order_takes_the_first_first():
    small = _Small(0)
    small.left[0][:], small.left[1][:], small.left[2][:], small.left[3][:] = np.inf, np.inf, 1, 1
    assert taken_in_order(*small.in_order()) == 2
    first = small.order[0]
    second = next(a for a in small.order if small.row[a] != small.row[first] and small.target[a] != small.target[first])
    assert set(np.flatnonzero(small.is_taken)) == {first, second}


@pytest.mark.parametrize("seed", range(20))
def test_wanted_first_takes_what_is_wanted_and_repaired_gives_up_what_is_too_much(seed):
    small = _Small(seed)
    wanted = np.random.default_rng(seed).random(10) < 0.7
    wanted_first(*small.in_order(), wanted)
    assert small.is_taken[wanted].any() or not small.capacity[small.target[wanted]].any()
    assert not small.is_taken[~wanted].any()
    before = small.is_taken.copy()
    is_within = small.keeps_limits(before)
    repaired(*small.by_user())
    assert small.keeps_limits(small.is_taken)
    assert small.counts_down()
    assert not (small.is_taken & ~before).any()
    assert np.array_equal(small.is_taken, before) == is_within


@pytest.mark.parametrize("seed", range(20))
def test_exchanged_improves_until_no_exchange_of_one_user_does(seed):
    small = _Small(seed)
    if seed % 2:
        small.order = small.order[::-1]  # what is worth little first
        taken_in_order(*small.in_order())
    before = small.value[small.is_taken].sum()
    gained = 0.0
    while more := exchanged(*small.by_user()):
        gained += more
    assert small.value[small.is_taken].sum() == pytest.approx(before + gained)
    assert small.keeps_limits(small.is_taken)
    assert small.counts_down()
    for new in np.flatnonzero(~small.is_taken):
        for given_up in [[], *np.flatnonzero(small.is_taken & (small.row == small.row[new]))[:, None]]:
            other = small.is_taken.copy()
            other[new] = True
            other[given_up] = False
            if small.keeps_limits(other):
                assert small.value[other].sum() <= small.value[small.is_taken].sum() + 1e-9
