from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata

from assets.recommender import acceptance as module
from assets.recommender.acceptance import FEATURES, acceptance, features, learned
from assets.recommender.candidates import CandidateConfig, candidate_arcs
from assets.recommender.factors import factorised
from assets.recommender.follow_graph import follow_graph

ALL = CandidateConfig(1000, 1000)


def _chance(graph, arcs):
    """The truth: users follow those of like beauty, and those who follow them."""
    gap = np.nan_to_num(np.abs(graph.beauty[arcs.source] - graph.beauty[arcs.target]), nan=0.3)
    back = graph.has(arcs.target.astype(np.int64), arcs.source)
    return 1 / (1 + np.exp(2.0 + 8 * gap - 1.5 * back))


def _later(graph, rng):
    """The graph after a while, the one before in it."""
    arcs = candidate_arcs(graph, ALL)
    came = rng.random(len(arcs)) < _chance(graph, arcs)
    ends = [np.concatenate([graph.users[old], graph.users[new[came]]]) for old, new in _ends(graph, arcs)]
    return follow_graph(graph.users, *ends, graph.beauty, before=graph)


def _ends(graph, arcs):
    return (graph.follower, arcs.source), (graph.followee, arcs.target)


@pytest.fixture(scope="module")
def history():
    """A graph with its past, and the graph that comes after it."""
    rng = np.random.default_rng(5)
    users = np.arange(250)
    beauty = np.where(rng.random(250) < 0.9, rng.random(250), np.nan)
    start = follow_graph(users, *rng.integers(0, 250, (2, 900)), beauty)
    now = _later(start, rng)
    return now, _later(now, rng)


def _area_under_curve(is_true, score):
    ranks, hits = rankdata(score), is_true.sum()
    return (ranks[is_true].sum() - hits * (hits + 1) / 2) / (hits * (~is_true).sum())


def test_acceptance_ranks_links_that_come_above_others_and_is_calibrated(history):
    graph, later = history
    arcs = candidate_arcs(graph, ALL)
    came = later.has(arcs.source, arcs.target.astype(np.int64))
    chance = acceptance(graph, ALL)(graph, arcs)
    assert ((chance > 0) & (chance < 1)).all()
    assert _area_under_curve(came, chance) > 0.7
    assert _area_under_curve(came, chance) > _area_under_curve(came, _chance(graph, arcs)) - 0.03
    # A fifth of the expected number, beside four standard errors of the number that came.
    assert abs(chance.sum() - came.sum()) < 0.2 * came.sum() + 4 * np.sqrt(came.sum())


def test_acceptance_is_calibrated_in_the_past_that_it_learned_from(history):
    graph, _ = history
    arcs = candidate_arcs(graph.before, ALL)
    chance = learned(graph, ALL).chances(graph.before, arcs, factorised(graph.before))
    came = graph.has(arcs.source, arcs.target.astype(np.int64))
    assert chance.sum() == pytest.approx(came.sum(), rel=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_acceptance_of_a_sample_lets_each_stand_for_several(history, monkeypatch, seed):
    graph, _ = history
    arcs = candidate_arcs(graph, ALL)
    whole = acceptance(graph, ALL)(graph, arcs).sum()
    monkeypatch.setattr(module, "_MOST_OTHERS", 800)
    assert len(candidate_arcs(graph.before, ALL)) > 2000
    assert acceptance(graph, ALL, seed)(graph, arcs).sum() == pytest.approx(whole, rel=0.15)


def test_acceptance_learns_from_some_users_where_there_are_many(history, monkeypatch):
    graph, _ = history
    arcs = candidate_arcs(graph, ALL)
    whole = acceptance(graph, ALL)(graph, arcs)
    monkeypatch.setattr(module, "_MOST_USERS", 200)
    part = acceptance(graph, ALL)(graph, arcs)
    assert part.sum() == pytest.approx(whole.sum(), rel=0.2)
    assert np.corrcoef(part, whole)[0, 1] > 0.9
    assert not np.array_equal(part, whole)


def test_acceptance_in_parts_is_that_of_all(history, monkeypatch):
    graph, _ = history
    arcs = candidate_arcs(graph, ALL)
    scorer = acceptance(graph, ALL)
    whole = scorer(graph, arcs)
    monkeypatch.setattr(module, "_ARCS_AT_ONCE", 100)
    assert scorer(graph, arcs) == pytest.approx(whole)


def test_acceptance_without_a_past_is_the_chance_of_two_random_steps(draw):
    graph = replace(draw(3), before=None)
    arcs = candidate_arcs(graph, ALL)
    links = graph.matrix.toarray()
    step = links / np.maximum(links.sum(axis=1, keepdims=True), 1)
    assert acceptance(graph)(graph, arcs) == pytest.approx((step @ step)[arcs.source, arcs.target])


def test_acceptance_where_hardly_a_link_came_learns_nothing(history):
    """Nineteen are too few, twenty are enough."""
    graph, _ = history
    before = graph.before
    arcs = candidate_arcs(before, ALL)
    chosen = np.random.default_rng(0).permutation(len(arcs))
    found = {}
    for number in (19, 20):
        new = arcs.source[chosen[:number]], arcs.target[chosen[:number]]
        ends = [np.concatenate(pair) for pair in zip((before.follower, before.followee), new, strict=True)]
        later = follow_graph(before.users, *ends, before.beauty, before=before)
        candidates = candidate_arcs(later, ALL)
        plain = candidates.resource_allocation / later.out_degree[candidates.source]
        found[number] = np.array_equal(acceptance(later, ALL)(later, candidates), plain)
    assert found == {19: True, 20: False}


def test_acceptance_where_all_candidates_were_followed_learns_nothing():
    """Thirty users follow 30, who follows 31; then all follow 31."""
    ends = [*range(31)], [30] * 30 + [31]
    before = follow_graph(range(33), *ends)
    later = follow_graph(range(33), [*ends[0], *range(30), 31], [*ends[1], *[31] * 30, 32], before=before)
    arcs = candidate_arcs(later)
    assert len(arcs) == 31
    assert acceptance(later)(later, arcs) == pytest.approx([1 / 2] * 30 + [1.0])


def test_acceptance_is_no_more_than_certain():
    """0 follows 101 users, of whom a hundred are drawn and stand for all; each follows 102 and nobody else."""
    graph = follow_graph(range(103), [0] * 101 + [*range(1, 102)], [*range(1, 102)] + [102] * 101)
    arcs = candidate_arcs(graph, CandidateConfig(most_followees=100), np.array([0]))
    assert arcs.target.tolist() == [102]
    chance = acceptance(graph)(graph, arcs)
    assert chance == pytest.approx([1.0])
    assert chance.max() <= 1


def test_acceptance_of_no_candidates_is_nothing(history):
    graph, _ = history
    scorer = acceptance(graph, ALL)
    assert scorer(graph, candidate_arcs(graph, ALL, np.zeros(0, np.int64))).shape == (0,)


def test_acceptance_learns_nothing_else_from_the_later_graph_than_which_candidates_were_followed(history):
    """Links of the later graph that were no candidates before, and its beauty, change nothing."""
    graph, _ = history
    before = graph.before
    arcs = candidate_arcs(before, ALL)
    is_candidate = np.zeros((graph.nodes, graph.nodes), bool)
    is_candidate[arcs.source, arcs.target] = True
    rng = np.random.default_rng(1)
    more = rng.integers(0, graph.nodes, (2, 3000))
    more = more[:, ~is_candidate[more[0], more[1]]]
    ends = [np.concatenate([old, new]) for old, new in zip((graph.follower, graph.followee), more, strict=True)]
    other = follow_graph(graph.users, *ends, rng.random(graph.nodes), before=before)
    assert other.links > graph.links + 1000
    places = factorised(before)
    expected = learned(graph, ALL).chances(before, arcs, places)
    assert np.array_equal(learned(other, ALL).chances(before, arcs, places), expected)
    fewer = follow_graph(graph.users, graph.follower[::2], graph.followee[::2], graph.beauty, before=before)
    assert not np.array_equal(learned(fewer, ALL).chances(before, arcs, places), expected)


def test_features_are_those_by_hand():
    """0 (0.2) -> 1 -> 2 (0.6), 3 (unknown); 2 -> 0 back; lately 0 -> 1 came."""
    before = follow_graph(range(4), [1, 1, 2], [2, 3, 0], [0.2, 0.4, 0.6, np.nan])
    graph = follow_graph(range(4), [0, 1, 1, 2], [1, 2, 3, 0], [0.2, 0.4, 0.6, np.nan], before=before)
    arcs = candidate_arcs(graph, users=np.array([0]))
    assert arcs.target.tolist() == [2, 3]
    found = features(graph, arcs)
    expected = [
        [np.log(1 / 2), np.log(1), np.log(2), np.log(2), 1, 0.4, 0, 0.6, np.log(1), np.log(2), np.log(1)],
        [np.log(1 / 2), np.log(1), np.log(2), np.log(1), 0, 0.0, 1, 0.4, np.log(1), np.log(2), np.log(1)],
    ]
    assert found.shape == (2, len(FEATURES))
    assert found == pytest.approx(np.array(expected))


def test_features_count_what_was_gained_lately():
    before = follow_graph(range(5), [0], [1])
    graph = follow_graph(range(5), [0, 0, 1, 1, 2], [1, 2, 3, 4, 3], before=before)
    arcs = candidate_arcs(graph, users=np.array([0]))
    assert arcs.target.tolist() == [3, 4]
    gained = features(graph, arcs)[:, -2:]
    assert gained == pytest.approx(np.log([[2, 3], [2, 2]]))
    assert (features(replace(graph, before=None), arcs)[:, -2:] == 0).all()


def test_features_are_finite_where_nobody_has_beauty(draw):
    graph = draw(2, known=0.0)
    assert np.isfinite(features(graph, candidate_arcs(graph))).all()
