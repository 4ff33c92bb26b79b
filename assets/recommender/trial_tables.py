"""Rows of the evaluation and of the rounds, what is shown of them, and what could be wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from assets.contracts.recommendations import MEASURES, METRICS
from assets.recommender.candidates import Arcs, CandidateConfig, candidate_arcs
from assets.recommender.evaluation import BASELINE, Trial, compared
from assets.recommender.follow_graph import Floats, FollowGraph, Integers
from assets.recommender.past import Known
from assets.recommender.recommender import Limits, Recommender, Scorer, Slots, fair_capacity
from assets.recommender.registry import recommenders

OURS = "beauty_flow"
FRONTIER = (0.0, 0.2, 0.35, 0.7, 0.85, 1.0)
"""Shares of their demand that the popular keep, at which the beauty-flow recommender is tried besides its own."""
_TOLERANCE = 1e-9
Rows = Sequence[Mapping[str, Any]]


def trial_of(
    graph: FollowGraph, follower: Integers, followee: Integers, known: Known, config: CandidateConfig, limits: Limits
) -> Trial:
    """A trial on the candidates of a graph; see ``Trial``."""
    arcs = candidate_arcs(graph, config)
    return Trial(graph, arcs, limits, follower, followee, known.is_talented_unseen)


def evaluation_rows(
    trial: Trial,
    times: float,
    seeds: Sequence[int],
    resamples: int,
    frontier: Sequence[float] = FRONTIER,
    without: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Rows of ``recommender_evaluation``: every recommender, and ours along its frontier.

    Args:
        trial: Its limits hold, but for the capacity.
        times: The capacity, in multiples of the fair one.
        seeds: Of what is drawn.
        resamples: Of the bootstrap.
        frontier: Further shares of the demand for the beauty-flow recommender.
        without: Names of recommenders that are left out.
    """
    scored = _Scored(recommenders()[OURS]())
    chosen = {name: scored if name == OURS else cls() for name, cls in recommenders().items() if name not in without}
    capacity = fair_capacity(trial.arcs, trial.limits.slots, times)
    trial = replace(trial, limits=replace(trial.limits, capacity=capacity))
    found = _compared(trial, chosen, seeds, resamples)
    for share in frontier:
        other = replace(trial, limits=replace(trial.limits, demand_share=share))
        found += _compared(other, {f"{OURS}_{share:g}": scored}, seeds, resamples)
    return found


class _Scored(Recommender):
    """Another recommender, whose scores of one trial are found once for each seed, whatever the capacity.

    Args:
        recommender: The other.
    """

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender
        self._scores: dict[int, Floats] = {}

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """The scores of the first time."""

        def score(graph: FollowGraph, arcs: Arcs) -> Floats:
            if seed not in self._scores:
                self._scores[seed] = self._recommender.fitted(graph, seed)(graph, arcs)
            return self._scores[seed]

        return score

    def filled(self, graph: FollowGraph, arcs: Arcs, scores: Floats, limits: Limits, seed: int = 0) -> Slots:
        """As the other fills them."""
        return self._recommender.filled(graph, arcs, scores, limits, seed)


def _compared(
    trial: Trial, chosen: Mapping[str, Recommender], seeds: Sequence[int], resamples: int
) -> list[dict[str, Any]]:
    return [
        {key: None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
        for row in compared(trial, chosen, seeds, resamples)
    ]


def values_of(rows: Rows, metric: str) -> dict[str, float]:
    """Recommender -> value of a metric, where it is defined."""
    return {row["recommender"]: row["value"] for row in rows if row["metric"] == metric and row["value"] is not None}


def points_shown(rows: Rows) -> dict[str, tuple[float, float]]:
    """Recommender -> (Gini of exposure, recall)."""
    across, up = values_of(rows, "exposure_gini"), values_of(rows, "recall")
    return {name: (across[name], up[name]) for name in across if name in up}


def title_of(name: str) -> str:
    """A recommender's title in figures; the name itself where there is no recommender of that name."""
    known = recommenders().get(name)
    return known.title if known else name


def is_ours(name: str) -> bool:
    """Whether a row is of the beauty-flow recommender, at whichever capacity."""
    return name == OURS or name.startswith(f"{OURS}_")


def said_of_evaluation(rows: Rows) -> str:
    """What the beauty-flow recommender does beside the baseline, as it is and where it spreads most, in words."""
    recall, exposure = values_of(rows, "recall"), values_of(rows, "exposure_gini")
    if OURS not in recall or BASELINE not in recall:
        return "There is no recall to compare recommenders by."
    said = _beside_baseline(rows, OURS)
    as_accurate = [name for name in recall if is_ours(name) and recall[name] >= 0.95 * recall[BASELINE]]
    if not as_accurate:
        return f"{said} At none of the shares of demand tried is it as accurate as Adamic-Adar."
    best = min(as_accurate, key=lambda name: exposure.get(name, np.inf))
    return said if best == OURS else f"{said} Most equal of those as accurate: {_beside_baseline(rows, best)}"


def _beside_baseline(rows: Rows, name: str) -> str:
    recall, exposure = values_of(rows, "recall"), values_of(rows, "exposure_gini")
    reached = values_of(rows, "talented_unseen_reached")
    said = (
        f"{name} finds {recall[name]:.3f} of new links (Adamic-Adar {recall[BASELINE]:.3f}) with a Gini coefficient "
        f"of exposure of {exposure[name]:.3f} ({exposure[BASELINE]:.3f})"
    )
    if name in reached and BASELINE in reached:
        said += f" and reaches {reached[name]:.3f} of the talented unseen ({reached[BASELINE]:.3f})"
    return f"{said}."


def evaluation_table(rows: Rows) -> list[dict[str, Any]]:
    """One line per recommender, one column per metric."""
    names = list(dict.fromkeys(row["recommender"] for row in rows))
    values = {(row["recommender"], row["metric"]): row["value"] for row in rows}
    return [{"recommender": name, **{metric: values.get((name, metric)) for metric in METRICS}} for name in names]


def misplaced_metrics(rows: Rows) -> str:
    """Shares outside [0, 1], and exposure more equal than candidates allow, in words."""
    found = []
    floors = values_of(rows, "exposure_gini_floor")
    for row in rows:
        name, metric, value = row["recommender"], row["metric"], row["value"]
        if value is None or metric in ("novelty", "median_followers"):
            continue
        if not -_TOLERANCE <= value <= 1 + _TOLERANCE:
            found.append(f"{metric} of {name} is {value}")
        if metric == "exposure_gini" and value < floors.get(name, 0.0) - _TOLERANCE:
            found.append(f"exposure_gini of {name} is {value:.4f}, below its floor {floors[name]:.4f}")
    return "; ".join(found)


def missing_recommenders(rows: Rows) -> str:
    """Recommenders and metrics without a row, in words."""
    there = {(row["recommender"], row["metric"]) for row in rows}
    lacking = [f"{metric} of {name}" for name in recommenders() for metric in METRICS if (name, metric) not in there]
    return ", ".join(lacking)


def uneven_starts(rows: Rows) -> str:
    """Measures in which communities differ before anything was recommended, in words.

    All start from one graph, so they differ only where a recommender has written into what it was given.
    """
    found = []
    for measure in MEASURES:
        starts = {row["value"] for row in rows if row["round"] == 0 and row["measure"] == measure}
        if len(starts) > 1:
            found.append(f"{measure} starts with {sorted(str(start) for start in starts)}")
    return "; ".join(found)


def broken_rounds(rows: Rows, rounds: int) -> str:
    """Recommenders whose rounds are incomplete, or whose users come back or lose links, in words."""
    found = []
    for name in recommenders():
        for measure, sign in (("active_users", -1), ("links", 1)):
            values = {
                row["round"]: row["value"] for row in rows if (row["recommender"], row["measure"]) == (name, measure)
            }
            course = [values.get(number) for number in range(rounds + 1)]
            if any(value is None for value in course):
                found.append(f"{measure} of {name} lacks rounds")
            elif (np.diff(np.array(course, np.float64)) * sign < -_TOLERANCE).any():
                found.append(f"{measure} of {name} goes the wrong way")
    return "; ".join(found)


def courses_shown(rows: Rows, measures: Sequence[str]) -> dict[str, dict[str, tuple[list[int], list[float]]]]:
    """Measure -> title of the recommender -> (rounds, values)."""
    shown: dict[str, dict[str, tuple[list[int], list[float]]]] = {}
    for measure in measures:
        for name in dict.fromkeys(row["recommender"] for row in rows):
            course = sorted(
                (row["round"], row["value"])
                for row in rows
                if row["recommender"] == name and row["measure"] == measure and row["value"] is not None
            )
            if course:
                shown.setdefault(measure, {})[title_of(name)] = ([x for x, _ in course], [y for _, y in course])
    return shown


def last_round(rows: Rows) -> list[dict[str, Any]]:
    """One line per recommender with its measures at the end."""
    last = max((row["round"] for row in rows), default=0)
    names = list(dict.fromkeys(row["recommender"] for row in rows))
    values = {(row["recommender"], row["measure"]): row["value"] for row in rows if row["round"] == last}
    return [{"recommender": name, **{measure: values.get((name, measure)) for measure in MEASURES}} for name in names]


def said_of_rounds(rows: Rows) -> str:
    """What has become of the community at the end with the beauty-flow recommender, beside the baseline, in words."""
    end = {row["recommender"]: row for row in last_round(rows)}
    if OURS not in end or BASELINE not in end:
        return "There are no rounds to compare recommenders by."
    measures = {
        "active_users": "of the users are still there",
        "inclusion": "of the talented unseen have gained a link",
        "exposure_gini": "is the Gini coefficient of links gained",
    }
    said = [
        f"{end[OURS][measure]:.3f} (Adamic-Adar {end[BASELINE][measure]:.3f}) {words}"
        for measure, words in measures.items()
        if end[OURS][measure] is not None and end[BASELINE][measure] is not None
    ]
    return f"After {max(row['round'] for row in rows)} rounds of {OURS}: {'; '.join(said)}."
