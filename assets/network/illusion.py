"""Majority illusion and friendship paradox: does what users see through their links look better than it is?

Lerman, Yan, Wu (2016, "The majority illusion in social networks"); Feld (1991); Hodas, Kooti, Lerman (2013) for weak
(mean) and strong (median, majority) forms. All numbers are over users who have the attribute: those without are left
out as followers and as followees.
"""

import numpy as np
from numpy.typing import NDArray

from assets.network.links import Links

Floats = NDArray[np.float64]

DEFINITIONS = {
    "link_gap_mean": "mean beauty of the followee over links, minus mean beauty of users",
    "link_gap_median": "median beauty of the followee over links, minus median beauty of users",
    "user_gap_mean": "mean over users of their followees' mean beauty, minus mean beauty of users",
    "user_gap_median": "median over users of their followees' median beauty, minus median beauty of users",
    "links_above_platform": "share of links whose followee is above the mean of users",
    "links_above_own": "share of links whose followee is above the follower",
    "weak_above_platform": "share of users whose followees' mean is above the mean of users",
    "weak_above_own": "share of users whose followees' mean is above themselves",
    "median_above_platform": "share of users whose followees' median is above the median of users",
    "median_above_own": "share of users whose followees' median is above themselves",
    "strong_above_platform": "share of users of whose followees more than half are above the mean of users",
    "strong_above_own": "share of users of whose followees more than half are above themselves",
}


def illusion(links: Links, beauty: Floats) -> dict[str, float]:
    """All variants; see ``DEFINITIONS``.

    Args:
        links: The graph.
        beauty: (n,) number of each user; nan for those without.

    Returns:
        Name -> value; nan where nobody with beauty follows somebody with beauty.
    """
    known = ~np.isnan(beauty)
    inside = known[links.source] & known[links.target]
    follower, seen = links.source[inside], beauty[links.target[inside]]
    if not len(seen):
        return dict.fromkeys(DEFINITIONS, float("nan"))
    mean, median = float(beauty[known].mean()), float(np.median(beauty[known]))
    own, counts = beauty[follower], np.bincount(follower, minlength=links.nodes)
    who = counts > 0
    means = np.bincount(follower, seen, links.nodes)[who] / counts[who]
    medians = _medians(follower, seen, counts)
    themselves = beauty[who]

    def majority(above: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return 2 * np.bincount(follower[above], minlength=links.nodes)[who] > counts[who]

    return {
        "link_gap_mean": float(seen.mean()) - mean,
        "link_gap_median": float(np.median(seen)) - median,
        "user_gap_mean": float(means.mean()) - mean,
        "user_gap_median": float(np.median(medians)) - median,
        "links_above_platform": float((seen > mean).mean()),
        "links_above_own": float((seen > own).mean()),
        "weak_above_platform": float((means > mean).mean()),
        "weak_above_own": float((means > themselves).mean()),
        "median_above_platform": float((medians > median).mean()),
        "median_above_own": float((medians > themselves).mean()),
        "strong_above_platform": float(majority(seen > mean).mean()),
        "strong_above_own": float(majority(seen > own).mean()),
    }


def _medians(follower: NDArray[np.int64], seen: Floats, counts: NDArray[np.int64]) -> Floats:
    """Median of what each follower sees, of those who follow anybody, by position."""
    ordered = seen[np.lexsort((seen, follower))]
    sizes = counts[counts > 0]
    starts = np.cumsum(sizes) - sizes
    return (ordered[starts + (sizes - 1) // 2] + ordered[starts + sizes // 2]) / 2


def gap_by_covariance(beauty: Floats, followers: NDArray[np.int64]) -> float:
    """What the mean gap over links must be: Cov(b, in-degree) / E[in-degree].

    Over users who have beauty and the links among them it equals E[b(followee)] - E[b] exactly, for the population
    covariance (Eom and Jo 2014).

    Args:
        beauty: (k,) number of each user who has one.
        followers: (k,) followers of each who have one too.

    Returns:
        The gap; nan where nobody follows anybody.
    """
    if not followers.sum() > 0:
        return float("nan")
    degree = followers.astype(np.float64)
    return float(((beauty - beauty.mean()) * (degree - degree.mean())).mean() / degree.mean())
