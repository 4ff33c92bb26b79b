from datetime import date

import numpy as np
import pytest

from assets.recommender.past import read_links
from assets.recommender.today import graph_of_trial, graph_today, last_month, spread_of


def _listed(graph):
    return list(zip(graph.users[graph.follower].tolist(), graph.users[graph.followee].tolist(), strict=True))


def _pairs(graph, follower, followee):
    return list(zip(graph.users[follower].tolist(), graph.users[followee].tolist(), strict=True))


@pytest.fixture
def people(put, at):
    """Four users and links of each of the last months of a panel that ends with December 2015; 4 joined in November."""
    joined = {1: "2014-01-01", 2: "2014-01-01", 3: "2014-01-01", 4: "2015-11-10"}
    links = [
        (1, 2, "2015-01-05", None),
        (2, 3, "2015-02-01", "2015-07-20"),
        (2, 1, "2015-05-10", None),
        (3, 1, "2015-08-10", None),
        (3, 2, "2015-10-05", None),
        (4, 1, "2015-11-20", None),
        (1, 3, "2015-12-31T23:00", None),
    ]
    put(
        users=[{"user_id": user, "joined_at": at(day), "opted_in": True} for user, day in joined.items()],
        edges=[
            {"follower_id": a, "followee_id": b, "created_at": at(made), "removed_at": gone and at(gone)}
            for a, b, made, gone in links
        ],
    )


@pytest.fixture
def marts(publish):
    def beauty(month, shift):
        return [(user, month, user / 10 + shift, user == 2) for user in (1, 2, 3)]

    return publish(
        dim_users=[(1,), (2,), (3,), (4,)],
        fct_user_beauty=[(1, 0.15), (2, 0.25), (3, 0.35), (4, 0.45)],
        fct_talented_unseen_users=[(3,)],
        fct_talented_unseen_monthly=[
            *beauty(date(2015, 10, 1), 0.03),
            *beauty(date(2015, 7, 1), 0.02),
            *beauty(date(2015, 4, 1), 0.01),
            *beauty(date(2015, 12, 1), 0.9),
        ],
        fct_user_months=[(date(2015, 11, 1),), (date(2015, 12, 1),)],
    )


@pytest.fixture
def undated(publish):
    return publish(dim_users=[(1,), (2,), (3,), (4,)], fct_user_beauty=[(1, 0.15)], fct_talented_unseen_users=[(3,)])


def test_last_month_is_that_of_the_panel(marts, publish):
    assert last_month(marts) == date(2015, 12, 1)
    assert last_month(publish()) is None


def test_graph_today_has_the_graphs_of_three_and_six_months_before(people, marts, lake):
    graph = graph_today(lake, marts, read_links(lake))
    assert _listed(graph) == [(1, 2), (1, 3), (2, 1), (3, 1), (3, 2), (4, 1)]
    assert _listed(graph.before) == [(1, 2), (2, 1), (3, 1)]
    assert _listed(graph.before.before) == [(1, 2), (2, 1), (2, 3)]
    assert graph.users.tolist() == graph.before.users.tolist() == [1, 2, 3, 4]
    assert graph.beauty == pytest.approx([0.15, 0.25, 0.35, 0.45])
    assert graph.before.beauty == pytest.approx([0.13, 0.23, 0.33, np.nan], nan_ok=True)
    assert graph.before.before.beauty == pytest.approx([0.12, 0.22, 0.32, np.nan], nan_ok=True)
    assert graph.before.before.before is None


def test_graph_of_trial_is_that_of_three_months_before_the_end(people, marts, lake):
    graph, follower, followee, known = graph_of_trial(lake, marts, read_links(lake))
    assert graph.users.tolist() == [1, 2, 3]
    assert _listed(graph) == [(1, 2), (2, 1), (3, 1)]
    assert _listed(graph.before) == [(1, 2), (2, 1), (2, 3)]
    assert _listed(graph.before.before) == [(1, 2), (2, 3)]
    assert _pairs(graph, follower, followee) == [(1, 3), (3, 2)]
    assert graph.beauty == pytest.approx([0.13, 0.23, 0.33])
    assert known.user_id.tolist() == [1, 2, 3]
    assert known.is_talented_unseen.tolist() == [False, True, False]


def test_graph_of_trial_reads_nothing_of_later_times(people, marts, lake, put, at):
    """Whatever is linked or removed after the moment, the graph at it is the same."""
    before, *_ = graph_of_trial(lake, marts, read_links(lake))
    put(
        edges=[
            {"follower_id": 2, "followee_id": 3, "created_at": at("2015-10-01"), "removed_at": None},
            {"follower_id": 3, "followee_id": 2, "created_at": at("2015-10-06"), "removed_at": at("2015-10-07")},
        ]
    )
    after, follower, followee, _ = graph_of_trial(lake, marts, read_links(lake))
    assert _listed(after) == _listed(before)
    assert np.array_equal(after.beauty, before.beauty)
    assert (2, 3) in _pairs(after, follower, followee)


@pytest.fixture
def many(put):
    """Links without times among thirty users."""
    pairs = [(a, b) for a in range(30) for b in range(30) if a != b and (a * 7 + b * 3) % 5 == 0]
    put(
        users=[{"user_id": user, "opted_in": True} for user in range(30)],
        edges=[{"follower_id": a, "followee_id": b} for a, b in pairs],
    )
    return pairs


def test_graph_today_without_times_has_no_past(many, undated, lake):
    graph = graph_today(lake, undated, read_links(lake))
    assert graph.before is None
    assert _listed(graph) == many
    assert graph.beauty[:3] == pytest.approx([np.nan, 0.15, np.nan], nan_ok=True)


def test_graph_today_without_a_panel_has_no_past(people, undated, lake):
    graph = graph_today(lake, undated, read_links(lake))
    assert graph.before is None
    assert graph.links == 6


def test_graph_of_trial_without_times_hides_links(many, undated, lake):
    graph, follower, followee, known = graph_of_trial(lake, undated, read_links(lake))
    hidden = _pairs(graph, follower, followee)
    assert 0 < len(hidden) < len(many) / 4
    assert sorted(hidden + _listed(graph)) == many
    assert graph.before.before.links < graph.before.links < graph.links
    assert known.user_id.tolist() == list(range(30))
    assert known.is_talented_unseen.tolist() == [user == 3 for user in range(30)]


def test_spread_of_counts_all():
    edges, heights = spread_of(np.array([0, 0, 1, 30]))
    assert (edges[0], edges[-1]) == (0, 30)
    assert len(edges) == len(heights) + 1
    assert (sum(heights), heights[0], heights[-1]) == (4, 2, 1)
    assert sum(spread_of(np.zeros(0))[1]) == 0
