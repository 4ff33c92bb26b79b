from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.recommender.candidates import Arcs, candidate_arcs
from assets.recommender.evaluation import (
    METRICS,
    OF_SPREAD,
    Trial,
    _Run,
    compared,
    evaluated,
    exposure_floor,
    hits,
    imbalance_after,
)
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits, Recommender, Slots
from assets.recommender.recommenders.plain import AdamicAdar, Random
from assets.statistics.gini import gini

SECOND = 1 / np.log2(3)


class _Fixed(Recommender):
    """Scores as they are given."""

    def __init__(self, scores):
        self.scores = np.array(scores)

    def fitted(self, graph, seed=0):
        return lambda graph, arcs: self.scores


@pytest.fixture
def trial():
    """Six users; 0 may be told of 2, 3 and 4 and 1 of 4 and 5, two slots each.

    0 follows 1 (0.2), 2 follows 4 (0.8), 3 follows 4 (0.8); nobody knows how beautiful 5 is. Later 0 followed 2 and
    3, 1 followed 4 and 5 followed 1.
    """
    graph = follow_graph(range(6), [0, 2, 3], [1, 4, 4], [0.4, 0.2, 0.6, 0.5, 0.8, np.nan])
    counts = np.array([3, 2, 0, 0, 0, 0])
    start = np.concatenate([[0], np.cumsum(counts)])
    arcs = Arcs(np.arange(6), start, np.array([2, 3, 4, 4, 5], np.int32), *[np.ones(5)] * 3)
    unseen = np.array([False, False, True, True, False, True])
    return Trial(graph, arcs, Limits(2, 2, 0.1), np.array([0, 0, 1, 5]), np.array([2, 3, 4, 1]), unseen)


FOUND = _Fixed([3.0, 1.0, 2.0, 9.0, 8.0])
"""Tells 0 of 2 and 4, and 1 of 4 and 5."""


def test_hits_are_recall_and_discounted_gain_by_hand(trial):
    slots = FOUND.recommend(trial.graph, trial.arcs, trial.limits)
    assert (slots.user.tolist(), slots.target.tolist()) == ([0, 0, 1, 1], [2, 4, 4, 5])
    linked, recall, ndcg = hits(trial, slots)
    assert linked.tolist() == [0, 1, 5]
    assert recall.tolist() == [0.5, 1.0, 0.0]
    assert ndcg == pytest.approx([1 / (1 + SECOND), 1.0, 0.0])


def test_hits_count_later_ranks_less_and_never_more_than_the_slots(trial):
    """0 makes three links, of whom two slots can hold two."""
    many = replace(trial, follower=np.array([0, 0, 0, 1]), followee=np.array([4, 3, 2, 5]))
    slots = _Fixed([3.0, 1.0, 2.0, 9.0, 8.0]).recommend(many.graph, many.arcs, many.limits)
    _, recall, ndcg = hits(many, slots)
    assert recall == pytest.approx([2 / 3, 1.0])
    assert ndcg == pytest.approx([1.0, SECOND])


def test_imbalance_after_is_the_distance_once_links_are_followed():
    """0 follows 1 (0.2) and 5 (unknown); 2 follows nobody."""
    graph = follow_graph(range(6), [0, 0, 3], [1, 5, 5], [0.4, 0.2, 0.6, 0.5, 0.8, np.nan])
    found = imbalance_after(graph, np.array([0, 0, 2, 3, 5]), np.array([4, 5, 3, 5, 0]))
    assert found == pytest.approx([abs((0.2 + 0.8) / 2 - 0.4), np.nan, 0.1, np.nan, np.nan, np.nan], nan_ok=True)
    now = imbalance_after(graph, np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert now == pytest.approx(np.abs(graph.mean_followed - graph.beauty), nan_ok=True)


def test_exposure_floor_is_nothing_where_all_can_have_the_same():
    arcs = Arcs(np.arange(3), np.array([0, 3, 6, 9]), np.array([0, 1, 2] * 3, np.int32), *[np.ones(9)] * 3)
    assert exposure_floor(arcs, 6, np.array([5, 5, 5])) == pytest.approx(0, abs=1e-9)
    assert exposure_floor(arcs, 9, np.array([3, 3, 3])) == 0


def test_exposure_floor_follows_from_candidates_and_capacity(trial):
    """At most 0, 0, 1, 1, 2 and 1 slots point to the six; four of them spread evenly over the last four."""
    capacity = np.full(6, 2)
    assert exposure_floor(trial.arcs, 4, capacity) == pytest.approx(gini([0, 0, 1, 1, 1, 1]))
    assert exposure_floor(trial.arcs, 5, capacity) == pytest.approx(gini([0, 0, 1, 1, 2, 1]))
    assert exposure_floor(trial.arcs, 99, capacity) == pytest.approx(gini([0, 0, 1, 1, 2, 1]))
    assert exposure_floor(trial.arcs, 3, np.array([9, 9, 0, 9, 1, 9])) == pytest.approx(gini([0, 0, 0, 1, 1, 1]))


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_exposure_floor_is_below_any_choice(seed):
    rng = np.random.default_rng(seed)
    is_candidate = rng.random((8, 6)) < 0.5
    user, target = np.nonzero(is_candidate)
    start = np.concatenate([[0], np.cumsum(np.bincount(user, minlength=8))])
    arcs = Arcs(np.arange(8), start, target.astype(np.int32), *[np.ones(len(user))] * 3)
    capacity = rng.integers(1, 5, 6)
    order = rng.permutation(len(user))[: rng.integers(1, len(user) + 1)]
    received = np.minimum(np.bincount(target[order], minlength=6), capacity)
    assert exposure_floor(arcs, received.sum(), capacity) <= gini(received) + 1e-9


def test_evaluated_gives_all_metrics_by_hand(trial):
    found = evaluated(trial, FOUND, resamples=10)
    after = [abs((0.2 + 0.6 + 0.8) / 3 - 0.4), 0.8 - 0.2, 0.8 - 0.6, 0.8 - 0.5]
    expected = {
        "recall": 1.5 / 3,
        "ndcg": (1 / (1 + SECOND) + 1) / 3,
        "coverage": 3 / 6,
        "novelty": (2 * np.log2(7) + 2 * np.log2(7 / 3)) / 4,
        "median_followers": 0,
        "exposure_gini": gini([0, 0, 1, 0, 2, 1]),
        "exposure_gini_floor": gini([0, 0, 1, 1, 1, 1]),
        "beauty_delivered": (0.6 + 0.8 + 0.8) / 3,
        "imbalance": np.mean(after),
        "talented_unseen_reached": 2 / 3,
        "slots_filled": 1.0,
    }
    assert {name: each[0] for name, each in found.items()} == pytest.approx(expected)
    assert list(found) == list(METRICS)
    behind = {"recall": 3, "ndcg": 3, "imbalance": 4, "talented_unseen_reached": 3}
    assert {name: each[3] for name, each in found.items()} == dict.fromkeys(METRICS, 6) | behind


def test_evaluated_counts_slots_of_users_with_candidates_alone(trial):
    half = _Fixed([3.0, -np.inf, -np.inf, -np.inf, -np.inf])
    assert evaluated(trial, half, resamples=2)["slots_filled"][0] == 1 / 4


def test_metrics_count_a_user_drawn_twice_twice(trial):
    """0 is drawn twice and 1 not at all: four slots, two to 2 and two to 4."""
    run = _Run.of(trial, FOUND.recommend(trial.graph, trial.arcs, trial.limits))
    found = run.metrics(np.array([2, 0, 1, 1, 1, 1]))
    expected = {
        "recall": (2 * 0.5 + 0) / 3,
        "coverage": 2 / 6,
        "novelty": (2 * np.log2(7) + 2 * np.log2(7 / 3)) / 4,
        "median_followers": 0,
        "exposure_gini": gini([0, 0, 2, 0, 2, 0]),
        "beauty_delivered": (2 * 0.6 + 2 * 0.8) / 4,
        "talented_unseen_reached": 1 / 3,
        "slots_filled": 1.0,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert run.metrics(np.array([3, 0, 0, 0, 0, 0]))["median_followers"] == 0
    assert run.metrics(np.array([0, 1, 0, 0, 0, 0]))["recall"] == 1


def test_evaluated_of_no_slots_is_undefined_where_nothing_can_be_said(trial):
    found = evaluated(trial, _Fixed([-np.inf] * 5), resamples=5)
    undefined = {name for name, each in found.items() if np.isnan(each[0])}
    assert undefined == {"novelty", "median_followers", "exposure_gini", "beauty_delivered"}
    assert (found["recall"][0], found["coverage"][0], found["slots_filled"][0]) == (0, 0, 0)


def test_median_followers_are_those_of_the_middle_slot():
    """Slots to users with 3, 3, 1, 0 and 0 followers."""
    graph = follow_graph(range(8), [5, 6, 7, 5], [1, 1, 1, 2])
    arcs = Arcs(np.arange(1), np.array([0, 4]), np.array([1, 2, 3, 4], np.int32), *[np.ones(4)] * 3)
    trial = Trial(graph, arcs, Limits(5, 9), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(8, bool))
    slots = Slots(np.zeros(5, int), np.arange(1, 6), np.array([1, 1, 2, 3, 4]), np.zeros(5))
    metrics = _Run.of(trial, slots).metrics(np.ones(8, np.int64))
    assert metrics["median_followers"] == 1
    assert np.isnan(metrics["recall"])
    assert np.isnan(metrics["talented_unseen_reached"])


@pytest.fixture(scope="module")
def drawn():
    """300 users, some of whose candidates are followed later."""
    rng = np.random.default_rng(1)
    graph = follow_graph(np.arange(300), *rng.integers(0, 300, (2, 2000)), rng.random(300))
    arcs = candidate_arcs(graph)
    came = np.sort(rng.choice(len(arcs), 600, replace=False))
    ends = arcs.source[came], arcs.target[came].astype(np.int64)
    return Trial(graph, arcs, Limits(4, 8, 0.1), *ends, rng.random(300) < 0.2)


@pytest.mark.parametrize("recommender", [AdamicAdar(), Random()], ids=["adamic_adar", "random"])
def test_evaluated_lies_within_its_intervals(drawn, recommender):
    found = evaluated(drawn, recommender, (0, 1), resamples=100)
    outside = {name: each for name, each in found.items() if not each[1] <= each[0] <= each[2]}
    assert outside == {}
    wide = {name for name, (_, lower, upper, _) in found.items() if upper > lower}
    assert wide >= {"recall", "ndcg", "novelty", "imbalance", "beauty_delivered", *OF_SPREAD} - {"exposure_gini_floor"}
    assert all(0 <= found[name][1] <= found[name][2] <= 1 for name in OF_SPREAD)


def test_evaluated_is_less_certain_with_fewer_users(drawn):
    few = drawn.follower < 40
    smaller = replace(drawn, follower=drawn.follower[few], followee=drawn.followee[few])
    one, other = (evaluated(each, AdamicAdar(), resamples=100)["recall"] for each in (drawn, smaller))
    assert other[3] < one[3] / 4
    assert other[2] - other[1] > 1.5 * (one[2] - one[1])


def test_evaluated_is_the_mean_over_seeds_and_the_same_each_time(drawn):
    single = [evaluated(drawn, Random(), (seed,), 2)["recall"][0] for seed in (3, 4)]
    assert single[0] != single[1]
    both = evaluated(drawn, Random(), (3, 4), 20)
    assert both["recall"][0] == pytest.approx(np.mean(single))
    assert both == evaluated(drawn, Random(), (3, 4), 20)


def test_compared_lists_each_recommender_and_metric(trial):
    rows = list(compared(trial, {"one": FOUND, "other": _Fixed([1.0, 3.0, 2.0, 1.0, 2.0])}, resamples=3))
    assert [(row["recommender"], row["metric"]) for row in rows] == [(n, m) for n in ("one", "other") for m in METRICS]
    assert set(rows[0]) == {"recommender", "metric", "value", "lower", "upper", "users"}
    recall = {row["recommender"]: row["value"] for row in rows if row["metric"] == "recall"}
    assert recall == pytest.approx({"one": 1.5 / 3, "other": 1.5 / 3})
