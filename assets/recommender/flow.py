"""Sharing out slots so that as much as possible flows: prices, a greedy that follows them, and a certified gap.

Maximise the sum of the values of the arcs taken, with at most ``slots`` arcs per user, at most ``capacity`` per
recommended user, and the mean beauty that each user follows kept within limits. The limit on a mean is linear in
what is taken: sum over new links of (beauty - highest mean) <= followees x highest mean - their sum. Relaxing the
capacities by prices leaves one small knapsack per user, whose own limit is relaxed in turn; any prices give an upper
bound (Geoffrion 1974; Fisher 1981, Management Science 27:1). Prices that clear each market by itself (Walras's
tatonnement) and subgradient steps (Polyak 1969) lower it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.recommender.follow_graph import Floats, Integers

_CLEARING_ROUNDS, _DAMPING = 20, 0.8
_PATIENCE = 8
_NEWS = 1e-5
"""Fall of the bound, as a share of it, that counts as one; after ``_PATIENCE`` rounds without, steps get shorter."""
_GREEDY_AT = frozenset((0, 5, 10, 19, 40))
"""Rounds after which what prices say is turned into a choice; also after the last."""
_LITTLE = 1e-4
"""Growth of the total, as a share of it, below which exchanges are not gone through again."""


@dataclass(frozen=True)
class FlowProblem:
    """What may be taken, what it is worth, and what limits it.

    Attributes:
        start: (u + 1,) where the arcs of each user begin.
        target: (a,) recommended user of each arc.
        value: (a,) worth of each, none negative.
        above: (a,) what taking it adds to the user's sum under the upper limit.
        below: (a,) to that under the lower limit.
        room_above: (u,) most that the first may come to, not negative; infinite without a limit.
        room_below: (u,) the same of the second.
        slots: Most arcs per user.
        capacity: (n,) most arcs per recommended user.
    """

    start: Integers
    target: NDArray[np.int32]
    value: Floats
    above: Floats
    below: Floats
    room_above: Floats
    room_below: Floats
    slots: int
    capacity: Integers

    @property
    def row(self) -> Integers:
        """(a,) which user each arc is of, counted from 0."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))


@dataclass(frozen=True)
class Flow:
    """What was taken and how far from the best possible it can be at most.

    Attributes:
        is_taken: (a,) whether each arc is.
        total: Sum of their values.
        bound: No other choice has a larger sum.
        method: ``greedy`` or ``exact``.
    """

    is_taken: NDArray[np.bool_]
    total: float
    bound: float
    method: str

    @property
    def gap(self) -> float:
        """How much is missing at most, as a share of the bound; 0 where nothing could be had."""
        return max(0.0, 1 - self.total / self.bound) if self.bound > 0 else 0.0


def greedy_flow(problem: FlowProblem, rounds: int = 60, enough: float = 0.005) -> Flow:
    """A good choice and a bound: prices that clear, then subgradient steps, and a greedy that follows the prices.

    Prices first move most of the way to where, were all others to stay, no more users would want each of the
    recommended than capacity allows; that is close within a few rounds, and then turns in circles. Subgradient steps
    from the best of these do not.

    Args:
        problem: What may be taken.
        rounds: Times that prices change at most.
        enough: Gap at which to stop before.
    """
    from assets.recommender.flow_kernels import clearing

    market = _Market(problem)
    taken, total = np.zeros(len(problem.target), bool), 0.0
    bound, pace, waited = np.inf, 1.0, 0
    best_price = market.price
    for number in range(rounds):
        found = market.ask()
        waited = 0 if found < bound * (1 - _NEWS) else waited + 1
        if found < bound:
            bound, best_price = found, market.price
        direction = (market.demand - problem.capacity).astype(np.float64)
        direction[(market.price <= 0) & (direction < 0)] = 0.0
        size = direction @ direction
        if number in _GREEDY_AT or number == rounds - 1 or size == 0:
            chosen = _followed(problem, market)
            if (worth := float(problem.value[chosen].sum())) > total:
                taken, total = chosen, worth
        if bound <= 0 or 1 - total / bound <= enough or size == 0:
            break
        if number < _CLEARING_ROUNDS:
            goal = clearing(market.by_target, market.place, market.bid, problem.capacity)
            market.price = market.price + _DAMPING * (goal - market.price)
        elif number == _CLEARING_ROUNDS or waited >= _PATIENCE:
            pace, waited, market.price = pace / 2, 0, best_price
        else:
            market.price = np.maximum(0.0, market.price + pace * (found - total) / size * direction)
    return Flow(taken, total, float(bound), "greedy")


class _Market:
    """Prices of the recommended, and what users want at them; arrays are those of ``flow_kernels.priced``."""

    def __init__(self, problem: FlowProblem) -> None:
        arcs, users, nodes = len(problem.target), len(problem.start) - 1, len(problem.capacity)
        self._problem = problem
        self.price = np.zeros(nodes)
        self.demand = np.zeros(nodes, np.int64)
        self.of_above, self.of_below = np.zeros(users), np.zeros(users)
        self.is_wanted, self.bid = np.zeros(arcs, bool), np.zeros(arcs)
        self.row = problem.row
        self.place = np.argsort(problem.target, kind="stable")
        self.by_target = np.concatenate([[0], np.cumsum(np.bincount(problem.target, minlength=nodes))])

    def ask(self) -> float:
        """See what users want, and return the bound that follows from the prices."""
        from assets.recommender.flow_kernels import priced

        problem = self._problem
        of_users = priced(
            problem.start,
            problem.target,
            problem.value,
            problem.above,
            problem.below,
            problem.room_above,
            problem.room_below,
            problem.slots,
            self.price,
            self.demand,
            self.of_above,
            self.of_below,
            self.is_wanted,
            self.bid,
        )
        return float(self.price @ problem.capacity + of_users)

    def beyond_price(self) -> Floats:
        """(a,) what each arc is worth beyond its price and what it uses of the user's limits."""
        problem, row = self._problem, self.row
        used = self.of_above[row] * problem.above + self.of_below[row] * problem.below
        return problem.value - self.price[problem.target] - used


def _followed(problem: FlowProblem, market: _Market) -> NDArray[np.bool_]:
    """Arcs by what they are worth beyond their price, again while some that freed room came late; then exchanges."""
    from assets.recommender.flow_kernels import exchanged, repaired, taken_in_order, wanted_first

    taken = np.zeros(len(problem.target), bool)
    order = np.argsort(-market.beyond_price(), kind="stable")
    order = order[problem.value[order] > 0]
    state = (
        problem.room_above.copy(),
        problem.room_below.copy(),
        np.full(len(problem.start) - 1, problem.slots),
        problem.capacity.copy(),
        taken,
    )
    wanted_first(order, market.row, problem.target, problem.above, problem.below, *state, market.is_wanted)
    repaired(problem.start, problem.target, problem.value, problem.above, problem.below, *state)
    while taken_in_order(order, market.row, problem.target, problem.above, problem.below, *state):
        pass
    little = _LITTLE * float(problem.value[taken].sum())
    while exchanged(problem.start, problem.target, problem.value, problem.above, problem.below, *state) > little:
        pass
    return taken


def exact_flow(problem: FlowProblem, branches: int = 100_000) -> Flow | None:
    """The best choice, by the mixed-integer solver HiGHS (Huangfu and Hall 2018); with its bound if it must stop.

    It stops after so many nodes of its search, not after some time, so that the same problem has the same answer.

    Args:
        problem: What may be taken; some ten thousand arcs.
        branches: Nodes of the search after which the best found so far has to do; None where nothing was found.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, vstack

    from assets.recommender.flow_kernels import repaired

    arcs, row = np.arange(len(problem.target)), problem.row
    users, nodes = len(problem.start) - 1, len(problem.capacity)

    def by(rows: Integers, values: Floats, height: int) -> csr_array:
        return csr_array((values, (rows, arcs)), shape=(height, len(arcs)))

    ones = np.ones(len(arcs))
    finite = [np.isfinite(room) for room in (problem.room_above, problem.room_below)]
    limits = vstack(
        [
            by(row, ones, users),
            by(problem.target.astype(np.int64), ones, nodes),
            by(row, problem.above, users)[finite[0]],
            by(row, problem.below, users)[finite[1]],
        ]
    )
    most = np.concatenate(
        [
            np.full(users, problem.slots),
            problem.capacity,
            problem.room_above[finite[0]],
            problem.room_below[finite[1]],
        ]
    )
    if not len(arcs):
        return Flow(np.zeros(0, bool), 0.0, 0.0, "exact")
    answer = milp(
        -problem.value,
        constraints=LinearConstraint(limits.tocsc(), -np.inf, most),
        bounds=Bounds(0, (problem.value > 0).astype(np.float64)),
        integrality=np.ones(len(arcs), np.int64),
        options={"node_limit": branches, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        return None
    taken = answer.x > 0.5
    # The solver keeps limits to within its tolerance, which is wider than rounding.
    left_above = problem.room_above - np.bincount(row, taken * problem.above, users)
    left_below = problem.room_below - np.bincount(row, taken * problem.below, users)
    free, left = np.zeros(users, np.int64), np.zeros(nodes, np.int64)
    repaired(
        problem.start,
        problem.target,
        problem.value,
        problem.above,
        problem.below,
        left_above,
        left_below,
        free,
        left,
        taken,
    )
    return Flow(taken, float(problem.value[taken].sum()), float(-answer.mip_dual_bound), "exact")
