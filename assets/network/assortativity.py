"""Assortative mixing: whether links join users who are alike in a number.

Newman's r ("Mixing patterns in networks", 2003, equations 21 and 25) is Pearson's correlation of the two ends over
links; of an undirected graph each link counts in both directions. NetworKit's own class leaves that out, so that what
it says of an undirected graph changes with the numbering of users.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.network.links import Integers, Links, Pairs

Floats = NDArray[np.float64]

DEGREE_MODES = ("out_in", "out_out", "in_in", "in_out")
"""Degree of the follower, degree of the followee."""


def assortativity(links: Links, of_source: ArrayLike, of_target: ArrayLike | None = None) -> float:
    """Newman's r over directed links.

    Args:
        links: The graph.
        of_source: (n,) number of each user as a follower; nan leaves out the links of that user.
        of_target: (n,) number of each user as a followee; by default the same.

    Returns:
        r in [-1, 1]; nan where a side does not vary over links.
    """
    source = np.asarray(of_source, np.float64)
    target = source if of_target is None else np.asarray(of_target, np.float64)
    return pearson(source[links.source], target[links.target])


def assortativity_of_pairs(pairs: Pairs, values: ArrayLike) -> float:
    """Newman's r of an undirected graph: each pair in both directions, so numbering does not matter."""
    numbers = np.asarray(values, np.float64)
    low, high = numbers[pairs.low], numbers[pairs.high]
    return pearson(np.concatenate([low, high]), np.concatenate([high, low]))


def degree_assortativity(links: Links) -> dict[str, float]:
    """Newman's r of degrees in the four modes ``DEGREE_MODES`` (Foster et al. 2010), and ``undirected``."""
    degrees = {"out": links.out_degree, "in": links.in_degree}
    found = {}
    for mode in DEGREE_MODES:
        source, target = mode.split("_")
        found[mode] = assortativity(links, degrees[source], degrees[target])
    return {**found, "undirected": assortativity_of_pairs(links.pairs, links.pairs.degree)}


def pearson(left: Floats, right: Floats) -> float:
    """Pearson's correlation over positions where both are known; nan where one does not vary.

    >>> pearson(np.array([1.0, 2.0, np.nan]), np.array([2.0, 4.0, 0.0]))
    1.0
    """
    known = ~(np.isnan(left) | np.isnan(right))
    left, right = (side[known] - side[known].mean() if known.any() else side[known] for side in (left, right))
    scale = np.sqrt((left @ left) * (right @ right))
    return float(np.clip(left @ right / scale, -1, 1)) if scale > 0 else float("nan")


def mean_of_neighbours(links: Links, values: ArrayLike) -> Floats:
    """Mean number (n,) of those whom each user follows, over those who have one; nan where none has.

    It is what the curve k_nn is drawn from (Pastor-Satorras et al. 2001), with beauty in place of degree.
    """
    return mean_around(links.source, np.asarray(values, np.float64)[links.target], links.nodes)[1]


def mean_around(users: Integers, seen: Floats, nodes: int) -> tuple[Integers, Floats]:
    """How many known numbers (n,) each user sees over links, and their mean (n,), nan where none is known.

    Args:
        users: (m,) position of the end of each link that sees.
        seen: (m,) number of the other end; nan where it has none.
        nodes: n.
    """
    known = ~np.isnan(seen)
    counts = np.bincount(users[known], minlength=nodes)
    sums = np.bincount(users[known], seen[known], minlength=nodes)
    return counts, np.divide(sums, counts, out=np.full(nodes, np.nan), where=counts > 0)
