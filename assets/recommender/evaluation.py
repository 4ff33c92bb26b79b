"""How good recommendations are that were made at one moment, judged by the links that came after it.

Intervals are of users and seeds together: each resample draws one of the seeds, and users with replacement, whose
slots then count as often as they were drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.contracts.recommendations import METRICS
from assets.recommender.candidates import Arcs
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, is_among
from assets.recommender.recommender import Limits, Recommender, Slots, capacities
from assets.statistics.gini import gini
from assets.statistics.intervals import percentile_ends

OF_SPREAD = ("coverage", "exposure_gini", "exposure_gini_floor", "talented_unseen_reached")
"""Metrics of how slots spread, which are less spread in every resample, so resamples are centred on the value."""
BASELINE = "adamic_adar"


@dataclass(frozen=True)
class Trial:
    """A moment at which links are recommended, and what came after it.

    Attributes:
        graph: At that moment.
        arcs: Candidates.
        limits: What recommendations keep to.
        follower: (l,) positions of those who made a link afterwards, to somebody they did not follow.
        followee: (l,) positions of those whom they followed.
        is_talented_unseen: (n,) talented and unseen at that moment.
    """

    graph: FollowGraph
    arcs: Arcs
    limits: Limits
    follower: Integers
    followee: Integers
    is_talented_unseen: NDArray[np.bool_]


def evaluated(
    trial: Trial, recommender: Recommender, seeds: Sequence[int] = (0,), resamples: int = 200
) -> dict[str, tuple[float, float, float, int]]:
    """Metric -> value, ends of its 95 % interval, and the users behind it.

    Args:
        trial: What is recommended and what came.
        recommender: Who recommends.
        seeds: Of what is drawn; values are means over them.
        resamples: Of the bootstrap.
    """
    runs = [_Run.of(trial, recommender.recommend(trial.graph, trial.arcs, trial.limits, seed)) for seed in seeds]
    once = np.ones(trial.graph.nodes, np.int64)
    values = [run.metrics(once) for run in runs]
    rng = np.random.default_rng(0)
    drawn = [
        runs[rng.integers(len(runs))].metrics(rng.multinomial(trial.graph.nodes, once / trial.graph.nodes))
        for _ in range(resamples)
    ]
    users = {
        "recall": runs[0].users_with_links,
        "ndcg": runs[0].users_with_links,
        "imbalance": int((~np.isnan([run.imbalance for run in runs])).any(axis=0).sum()),
        "talented_unseen_reached": int(trial.is_talented_unseen.sum()),
    }
    found = {}
    for name in METRICS:
        value = float(np.mean([each[name] for each in values]))
        resampled = np.array([each[name] for each in drawn])
        if name in OF_SPREAD and not np.isnan(resampled).all():
            resampled = np.clip(resampled + value - np.nanmean(resampled), 0.0, 1.0)
        ends = percentile_ends(resampled, 0.95)
        found[name] = (value, *ends, users.get(name, trial.graph.nodes))
    return found


@dataclass(frozen=True)
class _Run:
    """Slots of one run, with what is needed to weigh users anew."""

    trial: Trial
    slots: Slots
    linked: Integers
    recall: Floats
    ndcg: Floats
    imbalance: Floats

    @classmethod
    def of(cls, trial: Trial, slots: Slots) -> "_Run":
        graph = trial.graph
        linked, recall, ndcg = hits(trial, slots)
        return cls(trial, slots, linked, recall, ndcg, imbalance_after(graph, slots.user, slots.target))

    @property
    def users_with_links(self) -> int:
        return len(self.linked)

    @property
    def capacity(self) -> Integers:
        """(n,) most slots of each user, which a share of the demand does not limit: that hangs on the scores."""
        trial = self.trial
        if trial.limits.demand_share:
            return np.full(trial.graph.nodes, len(trial.arcs))
        return capacities(trial.limits, trial.graph.nodes)

    def metrics(self, weight: Integers) -> dict[str, float]:
        """All metrics with each user counted as often as weighed."""
        graph, slots, trial = self.trial.graph, self.slots, self.trial
        of_slots = weight[slots.user]
        received = np.bincount(slots.target, of_slots, graph.nodes)
        followers = graph.in_degree[slots.target]
        beauty = graph.beauty[slots.target]
        valued = ~np.isnan(graph.beauty[slots.user] + beauty)
        with_candidates = trial.arcs.users[trial.arcs.counts > 0]
        return {
            "recall": _mean(self.recall, weight[self.linked]),
            "ndcg": _mean(self.ndcg, weight[self.linked]),
            "coverage": float((received > 0).mean()),
            "novelty": _mean(-np.log2((followers + 1) / (graph.nodes + 1)), of_slots),
            "median_followers": _median(followers, of_slots),
            "exposure_gini": gini(received),
            "exposure_gini_floor": exposure_floor(trial.arcs, received.sum(), self.capacity),
            "beauty_delivered": _mean(beauty[valued], of_slots[valued]),
            "imbalance": _mean(self.imbalance[~np.isnan(self.imbalance)], weight[~np.isnan(self.imbalance)]),
            "talented_unseen_reached": _mean(received > 0, trial.is_talented_unseen.astype(np.int64)),
            "slots_filled": float(of_slots.sum() / max(1, weight[with_candidates].sum() * trial.limits.slots)),
        }


def hits(trial: Trial, slots: Slots) -> tuple[Integers, Floats, Floats]:
    """Users who made links after the trial, with the share of these that was recommended and the gain by rank.

    The discounted cumulative gain follows Jarvelin and Kekalainen (2002), ACM TOIS 20:422, with gain 1 per link.

    Returns:
        (u,) positions of users, ascending, their recall and their NDCG.
    """
    nodes = trial.graph.nodes
    wanted = np.sort(trial.follower * nodes + trial.followee)
    linked, number = np.unique(trial.follower, return_counts=True)
    is_hit = is_among(wanted, slots.user * nodes + slots.target)
    found = np.bincount(slots.user[is_hit], minlength=nodes)[linked]
    gained = np.bincount(slots.user[is_hit], 1 / np.log2(1 + slots.rank[is_hit]), nodes)[linked]
    best = np.concatenate([[0.0], np.cumsum(1 / np.log2(1 + np.arange(1, trial.limits.slots + 1)))])
    return linked, found / number, gained / best[np.minimum(number, trial.limits.slots)]


def imbalance_after(graph: FollowGraph, user: Integers, target: Integers) -> Floats:
    """(n,) |mean beauty followed - own| once some links are followed too; nan where either is unknown."""
    beauty = graph.beauty[target]
    known = ~np.isnan(beauty)
    total = graph.followed_sum + np.bincount(user[known], beauty[known], graph.nodes)
    count = graph.followed_count + np.bincount(user[known], minlength=graph.nodes)
    return np.abs(total / np.where(count > 0, count, np.nan) - graph.beauty)


def exposure_floor(arcs: Arcs, slots: float, capacity: Integers) -> float:
    """Lowest Gini coefficient of as many slots, if each user may have as many as capacity and candidates allow.

    Slots are spread as evenly as these allow; that a user has so many slots only is left out, so it is a bound.
    """
    most = np.minimum(capacity, np.bincount(arcs.target, minlength=len(capacity))).astype(np.float64)
    if slots >= most.sum():
        return gini(most)
    low, high = 0.0, most.max(initial=0.0)
    for _ in range(60):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(most, level).sum() < slots else (low, level)
    return gini(np.minimum(most, high))


def _mean(values: Floats | NDArray[np.bool_] | Integers, weight: Integers) -> float:
    total = weight.sum()
    return float((values * weight).sum() / total) if total else float("nan")


def _median(values: Integers, weight: Integers) -> float:
    if not weight.sum():
        return float("nan")
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)])


def compared(
    trial: Trial, recommenders: Mapping[str, Recommender], seeds: Sequence[int] = (0,), resamples: int = 200
) -> Iterator[dict[str, str | float | int]]:
    """Rows of the evaluation of several recommenders: name, metric, value, lower, upper, users."""
    for name, recommender in recommenders.items():
        for metric, (value, lower, upper, users) in evaluated(trial, recommender, seeds, resamples).items():
            yield {
                "recommender": name,
                "metric": metric,
                "value": value,
                "lower": lower,
                "upper": upper,
                "users": users,
            }
