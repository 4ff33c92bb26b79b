import networkit
import networkx as nx
import numpy as np
import pytest

from assets.network.assortativity import (
    DEGREE_MODES,
    assortativity,
    assortativity_of_pairs,
    degree_assortativity,
    mean_of_neighbours,
)
from assets.network.links import simple_links


def random_links(seed, nodes=60, links=400):
    ends = np.random.default_rng(seed).integers(0, nodes, (links, 2))
    return simple_links(ends[:, 0], ends[:, 1], range(nodes))


@pytest.mark.parametrize("mode", DEGREE_MODES)
def test_degree_assortativity_is_that_of_networkx(mode):
    links = random_links(1)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(links.nodes))
    graph.add_edges_from(zip(links.source.tolist(), links.target.tolist(), strict=True))
    source, target = mode.split("_")
    expected = nx.degree_pearson_correlation_coefficient(graph, x=source, y=target)
    assert degree_assortativity(links)[mode] == pytest.approx(expected, abs=1e-12)


def test_assortativity_is_one_where_like_follows_like_and_minus_one_where_unlike_does():
    values = [0.0, 0.0, 1.0, 1.0]
    assert assortativity(simple_links([0, 2], [1, 3], range(4)), values) == pytest.approx(1)
    assert assortativity(simple_links([0, 3], [2, 1], range(4)), values) == pytest.approx(-1)


def test_assortativity_leaves_out_links_of_users_without_a_number():
    links = simple_links([0, 2, 0, 4], [1, 3, 4, 3], range(5))
    values = [0.0, 0.0, 1.0, 1.0, np.nan]
    assert assortativity(links, values) == pytest.approx(1)
    assert np.isnan(assortativity(links, [np.nan] * 5))
    assert np.isnan(assortativity(links, [0.5] * 5))


def test_assortativity_of_pairs_does_not_depend_on_numbering():
    """100 random relabellings give the same r; NetworKit's own class gives another one for most."""
    generator = np.random.default_rng(0)
    links, values = random_links(2), generator.random(60)
    expected = assortativity_of_pairs(links.pairs, values)
    theirs = []
    for _ in range(100):
        order = generator.permutation(60)
        renamed = simple_links(order[links.source], order[links.target], range(60))
        moved = np.empty(60)
        moved[order] = values
        assert assortativity_of_pairs(renamed.pairs, moved) == pytest.approx(expected, abs=1e-12)
        theirs.append(networkit.correlation.Assortativity(renamed.pairs.graph(), moved.tolist()).run().getCoefficient())
    assert np.ptp(theirs) > 0.02


@pytest.mark.parametrize(("name", "published"), [("polblogs", -0.221233), ("karate", -0.475613)])
def test_undirected_graphs_give_their_published_assortativity(metis, name, published):
    assert degree_assortativity(metis(name))["undirected"] == pytest.approx(published, abs=5e-7)


def test_mean_of_neighbours_is_that_of_followees_with_a_number():
    links = simple_links([0, 0, 0, 1, 2], [1, 2, 3, 3, 0], range(4))
    assert mean_of_neighbours(links, [0.1, 0.2, 0.4, np.nan]) == pytest.approx([0.3, np.nan, 0.1, np.nan], nan_ok=True)
