import numpy as np
import pytest

from assets.network.links import simple_links
from assets.network.positions import positions
from assets.network.structure import distance_counts, effective_diameter, graph_metrics, strong_components


def measured(links, **sampling):
    return {metric.name: metric for metric in graph_metrics(links, positions(links, **sampling))}


@pytest.fixture(scope="module")
def path():
    """0 -> 1 -> 2 -> 3, and 4 alone."""
    return measured(simple_links([0, 1, 2], [1, 2, 3], range(5)))


def test_a_path_has_the_metrics_of_a_path(path):
    expected = {
        "users": 5,
        "links": 3,
        "linked_users": 4,
        "mean_degree": 0.6,
        "weak_components": 2,
        "largest_weak_component": 4,
        "largest_strong_component": 1,
        "largest_core": 1,
        "reciprocity": 0,
        "mean_local_clustering": 0,
        "transitivity": 0,
        "triangles": 0,
        "mean_distance": (3 * 1 + 2 * 2 + 1 * 3) / 6,
        "reachable_share": (3 + 2 + 1) / 5 / 4,
        "gini_of_followers": 0.4,
        "top_tenth_of_followees": 0.5 / 3,
    }
    assert {name: path[name].value for name in expected} == pytest.approx(expected)
    assert len({metric.definition for metric in path.values()}) == len(path)


def test_distances_of_all_users_have_no_interval_and_those_of_a_sample_do(path):
    assert np.isnan(path["mean_distance"].lower)
    ends = np.random.default_rng(0).integers(0, 300, (900, 2))
    sample = measured(simple_links(ends[:, 0], ends[:, 1], range(300)))
    for name in ("mean_distance", "reachable_share"):
        assert sample[name].lower <= sample[name].value <= sample[name].upper


def test_distance_counts_are_others_by_steps():
    counts = distance_counts(simple_links([0, 1, 2, 0], [1, 2, 3, 3], range(5)), 9, 0)
    assert counts.tolist() == [[0, 2, 1], [0, 1, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert distance_counts(simple_links([], [], [1]), 9, 0).shape == (0, 1)


def test_effective_diameter_lies_between_whole_steps():
    assert effective_diameter(np.array([0, 50, 30, 20])) == pytest.approx(2.5)
    assert effective_diameter(np.array([0, 10])) == pytest.approx(0.9)
    assert np.isnan(effective_diameter(np.zeros(3, int)))


def test_graphs_without_links_or_users_define_little():
    nobody, unlinked = measured(simple_links([], [])), measured(simple_links([], [], [1, 2]))
    assert nobody["users"].value == 0
    assert unlinked["weak_components"].value == 2
    for name in ("reciprocity", "transitivity", "gini_of_followers", "mean_distance", "effective_diameter"):
        assert np.isnan(nobody[name].value)
        assert np.isnan(unlinked[name].value)


def test_wiki_vote_gives_its_published_values(wiki_vote):
    assert strong_components(wiki_vote).max() == 1_300
    found = measured(wiki_vote)
    assert found["largest_weak_component"].value == 7_066
    assert found["triangles"].value == 608_389
    assert found["mean_local_clustering"].value == pytest.approx(0.1409, abs=5e-5)


def test_polblogs_gives_its_published_transitivity(metis):
    assert measured(metis("polblogs"))["transitivity"].value == pytest.approx(0.225959, abs=5e-7)
