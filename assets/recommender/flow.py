"""Sharing out slots so that as much as possible flows: prices, a greedy that follows them, and a certified gap.

Maximise the sum of the values of the arcs taken, with at most ``slots`` arcs per user, at most ``capacity`` per
recommended user, and the mean beauty that each user follows kept within limits. The limit on a mean is linear in
what is taken: sum over new links of (beauty - highest mean) <= followees x highest mean - their sum. Relaxing the
capacities by prices leaves one small knapsack per user, whose own limit is relaxed in turn; any prices give an upper
bound (Geoffrion 1974; Fisher 1981, Management Science 27:1), subgradient steps lower it (Polyak 1969).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.recommender.follow_graph import Floats, Integers

_PATIENCE = 8
_GREEDY_EVERY = 10


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


def greedy_flow(problem: FlowProblem, rounds: int = 150, enough: float = 0.005) -> Flow:
    """A good choice and a bound: prices by subgradient steps, and a greedy along what is worth more than its price.

    Args:
        problem: What may be taken.
        rounds: Steps of the prices at most.
        enough: Gap at which to stop before.
    """
    from assets.recommender.flow_kernels import priced

    row = problem.row
    nodes, users = len(problem.capacity), len(problem.start) - 1
    price, best_price = np.zeros(nodes), np.zeros(nodes)
    demand = np.zeros(nodes, np.int64)
    of_above, of_below = np.zeros(users), np.zeros(users)
    wanted = np.zeros(len(problem.target), bool)
    taken, total = np.zeros(len(problem.target), bool), 0.0
    bound, pace, waited = np.inf, 1.0, 0
    for number in range(rounds):
        found = price @ problem.capacity + priced(
            problem.start,
            problem.target,
            problem.value,
            problem.above,
            problem.below,
            problem.room_above,
            problem.room_below,
            problem.slots,
            price,
            demand,
            of_above,
            of_below,
            wanted,
        )
        waited = 0 if found < bound * (1 - 1e-5) else waited + 1
        if found < bound:
            bound, best_price = found, price.copy()
        if number % _GREEDY_EVERY == 0 or number == rounds - 1:
            reduced = (
                problem.value - price[problem.target] - of_above[row] * problem.above - of_below[row] * problem.below
            )
            chosen = _followed(problem, row, reduced, wanted)
            if (worth := float(problem.value[chosen].sum())) > total:
                taken, total = chosen, worth
        if bound <= 0 or 1 - total / bound <= enough:
            break
        if waited >= _PATIENCE:
            pace, waited, price = pace / 2, 0, best_price.copy()
            continue
        direction = (demand - problem.capacity).astype(np.float64)
        direction[(price <= 0) & (direction < 0)] = 0.0
        size = direction @ direction
        if size == 0:
            break
        price = np.maximum(0.0, price + pace * (found - total) / size * direction)
    return Flow(taken, total, float(bound), "greedy")


def _followed(problem: FlowProblem, row: Integers, reduced: Floats, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Arcs by what they are worth beyond their price, again while some that freed room came late; then exchanges."""
    from assets.recommender.flow_kernels import exchanged, repaired, taken_in_order, wanted_first

    taken = np.zeros(len(problem.target), bool)
    order = np.argsort(-reduced, kind="stable")
    order = order[problem.value[order] > 0]
    state = (
        problem.room_above.copy(),
        problem.room_below.copy(),
        np.full(len(problem.start) - 1, problem.slots),
        problem.capacity.copy(),
        taken,
    )
    wanted_first(order, row, problem.target, problem.above, problem.below, *state, wanted)
    repaired(problem.start, problem.target, problem.value, problem.above, problem.below, *state)
    while taken_in_order(order, row, problem.target, problem.above, problem.below, *state):
        pass
    while exchanged(problem.start, problem.target, problem.value, problem.above, problem.below, *state) > 0:
        pass
    return taken


def exact_flow(problem: FlowProblem, seconds: float = 60.0) -> Flow:
    """The best choice, by the mixed-integer solver HiGHS (Huangfu and Hall 2018); with its bound if time runs out.

    Args:
        problem: What may be taken; some ten thousand arcs.
        seconds: Time after which the best found so far has to do.

    Raises:
        RuntimeError: The solver ended without any choice.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, vstack

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
        bounds=Bounds(0, 1),
        integrality=np.ones(len(arcs), np.int64),
        options={"time_limit": seconds, "mip_rel_gap": 0.0},
    )
    if answer.x is None:
        raise RuntimeError(f"HiGHS found nothing among {len(arcs)} arcs: {answer.message}")
    taken = answer.x > 0.5
    return Flow(taken, float(problem.value[taken].sum()), float(-answer.mip_dual_bound), "exact")
