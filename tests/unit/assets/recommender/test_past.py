from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.recommender.past import (
    HELD_OUT,
    Known,
    Links,
    beauty_known,
    graph_at,
    held_out,
    members_at,
    microseconds,
    months_before,
    new_links,
    read_links,
    with_history,
)

ALWAYS, NEVER = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def _made(links, joined=None, blocks=((), ()), users=None):
    """Links from rows (follower, followee, made, removed) of users who were always there, or joined then."""
    columns = np.array(links, np.int64).reshape(-1, 4).T
    ids = np.array(sorted({*columns[0], *columns[1], *(users or []), *(joined or {})}), np.int64)
    since = np.array([(joined or {}).get(user, ALWAYS) for user in ids.tolist()], np.int64)
    return Links(ids, since, *columns, tuple(np.array(each, np.int64) for each in blocks))


def _listed(graph):
    return list(zip(graph.users[graph.follower].tolist(), graph.users[graph.followee].tolist(), strict=True))


def test_graph_at_has_links_that_stood_at_the_moment():
    """1 -> 2 was removed at 20 and made again at 30; 2 -> 1 came at 20."""
    links = _made([(1, 2, 10, 20), (1, 2, 30, NEVER), (2, 1, 20, NEVER), (3, 1, ALWAYS, NEVER)])
    at = {moment: _listed(graph_at(links, moment)) for moment in (5, 10, 11, 20, 21, 30, 31)}
    assert at == {
        5: [(3, 1)],
        10: [(3, 1)],
        11: [(1, 2), (3, 1)],
        20: [(1, 2), (3, 1)],
        21: [(2, 1), (3, 1)],
        30: [(2, 1), (3, 1)],
        31: [(1, 2), (2, 1), (3, 1)],
    }
    assert _listed(graph_at(links, None)) == [(1, 2), (2, 1), (3, 1)]
    assert _listed(graph_at(_made([(1, 2, 10, 20)]), None)) == []


def test_members_at_are_those_who_joined_or_had_a_link():
    links = _made([(1, 2, 10, 12), (3, 1, 50, NEVER)], joined={1: 5, 2: 40, 3: 30, 4: 9, 5: 60})
    assert members_at(links, 5).tolist() == []
    assert members_at(links, 10).tolist() == [1, 4]
    assert members_at(links, 20).tolist() == [1, 2, 4]
    assert members_at(links, 41).tolist() == [1, 2, 3, 4]
    assert members_at(links, None).tolist() == [1, 2, 3, 4, 5]


def test_graph_at_knows_beauty_blocks_and_its_members():
    links = _made([(1, 2, 10, NEVER), (2, 3, 10, NEVER)], joined={4: 99}, blocks=([3, 1], [1, 77]))
    known = Known(np.array([2, 3, 9]), np.array([0.2, np.nan, 0.9]), np.array([True, True, True]))
    graph = graph_at(links, 50, known)
    assert graph.users.tolist() == [1, 2, 3]
    assert graph.beauty == pytest.approx([np.nan, 0.2, np.nan], nan_ok=True)
    assert graph.barred.tolist() == [0 * 3 + 2, 2 * 3 + 0]
    few = graph_at(links, 50, known, np.array([2, 3]))
    assert (few.users.tolist(), _listed(few)) == ([2, 3], [(2, 3)])
    assert np.isnan(graph_at(links, 50).beauty).all()


def test_known_of_is_unknown_for_strangers():
    known = Known(np.array([2, 5]), np.array([0.2, 0.5]), np.array([True, False]))
    found = known.of(np.array([1, 2, 5, 9]))
    assert found.user_id.tolist() == [1, 2, 5, 9]
    assert found.beauty == pytest.approx([np.nan, 0.2, 0.5, np.nan], nan_ok=True)
    assert found.is_talented_unseen.tolist() == [False, True, False, False]
    nobody = Known(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool)).of(np.array([1, 2]))
    assert np.isnan(nobody.beauty).all()
    assert not nobody.is_talented_unseen.any()
    assert len(known.of(np.zeros(0, np.int64)).beauty) == 0


def test_with_history_looks_at_the_same_users_three_times():
    links = _made([(1, 2, 10, 25), (2, 3, 20, NEVER), (3, 4, 30, NEVER)], joined={4: 28})
    known = [Known(np.array([1]), np.array([beauty]), np.array([False])) for beauty in (0.3, 0.2, 0.1)]
    graph = with_history(links, 31, known, [26, 15])
    assert _listed(graph) == [(2, 3), (3, 4)]
    assert _listed(graph.before) == [(2, 3)]
    assert _listed(graph.before.before) == [(1, 2)]
    assert [each.users.tolist() for each in (graph.before, graph.before.before)] == [[1, 2, 3, 4]] * 2
    assert [each.beauty[0] for each in (graph, graph.before, graph.before.before)] == [0.3, 0.2, 0.1]
    assert graph.before.before.before is None


def _nobody():
    return Known(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, bool))


def test_held_out_hides_a_tenth_of_the_links_and_more_from_those_before():
    pairs = np.random.default_rng(0).permutation(100 * 100)[:6000]
    links = _made([(a, b, ALWAYS, NEVER) for a, b in zip(*np.divmod(pairs, 100), strict=True) if a != b])
    graph, follower, followee = held_out(links, _nobody())
    whole = graph_at(links, None)
    graphs = [whole, graph, graph.before, graph.before.before]
    shares = [each.links / whole.links for each in graphs]
    reach = 5 * np.sqrt(0.25 / whole.links)
    assert shares == pytest.approx([1 - HELD_OUT * number for number in range(4)], abs=reach)
    for later, earlier in pairwise(graphs):
        assert np.isin(earlier.keys, later.keys).all()
    assert graph.before.before.before is None
    hidden = follower * 100 + followee
    assert np.array_equal(np.sort(np.concatenate([hidden, graph.keys])), whole.keys)
    again = held_out(links, _nobody())
    assert np.array_equal(again[1] * 100 + again[2], hidden)
    other = held_out(links, _nobody(), seed=1)
    assert not np.array_equal(other[1] * 100 + other[2], hidden)


def test_held_out_hides_both_links_of_two_users_together():
    """Else the link back would tell of the one that is hidden."""
    links = _made([(a, b, ALWAYS, NEVER) for a in range(30) for b in range(30) if a != b])
    graph, follower, followee = held_out(links, _nobody())
    hidden = set(zip(follower.tolist(), followee.tolist(), strict=True))
    assert 0 < len(hidden) < 200
    assert {(b, a) for a, b in hidden} == hidden
    assert not graph.has(followee, follower).any()


def test_held_out_keeps_users_whose_only_link_is_hidden():
    links = _made([(user, 1000, ALWAYS, NEVER) for user in range(200)])
    graph, follower, _ = held_out(links, _nobody())
    assert graph.nodes == graph.before.before.nodes == 201
    assert 0 < len(follower) < 60


def test_new_links_are_each_pair_once_without_those_that_stood_and_the_barred_and_strangers():
    links = _made(
        [
            (1, 2, 10, 15),  # removed before, and made again twice
            (1, 2, 25, 26),
            (1, 2, 30, NEVER),
            (1, 3, 10, NEVER),  # stood, and is in the table again
            (1, 3, 30, NEVER),
            (2, 3, 19, 21),  # before the moment
            (3, 1, 20, NEVER),  # at the moment
            (3, 2, 40, NEVER),  # barred
            (1, 9, 40, NEVER),  # to somebody who was not there
            (9, 1, 40, NEVER),
            (2, 2, 40, NEVER),  # to oneself
        ],
        joined={9: 35},
        blocks=([2], [3]),
    )
    graph = graph_at(links, 20)
    assert graph.users.tolist() == [1, 2, 3]
    follower, followee = new_links(links, graph, 20)
    found = list(zip(graph.users[follower].tolist(), graph.users[followee].tolist(), strict=True))
    assert found == [(1, 2), (3, 1)]


def test_new_links_of_a_community_that_is_younger_than_the_moment_are_none():
    links = _made([(1, 2, 11, NEVER)], joined={1: 10, 2: 10})
    graph = with_history(links, 5, [_nobody()] * 3, [4, 3])
    assert graph.nodes == 0
    assert [each.tolist() for each in new_links(links, graph, 5)] == [[], []]


@settings(max_examples=25)
@given(st.dates(date(1901, 1, 1), date(2100, 12, 1)), st.integers(0, 50))
def test_months_before_count_back_across_years(day, months):
    found = months_before(day.replace(day=1), months)
    assert found.day == 1
    assert day.year * 12 + day.month - months == found.year * 12 + found.month


def test_months_before_by_hand():
    assert months_before(date(2016, 1, 1), 1) == date(2015, 12, 1)
    assert months_before(date(2016, 12, 1), 0) == date(2016, 12, 1)
    assert months_before(date(2016, 12, 1), 12) == date(2015, 12, 1)
    assert months_before(date(2016, 3, 1), 26) == date(2014, 1, 1)


def test_microseconds_are_those_of_the_first_moment():
    for month in (date(1970, 1, 1), date(2016, 3, 1), date(1969, 12, 1)):
        seconds = datetime(month.year, month.month, 1, tzinfo=UTC).timestamp()
        assert microseconds(month) == int(seconds) * 1_000_000


def test_read_links_knows_times_users_and_blocks(put, lake, at):
    put(
        users=[
            {"user_id": 1, "joined_at": at("2015-01-01"), "opted_in": True},
            {"user_id": 7, "joined_at": None, "opted_in": True},
            {"user_id": 3, "joined_at": at("2015-03-01"), "opted_in": True},
        ],
        edges=[
            {"follower_id": 1, "followee_id": 3, "created_at": at("2015-04-01"), "removed_at": at("2015-06-01")},
            {"follower_id": 3, "followee_id": 7, "created_at": at("2015-05-01")},
            {"follower_id": 7, "followee_id": 1, "created_at": None},
        ],
        blocks=[{"user_id": 3, "blocked_user_id": 1, "created_at": None}],
    )
    links = read_links(lake)
    assert links.users.tolist() == [1, 3, 7]
    assert links.joined_at.tolist() == [microseconds(date(2015, 1, 1)), microseconds(date(2015, 3, 1)), ALWAYS]
    rows = sorted(zip(*(each.tolist() for each in (links.follower, links.followee)), strict=True))
    assert rows == [(1, 3), (3, 7), (7, 1)]
    made = dict(zip(links.follower.tolist(), links.created_at.tolist(), strict=True))
    assert made == {1: microseconds(date(2015, 4, 1)), 3: microseconds(date(2015, 5, 1)), 7: ALWAYS}
    removed = dict(zip(links.follower.tolist(), links.removed_at.tolist(), strict=True))
    assert removed == {1: microseconds(date(2015, 6, 1)), 3: NEVER, 7: NEVER}
    assert [each.tolist() for each in links.blocks] == [[3], [1]]
    assert links.are_dated
    assert _listed(graph_at(links, None)) == [(3, 7), (7, 1)]
    assert _listed(graph_at(links, microseconds(date(2015, 5, 1)))) == [(1, 3), (7, 1)]


def test_read_links_without_times_or_blocks(put, lake):
    put(
        users=[{"user_id": user, "opted_in": True} for user in (1, 2)],
        edges=[{"follower_id": 2, "followee_id": 1}],
    )
    links = read_links(lake)
    assert not links.are_dated
    assert (links.joined_at.tolist(), links.created_at.tolist(), links.removed_at.tolist()) == (
        [ALWAYS] * 2,
        [ALWAYS],
        [NEVER],
    )
    assert [each.tolist() for each in links.blocks] == [[], []]
    assert _listed(graph_at(links, 0)) == [(2, 1)]


def test_read_links_of_nothing(lake):
    links = read_links(lake)
    assert (len(links.users), len(links.follower), links.are_dated) == (0, 0, False)
    assert graph_at(links, None).nodes == 0


@pytest.fixture
def marts(publish):
    return publish(
        dim_users=[(3,), (1,), (2,)],
        fct_user_beauty=[(1, 0.1), (3, 0.3)],
        fct_talented_unseen_users=[(3,)],
        fct_talented_unseen_monthly=[
            (2, date(2016, 1, 1), 0.25, True),
            (1, date(2016, 1, 1), 0.15, False),
            (1, date(2016, 2, 1), 0.9, True),
        ],
    )


def test_beauty_known_today_is_of_all_users(marts, lake):
    known = beauty_known(marts, lake)
    assert known.user_id.tolist() == [1, 2, 3]
    assert known.beauty == pytest.approx([0.1, np.nan, 0.3], nan_ok=True)
    assert known.is_talented_unseen.tolist() == [False, False, True]


def test_beauty_known_of_a_month_is_what_was_known_when_it_began(marts, lake):
    known = beauty_known(marts, lake, date(2016, 1, 1))
    assert known.user_id.tolist() == [1, 2]
    assert known.beauty == pytest.approx([0.15, 0.25])
    assert known.is_talented_unseen.tolist() == [False, True]
    assert len(beauty_known(marts, lake, date(2015, 1, 1)).user_id) == 0


QUALITY = [
    {"user_id": 9, "source": "b", "value": 100.0, "n": 1},
    {"user_id": 4, "source": "a", "value": 5.0, "n": 1},
    {"user_id": 2, "source": "a", "value": 7.0, "n": 1},
    {"user_id": 3, "source": "a", "value": 5.0, "n": 1},
    {"user_id": 1, "source": "a", "value": -1.0, "n": 1},
    {"user_id": 2, "source": "b", "value": 0.0, "n": 1},
]


@pytest.mark.parametrize("month", [None, date(2016, 1, 1)])
def test_beauty_known_is_the_percentile_of_ready_made_quality_where_nobody_has_beauty(publish, put, lake, month):
    put(user_quality=QUALITY)
    known = beauty_known(publish(dim_users=[(1,), (2,)]), lake, month)
    assert known.user_id.tolist() == [1, 2, 3, 4]
    assert known.beauty == pytest.approx([0, 1, 0.5, 0.5])
    assert not known.is_talented_unseen.any()


def test_beauty_known_prefers_beauty_to_ready_made_quality(marts, put, lake):
    put(user_quality=QUALITY)
    assert beauty_known(marts, lake).beauty == pytest.approx([0.1, np.nan, 0.3], nan_ok=True)


def test_beauty_known_is_unknown_without_either(publish, lake):
    known = beauty_known(publish(dim_users=[(1,), (2,)]), lake)
    assert known.user_id.tolist() == [1, 2]
    assert np.isnan(known.beauty).all()


def test_graph_at_knows_blocks_only_from_when_they_were_made():
    links = replace(
        _made([(1, 2, 10, NEVER), (2, 3, 10, NEVER)], blocks=([1, 3], [3, 2])), blocked_at=np.array([50, 5])
    )
    assert [graph_at(links, moment).barred.tolist() for moment in (20, 60, None)] == [
        [5, 7],
        [2, 5, 6, 7],
        [2, 5, 6, 7],
    ]
