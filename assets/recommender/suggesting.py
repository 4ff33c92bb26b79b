"""What is recommended to everybody today, why, and how much better it could be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.recommendations import RECOMMENDATIONS
from assets.contracts.wording import counted
from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import Arcs, kept_arcs
from assets.recommender.evaluation import imbalance_after
from assets.recommender.flow import Flow
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, is_among
from assets.recommender.recommender import Limits, Slots, capacities
from assets.recommender.recommenders.beauty_flow import BeautyFlow

GAP_PROMISED = 0.02
"""Largest share of the bound that may be missing."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Suggestions:
    """Recommendations of one moment.

    Attributes:
        graph: Who follows whom.
        arcs: Candidates.
        slots: What is recommended.
        chance: (s,) chance that each link comes about.
        flow: Total, bound and method.
        limits: What was kept to.
    """

    graph: FollowGraph
    arcs: Arcs
    slots: Slots
    chance: Floats
    flow: Flow
    limits: Limits


def fair_capacity(arcs: Arcs, slots: int, times: float) -> int:
    """Slots per recommended user: so many times what each has if all slots go to all candidates alike; at least 1."""
    users, candidates = int((arcs.counts > 0).sum()), int(np.count_nonzero(np.bincount(arcs.target)))
    return max(1, int(np.ceil(times * slots * users / max(1, candidates))))


def suggestions(
    graph: FollowGraph, arcs: Arcs, limits: Limits, recommender: BeautyFlow | None = None, seed: int = 0
) -> Suggestions:
    """Recommendations of the beauty-flow recommender.

    Args:
        graph: Who follows whom, with the graph before.
        arcs: Candidates of it.
        limits: What to keep to.
        recommender: With its configuration; the default one if None.
        seed: Of ties, and of what is learned from.
    """
    recommender = recommender or BeautyFlow()
    chance = acceptance(graph, seed=seed)(graph, arcs)
    slots, flow = recommender.shared_out(graph, arcs, recommender.worth(graph, arcs, chance), limits, seed)
    return Suggestions(graph, arcs, slots, chance[arc_places(arcs, graph.nodes, slots)], flow, limits)


def arc_places(arcs: Arcs, nodes: int, slots: Slots) -> Integers:
    """(s,) which candidate link each slot is."""
    return np.searchsorted(arcs.source * nodes + arcs.target, slots.user * nodes + slots.target)


def recommendation_rows(found: Suggestions) -> pa.Table:
    """Rows of ``recommendations``."""
    graph, slots = found.graph, found.slots
    paths = found.arcs.paths[arc_places(found.arcs, graph.nodes, slots)]
    beauty = graph.beauty[slots.target]
    back = graph.has(slots.target, slots.user)
    reasons = [
        reason(*each)
        for each in zip(
            paths.tolist(), beauty.tolist(), graph.in_degree[slots.target].tolist(), back.tolist(), strict=True
        )
    ]
    columns = {
        "user_id": graph.users[slots.user],
        "rank": slots.rank,
        "recommended_user_id": graph.users[slots.target],
        "score": slots.score,
        "acceptance": found.chance,
        "beauty": pa.array(beauty, from_pandas=True),
        "reason": reasons,
    }
    return RECOMMENDATIONS.conform(pa.table(columns))


def reason(paths: float, beauty: float, followers: int, follows_back: bool) -> str:
    """Why somebody is recommended, in words.

    >>> reason(2.0, 0.812, 12, True)
    '2 people you follow follow them; beauty 0.81; 12 followers; follows you'
    """
    many = round(paths)
    people = "person" if many == 1 else "people"
    parts = [f"{many:,} {people} you follow {'follows' if many == 1 else 'follow'} them"]
    if not np.isnan(beauty):
        parts.append(f"beauty {beauty:.2f}")
    parts.append(counted(followers, "follower"))
    return "; ".join([*parts, *(["follows you"] if follows_back else [])])


def run_row(found: Suggestions) -> dict[str, Any]:
    """The row of ``recommendation_runs``."""
    graph, slots, flow = found.graph, found.slots, found.flow
    capacity = capacities(found.limits, graph.nodes)
    served = np.unique(slots.user)
    before = np.abs(graph.mean_followed - graph.beauty)[served]
    after = imbalance_after(graph, slots.user, slots.target)[served]
    return {
        "method": flow.method,
        "users": int((found.arcs.counts > 0).sum()),
        "candidate_links": len(found.arcs),
        "slots": len(slots),
        "slots_per_user": found.limits.slots,
        "capacity": int(capacity.max(initial=0)),
        "imbalance_limit": found.limits.imbalance,
        "delivered": flow.total,
        "bound": max(flow.bound, flow.total),
        "gap": flow.gap,
        "users_at_capacity": int((slots.received(graph.nodes) >= np.maximum(capacity, 1)).sum()),
        "imbalance_before": _mean(before),
        "imbalance_after": _mean(after),
    }


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def broken_limits(graph: FollowGraph, rows: pa.Table, run: Mapping[str, Any]) -> str:
    """What written recommendations do that they must not, in words; empty if nothing. Read from the rows alone."""
    user, target = (np.searchsorted(graph.users, rows[name].to_numpy()) for name in ("user_id", "recommended_user_id"))
    keys = user * graph.nodes + target
    imbalance = np.maximum(run["imbalance_limit"], np.nan_to_num(np.abs(graph.mean_followed - graph.beauty)))
    after = imbalance_after(graph, user, target)
    beyond = after > imbalance + _ROUNDING
    found = {
        "to oneself": (user == target).sum(),
        "of somebody who is followed": graph.has(user, target).sum(),
        "of somebody who is blocked or blocks": is_among(graph.barred, keys).sum(),
        "twice": len(keys) - len(np.unique(keys)),
        "beyond the slots of a user": (rows["rank"].to_numpy() > run["slots_per_user"]).sum(),
        "beyond the capacity of the recommended": (np.bincount(target, minlength=graph.nodes) > run["capacity"]).sum(),
        "of users who pass the limit of imbalance": beyond[np.unique(user)].sum(),
    }
    return ", ".join(f"{number} {what}" for what, number in found.items() if number)


def still_open(graph: FollowGraph, arcs: Arcs) -> Arcs:
    """Candidates that are some: links and blocks may have come since they were found, and followees gone."""
    target = arcs.target.astype(np.int64)
    is_barred = is_among(graph.barred, arcs.source * graph.nodes + target)
    return kept_arcs(arcs, ~graph.has(arcs.source, target) & ~is_barred & (graph.out_degree[arcs.source] > 0))


def wrong_candidates(graph: FollowGraph, arcs: Arcs) -> str:
    """Candidates that are none, in words; empty if all are two steps away, not followed and not barred.

    Whether somebody is in between is looked up in the graph, for each hundredth candidate, at least 1,000.
    """
    keys = arcs.source * graph.nodes + arcs.target
    looked_at = np.arange(0, len(arcs), max(1, min(100, len(arcs) // 1000)))
    matrix = graph.matrix
    between = matrix[arcs.source[looked_at]].multiply(matrix.T.tocsr()[arcs.target[looked_at]]).sum(axis=1)
    found = {
        "the user": (arcs.source == arcs.target).sum(),
        "followed": graph.has(arcs.source, arcs.target.astype(np.int64)).sum(),
        "barred": is_among(graph.barred, keys).sum(),
        "without anybody in between": (np.asarray(between).ravel() == 0).sum(),
    }
    return ", ".join(f"{counted(int(number), 'candidate')} {what}" for what, number in found.items() if number)


def said_of_run(run: Mapping[str, Any]) -> str:
    """The run in words."""
    return (
        f"{counted(run['slots'], 'recommendation')} to {counted(run['users'], 'user')} out of "
        f"{counted(run['candidate_links'], 'candidate link')}; nobody in more than {run['capacity']}. "
        f"At most {100 * run['gap']:.1f} % more beauty could be delivered within the limits ({run['method']})."
    )


def examples(rows: Sequence[Mapping[str, Any]], most: int = 10) -> list[Mapping[str, Any]]:
    """First recommendations of the first users."""
    return [row for row in rows if row["rank"] <= 2][:most]
