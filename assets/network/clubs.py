"""Rich clubs: how densely users above a threshold are linked among themselves."""

import numpy as np
from numpy.typing import NDArray

from assets.network.links import Links

Floats = NDArray[np.float64]

SHARES = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Parts of the users at the top that are looked at."""


def thresholds(numbers: Floats, shares: tuple[float, ...] = SHARES) -> list[float]:
    """Numbers above which about these shares of users lie, each once, ascending; those with two members or more.

    >>> thresholds(np.array([1.0, 2.0, 3.0, 4.0, np.nan]), (0.5, 0.01))
    [3.0]
    """
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return []
    found = np.unique(np.quantile(known, 1 - np.array(shares), method="higher"))
    return [float(each) for each in found if (known >= each).sum() >= 2]


def club_density(links: Links, numbers: Floats, at_least: float) -> float:
    """Links among members, as a share of all that there could be (Zhou and Mondragon 2004, of a directed graph).

    Args:
        links: The graph.
        numbers: (n,) what members have much of; nan for users who are no member.
        at_least: The threshold.

    Returns:
        A share; nan with fewer than two members.
    """
    member = numbers >= at_least
    size = int(member.sum())
    if size < 2:
        return float("nan")
    return float((member[links.source] & member[links.target]).sum() / (size * (size - 1.0)))
