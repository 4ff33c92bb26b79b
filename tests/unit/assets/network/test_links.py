import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.network.links import simple_links

ENDS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60)


def test_simple_links_drops_self_links_and_repetitions_and_sorts():
    links = simple_links([7, 3, 7, 5, 7], [3, 7, 3, 5, 5])
    assert links.users.tolist() == [3, 5, 7]
    assert list(zip(links.source.tolist(), links.target.tolist(), strict=True)) == [(0, 2), (2, 0), (2, 1)]
    assert links.out_degree.tolist() == [1, 0, 2]
    assert links.in_degree.tolist() == [1, 1, 1]
    assert links.is_mutual.tolist() == [True, True, False]


@given(ENDS, st.randoms())
def test_simple_links_are_those_of_any_order(ends, random):
    shuffled = random.sample(ends, len(ends))
    one, other = (simple_links([a for a, _ in each], [b for _, b in each]) for each in (ends, shuffled))
    for name in ("users", "source", "target"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@given(ENDS)
def test_pairs_and_mutual_links_are_those_of_sets(ends):
    links = simple_links([a for a, _ in ends], [b for _, b in ends], range(10))
    directed = {(a, b) for a, b in ends if a != b}
    pairs = links.pairs
    assert sorted(zip(pairs.low.tolist(), pairs.high.tolist(), strict=True)) == sorted(
        {(min(end), max(end)) for end in directed}
    )
    assert links.is_mutual.sum() == sum((b, a) in directed for a, b in directed)
    assert pairs.degree.sum() == 2 * len(pairs)


@given(ENDS)
def test_graphs_of_networkit_hold_the_same_links(ends):
    links = simple_links([a for a, _ in ends], [b for _, b in ends], range(10))
    directed, undirected = links.graph(), links.pairs.graph()
    assert sorted(directed.iterEdges()) == list(zip(links.source.tolist(), links.target.tolist(), strict=True))
    assert undirected.numberOfEdges() == len(links.pairs)
    assert [undirected.degree(node) for node in range(10)] == links.pairs.degree.tolist()
    assert [directed.degreeIn(node) for node in range(10)] == links.in_degree.tolist()


def test_simple_links_without_links_know_their_users():
    links = simple_links([], [], [4, 2])
    assert (links.nodes, len(links), len(links.pairs), links.users.tolist()) == (2, 0, 0, [2, 4])
    assert links.graph().numberOfNodes() == 2
    assert simple_links([], []).nodes == 0


def test_simple_links_refuse_strangers_and_columns_of_unequal_length():
    with pytest.raises(ValueError, match="user 9 has a link and is not among the 2 users"):
        simple_links([1], [9], [1, 2])
    with pytest.raises(ValueError, match="user 9 has a link and is not among the 0 users"):
        simple_links([9], [9], [])
    with pytest.raises(ValueError, match="each link has one of each"):
        simple_links([1, 2], [3])


def test_wiki_vote_has_its_published_size(wiki_vote):
    assert (wiki_vote.nodes, len(wiki_vote)) == (7_115, 103_689)
