import re

import numpy as np
import pytest

from assets.recommender.candidates import Arcs, candidate_arcs
from assets.recommender.chance import pair_chances
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import (
    Limits,
    Slots,
    best_of_each,
    capacities,
    ranks_within,
    tie_breakers,
    with_demand,
)


@pytest.fixture
def graph():
    return follow_graph(range(10, 20), [], [])


@pytest.fixture
def arcs_of():
    """Candidates of users 0, 2 and 3 of a graph of ten; what they rest on does not matter."""

    def made(*targets):
        counts = [len(each) for each in targets]
        target = np.array([other for each in targets for other in each], np.int32)
        nothing = np.zeros(len(target))
        return Arcs(np.array([0, 2, 3]), np.concatenate([[0], np.cumsum(counts)]), target, *[nothing] * 3)

    return made


def _listed(slots):
    return list(zip(slots.user.tolist(), slots.rank.tolist(), slots.target.tolist(), strict=True))


def test_best_of_each_ranks_the_highest_scores_of_each_user(graph, arcs_of):
    slots = best_of_each(graph, arcs_of([4, 5, 6], [], [1, 7]), np.array([0.1, 0.3, 0.2, -5.0, 7.0]), 2)
    assert _listed(slots) == [(0, 1, 5), (0, 2, 6), (3, 1, 7), (3, 2, 1)]
    assert slots.score.tolist() == [0.3, 0.2, 7.0, -5.0]
    assert len(slots) == 4
    assert slots.received(10).tolist() == [0, 1, 0, 0, 0, 1, 1, 1, 0, 0]


def test_best_of_each_leaves_out_what_is_ruled_out(graph, arcs_of):
    slots = best_of_each(graph, arcs_of([4, 5, 6], [8], []), np.array([-np.inf, 0.3, -np.inf, -np.inf]), 2)
    assert _listed(slots) == [(0, 1, 5)]


def test_best_of_each_of_no_candidates_is_nothing(graph, arcs_of):
    assert len(best_of_each(graph, arcs_of([], [], []), np.zeros(0), 5)) == 0


def test_best_of_each_breaks_ties_the_same_way_whatever_the_order(graph, arcs_of):
    one = best_of_each(graph, arcs_of([4, 5, 6, 7], [], []), np.zeros(4), 2, seed=3)
    other = best_of_each(graph, arcs_of([6, 4, 7, 5], [], []), np.zeros(4), 2, seed=3)
    assert _listed(one) == _listed(other)


def test_best_of_each_breaks_ties_by_chance(graph, arcs_of):
    arcs, times = arcs_of([4, 5, 6, 7], [], []), 400
    first = [best_of_each(graph, arcs, np.zeros(4), 1, seed).target[0] for seed in range(times)]
    reach = 5 * np.sqrt(times * 0.25 * 0.75)
    assert np.abs(np.bincount(first, minlength=10)[4:8] - times / 4).max() < reach


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([0.0, np.nan, 1.0], "3 scores for 3 candidates, of which 1 are nan"),
        ([0.0, 1.0], "2 scores for 3 candidates, of which 0 are nan"),
    ],
)
def test_best_of_each_refuses_scores_that_are_none(graph, arcs_of, scores, message):
    with pytest.raises(ValueError, match=message):
        best_of_each(graph, arcs_of([4, 5], [], [6]), np.array(scores), 2)


def test_tie_breakers_depend_on_ids_and_the_seed_alone(draw):
    graph = draw(0)
    arcs = candidate_arcs(graph)
    drawn = tie_breakers(graph, arcs, 5)
    assert ((drawn >= 0) & (drawn < 1)).all()
    assert len(np.unique(drawn)) == len(arcs)
    assert drawn[7] == pair_chances("ties", 5, graph.users[arcs.source[[7]]], graph.users[arcs.target[[7]]])[0]
    assert (drawn != tie_breakers(graph, arcs, 6)).all()


def test_ranks_within_begin_anew_with_each_run():
    assert ranks_within(np.array([0, 0, 3, 3, 4])).tolist() == [1, 2, 3, 1]
    assert ranks_within(np.array([0])).tolist() == []


def test_capacities_are_one_for_all_or_one_each():
    assert capacities(Limits(capacity=4), 3).tolist() == [4, 4, 4]
    assert capacities(Limits(capacity=np.array([1, 0, 2])), 3).tolist() == [1, 0, 2]


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        (np.array([1, 2]), "capacities have shape (2,) and minimum 1; (3,) and none below 0"),
        (np.array([1, -1, 2]), "capacities have shape (3,) and minimum -1; (3,) and none below 0"),
        (-2, "capacities have shape (3,) and minimum -2; (3,) and none below 0"),
    ],
)
def test_capacities_refuse_what_is_negative_or_not_one_each(capacity, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        capacities(Limits(capacity=capacity), 3)


def test_with_demand_the_popular_have_their_share_and_all_others_the_capacity(draw):
    graph = draw(8)
    arcs = candidate_arcs(graph)
    scores = np.random.default_rng(8).random(len(arcs)) * (1 + graph.in_degree[arcs.target])
    demand = best_of_each(graph, arcs, scores, 3).received(graph.nodes)
    assert demand.max() > 4
    raised = with_demand(graph, arcs, scores, Limits(3, 2, demand_share=0.5))
    assert raised.capacity.tolist() == np.maximum(2, demand // 2).tolist()
    again = with_demand(graph, arcs, scores, raised)
    assert again.capacity.tolist() == raised.capacity.tolist()
    strict = Limits(3, 2)
    assert with_demand(graph, arcs, scores, strict) is strict


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_with_demand_refuses_what_is_no_share(draw, share):
    graph = draw(8)
    arcs = candidate_arcs(graph)
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        with_demand(graph, arcs, np.zeros(len(arcs)), Limits(demand_share=share))


def test_slots_count_those_that_point_to_each():
    slots = Slots(np.array([0, 0, 1]), np.array([1, 2, 1]), np.array([2, 1, 2]), np.zeros(3))
    assert slots.received(4).tolist() == [0, 1, 2, 0]
