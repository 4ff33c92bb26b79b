import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.recommender.follow_graph import distinct, follow_graph, is_among

ENDS = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=40)


def _links(graph):
    return list(zip(graph.users[graph.follower].tolist(), graph.users[graph.followee].tolist(), strict=True))


def test_follow_graph_counts_links_once_and_drops_those_to_oneself():
    graph = follow_graph([7, 3, 5], [7, 3, 7, 5, 7], [3, 7, 3, 5, 5])
    assert graph.users.tolist() == [3, 5, 7]
    assert _links(graph) == [(3, 7), (7, 3), (7, 5)]
    assert (graph.nodes, graph.links) == (3, 3)
    assert graph.out_degree.tolist() == [1, 0, 2]
    assert graph.in_degree.tolist() == [1, 1, 1]
    assert graph.matrix.toarray().tolist() == [[0, 0, 1], [0, 0, 0], [1, 1, 0]]


@settings(max_examples=25)
@given(ENDS, st.randoms())
def test_follow_graph_is_that_of_any_order_of_users_and_links(ends, random):
    shuffled, users = random.sample(ends, len(ends)), random.sample(range(8), 8)
    one = follow_graph(range(8), [a for a, _ in ends], [b for _, b in ends], np.arange(8) / 8)
    other = follow_graph(users, [a for a, _ in shuffled], [b for _, b in shuffled], np.array(users) / 8)
    assert _links(one) == sorted({(a, b) for a, b in ends if a != b})
    for name in ("users", "start", "followee", "beauty", "keys"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize(("follower", "followee"), [([1, 9], [2, 1]), ([1, 2], [2, 9])])
def test_follow_graph_refuses_links_of_strangers(follower, followee):
    with pytest.raises(ValueError, match="user 9 has a link and is not among the 2 users"):
        follow_graph([1, 2], follower, followee)


def test_follow_graph_without_users_refuses_any_link():
    assert follow_graph([], [], []).nodes == 0
    with pytest.raises(ValueError, match="user 1 has a link and is not among the 0 users"):
        follow_graph([], [1], [2])


def test_follow_graph_bars_pairs_both_ways_and_ignores_strangers():
    graph = follow_graph([2, 4, 6], [], [], barred=([2, 9, 4, 2], [6, 4, 9, 6]))
    source, target = np.divmod(graph.barred, 3)
    assert list(zip(source.tolist(), target.tolist(), strict=True)) == [(0, 2), (2, 0)]


def test_follow_graph_refuses_a_past_of_other_users():
    before = follow_graph([1, 2, 3], [1], [2])
    assert follow_graph([3, 2, 1], [1], [3], before=before).before is before
    with pytest.raises(ValueError, match="the graph before has 3 users, this one 2; they must be the same"):
        follow_graph([1, 2], [1], [2], before=before)
    with pytest.raises(ValueError, match="the graph before has 3 users, this one 3; they must be the same"):
        follow_graph([1, 2, 4], [1], [2], before=before)


def test_mean_followed_leaves_out_whose_beauty_nobody_knows():
    graph = follow_graph(range(4), [0, 0, 0, 1, 3], [1, 2, 3, 2, 1], [0.1, 0.2, np.nan, 0.6])
    assert graph.followed_count.tolist() == [2, 0, 0, 1]
    assert graph.followed_sum == pytest.approx([0.8, 0, 0, 0.2])
    assert graph.mean_followed == pytest.approx([0.4, np.nan, np.nan, 0.2], nan_ok=True)


def test_follow_graph_without_beauty_knows_none():
    graph = follow_graph([1, 2], [1], [2])
    assert np.isnan(graph.beauty).all()
    assert np.isnan(graph.mean_followed).all()


def test_has_tells_links_from_their_reverse_and_from_none():
    graph = follow_graph([5, 6, 7], [5, 7], [6, 5])
    follower, followee = np.array([0, 1, 2, 0, 2, 0]), np.array([1, 0, 0, 2, 1, 0])
    assert graph.has(follower, followee).tolist() == [True, False, True, False, False, False]
    assert not follow_graph([5, 6], [], []).has(np.array([0]), np.array([1])).any()


def test_distinct_and_is_among_do_what_numpy_does():
    numbers = np.array([5, -3, 5, 9, -3, 0])
    assert distinct(numbers).tolist() == np.unique(numbers).tolist()
    assert distinct(np.zeros(0, np.int64)).tolist() == []
    asked = np.arange(-5, 12)
    assert is_among(distinct(numbers), asked).tolist() == np.isin(asked, numbers).tolist()
