import numpy as np
import pytest

from assets.contracts.recommendations import RECOMMENDER_EVALUATION
from assets.contracts.table import UNDATED
from assets.recommender.candidates import CandidateConfig, candidate_arcs
from assets.recommender.evaluation import METRICS
from assets.recommender.past import Known
from assets.recommender.recommender import Limits, fair_capacity
from assets.recommender.recommenders.plain import Random
from assets.recommender.registry import recommenders
from assets.recommender.rounds import MEASURES, RoundsConfig, round_rows
from assets.recommender.trial_tables import (
    broken_rounds,
    courses_shown,
    evaluation_rows,
    evaluation_table,
    is_ours,
    last_round,
    misplaced_metrics,
    missing_recommenders,
    points_shown,
    said_of_evaluation,
    said_of_rounds,
    title_of,
    trial_of,
    uneven_starts,
    values_of,
)


def _evaluation(**values):
    """Rows from ``recommender={metric: value}``."""
    return [
        {"recommender": name, "metric": metric, "value": value}
        for name, metrics in values.items()
        for metric, value in metrics.items()
    ]


def _rounds(**courses):
    """Rows of a measure from ``recommender=[value at 0, at 1, ...]``, the same for all measures."""
    return [
        {"recommender": name, "round": number, "measure": measure, "value": value}
        for name, course in courses.items()
        for number, value in enumerate(course)
        for measure in MEASURES
    ]


EVALUATION = _evaluation(
    adamic_adar={"recall": 0.20, "exposure_gini": 0.8, "talented_unseen_reached": 0.3, "novelty": 7.0},
    beauty_flow={"recall": 0.195, "exposure_gini": 0.6, "talented_unseen_reached": 0.5, "novelty": 8.0},
    beauty_flow_2x={"recall": 0.10, "exposure_gini": 0.4, "talented_unseen_reached": 0.9, "novelty": 9.0},
    random={"recall": None, "exposure_gini": 0.1},
)


def test_values_of_leave_out_what_is_undefined():
    assert values_of(EVALUATION, "recall") == {"adamic_adar": 0.20, "beauty_flow": 0.195, "beauty_flow_2x": 0.10}
    assert values_of(EVALUATION, "coverage") == {}


def test_points_shown_have_both_coordinates():
    assert points_shown(EVALUATION) == {
        "adamic_adar": (0.8, 0.20),
        "beauty_flow": (0.6, 0.195),
        "beauty_flow_2x": (0.4, 0.10),
    }


def test_is_ours_whichever_the_capacity():
    assert [is_ours(name) for name in ("beauty_flow", "beauty_flow_1.5x", "beauty_only", "adamic_adar")] == [
        True,
        True,
        False,
        False,
    ]


def test_said_of_evaluation_names_the_most_equal_of_those_as_accurate():
    assert said_of_evaluation(EVALUATION) == (
        "beauty_flow finds 0.195 of new links (Adamic-Adar 0.200) with a Gini coefficient of exposure of 0.600 (0.800) "
        "and reaches 0.500 of the talented unseen (0.300)."
    )
    nobody_unseen = [row for row in EVALUATION if row["metric"] != "talented_unseen_reached"]
    assert said_of_evaluation(nobody_unseen).endswith("of exposure of 0.600 (0.800).")
    more = [*EVALUATION, *_evaluation(**{"beauty_flow_0.8": {"recall": 0.3, "exposure_gini": 0.55}})]
    as_it_is, most_equal = said_of_evaluation(more).split(" Most equal of those as accurate: ")
    assert as_it_is == said_of_evaluation(EVALUATION)
    assert most_equal.startswith("beauty_flow_0.8 finds 0.300")


def test_said_of_evaluation_says_where_none_is_as_accurate():
    none = " At none of the shares of demand tried is it as accurate as Adamic-Adar."
    worse = [
        {**row, "value": 0.18} if row["metric"] == "recall" and is_ours(row["recommender"]) else row
        for row in EVALUATION
    ]
    assert said_of_evaluation(worse).startswith("beauty_flow finds 0.180")
    assert said_of_evaluation(worse).endswith(none)
    assert said_of_evaluation([]) == "There is no recall to compare recommenders by."


def test_said_of_rounds_compares_the_last_one():
    rows = _rounds(beauty_flow=[1.0, 0.7], adamic_adar=[1.0, 0.5])
    assert said_of_rounds(rows) == (
        "After 1 rounds of beauty_flow: 0.700 (Adamic-Adar 0.500) of the users are still there; 0.700 (Adamic-Adar "
        "0.500) of the talented unseen have gained a link; 0.700 (Adamic-Adar 0.500) is the Gini coefficient of links "
        "gained."
    )
    unknown = [{**row, "value": None} if row["measure"] == "inclusion" else row for row in rows]
    assert "talented" not in said_of_rounds(unknown)
    assert said_of_rounds([]) == "There are no rounds to compare recommenders by."


def test_evaluation_table_has_a_line_for_each_recommender():
    table = evaluation_table(EVALUATION)
    assert [row["recommender"] for row in table] == ["adamic_adar", "beauty_flow", "beauty_flow_2x", "random"]
    assert list(table[0]) == ["recommender", *METRICS]
    assert (table[0]["recall"], table[0]["coverage"], table[3]["recall"]) == (0.20, None, None)


def test_misplaced_metrics_finds_nothing_in_possible_ones():
    assert misplaced_metrics(EVALUATION) == ""
    edges = {"recall": 0.0, "ndcg": 1.0, "novelty": 20.0, "median_followers": 400.0, "coverage": None}
    assert misplaced_metrics(_evaluation(one=edges)) == ""
    assert misplaced_metrics(_evaluation(one={"exposure_gini": 0.5, "exposure_gini_floor": 0.5})) == ""


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"recall": 1.01}, "recall of one is 1.01"),
        ({"coverage": -0.2}, "coverage of one is -0.2"),
        ({"slots_filled": 1.5}, "slots_filled of one is 1.5"),
        (
            {"exposure_gini": 0.2, "exposure_gini_floor": 0.25},
            "exposure_gini of one is 0.2000, below its floor 0.2500",
        ),
    ],
)
def test_misplaced_metrics_finds_each_kind(metrics, said):
    assert misplaced_metrics([*EVALUATION, *_evaluation(one=metrics)]) == said


def test_missing_recommenders_names_what_lacks():
    rows = _evaluation(**{name: dict.fromkeys(METRICS, 0.5) for name in recommenders()})
    assert missing_recommenders(rows) == ""
    lacking = [row for row in rows if (row["recommender"], row["metric"]) not in {("katz", "ndcg"), ("als", "recall")}]
    assert missing_recommenders(lacking) == "recall of als, ndcg of katz"
    assert missing_recommenders([]).count(" of ") == len(METRICS) * len(recommenders())


def test_uneven_starts_names_measures_that_differ():
    assert uneven_starts(_rounds(one=[0.5, 0.1], other=[0.5, 0.9])) == ""
    assert uneven_starts(_rounds(one=[None, 0.1], other=[None, 0.9])) == ""
    rows = _rounds(one=[0.5, 0.1], other=[0.5, 0.9])
    rows[-2 * len(MEASURES)]["value"] = 0.25
    assert uneven_starts(rows) == "balance starts with ['0.25', '0.5']"


class _Careless(Random):
    """Makes everybody less beautiful in the graph that it is given."""

    def fitted(self, graph, seed=0):
        graph.beauty[:] /= 2
        return super().fitted(graph, seed)


def test_uneven_starts_finds_a_recommender_that_writes_into_the_graph(draw):
    unseen, config = np.zeros(30, bool), RoundsConfig(rounds=1)
    fair = round_rows(draw(43), unseen, {"one": Random(), "other": Random()}, config, (0,))
    assert uneven_starts(list(fair)) == ""
    unfair = round_rows(draw(43), unseen, {"one": _Careless(), "other": Random()}, config, (0,))
    assert uneven_starts(list(unfair)).startswith("balance starts with")


def _all_rounds(rounds, **measures):
    """Rows of all recommenders; links grow and active users fall unless courses are given."""
    courses = {"links": np.arange(rounds + 1) / 10, "active_users": 1 - np.arange(rounds + 1) / 100} | measures
    return [
        {"recommender": name, "round": number, "measure": measure, "value": float(course[number])}
        for name in recommenders()
        for measure, course in courses.items()
        for number in range(rounds + 1)
    ]


def test_broken_rounds_finds_nothing_in_whole_courses():
    assert broken_rounds(_all_rounds(3), 3) == ""
    assert broken_rounds(_all_rounds(3, links=[0.0] * 4, active_users=[1.0] * 4), 3) == ""


def test_broken_rounds_finds_a_missing_round():
    rows = [row for row in _all_rounds(3) if (row["recommender"], row["round"], row["measure"]) != ("als", 2, "links")]
    assert broken_rounds(rows, 3) == "links of als lacks rounds"
    assert broken_rounds(_all_rounds(3), 4).count("lacks rounds") == 2 * len(recommenders())
    assert broken_rounds([], 1).count("lacks rounds") == 2 * len(recommenders())


@pytest.mark.parametrize(("measure", "value"), [("active_users", 0.995), ("links", 0.05)])
def test_broken_rounds_finds_users_who_come_back_and_links_that_are_lost(measure, value):
    rows = _all_rounds(3)
    for row in rows:
        if (row["recommender"], row["round"], row["measure"]) == ("katz", 2, measure):
            row["value"] = value
    assert broken_rounds(rows, 3) == f"{measure} of katz goes the wrong way"


def test_courses_shown_are_ordered_and_leave_out_what_is_undefined():
    rows = _rounds(one=[None, 0.2, 0.3], other=[0.5])[::-1]
    rows += _rounds(third=[None])
    shown = courses_shown(rows, ["balance", "links"])
    assert list(shown) == ["balance", "links"]
    assert shown["balance"] == {"other": ([0], [0.5]), "one": ([1, 2], [0.2, 0.3])}
    assert courses_shown([], ["balance"]) == {}
    assert list(courses_shown(_rounds(als=[0.1]), ["links"])["links"]) == ["ALS"]


def test_title_of_is_the_title_of_a_recommender_or_the_name():
    assert [title_of(name) for name in ("adamic_adar", "beauty_flow", "beauty_flow_0.8")] == [
        "Adamic-Adar",
        "beauty flow",
        "beauty_flow_0.8",
    ]


def test_last_round_has_a_line_for_each_recommender():
    rows = _rounds(one=[0.1, 0.2, 0.3], other=[0.4, None, None])
    last = last_round(rows)
    assert last == [
        {"recommender": "one"} | dict.fromkeys(MEASURES, 0.3),
        {"recommender": "other"} | dict.fromkeys(MEASURES),
    ]
    assert last_round([]) == []


def test_evaluation_rows_are_of_all_recommenders_and_of_ours_along_the_frontier(draw, table_of):
    graph = draw(41)
    arcs = candidate_arcs(graph)
    came = np.arange(0, len(arcs), 7)
    unseen = Known(graph.users, graph.beauty, np.arange(30) % 4 == 0)
    ends = arcs.source[came], arcs.target[came].astype(np.int64)
    trial = trial_of(graph, *ends, unseen, CandidateConfig(), Limits(3, 1, 0.5, 0.5))
    assert np.array_equal(trial.arcs.target, arcs.target)
    assert np.array_equal(trial.is_talented_unseen, unseen.is_talented_unseen)
    rows = evaluation_rows(trial, 0.3, (0,), 5, (0.0, 1.0))
    ours = ["beauty_flow_0", "beauty_flow_1"]
    assert [row["recommender"] for row in rows if row["metric"] == "recall"] == [*recommenders(), *ours]
    assert missing_recommenders(rows) == ""
    assert misplaced_metrics(rows) == ""
    RECOMMENDER_EVALUATION.validate(table_of(RECOMMENDER_EVALUATION, rows), UNDATED)
    filled = values_of(rows, "slots_filled")
    assert filled["beauty_flow_0"] < filled["beauty_flow"] < filled["beauty_flow_1"]
    share = fair_capacity(arcs, 3, 0.3) / fair_capacity(arcs, 3, 1.0)
    assert filled["beauty_flow_0"] <= share + 1e-9


def test_evaluation_rows_say_nothing_where_nothing_is_defined(draw):
    graph = draw(42, known=0.0)
    nothing = np.zeros(0, np.int64)
    trial = trial_of(
        graph, nothing, nothing, Known(graph.users, graph.beauty, np.zeros(30, bool)), CandidateConfig(), Limits(3)
    )
    rows = evaluation_rows(trial, 2.0, (0,), 3, ())
    undefined = {row["metric"] for row in rows if row["recommender"] == "random" and row["value"] is None}
    assert undefined == {"recall", "ndcg", "beauty_delivered", "imbalance", "talented_unseen_reached"}
    assert all(row["lower"] is None for row in rows if row["value"] is None)
