from dataclasses import replace

import numpy as np
import pytest

from assets.contracts.recommendations import RECOMMENDATION_RUNS, RECOMMENDATIONS
from assets.contracts.table import UNDATED
from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import Arcs, candidate_arcs
from assets.recommender.flow import Flow
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits, Slots, fair_capacity
from assets.recommender.recommenders.beauty_flow import BeautyFlow
from assets.recommender.suggesting import (
    Suggestions,
    arc_places,
    broken_limits,
    examples,
    imbalance_shown,
    looked_up,
    reasons,
    recommendation_rows,
    run_row,
    said_of_run,
    still_open,
    suggestions,
    wrong_candidates,
)


@pytest.fixture(scope="module")
def found(draw):
    graph = draw(31, n=40, links=160)
    return suggestions(graph, candidate_arcs(graph), Limits(4, 3, 0.1))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((1, 0.5, 1, False), "1 person you follow follows them; beauty 0.50; 1 follower"),
        ((2, 0.812, 12, True), "2 people you follow follow them; beauty 0.81; 12 followers; follows you"),
        ((1, np.nan, 0, False), "1 person you follow follows them; 0 followers"),
        ((1234, np.nan, 5678, True), "1,234 people you follow follow them; 5,678 followers; follows you"),
    ],
)
def test_reasons_are_in_words(said, expected):
    assert _said(*said) == expected


def _said(*each):
    return reasons(*(np.array([one]) for one in each))[0].as_py()


def _arcs(counts, targets):
    start = np.concatenate([[0], np.cumsum(counts)])
    return Arcs(np.arange(len(counts)), start, np.array(targets, np.int32), *[np.ones(len(targets))] * 3)


@pytest.mark.parametrize(
    ("slots", "times", "expected"),
    [(6, 1, 4), (6, 2, 8), (1, 1, 1), (1, 0.01, 1), (5, 1, 4)],
)
def test_fair_capacity_is_a_multiple_of_what_each_has_if_all_have_the_same(slots, times, expected):
    """Two users have candidates, three users are some: 2 x slots / 3 each."""
    assert fair_capacity(_arcs([2, 0, 2], [3, 4, 4, 7]), slots, times) == expected


def test_fair_capacity_without_candidates_is_one():
    assert fair_capacity(_arcs([0, 0], []), 20, 4.0) == 1


def test_suggestions_are_those_of_the_flow_with_their_chances(found):
    graph, arcs, slots = found.graph, found.arcs, found.slots
    value = BeautyFlow().fitted(graph, 0)(graph, arcs)
    places = arc_places(arcs, graph.nodes, slots)
    assert np.array_equal(np.sort(places), np.flatnonzero(found.flow.is_taken))
    assert slots.score == pytest.approx(value[places])
    assert found.chance == pytest.approx(acceptance(graph)(graph, arcs)[places])
    assert slots.score.sum() == pytest.approx(found.flow.total)
    assert len(slots) > 40


def test_recommendation_rows_keep_to_their_contract_and_limits(found):
    rows = recommendation_rows(found)
    RECOMMENDATIONS.validate(rows, UNDATED)
    assert broken_limits(found.graph, rows, run_row(found)) == ""
    graph, slots = found.graph, found.slots
    first = rows.to_pylist()[0]
    user, target = slots.user[0], slots.target[0]
    assert (first["user_id"], first["rank"]) == (graph.users[user], 1)
    assert first["recommended_user_id"] == graph.users[target]
    place = np.flatnonzero((found.arcs.source == user) & (found.arcs.target == target))[0]
    back = bool(graph.has(np.array([target]), np.array([user]))[0])
    assert first["reason"] == _said(int(found.arcs.paths[place]), graph.beauty[target], graph.in_degree[target], back)


def test_recommendation_rows_do_not_know_what_nobody_knows(draw):
    graph = draw(32, known=0.0)
    rows = recommendation_rows(suggestions(graph, candidate_arcs(graph), Limits(2, 50, 0.1)))
    RECOMMENDATIONS.validate(rows, UNDATED)
    assert rows.num_rows > 0
    assert rows["beauty"].null_count == rows.num_rows
    assert not any("beauty" in each for each in rows["reason"].to_pylist())


def test_run_row_is_by_hand():
    """0 (0.2) follows 1 (0.6) and is told of 2 (0.4) and 3 (unknown); 4 follows nobody and is told of 2."""
    graph = follow_graph(range(5), [0], [1], [0.2, 0.6, 0.4, np.nan, 0.9])
    arcs = _arcs([2, 0, 0, 0, 1], [2, 3, 2])
    slots = Slots(np.array([0, 0, 4]), np.array([1, 2, 1]), np.array([2, 3, 2]), np.array([2.0, 1.0, 3.0]))
    flow = Flow(np.ones(3, bool), 6.0, 8.0, "greedy")
    row = run_row(Suggestions(graph, arcs, slots, np.ones(3), flow, Limits(2, 2, 0.1)))
    assert row == {
        "method": "greedy",
        "users": 2,
        "candidate_links": 3,
        "slots": 3,
        "slots_per_user": 2,
        "capacity": 2,
        "imbalance_limit": 0.1,
        "delivered": 6.0,
        "bound": 8.0,
        "gap": 0.25,
        "users_at_capacity": 1,
        "imbalance_before": pytest.approx(0.4),
        "imbalance_after": pytest.approx(((0.5 - 0.2) + (0.9 - 0.4)) / 2),
    }


def test_run_row_without_slots_keeps_to_its_contract(table_of):
    graph = follow_graph(range(3), [0], [1])
    nothing = np.zeros(0, np.int64)
    slots = Slots(nothing, nothing, nothing, np.zeros(0))
    flow = Flow(np.zeros(1, bool), 0.0, 0.0, "exact")
    row = run_row(Suggestions(graph, _arcs([1, 0, 0], [2]), slots, np.zeros(0), flow, Limits(2, 2, 0.1)))
    assert (row["imbalance_before"], row["imbalance_after"], row["gap"], row["slots"]) == (None, None, 0, 0)
    RECOMMENDATION_RUNS.validate(table_of(RECOMMENDATION_RUNS, [row]), UNDATED)


def test_run_row_has_no_bound_below_what_is_delivered(found):
    rounded = replace(found, flow=Flow(found.flow.is_taken, 1.0 + 1e-12, 1.0, "exact"))
    row = run_row(rounded)
    assert row["bound"] == row["delivered"]
    assert row["gap"] == 0


@pytest.fixture
def checked(table_of):
    """What is broken in rows of (user, recommended, rank)."""
    # 10 (0.5) follows 11 (0.5), 12 (0.9) follows 11; 10 blocks 14.
    beauty = [0.5, 0.5, 0.9, 0.5, 0.5, 0.9]
    graph = follow_graph(range(10, 16), [10, 12], [11, 11], beauty, ([10], [14]))
    run = {"imbalance_limit": 0.1, "slots_per_user": 2, "capacity": 2}

    def check(*rows):
        columns = [dict(zip(("user_id", "recommended_user_id", "rank"), row, strict=True)) for row in rows]
        return broken_limits(graph, table_of(RECOMMENDATIONS, columns), run)

    return check


GOOD = [(10, 13, 1), (11, 13, 1), (12, 15, 1), (13, 11, 1)]


def test_broken_limits_finds_nothing_in_good_rows(checked):
    assert checked(*GOOD) == ""
    assert checked() == ""


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([(13, 13, 2)], "1 to oneself, 1 beyond the capacity of the recommended"),
        ([(14, 14, 1)], "1 to oneself"),
        ([(10, 11, 2)], "1 of somebody who is followed"),
        ([(10, 14, 2)], "1 of somebody who is blocked or blocks"),
        ([(14, 10, 1)], "1 of somebody who is blocked or blocks"),
        ([(13, 11, 2)], "1 twice"),
        ([(13, 10, 3)], "1 beyond the slots of a user"),
        ([(14, 13, 1)], "1 beyond the capacity of the recommended"),
        ([(14, 12, 1)], "1 of users who pass the limit of imbalance"),
        ([(10, 15, 2)], "1 of users who pass the limit of imbalance"),
        ([(12, 10, 2)], ""),
        ([(14, 15, 1), (15, 10, 1)], "2 of users who pass the limit of imbalance"),
    ],
)
def test_broken_limits_finds_each_break(checked, bad, said):
    assert checked(*GOOD, *bad) == said


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ([(9, 13, 1)], "1 to somebody who is not there: user 9"),
        ([(99, 13, 1)], "1 to somebody who is not there: user 99"),
        ([(14, 99, 1), (14, 98, 2)], "2 of somebody who is not there: user 99"),
        ([(99, 98, 1)], "1 to somebody who is not there: user 99, 1 of somebody who is not there: user 98"),
        ([(99, 13, 1), (14, 14, 1)], "1 to somebody who is not there: user 99, 1 to oneself"),
        ([(14, 99, 3)], "1 of somebody who is not there: user 99, 1 beyond the slots of a user"),
    ],
)
def test_broken_limits_takes_no_stranger_for_a_user(checked, gone, said):
    """9 would be taken for 10, who follows others; nobody comes after 15."""
    assert checked(*GOOD, *gone) == said


def test_broken_limits_finds_an_opted_out_user_on_both_sides(found):
    """Whoever opts out leaves the graph; rows that were written before have them still."""
    rows, run = recommendation_rows(found), run_row(found)
    graph = found.graph
    left = graph.users[found.slots.target[0]]
    staying = graph.users != left
    ends = [graph.users[column] for column in (graph.follower, graph.followee)]
    kept = (ends[0] != left) & (ends[1] != left)
    after = follow_graph(graph.users[staying], ends[0][kept], ends[1][kept], graph.beauty[staying])
    said = broken_limits(after, rows, run)
    for word, column in (("to", "user_id"), ("of", "recommended_user_id")):
        number = (rows[column].to_numpy() == left).sum()
        assert number > 0
        assert f"{number} {word} somebody who is not there: user {left}" in said


def test_broken_limits_lets_those_beyond_the_limit_come_nearer_only(checked):
    """12 (0.9) follows beauty 0.5: 0.4 away, and stays so with more of the same."""
    assert checked((12, 13, 1)) == ""
    assert checked((12, 15, 1)) == ""


@pytest.fixture
def candidates():
    """0 -> 1 -> 2 and 3, 3 -> 4; 0 blocks 3; and what is wrong with candidates of 0."""
    graph = follow_graph(range(6), [0, 1, 1, 3], [1, 2, 3, 4], barred=([0], [3]))
    return lambda *targets: wrong_candidates(graph, _arcs([len(targets), 0, 0, 0, 0, 0], targets))


def test_wrong_candidates_finds_nothing_in_good_ones(candidates, draw):
    assert candidates(2) == ""
    assert candidates() == ""
    graph = draw(33, n=40, links=240)
    assert wrong_candidates(graph, candidate_arcs(graph)) == ""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (0, "1 candidate the user, 1 candidate without anybody in between"),
        (1, "1 candidate followed, 1 candidate without anybody in between"),
        (3, "1 candidate barred"),
        (4, "1 candidate without anybody in between"),
        (5, "1 candidate without anybody in between"),
    ],
)
def test_wrong_candidates_finds_each_kind(candidates, target, said):
    assert candidates(*sorted([2, target])) == said


@pytest.mark.parametrize(
    ("candidates", "expected"), [(0, 0), (1, 1), (1999, 1999), (2000, 1000), (50_000, 1000), (300_000, 3000)]
)
def test_looked_up_is_each_hundredth_and_a_thousand_at_least(candidates, expected):
    places = looked_up(_arcs([candidates], np.zeros(candidates)))
    assert len(places) == expected
    assert not len(places) or places[-1] < candidates


def test_said_of_run_names_numbers_and_the_gap():
    run = {"slots": 3, "users": 1, "candidate_links": 1200, "capacity": 4, "gap": 0.0123, "method": "greedy"}
    assert said_of_run(run) == (
        "3 recommendations to 1 user out of 1,200 candidate links; nobody in more than 4. "
        "At most 1.2 % more beauty could be delivered within the limits (greedy)."
    )


def test_examples_are_the_first_two_of_the_first_users():
    rows = [{"user_id": user, "rank": rank} for user in range(8) for rank in (1, 2, 3)]
    assert [(row["user_id"], row["rank"]) for row in examples(rows, 3)] == [(0, 1), (0, 2), (1, 1)]
    assert len(examples(rows)) == 10
    assert examples([]) == []


def test_still_open_leaves_out_what_was_followed_or_blocked_since_and_whoever_follows_nobody():
    before = follow_graph(range(5), [0, 1, 1, 3, 3], [1, 2, 4, 1, 2])
    arcs = candidate_arcs(before)
    assert list(zip(arcs.source.tolist(), arcs.target.tolist(), strict=True)) == [(0, 2), (0, 4), (3, 4)]
    since = follow_graph(range(5), [0, 0, 1, 1], [1, 2, 2, 4])
    found = still_open(since, arcs)
    assert _ends(found) == [(0, 4)]
    assert found.paths.tolist() == [1.0]
    assert _ends(still_open(follow_graph(range(5), [0, 1, 3], [1, 2, 2]), arcs)) == [(0, 2)]
    blocked = follow_graph(range(5), [0, 1, 1, 3], [1, 2, 4, 1], barred=([4], [0]))
    assert _ends(still_open(blocked, arcs)) == [(0, 2), (3, 4)]


def _ends(arcs):
    return list(zip(arcs.source.tolist(), arcs.target.tolist(), strict=True))


def test_imbalance_shown_leaves_out_what_is_unknown():
    run = {"imbalance_before": 0.2, "imbalance_after": 0.1}
    assert imbalance_shown(run) == {"before": (0.2, None, None), "if all were followed": (0.1, None, None)}
    assert imbalance_shown({"imbalance_before": None, "imbalance_after": None}) == {}
