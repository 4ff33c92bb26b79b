"""How a simulated community compares with what is known of Flickr; every number names its estimator.

Sources of the targets: reciprocity 0.62 and most new links within two steps: Mislove et al. 2008, "Growth of the
Flickr social network"; degree exponent near 2: Mislove et al. 2007, "Measurement and analysis of online social
networks"; Gini of degree 0.88: the study this platform rebuilds.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import zeta
from scipy.stats import probplot

from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.links import Links
from assets.landing.simulator.world import MonthOfLife, World
from assets.statistics.gini import gini

_LINKS_SAMPLED_PER_MONTH = 400
_FEWEST_IN_TAIL = 50
_FIXED_XMIN = 10


@dataclass(frozen=True)
class Comparison:
    """One line of the report: what was measured, the target in words, and the estimator."""

    quantity: str
    target: str
    simulated: float
    estimator: str


@dataclass
class Tally:
    """Running counts of a simulation; memory does not grow with its length."""

    photos: int = 0
    public_photos: int = 0
    links: int = 0
    favorites: int = 0
    favorites_through_links: int = 0
    memberships: int = 0
    sampled_links: int = 0
    sampled_within_two: int = 0
    draws: Draws = field(default_factory=lambda: Draws(0))

    def add(self, happened: MonthOfLife, links: Links) -> None:
        """Count a month; ``links`` are those active at its start."""
        self.photos += happened.photos.count
        self.public_photos += int(happened.photos.is_public.sum())
        self.links += happened.links.count
        self.favorites += len(happened.favorites["user"])
        self.favorites_through_links += int(happened.favorites["is_through_link"].sum())
        self.memberships += len(happened.memberships["user"])
        sampled = self._sample(happened, links)
        new = happened.links
        near = within_two_steps(links, new.follower[sampled], new.followee[sampled])
        self.sampled_links += len(near)
        self.sampled_within_two += int(near.sum())

    def _sample(self, happened: MonthOfLife, links: Links) -> Ints:
        """Positions of new links that answer no other link, by people who followed somebody before the month."""
        new = happened.links
        fresh = ~new.answers & ~links.has(new.followee, new.follower) & (links.out_degree[new.follower] > 0)
        candidates = np.flatnonzero(fresh)
        order = np.argsort(self.draws.bits("two-steps", happened.month, candidates), kind="stable")
        return candidates[order[:_LINKS_SAMPLED_PER_MONTH]]

    def counts(self) -> dict[str, int]:
        """What the report prints as plain counts."""
        names = ("photos", "public_photos", "links", "favorites", "memberships")
        return {name: getattr(self, name) for name in names}


def compare(world: World, tally: Tally) -> list[Comparison]:
    """Measure a finished world against the targets."""
    links = world.links
    exponent, xmin = power_law_exponent(links.in_degree)
    fixed = power_law_exponent(links.in_degree, _FIXED_XMIN)[0]
    log_uploads = np.log(world.public_photos[world.public_photos > 0])
    return [
        Comparison("reciprocity", "0.62", reciprocity(links), "share of active links that are answered, at the end"),
        Comparison(
            "in-degree exponent",
            "near 2",
            exponent,
            f"discrete maximum likelihood, xmin = {xmin} by Kolmogorov-Smirnov (Clauset, Shalizi & Newman 2009)",
        ),
        Comparison("  the same, fixed xmin", "near 2", fixed, f"discrete maximum likelihood, xmin = {_FIXED_XMIN}"),
        Comparison("Gini of in-degree", "0.88", gini(links.in_degree), "population formula, everybody, zeros included"),
        Comparison(
            "new links within two steps",
            "most",
            _share(tally.sampled_within_two, tally.sampled_links),
            f"followee of a followee at the month's start; {tally.sampled_links} sampled links that answer no other, "
            "by people who followed somebody",
        ),
        Comparison(
            "sd of log uploads", "log-normal", float(np.std(log_uploads)), "public photos per person with at least one"
        ),
        Comparison(
            "fit of log uploads", "near 1", _normal_fit(log_uploads), "probability-plot correlation with the normal"
        ),
        Comparison(
            "favorites through links",
            "mostly",
            _share(tally.favorites_through_links, tally.favorites),
            "share whose giver followed the owner at the start of the month of upload",
        ),
        Comparison(
            "favorites per photo", "at least 4", _share(tally.favorites, tally.public_photos), "mean, public photos"
        ),
    ]


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def reciprocity(links: Links) -> float:
    """Share of links whose reverse is there too."""
    if not links.count:
        return float("nan")
    return float(links.has(links.followee.astype(np.int64), links.follower.astype(np.int64)).mean())


def power_law_exponent(degrees: Ints, xmin: int | None = None) -> tuple[float, int]:
    """Exponent and xmin of a discrete power law by maximum likelihood.

    Without a given one, xmin is the one with the smallest Kolmogorov-Smirnov distance among those that leave at
    least 50 values in the tail. Clauset, Shalizi & Newman 2009, "Power-law distributions in empirical data",
    equations 3.5 and 3.9.

    Returns:
        (exponent, xmin); (NaN, 0) where the tail is too short.
    """
    positive = np.sort(degrees[degrees > 0])
    best = (np.inf, float("nan"), 0)
    for start in np.unique(positive) if xmin is None else [xmin]:
        tail = positive[np.searchsorted(positive, start) :]
        if len(tail) < _FEWEST_IN_TAIL or tail[0] == tail[-1]:
            break
        exponent = _fit_tail(tail, int(start))
        best = min(best, (_distance(tail, int(start), exponent), exponent, int(start)))
    return best[1], best[2]


def _fit_tail(tail: Ints, xmin: int) -> float:
    mean_log = float(np.log(tail).mean())
    return float(
        minimize_scalar(lambda a: np.log(zeta(a, xmin)) + a * mean_log, bounds=(1.05, 6.0), method="bounded").x
    )


def _distance(tail: Ints, xmin: int, exponent: float) -> float:
    values, counts = np.unique(tail, return_counts=True)
    observed = np.cumsum(counts) / len(tail)
    fitted = 1.0 - zeta(exponent, values + 1.0) / zeta(exponent, xmin)
    return float(np.abs(observed - fitted).max())


def _normal_fit(values: Floats) -> float:
    if len(values) < 3 or values.std() == 0:
        return float("nan")
    return float(probplot(values)[1][2])


def within_two_steps(links: Links, follower: Ints, followee: Ints) -> np.ndarray:
    """Whether each pair is joined by a path of one or two active links from follower to followee."""
    near = links.has(follower, followee)
    for position in np.flatnonzero(~near):
        middle = links.followee[links.out_start[follower[position]] : links.out_start[follower[position] + 1]]
        target = np.full(len(middle), followee[position])
        near[position] = links.has(middle.astype(np.int64), target).any()
    return near


def as_rows(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """The lines as plain values; None where a number could not be estimated."""
    return [
        {
            "quantity": c.quantity,
            "target": c.target,
            "simulated": None if np.isnan(c.simulated) else round(c.simulated, 4),
            "estimator": c.estimator,
        }
        for c in comparisons
    ]
