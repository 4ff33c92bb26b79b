import networkx as nx
import numpy as np
import pytest

from assets.network.links import simple_links
from assets.network.positions import positions, sampled


@pytest.fixture(scope="module")
def random_graph():
    """Directed, with hubs, mutual links, users without links, and several components."""
    generator = np.random.default_rng(4)
    ends = (generator.random((900, 2)) ** 3 * 200).astype(int)
    ends = np.concatenate([ends, ends[:200, ::-1]])
    return simple_links(ends[:, 0], ends[:, 1], range(210))


@pytest.fixture(scope="module")
def in_networkx(random_graph):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(random_graph.nodes))
    graph.add_edges_from(zip(random_graph.source.tolist(), random_graph.target.tolist(), strict=True))
    return graph


def test_positions_are_those_of_networkx(random_graph, in_networkx):
    found, undirected = positions(random_graph), in_networkx.to_undirected()
    nodes = range(random_graph.nodes)
    assert found.triangles.tolist() == [nx.triangles(undirected)[node] for node in nodes]
    assert found.clustering == pytest.approx([nx.clustering(undirected)[node] for node in nodes])
    assert found.core.tolist() == [nx.core_number(undirected)[node] for node in nodes]
    assert found.pagerank == pytest.approx([nx.pagerank(in_networkx, tol=1e-12)[node] for node in nodes], abs=1e-8)
    assert np.bincount(found.component).tolist() == sorted(map(len, nx.connected_components(undirected)), reverse=True)


def test_positions_count_followers_followees_and_those_who_are_both():
    found = positions(simple_links([1, 2, 1, 4], [2, 1, 3, 3], [1, 2, 3, 4, 5]))
    assert found.followees.tolist() == [2, 1, 0, 1, 0]
    assert found.followers.tolist() == [1, 1, 2, 0, 0]
    assert found.mutual.tolist() == [1, 1, 0, 0, 0]
    assert found.reciprocity == pytest.approx([0.5, 1.0, np.nan, 0.0, np.nan], nan_ok=True)


def test_triangles_are_those_of_networkx(random_graph):
    import networkx

    found = positions(random_graph)
    graph = networkx.Graph(zip(random_graph.source.tolist(), random_graph.target.tolist(), strict=True))
    graph.add_nodes_from(range(random_graph.nodes))
    assert found.triangles.sum() > 0
    assert found.triangles.tolist() == [networkx.triangles(graph)[node] for node in range(random_graph.nodes)]
    assert found.clustering == pytest.approx([networkx.clustering(graph)[node] for node in range(random_graph.nodes)])


def test_communities_are_those_that_were_planted_and_repeat():
    cliques = [(a, b) for start in (0, 10, 30) for a in range(start, start + 8) for b in range(start, start + 8)]
    ends = np.array([*cliques, (0, 10), (10, 30), (8, 9), (9, 8), *[(a, a + 1) for a in range(40, 52)]])
    links = simple_links(ends[:, 0], ends[:, 1])
    community = positions(links).community
    for start in (0, 10, 30):
        assert len({community[np.searchsorted(links.users, user)] for user in range(start, start + 8)}) == 1
    sizes = np.bincount(community)
    assert (np.diff(sizes) <= 0).all()
    assert np.array_equal(community, positions(links).community)


def test_a_graph_without_links_has_positions_without_news():
    found = positions(simple_links([], [], [1, 2, 3]))
    assert found.core.tolist() == [0, 0, 0]
    assert found.pagerank == pytest.approx([1 / 3] * 3)
    assert found.clustering.tolist() == [0, 0, 0]
    assert found.component.tolist() == [0, 1, 2]
    assert len(positions(simple_links([], [])).pagerank) == 0


def test_cores_survive_a_user_whose_links_outnumber_the_users():
    """NetworKit crashes on a directed graph in which somebody's followers and followees together are that many."""
    others = np.arange(1, 30)
    hub = np.zeros_like(others)
    links = simple_links(np.concatenate([hub, others]), np.concatenate([others, hub]))
    assert positions(links).core.tolist() == [1] * 30


def test_sampled_draws_without_replacement_and_repeats():
    assert sampled(5, 0, 0).tolist() == sampled(5, 9, 0).tolist() == [0, 1, 2, 3, 4]
    drawn = sampled(1_000, 100, 3)
    assert len(set(drawn.tolist())) == 100
    assert np.array_equal(drawn, sampled(1_000, 100, 3))


def test_wiki_vote_gives_its_published_values(wiki_vote):
    found = positions(wiki_vote)
    assert found.triangles.sum() == 3 * 608_389
    assert found.clustering.mean() == pytest.approx(0.1409, abs=5e-5)
    assert np.bincount(found.component).max() == 7_066


@pytest.mark.parametrize(("name", "triangles"), [("polblogs", 101_043), ("karate", 45)])
def test_undirected_graphs_give_their_published_triangles(metis, name, triangles):
    assert positions(metis(name)).triangles.sum() == 3 * triangles
