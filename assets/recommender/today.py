"""The follow graph of today with its past, and the moments at which recommenders are tried."""

from datetime import date

import numpy as np

from assets.contracts.lake import Lake
from assets.recommender.follow_graph import Floats, FollowGraph, Integers
from assets.recommender.past import (
    HORIZON,
    LAST_MONTH,
    Answering,
    Known,
    Links,
    beauty_known,
    graph_at,
    held_out,
    microseconds,
    months_before,
    new_links,
    with_history,
)

_BINS = 30


def last_month(marts: Answering) -> date | None:
    """First day of the last month of the panel; None without one."""
    found: date | None = marts.read(LAST_MONTH)["last_month"][0].as_py()
    return found


def graph_today(lake: Lake, marts: Answering, links: Links) -> FollowGraph:
    """Links that stand, with the graphs of three and of six months before; without times no past is known."""
    month, today = last_month(marts), beauty_known(marts, lake)
    if month is None or not links.are_dated:
        return graph_at(links, None, today)
    starts = [months_before(month, HORIZON - 1), months_before(month, 2 * HORIZON - 1)]
    known = [today, *(beauty_known(marts, lake, start) for start in starts)]
    return with_history(links, None, known, [microseconds(start) for start in starts])


def graph_of_trial(lake: Lake, marts: Answering, links: Links) -> tuple[FollowGraph, Integers, Integers, Known]:
    """The graph when the last three months began, positions of the ends of the links that came, and who was unseen.

    Without times a tenth of the links is hidden instead.
    """
    month = last_month(marts)
    if month is None or not links.are_dated:
        known = beauty_known(marts, lake)
        graph, follower, followee = held_out(links, known)
        return graph, follower, followee, known.of(graph.users)
    starts = [months_before(month, number * HORIZON - 1) for number in (1, 2, 3)]
    at = [beauty_known(marts, lake, start) for start in starts]
    moments = [microseconds(start) for start in starts]
    graph = with_history(links, moments[0], at, moments[1:])
    follower, followee = new_links(links, graph, moments[0])
    return graph, follower, followee, at[0].of(graph.users)


def spread_of(counts: Integers | Floats) -> tuple[list[float], list[int]]:
    """Edges and heights of a histogram."""
    heights, edges = np.histogram(counts, bins=_BINS)
    return edges.tolist(), heights.tolist()
