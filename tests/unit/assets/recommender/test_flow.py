import itertools

import numpy as np
import pytest

from assets.recommender.flow import Flow, FlowProblem, exact_flow, greedy_flow

FLOWS = [greedy_flow, exact_flow]


@pytest.fixture
def problem():
    """Arcs of one user after the other; without limits of means unless they are given."""

    def made(counts, target, value, above=None, below=None, room=(np.inf, np.inf), slots=2, capacity=None):
        users, arcs = len(counts), len(target)
        return FlowProblem(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.array(target, np.int32),
            np.array(value, np.float64),
            np.zeros(arcs) if above is None else np.array(above, np.float64),
            np.zeros(arcs) if below is None else np.array(below, np.float64),
            np.broadcast_to(np.float64(room[0]), users).copy(),
            np.broadcast_to(np.float64(room[1]), users).copy(),
            slots,
            np.full(max(target, default=0) + 1, 99) if capacity is None else np.array(capacity),
        )

    return made


def _drawn(seed, users=3, arcs=9, nodes=4):
    """Few arcs, narrow limits: some capacities of 0, some values of 0, some users without a limit of the mean."""
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.choice(users * nodes, arcs, replace=False))
    row, target = np.divmod(pairs, nodes)
    deviation, width = rng.normal(0, 0.3, arcs), rng.uniform(0, 0.2, users)
    room = np.where(rng.random((2, users)) < 0.2, np.inf, rng.choice([0.0, 0.1, 0.5], (2, users)))
    return FlowProblem(
        np.searchsorted(row, np.arange(users + 1)),
        target.astype(np.int32),
        np.where(rng.random(arcs) < 0.15, 0.0, rng.random(arcs)),
        deviation - width[row],
        -deviation - width[row],
        room[0],
        room[1],
        int(rng.integers(1, 4)),
        rng.integers(0, 3, nodes),
    )


def _keeps_limits(problem, taken):
    users = len(problem.start) - 1
    return bool(
        (np.bincount(problem.row[taken], minlength=users) <= problem.slots).all()
        and (np.bincount(problem.target[taken], minlength=len(problem.capacity)) <= problem.capacity).all()
        and (np.bincount(problem.row, problem.above * taken, users) <= problem.room_above + 1e-11).all()
        and (np.bincount(problem.row, problem.below * taken, users) <= problem.room_below + 1e-11).all()
    )


def _best_possible(problem):
    """The largest total of all choices among arcs that are worth something."""
    places = np.flatnonzero(problem.value > 0)
    best = 0.0
    for chosen in itertools.product([False, True], repeat=len(places)):
        taken = np.zeros(len(problem.target), bool)
        taken[places] = chosen
        if problem.value[taken].sum() > best and _keeps_limits(problem, taken):
            best = problem.value[taken].sum()
    return best


@pytest.mark.parametrize("seed", range(30))
def test_exact_flow_is_the_best_of_all_choices_and_greedy_lies_below_it_and_its_bound_above(seed):
    problem = _drawn(seed)
    best, exact, greedy = _best_possible(problem), exact_flow(problem), greedy_flow(problem)
    for flow in (exact, greedy):
        assert _keeps_limits(problem, flow.is_taken)
        assert not flow.is_taken[problem.value == 0].any()
        assert flow.total == pytest.approx(problem.value[flow.is_taken].sum())
        assert flow.bound >= best - 1e-6
    assert (exact.method, greedy.method) == ("exact", "greedy")
    assert exact.total == pytest.approx(best, abs=1e-6)
    assert exact.gap < 1e-5
    assert greedy.total <= best + 1e-9


def test_greedy_flow_is_mostly_the_best_of_all_choices():
    drawn = [(_best_possible(problem), greedy_flow(problem).total) for problem in map(_drawn, range(30))]
    is_best = [found >= best - 1e-9 for best, found in drawn]
    assert np.mean(is_best) > 0.8
    assert sum(found for _, found in drawn) > 0.97 * sum(best for best, _ in drawn)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_without_binding_limits_is_the_best_of_each_user(problem, flow):
    found = flow(problem([3, 0, 2], [0, 1, 2, 0, 2], [0.2, 0.9, 0.5, 0.1, 0.3], slots=2))
    assert found.is_taken.tolist() == [False, True, True, True, True]
    assert found.total == pytest.approx(1.8)
    assert found.bound == pytest.approx(1.8)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_gives_a_scarce_slot_to_whom_it_is_worth_most(problem, flow):
    """Both users like 0 best, who can have one slot; the second loses less by taking 1 instead."""
    scarce = problem([2, 2], [0, 1, 0, 1], [0.9, 0.2, 1.0, 0.8], slots=1, capacity=[1, 1])
    assert flow(scarce).is_taken.tolist() == [True, False, False, True]


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_takes_nobody_without_capacity(problem, flow):
    found = flow(problem([2, 1], [0, 1, 0], [0.9, 0.1, 0.8], capacity=[0, 5]))
    assert found.is_taken.tolist() == [False, True, False]


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_takes_nothing_that_is_worth_nothing(problem, flow):
    found = flow(problem([3], [0, 1, 2], [0.0, 0.0, 0.0]))
    assert not found.is_taken.any()
    assert (found.total, found.gap) == (0.0, 0.0)


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_makes_no_room_with_what_is_worth_nothing(problem, flow):
    found = flow(problem([2], [0, 1], [1.0, 0.0], above=[0.2, -0.3], below=[-0.2, 0.3], room=(0.0, np.inf)))
    assert not found.is_taken.any()


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_without_arcs_is_empty(problem, flow):
    for counts in ([0, 0], []):
        found = flow(problem(counts, [], []))
        assert (len(found.is_taken), found.total, found.gap) == (0, 0.0, 0.0)


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("sign", [1, -1])
def test_flow_takes_two_that_keep_a_mean_together_and_not_apart(problem, flow, sign):
    above = sign * np.array([0.3, -0.3])
    alone = [problem([1], [0], [value], [a], [-a], room=(0.1, 0.1)) for value, a in zip([1, 0.2], above, strict=True)]
    assert [flow(each).total for each in alone] == [0, 0]
    together = flow(problem([2], [0, 1], [1, 0.2], above, -above, room=(0.1, 0.1)))
    assert together.is_taken.tolist() == [True, True]


@pytest.mark.parametrize("flow", FLOWS)
def test_flow_keeps_a_limit_to_rounding(problem, flow):
    """What a solver tolerates is too much: a whole recommendation may be beyond a limit by so little."""
    assert flow(problem([1], [0], [1.0], [5e-7], [-5e-7], room=(0.0, np.inf))).total == 0
    assert flow(problem([1], [0], [1.0], [-5e-7], [5e-7], room=(np.inf, 0.0))).total == 0
    assert flow(problem([1], [0], [1.0], [0.0], [-5e-7], room=(0.0, np.inf))).total == 1


def _large(seed):
    """2,000 users with 25 arcs each, whose beauty differs; capacity for a half of what they would take."""
    rng = np.random.default_rng(seed)
    users, each, nodes = 2000, 25, 2500
    row = np.repeat(np.arange(users), each)
    target = np.concatenate([np.sort(rng.choice(nodes, each, replace=False)) for _ in range(users)]).astype(np.int32)
    beauty, own, followed = rng.beta(4, 4, nodes), rng.beta(4, 4, users), rng.integers(0, 30, users)
    mean = np.clip(own + rng.normal(0, 0.15, users), 0, 1)
    reach = np.maximum(0.1, np.where(followed > 0, np.abs(mean - own), 0))
    return FlowProblem(
        np.arange(users + 1) * each,
        target,
        rng.beta(1, 10, users * each) * beauty[target],
        beauty[target] - (own + reach)[row],
        (own - reach)[row] - beauty[target],
        np.maximum(0, (own + reach - mean) * followed),
        np.maximum(0, (mean - own + reach) * followed),
        5,
        rng.integers(0, 5, nodes),
    )


def test_greedy_flow_comes_within_two_percent_of_the_bound_on_many_arcs():
    problem = _large(0)
    flow = greedy_flow(problem)
    assert _keeps_limits(problem, flow.is_taken)
    assert 0 < flow.gap <= 0.02
    start, soon = (greedy_flow(problem, rounds) for rounds in (1, 10))
    assert flow.bound <= soon.bound < 0.95 * start.bound


def test_greedy_flow_stops_where_the_gap_is_small_enough():
    problem = _large(1)
    soon, late = greedy_flow(problem, enough=0.1), greedy_flow(problem)
    assert late.gap < soon.gap <= 0.1


def test_gap_is_the_missing_share_of_the_bound():
    nothing = np.zeros(0, bool)
    assert Flow(nothing, 9.0, 10.0, "greedy").gap == pytest.approx(0.1)
    assert Flow(nothing, 0.0, 0.0, "greedy").gap == 0
    assert Flow(nothing, 10.0 + 1e-12, 10.0, "exact").gap == 0
