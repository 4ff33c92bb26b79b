import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import Arcs, candidate_arcs
from assets.recommender.evaluation import imbalance_after
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits
from assets.recommender.recommenders.beauty_flow import BeautyFlow, flow_problem, heeded


def _beyond(graph, limits, slots):
    """By how much each user's imbalance passes what is allowed; nan where there is no limit."""
    now = np.abs(graph.mean_followed - graph.beauty)
    after = imbalance_after(graph, slots.user, slots.target)
    return after - np.fmax(limits.imbalance, now)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    imbalance=st.sampled_from([0.0, 0.02, 0.1, 0.5]),
    capacity=st.integers(0, 6),
    slots=st.integers(1, 6),
    exact_arcs=st.sampled_from([0, 5000]),
)
def test_filled_keeps_to_all_limits(draw, seed, imbalance, capacity, slots, exact_arcs):
    graph = draw(seed, n=20, links=60)
    arcs, rng = candidate_arcs(graph), np.random.default_rng(seed)
    limits = Limits(slots, np.minimum(capacity, rng.integers(0, 7, 20)), imbalance)
    found = BeautyFlow(exact_arcs=exact_arcs).filled(graph, arcs, rng.random(len(arcs)), limits)
    assert np.bincount(found.user, minlength=20).max() <= slots
    assert (found.received(20) <= limits.capacity).all()
    assert not (_beyond(graph, limits, found) > 1e-9).any()


def test_filled_keeps_the_popular_at_their_share_of_the_demand(draw):
    graph = draw(5, n=20, links=60)
    arcs = candidate_arcs(graph)
    scores = np.random.default_rng(5).random(len(arcs)) * graph.in_degree[arcs.target]
    demand = BeautyFlow().filled(graph, arcs, scores, Limits(6, 1000, 1.0)).received(20)
    strict, kept = (
        BeautyFlow().filled(graph, arcs, scores, Limits(6, 2, 1.0, share)).received(20) for share in (0.0, 0.5)
    )
    assert (kept <= np.maximum(2, demand // 2)).all()
    assert kept.max() > strict.max() == 2
    assert kept.sum() > strict.sum()


def test_filled_without_a_limit_would_break_it(draw):
    """What the test above would not see if nothing ever came near a limit."""
    graph = draw(5, n=20, links=60)
    arcs, scores = candidate_arcs(graph), np.random.default_rng(5).random(60 * 60)
    tight = Limits(6, 2, 0.02)
    found = BeautyFlow().filled(graph, arcs, scores[: len(arcs)], Limits(6, 1000, 1.0))
    assert (_beyond(graph, tight, found) > 0.05).sum() > 3
    assert found.received(20).max() > 2
    kept = BeautyFlow().filled(graph, arcs, scores[: len(arcs)], tight)
    assert 10 < len(kept) < len(found)


def test_filled_ranks_what_flows_by_its_worth(draw):
    graph = draw(6)
    arcs = candidate_arcs(graph)
    scores = np.random.default_rng(0).random(len(arcs))
    limits = Limits(4, 3, 0.1)
    slots = BeautyFlow().filled(graph, arcs, scores, limits)
    flow = BeautyFlow().flow(flow_problem(graph, arcs, scores, limits))
    assert slots.score.sum() == pytest.approx(flow.total)
    assert set(slots.user * 30 + slots.target) == set((arcs.source * 30 + arcs.target)[flow.is_taken])
    assert ((np.diff(slots.score) <= 0) | (np.diff(slots.user) > 0)).all()


def test_flow_problem_states_the_limits_of_a_mean():
    """0 (beauty 0.5) follows 1 (0.7) and 2 (unknown), who follow 3 (0.9) and 4 (0.1): now 0.2 away, limit 0.1."""
    graph = follow_graph(range(5), [0, 0, 1, 2], [1, 2, 3, 4], [0.5, 0.7, np.nan, 0.9, 0.1])
    arcs = candidate_arcs(graph)
    assert (arcs.source.tolist(), arcs.target.tolist()) == ([0, 0], [3, 4])
    problem = flow_problem(graph, arcs, np.array([1.0, 2.0]), Limits(3, 7, 0.1))
    assert problem.above == pytest.approx([0.2, -0.6])
    assert problem.below == pytest.approx([-0.6, 0.2])
    assert problem.room_above[0] == pytest.approx(0.0)
    assert problem.room_below[0] == pytest.approx(0.4)
    assert problem.room_above[2] == np.inf
    assert problem.room_below[2] == np.inf
    assert (problem.slots, problem.capacity.tolist()) == (3, [7] * 5)
    assert problem.start.tolist() == arcs.start.tolist()


def test_flow_problem_leaves_room_for_those_whose_beauty_nobody_knows():
    graph = follow_graph(range(4), [0, 1, 1], [1, 2, 3], [0.2, 0.2, np.nan, 0.9])
    arcs = candidate_arcs(graph)
    problem = flow_problem(graph, arcs, np.ones(2), Limits(2, 1, 0.1))
    assert arcs.target.tolist() == [2, 3]
    assert (problem.above[0], problem.below[0]) == (0, 0)
    assert problem.above[1] == pytest.approx(0.6)
    found = BeautyFlow().filled(graph, arcs, np.ones(2), Limits(2, 1, 0.1))
    assert found.target.tolist() == [2]


def test_flow_problem_lets_users_beyond_the_limit_come_nearer_only():
    """0 (beauty 0.1) follows 1 (0.9): 0.8 away, so 2 (0.5) is welcome and 3 (1.0) is not."""
    graph = follow_graph(range(4), [0, 1, 1], [1, 2, 3], [0.1, 0.9, 0.5, 1.0])
    arcs = candidate_arcs(graph)
    found = BeautyFlow().filled(graph, arcs, np.array([0.1, 0.9]), Limits(1, 1, 0.1))
    assert found.target.tolist() == [2]


@pytest.fixture
def three():
    """Two users with two candidates and one."""
    return Arcs(np.array([1, 4]), np.array([0, 2, 3]), np.array([2, 3, 0], np.int32), *[np.ones(3)] * 3)


def test_heeded_shares_attention_among_the_candidates_of_a_user(three):
    chance = np.array([0.2, 0.3, 0.5])
    assert heeded(three, chance, 1.0) == pytest.approx([0.2 / 1.5, 0.3 / 1.5, 0.5 / 1.5])
    assert heeded(three, chance, 0.5) == pytest.approx([0.1, 0.15, 0.25])
    assert heeded(three, chance, np.inf) == pytest.approx(chance)


def test_heeded_adds_up_to_less_than_the_attention_there_is(three):
    found = heeded(three, np.array([0.9, 0.8, 0.7]), 0.3)
    assert np.bincount(three.source, found, 5).max() < 0.3


@pytest.mark.parametrize("accuracy", [0.0, 0.5, 1.0])
def test_fitted_is_heeded_chance_to_the_power_of_accuracy_times_beauty(draw, accuracy):
    graph = draw(7, n=40, links=240)
    arcs = candidate_arcs(graph)
    chance = acceptance(graph, seed=1)(graph, arcs)
    beauty = np.nan_to_num(graph.beauty[arcs.target])
    found = BeautyFlow(accuracy=accuracy, attention=2.0).fitted(graph, 1)(graph, arcs)
    assert found == pytest.approx(heeded(arcs, chance**accuracy, 2.0) * beauty)
    assert (found[np.isnan(graph.beauty[arcs.target])] == 0).all()
    assert found.max() > 0


def test_fitted_is_the_chance_alone_where_nobody_has_beauty(draw):
    graph = draw(7, n=40, links=240, known=0.0)
    arcs = candidate_arcs(graph)
    found = BeautyFlow(attention=np.inf).fitted(graph, 1)(graph, arcs)
    assert found == pytest.approx(acceptance(graph, seed=1)(graph, arcs))
    assert len(BeautyFlow().recommend(graph, arcs, Limits(3, 1000, 0.0))) == np.minimum(arcs.counts, 3).sum()


def test_flow_is_exact_for_few_candidates_and_never_worse_than_greedy(draw):
    methods = set()
    for seed in range(8):
        graph = draw(seed)
        arcs = candidate_arcs(graph)
        problem = flow_problem(graph, arcs, np.random.default_rng(seed).random(len(arcs)), Limits(4, 3, 0.05))
        best, greedy = BeautyFlow().flow(problem), BeautyFlow(exact_arcs=len(arcs) - 1).flow(problem)
        assert greedy.method == "greedy"
        assert greedy.total - 1e-6 <= best.total <= min(greedy.bound, best.bound) + 1e-6
        methods.add(best.method)
    assert "exact" in methods
