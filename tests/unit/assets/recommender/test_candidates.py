import numpy as np
import pytest

from assets.recommender.candidates import (
    MEASURES,
    CandidateConfig,
    candidate_arcs,
    candidate_blocks,
    joined_arcs,
    kept_arcs,
    parts_of,
    remeasured,
)
from assets.recommender.chance import pair_chances, stream
from assets.recommender.follow_graph import follow_graph
from assets.recommender.kernels import chances

ALL = CandidateConfig(most_followees=1000, most_candidates=1000)


def _dense(graph):
    """Measure -> (n, n) array, and which pairs are candidates."""
    links = graph.matrix.toarray().astype(float)
    followees = np.maximum(links.sum(axis=1), 1)
    found = {
        "paths": links @ links,
        "adamic_adar": links @ np.diag(1 / np.log(1 + followees)) @ links,
        "resource_allocation": links @ np.diag(1 / followees) @ links,
    }
    is_candidate = (found["paths"] > 0) & (links == 0) & ~np.eye(graph.nodes, dtype=bool)
    is_candidate.ravel()[graph.barred] = False
    return found, is_candidate


def _same(one, other):
    names = ("users", "start", "target", *MEASURES)
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


@pytest.mark.parametrize("seed", range(6))
def test_candidate_arcs_are_those_two_steps_away_with_the_measures_of_matrices(draw, seed):
    graph = draw(seed, n=25, links=60 + 20 * seed, barred=15)
    arcs = candidate_arcs(graph, ALL)
    expected, is_candidate = _dense(graph)
    source, target = np.nonzero(is_candidate)
    assert len(arcs) > 50
    assert arcs.users.tolist() == list(range(25))
    assert arcs.source.tolist() == source.tolist()
    assert arcs.target.tolist() == target.tolist()
    for name, values in expected.items():
        assert getattr(arcs, name) == pytest.approx(values[is_candidate])


def test_candidate_arcs_leave_out_oneself_the_followed_and_the_barred():
    """0 -> 1 -> each of 0, 2, 3, 4, 5; 0 follows 2 too, blocks 3, and 4 blocks 0."""
    graph = follow_graph(range(6), [0, 0, 1, 1, 1, 1, 1], [1, 2, 0, 2, 3, 4, 5], barred=([0, 4], [3, 0]))
    arcs = candidate_arcs(graph, ALL)
    assert list(zip(arcs.source.tolist(), arcs.target.tolist(), strict=True)) == [(0, 5)]
    assert (arcs.paths[0], arcs.resource_allocation[0]) == (1, pytest.approx(1 / 5))
    assert arcs.adamic_adar[0] == pytest.approx(1 / np.log(6))


def test_candidate_arcs_of_few_links_are_none():
    for graph in (follow_graph([], [], []), follow_graph([1, 2], [], []), follow_graph([1, 2], [1, 2], [2, 1])):
        arcs = candidate_arcs(graph)
        assert (len(arcs), arcs.counts.tolist()) == (0, [0] * graph.nodes)
    assert len(joined_arcs([])) == 0


@pytest.mark.parametrize("seed", range(3))
def test_candidate_arcs_keep_those_with_most_resource_allocation(draw, seed):
    graph = draw(seed, n=40, links=240)
    arcs = candidate_arcs(graph, CandidateConfig(1000, most_candidates=5, explored=0.0))
    expected, is_candidate = _dense(graph)
    assert arcs.counts.tolist() == np.minimum(is_candidate.sum(axis=1), 5).tolist()
    is_kept = np.zeros_like(is_candidate)
    is_kept[arcs.source, arcs.target] = True
    assert not (is_kept & ~is_candidate).any()
    strength = expected["resource_allocation"]
    least_kept = np.where(is_kept, strength, np.inf).min(axis=1)
    most_left = np.where(is_candidate & ~is_kept, strength, -np.inf).max(axis=1)
    assert (most_left > -np.inf).any()
    assert (least_kept >= most_left * (1 - 1e-6)).all()
    assert arcs.resource_allocation == pytest.approx(strength[is_kept])


def _fan():
    """User 0 has ten candidates: 11 and 12 are the strongest, 13 to 16 are weaker, 17 to 20 the weakest."""
    followees = [*range(11, 21), 11, 12, *range(13, 17)]
    return follow_graph(range(21), [0] * 4 + [1] * 10 + [2] * 2 + [3] * 4, [1, 2, 3, 4, *followees])


def test_candidate_arcs_explore_others_by_chance():
    graph, times = _fan(), 400
    seen = np.zeros(21, int)
    for seed in range(times):
        arcs = candidate_arcs(graph, CandidateConfig(1000, 4, explored=0.5, seed=seed), np.array([0]))
        assert arcs.counts.tolist() == [4]
        seen[arcs.target] += 1
    assert seen[11:13].tolist() == [times, times]
    reach = 5 * np.sqrt(times * 0.25 * 0.75)
    assert np.abs(seen[13:] - times * 0.25).max() < reach


def test_candidate_arcs_explored_are_the_same_for_the_same_seed(draw):
    graph = draw(1, n=40, links=240)
    config = CandidateConfig(3, 6, explored=0.5, seed=4)
    assert _same(candidate_arcs(graph, config), candidate_arcs(graph, config))
    other = candidate_arcs(graph, CandidateConfig(3, 6, explored=0.5, seed=5))
    assert not np.array_equal(candidate_arcs(graph, config).target, other.target)


@pytest.mark.parametrize(("explored", "chosen"), [(0.0, 0), (1.0, 4)])
def test_candidate_arcs_explore_none_or_all(explored, chosen):
    is_strong = [
        np.isin([11, 12], candidate_arcs(_fan(), CandidateConfig(1000, 4, explored, seed), np.array([0])).target).all()
        for seed in range(30)
    ]
    assert all(is_strong) == (chosen == 0)


def test_candidate_arcs_of_sampled_followees_do_not_depend_on_the_rest_of_the_graph():
    rng = np.random.default_rng(0)
    ids = np.arange(100, 160)
    followers, followees = rng.choice(ids, (2, 900))
    config = CandidateConfig(most_followees=5, most_candidates=20, seed=3)
    small = follow_graph(ids, followers, followees)
    elsewhere = rng.choice(np.arange(1000, 1040), (2, 300))
    large = follow_graph(
        [*range(50), *ids, *range(1000, 1040)],
        [*elsewhere[0], *followers, *range(50)],
        [*elsewhere[1], *followees, *rng.choice(ids, 50)],
    )
    one, other = candidate_arcs(small, config), candidate_arcs(large, config, np.arange(50, 110))
    assert small.out_degree.max() > 5
    assert np.array_equal(small.users[one.target], large.users[other.target])
    assert np.array_equal(one.start, other.start)
    for name in MEASURES:
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("most", [1, 3, 6])
@pytest.mark.parametrize("seed", range(4))
def test_candidate_arcs_of_sampled_followees_have_the_measures_of_all_paths(draw, most, seed):
    """Long and short rows are read in different ways; a few users follow most of the others here."""
    graph = draw(seed, n=60, links=200)
    hubs = [(hub, other) for hub in range(3) for other in range(60) if (hub + other) % 7]
    ends = np.array(hubs).T
    graph = follow_graph(range(60), [*graph.follower, *ends[0]], [*graph.followee, *ends[1]])
    arcs = candidate_arcs(graph, CandidateConfig(most, 1 + seed, seed=seed))
    expected, is_candidate = _dense(graph)
    assert is_candidate[arcs.source, arcs.target].all()
    assert graph.out_degree.max() > 40 > 5 * most
    for name, values in expected.items():
        assert getattr(arcs, name) == pytest.approx(values[arcs.source, arcs.target])
    assert (arcs.paths <= graph.out_degree[arcs.source]).all()


def test_remeasured_arcs_are_those_of_the_new_graph(draw):
    before, since = draw(1, n=40, links=240), draw(2, n=40, links=200)
    arcs = candidate_arcs(before, ALL)
    found = remeasured(since, arcs)
    paths = _dense(since)[0]
    is_there = paths["paths"][arcs.source, arcs.target] > 0
    assert 0 < len(found) == is_there.sum() < len(arcs)
    for name, values in paths.items():
        assert getattr(found, name) == pytest.approx(values[arcs.source, arcs.target][is_there])


def test_what_is_explored_says_nothing_of_what_is_hidden_nor_of_ties():
    one, other = np.divmod(np.arange(10_000), 100)
    drawn = [pair_chances(purpose, 0, one, other) for purpose in ("links that are hidden", "ties", "random")]
    drawn.append(chances(stream(0, "candidates that are explored"), one, other))
    apart = np.corrcoef(drawn)[np.triu_indices(4, 1)]
    assert np.abs(apart).max() < 0.05


@pytest.mark.parametrize("block", [1, 7, 39, 40])
def test_candidate_blocks_of_any_size_give_the_same(draw, block):
    graph = draw(2, n=40, links=240)
    config = CandidateConfig(4, 8)
    blocks = list(candidate_blocks(graph, CandidateConfig(4, 8, block=block)))
    assert [len(each.users) for each in blocks[:-1]] == [block] * (-(-40 // block) - 1)
    assert _same(joined_arcs(blocks), candidate_arcs(graph, config))


def test_candidate_arcs_of_some_users_are_their_rows(draw):
    graph, config = draw(3, n=40, links=240), CandidateConfig(4, 8)
    whole, users = candidate_arcs(graph, config), np.array([0, 3, 4, 5, 17, 39])
    some = candidate_arcs(graph, config, users)
    of_these = np.isin(whole.source, users)
    assert some.users.tolist() == users.tolist()
    assert some.counts.tolist() == whole.counts[users].tolist()
    for name in ("target", *MEASURES):
        assert np.array_equal(getattr(some, name), getattr(whole, name)[of_these])


@pytest.mark.parametrize("most", [1, 10, 33, 10_000])
def test_parts_of_are_whole_users_and_join_to_all(draw, most):
    arcs = candidate_arcs(draw(4, n=40, links=200, barred=300))
    assert (arcs.counts == 0).any()
    parts = list(parts_of(arcs, most))
    assert _same(joined_arcs([part for _, part in parts]), arcs)
    for here, part in parts:
        assert np.array_equal(arcs.target[here], part.target)
        assert len(part) <= most or np.count_nonzero(part.counts) == 1
    assert list(parts_of(joined_arcs([]), most)) == []


def test_kept_arcs_are_some_of_the_same_users(draw):
    graph = draw(25)
    arcs = candidate_arcs(graph)
    kept = (np.arange(30) % 3 > 0)[arcs.target]
    assert 0 < kept.sum() < len(arcs)
    found = kept_arcs(arcs, kept)
    assert np.array_equal(found.users, arcs.users)
    for name in ("source", "target", "paths", "adamic_adar", "resource_allocation"):
        assert np.array_equal(getattr(found, name), getattr(arcs, name)[kept])
    assert len(kept_arcs(arcs, np.zeros(len(arcs), bool))) == 0
