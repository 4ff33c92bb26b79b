"""What is recommended to everybody today, why, and how much better it could be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.recommendations import RECOMMENDATIONS
from assets.contracts.wording import counted
from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import Arcs, CandidateConfig, kept_arcs, remeasured
from assets.recommender.evaluation import imbalance_after
from assets.recommender.flow import Flow
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, is_among
from assets.recommender.recommender import Limits, Slots, capacities, with_demand
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
        limits: What was kept to, with the capacity of each user.
    """

    graph: FollowGraph
    arcs: Arcs
    slots: Slots
    chance: Floats
    flow: Flow
    limits: Limits


def suggestions(
    graph: FollowGraph,
    arcs: Arcs,
    limits: Limits,
    recommender: BeautyFlow | None = None,
    found_by: CandidateConfig | None = None,
    seed: int = 0,
) -> Suggestions:
    """Recommendations of the beauty-flow recommender.

    Args:
        graph: Who follows whom, with the graph before.
        arcs: Candidates of it.
        limits: What to keep to.
        recommender: With its configuration; the default one if None.
        found_by: How the candidates were found: chances are learned from earlier ones found alike.
        seed: Of ties, and of what is learned from.
    """
    recommender = recommender or BeautyFlow()
    chance = acceptance(graph, found_by, seed)(graph, arcs)
    worth = recommender.worth(graph, arcs, chance)
    limits = with_demand(graph, arcs, worth, limits, seed)
    slots, flow = recommender.shared_out(graph, arcs, worth, limits, seed)
    return Suggestions(graph, arcs, slots, chance[arc_places(arcs, graph.nodes, slots)], flow, limits)


def arc_places(arcs: Arcs, nodes: int, slots: Slots) -> Integers:
    """(s,) which candidate link each slot is."""
    return np.searchsorted(arcs.source * nodes + arcs.target, slots.user * nodes + slots.target)


def recommendation_rows(found: Suggestions) -> pa.Table:
    """Rows of ``recommendations``."""
    graph, slots = found.graph, found.slots
    paths = found.arcs.paths[arc_places(found.arcs, graph.nodes, slots)]
    beauty = graph.beauty[slots.target]
    columns = {
        "user_id": graph.users[slots.user],
        "rank": slots.rank,
        "recommended_user_id": graph.users[slots.target],
        "score": slots.score,
        "acceptance": found.chance,
        "beauty": pa.array(beauty, from_pandas=True),
        "reason": reasons(
            paths.astype(np.int64), beauty, graph.in_degree[slots.target], graph.has(slots.target, slots.user)
        ),
    }
    return RECOMMENDATIONS.conform(pa.table(columns))


def reasons(paths: Integers, beauty: Floats, followers: Integers, follows_back: NDArray[np.bool_]) -> pa.Array:
    """(s,) why somebody is recommended, in words.

    >>> columns = [2, 1], [0.812, np.nan], [12, 1], [True, False]
    >>> for said in reasons(*(np.array(column) for column in columns)): print(said)
    2 people you follow follow them; beauty 0.81; 12 followers; follows you
    1 person you follow follows them; 1 follower
    """
    import pyarrow.compute as pc

    beauty = np.round(beauty, 2)
    parts = [
        _in_words(
            paths, lambda n: f"{n:,} {'person you follow follows' if n == 1 else 'people you follow follow'} them"
        ),
        _in_words(beauty, lambda value: None if np.isnan(value) else f"beauty {value:.2f}"),
        _in_words(followers, lambda n: counted(n, "follower")),
        _in_words(follows_back, lambda back: "follows you" if back else None),
    ]
    return pc.binary_join_element_wise(*parts, "; ", null_handling="skip")


def _in_words(values: NDArray[Any], said: Callable[[Any], str | None]) -> pa.Array:
    """Each value in words, each different one put once."""
    different, place = np.unique(values, return_inverse=True)
    return pa.array([said(value) for value in different.tolist()], pa.string()).take(pa.array(place))


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
    """What written recommendations do that they must not, in words; empty if nothing. Read from the rows alone.

    Of those to or of somebody who is not among the users nothing else is looked at; the first id is named.
    """
    ids = [rows[name].to_numpy() for name in ("user_id", "recommended_user_id")]
    is_there = [is_among(graph.users, each) for each in ids]
    user, target = (np.searchsorted(graph.users, each[is_there[0] & is_there[1]]) for each in ids)
    keys = user * graph.nodes + target
    imbalance = np.maximum(run["imbalance_limit"], np.nan_to_num(np.abs(graph.mean_followed - graph.beauty)))
    after = imbalance_after(graph, user, target)
    beyond = after > imbalance + _ROUNDING
    found = {
        f"{word} somebody who is not there: user {each[~there][0]}": (~there).sum()
        for word, each, there in zip(("to", "of"), ids, is_there, strict=True)
        if not there.all()
    }
    found |= {
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
    """Candidates that still are some, as they are now: links and blocks may have come since, or gone."""
    target = arcs.target.astype(np.int64)
    is_barred = is_among(graph.barred, arcs.source * graph.nodes + target)
    return remeasured(graph, kept_arcs(arcs, ~graph.has(arcs.source, target) & ~is_barred))


def wrong_candidates(graph: FollowGraph, arcs: Arcs) -> str:
    """Candidates that are none, in words; empty if all are two steps away, not followed and not barred.

    Whether somebody is in between is looked up in the graph, for ``looked_up`` candidates alone.
    """
    keys = arcs.source * graph.nodes + arcs.target
    matrix, some = graph.matrix, looked_up(arcs)
    between = matrix[arcs.source[some]].multiply(matrix.T.tocsr()[arcs.target[some]]).sum(axis=1)
    found = {
        "the user": (arcs.source == arcs.target).sum(),
        "followed": graph.has(arcs.source, arcs.target.astype(np.int64)).sum(),
        "barred": is_among(graph.barred, keys).sum(),
        "without anybody in between": (np.asarray(between).ravel() == 0).sum(),
    }
    return ", ".join(f"{counted(int(number), 'candidate')} {what}" for what, number in found.items() if number)


def looked_up(arcs: Arcs) -> Integers:
    """Places of the candidates that are looked up in the graph: each hundredth, or 1,000 or more; all of fewer."""
    return np.arange(0, len(arcs), max(1, min(100, len(arcs) // 1000)))


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


def imbalance_shown(run: Mapping[str, Any]) -> dict[str, tuple[float, None, None]]:
    """What the figure draws of a run: mean imbalance before and after, where it is known."""
    moments = {"before": run["imbalance_before"], "if all were followed": run["imbalance_after"]}
    return {moment: (value, None, None) for moment, value in moments.items() if value is not None}


def paths_shown(arcs: Arcs) -> Floats:
    """(a,) log10 of the paths that lead to each candidate."""
    return np.log10(arcs.paths)
