from dataclasses import is_dataclass, replace

import numpy as np
import pytest

from assets.recommender.candidates import CandidateConfig, candidate_arcs
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits, tie_breakers
from assets.recommender.recommenders.embeddings import ALS, Node2Vec
from assets.recommender.recommenders.plain import (
    AdamicAdar,
    BeautyOnly,
    CommonNeighbours,
    PreferentialAttachment,
    Random,
    ResourceAllocation,
)
from assets.recommender.recommenders.walks import Katz, PersonalisedPageRank
from assets.recommender.registry import recommenders

K = 3
WIDE = Limits(slots=K, capacity=1000, imbalance=1.0)


@pytest.fixture(params=list(recommenders()))
def recommender(request):
    return recommenders()[request.param]()


@pytest.fixture(scope="module")
def graph(draw):
    return draw(11, n=40, links=200)


@pytest.fixture(scope="module")
def arcs(graph):
    return candidate_arcs(graph)


def _listed(graph, slots):
    ids = (graph.users[slots.user].tolist(), slots.rank.tolist(), graph.users[slots.target].tolist())
    return list(zip(*ids, strict=True))


def test_recommend_gives_each_user_few_candidates_ranked_from_one(recommender, graph, arcs):
    slots = recommender.recommend(graph, arcs, Limits(K, 5, 0.1), seed=2)
    counts = np.bincount(slots.user, minlength=graph.nodes)
    assert len(slots) > graph.nodes
    assert (counts <= np.minimum(arcs.counts, K)).all()
    ranks = {user: slots.rank[slots.user == user].tolist() for user in np.unique(slots.user)}
    assert all(found == list(range(1, len(found) + 1)) for found in ranks.values())
    keys = slots.user * graph.nodes + slots.target
    assert len(np.unique(keys)) == len(keys)
    assert np.isin(keys, arcs.source * graph.nodes + arcs.target).all()
    best_first = (np.diff(slots.score) <= 0) | (np.diff(slots.user) > 0)
    assert best_first.all()


def test_recommend_is_the_same_for_the_same_seed(recommender, graph, arcs):
    one, other = (recommender.recommend(graph, arcs, WIDE, seed=2) for _ in range(2))
    assert _listed(graph, one) == _listed(graph, other)
    assert np.array_equal(one.score, other.score)


def test_recommend_is_the_same_for_links_in_another_order(recommender, graph, arcs):
    rng = np.random.default_rng(0)

    def shuffled(one, before):
        order, people = rng.permutation(one.links), rng.permutation(one.nodes)
        ends = (one.users[column[order]] for column in (one.follower, one.followee))
        pairs = tuple(one.users[side] for side in np.divmod(one.barred, one.nodes))
        return follow_graph(one.users[people], *ends, one.beauty[people], pairs, before)

    other = shuffled(graph, shuffled(graph.before, None))
    found = recommender.recommend(other, candidate_arcs(other), WIDE, seed=2)
    assert _listed(other, found) == _listed(graph, recommender.recommend(graph, arcs, WIDE, seed=2))


def test_recommend_without_candidates_gives_nothing(recommender):
    for graph in (
        follow_graph([1, 2, 3], [1], [2], [0.1, 0.2, 0.3]),
        follow_graph([1, 2], [], []),
        follow_graph([], [], []),
    ):
        assert len(recommender.recommend(graph, candidate_arcs(graph), WIDE)) == 0


def test_recommend_works_where_nobody_has_beauty(recommender, graph, arcs):
    plain = replace(graph, beauty=np.full(graph.nodes, np.nan))
    slots = recommender.recommend(plain, arcs, WIDE)
    wanted = np.zeros(graph.nodes) if isinstance(recommender, BeautyOnly) else np.minimum(arcs.counts, K)
    assert np.bincount(slots.user, minlength=graph.nodes).tolist() == wanted.tolist()


def test_recommend_fills_the_slots_of_users_without_beauty(recommender, graph, arcs):
    slots = recommender.recommend(graph, arcs, WIDE)
    without = np.flatnonzero(np.isnan(graph.beauty) & (arcs.counts >= 2 * K))
    assert len(without) > 2
    assert (np.bincount(slots.user, minlength=graph.nodes)[without] == K).all()


def test_fitted_scores_a_user_the_same_whoever_else_is_asked(recommender, graph, arcs):
    scorer = recommender.fitted(graph, 0)
    users = np.array([1, 5, 6, 30])
    some = candidate_arcs(graph, users=users)
    whole = scorer(graph, arcs)
    assert whole.shape == (len(arcs),)
    assert not np.isnan(whole).any()
    assert len(np.unique(whole)) > 3
    assert scorer(graph, some) == pytest.approx(whole[np.isin(arcs.source, users)])


def test_fitted_scores_candidates_of_a_later_graph(recommender, graph):
    scorer = recommender.fitted(graph.before, 0)
    arcs = candidate_arcs(graph)
    scores = scorer(graph, arcs)
    assert scores.shape == (len(arcs),)
    assert not np.isnan(scores).any()


def test_plain_recommenders_score_as_said():
    """0 follows 1 (who follows 3) and 2 (who follows 3, 4 and 5); 5 follows 3 too."""
    graph = follow_graph(range(6), [0, 0, 1, 2, 2, 2, 5], [1, 2, 3, 3, 4, 5, 3], [0.5, 0.5, 0.5, 0.2, np.nan, 0.9])
    arcs = candidate_arcs(graph, users=np.array([0]))
    assert arcs.target.tolist() == [3, 4, 5]
    expected = {
        CommonNeighbours: [2, 1, 1],
        PreferentialAttachment: [3, 1, 1],
        AdamicAdar: [1 / np.log(2) + 1 / np.log(4), 1 / np.log(4), 1 / np.log(4)],
        ResourceAllocation: [1 + 1 / 3, 1 / 3, 1 / 3],
        BeautyOnly: [0.2, -np.inf, 0.9],
    }
    for recommender, scores in expected.items():
        assert recommender().fitted(graph)(graph, arcs) == pytest.approx(scores)
    drawn = Random().fitted(graph, 4)(graph, arcs)
    assert (drawn != Random().fitted(graph, 5)(graph, arcs)).all()
    assert (drawn != tie_breakers(graph, arcs, 4)).all()  # those break ties of it


def _power_sum(step, longest):
    return sum(np.linalg.matrix_power(step, length) for length in range(2, longest + 1))


@pytest.mark.parametrize("longest", [2, 3, 5])
def test_katz_is_the_damped_sum_of_powers(graph, arcs, longest):
    links = graph.matrix.toarray().astype(float)
    damping = 0.7 / np.sqrt(links.sum(axis=0).max() * links.sum(axis=1).max())
    assert damping < 1 / np.abs(np.linalg.eigvals(links)).max()
    expected = _power_sum(damping * links, longest)
    found = Katz(share=0.7, longest=longest).fitted(graph)(graph, arcs)
    assert found == pytest.approx(expected[arcs.source, arcs.target])


@pytest.mark.parametrize("longest", [2, 6])
def test_personalised_pagerank_is_where_walks_are_that_restart(graph, arcs, longest):
    links = graph.matrix.toarray().astype(float)
    step = 0.75 * links / np.maximum(links.sum(axis=1, keepdims=True), 1)
    expected = _power_sum(step, longest)
    found = PersonalisedPageRank(restart=0.25, longest=longest).fitted(graph)(graph, arcs)
    assert found == pytest.approx(expected[arcs.source, arcs.target])


def test_personalised_pagerank_comes_near_the_stationary_one(graph, arcs):
    links = graph.matrix.toarray().astype(float)
    step = links / np.maximum(links.sum(axis=1, keepdims=True), 1)
    stationary = np.linalg.inv(np.eye(graph.nodes) - 0.85 * step) - np.eye(graph.nodes) - 0.85 * step
    found = PersonalisedPageRank(longest=80).fitted(graph)(graph, arcs)
    assert found == pytest.approx(stationary[arcs.source, arcs.target], rel=1e-4)


def test_walks_of_more_users_than_fit_at_once_are_those_of_each(draw):
    graph = draw(12, n=600, links=2000)
    scorer = Katz().fitted(graph)
    arcs = candidate_arcs(graph)
    last = np.array([599])
    assert scorer(graph, arcs)[arcs.start[-2] :] == pytest.approx(scorer(graph, candidate_arcs(graph, users=last)))


@pytest.mark.parametrize("recommender", [ALS(factors=2), ALS(factors=4), Node2Vec(), Node2Vec(factors=4)])
def test_embeddings_tell_two_groups_apart(recommender):
    """Two groups of fifteen, each pair linked by an even chance, and one link from one to the other.

    As many factors as users would learn by heart who is not linked.
    """
    rng = np.random.default_rng(3)
    group = np.repeat([0, 1], 15)
    linked = (group[:, None] == group) & (rng.random((30, 30)) < 0.5)
    linked[0, 15] = True
    graph = follow_graph(range(30), *np.nonzero(linked))
    arcs = candidate_arcs(graph, CandidateConfig(100, 100))
    is_own = group[arcs.source] == group[arcs.target]
    assert (~is_own).sum() > 5
    scores = recommender.fitted(graph, 0)(graph, arcs)
    assert scores[is_own].mean() > scores[~is_own].mean() + scores[~is_own].std()
    assert np.median(scores[is_own]) > np.median(scores[~is_own])


def test_node2vec_leaves_the_number_of_threads_as_it_was(graph):
    import networkit

    before = networkit.getMaxNumberOfThreads()
    networkit.setNumberOfThreads(2)
    try:
        Node2Vec().fitted(graph)
        assert networkit.getMaxNumberOfThreads() == 2
    finally:
        networkit.setNumberOfThreads(before)


_EXTRA = """
from dataclasses import dataclass
from assets.recommender.recommenders.plain import Random

@dataclass(frozen=True)
class Extra(Random):
    name = {name!r}

class WithoutAName(Random):
    pass
"""


def test_recommenders_are_those_of_the_field_by_name():
    found = recommenders()
    field = {"random", "preferential_attachment", "common_neighbours", "adamic_adar", "resource_allocation"}
    assert field | {"katz", "personalised_pagerank", "als", "beauty_only", "beauty_flow"} <= set(found)
    assert list(found) == sorted(found)
    assert all(name == each.name and is_dataclass(each) for name, each in found.items())
    assert len({each.title for each in found.values()}) == len(found)


def test_recommenders_include_one_because_it_exists(extra_module):
    extra_module(_EXTRA.format(name="extra"))
    assert recommenders()["extra"].__name__ == "Extra"
    assert "WithoutAName" not in {each.__name__ for each in recommenders().values()}


def test_recommenders_refuse_two_of_one_name(extra_module):
    extra_module(_EXTRA.format(name="katz"))
    with pytest.raises(ValueError, match="two recommenders are called 'katz'"):
        recommenders()
