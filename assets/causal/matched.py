"""The matched sample: who is compared with whom, with what weight, and who is left out and why."""

from dataclasses import dataclass

import numpy as np

from assets.causal.blocks import nearest_in_blocks
from assets.causal.design import CannotMatchError, Design, Estimand
from assets.causal.greedy import match_greedily
from assets.causal.line import nearest_on_line, place_in_group
from assets.causal.points import Found, Points
from assets.causal.propensity import Propensity
from assets.causal.sample import Booleans, Floats, Integers, Sample


@dataclass(frozen=True)
class Pairs:
    """Units and their matches, one row per match, grouped by unit.

    Attributes:
        focal: (k,) row of the unit whose missing outcome is imputed.
        match: (k,) row of a match of the other arm.
        weight: (k,) share of the match; the shares of a unit sum to 1.
        squared: (k,) squared distance.
    """

    focal: Integers
    match: Integers
    weight: Floats
    squared: Floats

    @property
    def units(self) -> Integers:
        """Rows of the units that have matches, in the order of the pairs."""
        return self.focal[np.flatnonzero(np.r_[True, np.diff(self.focal) != 0])] if len(self.focal) else self.focal

    @property
    def nearest(self) -> "Pairs":
        """The nearest match of each unit alone, the first of those that are as near."""
        order = np.lexsort((self.squared, self.focal))
        first = order[np.r_[True, np.diff(self.focal[order]) != 0]] if len(order) else order
        return Pairs(self.focal[first], self.match[first], np.ones(len(first)), self.squared[first])

    @property
    def distance(self) -> float:
        """Sum of distances over pairs, for comparing two matchings."""
        return float(np.sqrt(self.squared).sum())


@dataclass(frozen=True)
class Dropped:
    """How many units are outside of the estimate for one reason.

    Attributes:
        arm: ``treated`` or ``control``.
        reason: In words.
        count: Units.
    """

    arm: str
    reason: str
    count: int


def is_sought_for(treated: Booleans, estimand: Estimand) -> Booleans:
    """(n,) whether the estimand averages over a unit."""
    return {"ATT": treated, "ATC": ~treated, "ATE": np.ones(len(treated), dtype=bool)}[estimand]


def match(sample: Sample, design: Design, points: Points, propensity: Propensity | None) -> Pairs:
    """Nearest neighbours for every unit of the estimand.

    Args:
        sample: Units.
        design: How they are matched.
        points: Where they are.
        propensity: For the order ``largest``.

    Raises:
        CannotMatchError: Nobody is matched.
    """
    sought = is_sought_for(sample.treated, sample.experiment.estimand)
    parts = []
    for arm in (True, False):
        seekers, pool = np.flatnonzero(sought & (sample.treated == arm)), np.flatnonzero(sample.treated != arm)
        if len(seekers):
            cluster = sample.cluster if design.apart else None
            found = _search(design, points, seekers, pool, propensity, cluster)
            size = np.bincount(found.seeker, minlength=len(seekers))
            parts.append((seekers[found.seeker], found.unit, 1 / size[found.seeker], found.squared))
    focal, matches, weight, squared = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(focal):
        raise CannotMatchError(
            f"no overlap: no unit of experiment {sample.experiment.name} has a match within its stratum and calipers"
        )
    return Pairs(focal, matches, weight, squared)


def _search(
    design: Design,
    points: Points,
    seekers: Integers,
    pool: Integers,
    propensity: Propensity | None,
    cluster: Integers | None,
) -> Found:
    if not design.replacement:
        return match_greedily(points, seekers, pool, design.ratio, _order(design, seekers, propensity))
    search = nearest_on_line if points.is_line else nearest_in_blocks
    kept = design.ties == "kept"
    tolerance = design.tie_tolerance if kept else 0.0
    if cluster is None:
        return search(points, seekers, pool, design.ratio, ties=kept, tolerance=tolerance)
    # Nobody has more units of the own cluster in the way than a cluster has in a stratum.
    crowd = np.unique(np.column_stack([points.stratum[pool], cluster[pool]]), axis=0, return_counts=True)[1]
    more = design.ratio + int(crowd.max(initial=0))
    found = search(points, seekers, pool, more, ties=kept, tolerance=tolerance)
    other = cluster[seekers[found.seeker]] != cluster[found.unit]
    return _nearest_of(
        Found(found.seeker[other], found.unit[other], found.squared[other]), design.ratio, kept, tolerance
    )


def _nearest_of(found: Found, ratio: int, with_ties: bool, tolerance: float) -> Found:
    """The first neighbours of each seeker, and those as near as the last of them if ties are kept."""
    place = place_in_group(found.seeker)
    kept = place < ratio
    if with_ties and len(place):
        last = np.full(int(found.seeker[-1]) + 1, -np.inf)
        np.maximum.at(last, found.seeker[kept], found.squared[kept])
        kept |= found.squared <= last[found.seeker] + tolerance
    return Found(found.seeker[kept], found.unit[kept], found.squared[kept])


def _order(design: Design, seekers: Integers, propensity: Propensity | None) -> Integers | None:
    """Positions of seekers in the order in which they choose; None for the closest pair first."""
    order = design.order or ("data" if propensity is None else "largest")
    if order == "closest":
        return None
    if order == "random":
        return np.random.default_rng(design.seed).permutation(len(seekers))
    if order == "largest" and propensity is not None:
        return np.argsort(-propensity.probability[seekers], kind="stable")
    return np.arange(len(seekers))


def why_dropped(sample: Sample, points: Points, pairs: Pairs) -> tuple[Dropped, ...]:
    """Reasons for everyone outside of the estimate; with those inside, the counts add up to all units.

    Args:
        sample: Units.
        points: Where they are.
        pairs: Their matches.
    """
    inside = np.zeros(len(sample.treated), dtype=bool)
    inside[pairs.focal], inside[pairs.match] = True, True
    sought = is_sought_for(sample.treated, sample.experiment.estimand)
    dropped = []
    for arm, name in ((True, "treated"), (False, "control")):
        out, others = np.flatnonzero(~inside & (sample.treated == arm)), np.flatnonzero(sample.treated != arm)
        alone = ~np.isin(points.stratum[out], points.stratum[others]) | (points.stratum[out] < 0)
        dropped.append(Dropped(name, "nobody of the other arm is in the stratum", int(alone.sum())))
        out = out[~alone]
        if sought[sample.treated == arm].any():
            within = _has_any(points, out, others)
            dropped.append(Dropped(name, "nobody of the other arm is within the calipers", int((~within).sum())))
            dropped.append(Dropped(name, "everyone within reach was matched to another unit", int(within.sum())))
        else:
            dropped.append(Dropped(name, "not among the nearest of any unit", len(out)))
    return tuple(row for row in dropped if row.count)


def _has_any(points: Points, seekers: Integers, pool: Integers) -> Booleans:
    search = nearest_on_line if points.is_line else nearest_in_blocks
    has = np.zeros(len(seekers), dtype=bool)
    if len(seekers):
        has[search(points, seekers, pool, 1, ties=False).seeker] = True
    return has


def weights_of_pairs(pairs: Pairs, n: int) -> Floats:
    """(n,) weight of each unit in its arm's mean: 1 for a unit of the estimand, and the shares it has as a match."""
    weights = np.bincount(pairs.match, pairs.weight, n)
    weights[pairs.units] += 1
    return np.asarray(weights)


def weights_of_strata(stratum: Integers, treated: Booleans, estimand: Estimand) -> Floats:
    """(n,) weights that give each arm the estimand's share of every stratum.

    For the ATT these are R's MatchIt's: 1 for the treated, and for controls treated per control of the stratum (here
    not rescaled to the number of controls, which changes no mean). Units outside of strata have 0.

    Args:
        stratum: (n,) numbers, -1 for none; every stratum holds both arms.
        treated: (n,) arms.
        estimand: Whose share.
    """
    inside = stratum >= 0
    if not inside.any():
        raise CannotMatchError("no overlap: no stratum holds both arms")
    size = int(stratum.max()) + 1
    arms = {arm: np.bincount(stratum[inside & (treated == arm)], minlength=size) for arm in (True, False)}
    target = {"ATT": arms[True], "ATC": arms[False], "ATE": arms[True] + arms[False]}[estimand]
    own = np.where(treated, arms[True][stratum], arms[False][stratum])
    return np.where(inside, target[stratum] / np.maximum(own, 1), 0.0)


def subclasses(sample: Sample, propensity: Propensity, stratum: Integers, count: int) -> Integers:
    """Subclasses of the propensity score within strata, with equal numbers of units of the estimand.

    Cut at quantiles of the score of the treated (ATT), controls (ATC) or all (ATE), after Rosenbaum and Rubin (1984),
    JASA 79:516. Subclasses without both arms are left out.

    Args:
        sample: Units.
        propensity: Their score.
        stratum: (n,) strata that are subdivided; -1 for none.
        count: Subclasses per stratum.

    Returns:
        (n,) numbers of subclasses, -1 for none.
    """
    sought = is_sought_for(sample.treated, sample.experiment.estimand)
    number = np.full(len(stratum), -1, dtype=np.int64)
    for one in np.unique(stratum[stratum >= 0]):
        inside = np.flatnonzero(stratum == one)
        quantiles = np.quantile(propensity.logit[inside][sought[inside]], np.arange(1, count) / count)
        number[inside] = one * count + np.searchsorted(quantiles, propensity.logit[inside], side="left")
    size = int(number.max()) + 1
    known = number >= 0
    arms = [np.bincount(number[known & (sample.treated == arm)], minlength=size) > 0 for arm in (True, False)]
    both = arms[0] & arms[1]
    renumbered = np.where(both, np.cumsum(both) - 1, -1)
    return np.where(known, renumbered[number], -1)
