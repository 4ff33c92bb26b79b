"""Pairs that were never linked, matched to pairs that were.

Two questions need two comparisons. Whether users link to users like them is asked of pairs that could have formed just
as well: two links of one month exchange their followees, and nothing that depends on the gap is matched on. Whether a
link moves the follower is asked of users who stood just as far from the same followee: those share followee and month,
and are matched on the follower's beauty before the link too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.network.pair_events import Floats, Integers, LinkTimes, UserMonths

_NEAREST = 40
"""Candidates of a link that are looked at; those linked to the other end drop out of them."""
_CELLS = 1 << 22
"""Distances that are held at once: rows of a month are compared to its users in blocks of so many."""


@dataclass(frozen=True)
class Standing:
    """What is known of users at the start of a month.

    Attributes:
        photos: (k,) photos so far.
        beauty: (k,) their mean, shrunken toward the mean of users by the noise of so few photos.
        covariates: (k, 3) log photos so far, months since the first photo, log links received so far.
    """

    photos: Integers
    beauty: Floats
    covariates: Floats

    @property
    def with_beauty(self) -> Floats:
        """(k, 4) beauty, then the covariates."""
        return np.column_stack([self.beauty, self.covariates])


@dataclass(frozen=True)
class Matches:
    """Never-linked pairs, one row each.

    Attributes:
        row: (k,) row that a pair is matched to, ascending.
        stranger: (k,) the user who stands in for one end of it.
    """

    row: Integers
    stranger: Integers


@dataclass(frozen=True)
class Prior:
    """How beauty varies: between users, and between photos of one user and month.

    Attributes:
        mean: Mean of users.
        between: Variance between users.
        within: Variance of a photo around the mean of its owner's month.
    """

    mean: float
    between: float
    within: float

    def shrunken(self, photos: Integers, beauty: Floats) -> Floats:
        """Expected beauty of users given the mean of so many photos; NaN without any."""
        weight = photos * self.between / (photos * self.between + self.within) if self.between else 0.0 * photos
        return np.asarray(self.mean + weight * (beauty - self.mean))

    def left_by(self, photos: Integers) -> Floats:
        """Variance of users around what the mean of so many photos lets expect."""
        total = self.within + photos * self.between
        return np.divide(self.between * self.within, total, out=np.zeros(total.shape), where=total > 0)


def prior_of(known: UserMonths, within: float) -> Prior:
    """Mean and variance of users by the method of moments, each user counting once."""
    photos, beauty = known.between(np.arange(len(known.users)), 0, known.months)
    if len(beauty) < 2:
        return Prior(float(beauty.mean()) if len(beauty) else 0.0, 0.0, within)
    between = float(np.var(beauty, ddof=1) - within * np.mean(1 / photos))
    return Prior(float(beauty.mean()), max(between, 0.0), within)


def standing(known: UserMonths, links: LinkTimes, prior: Prior, user: Integers, month: Integers) -> Standing:
    """What is known of users before each month."""
    photos, beauty = known.between(user, 0, month - 1)
    tenure = month - known.first_month[user]
    columns = (np.log(np.maximum(photos, 1)), tenure, np.log1p(links.followers(user, month)))
    return Standing(photos, prior.shrunken(photos, beauty), np.column_stack(columns).astype(np.float64))


def others_in_place(
    place: Integers,
    month: Integers,
    covariates: Floats,
    is_ruled_out: Callable[[Integers, Integers], NDArray[np.bool_]],
    count: int,
    calipers: Sequence[float],
) -> Matches:
    """For each row the nearest users, by standardised covariates, who are in the same place of a row of its month.

    Args:
        place: (k,) the user of each row who is replaced.
        month: (k,) month of each row.
        covariates: (k, d) of that user at that time.
        is_ruled_out: Takes rows (r,) and users (r, c) and says which users may not stand in.
        count: Users per row, at most.
        calipers: (d,) largest difference in each covariate, in its standard deviations over rows.
    """
    scale = covariates.std(axis=0) if len(covariates) else np.ones(covariates.shape[1])
    scale = np.where(scale > 0, scale, 1.0)
    scaled, reach = covariates / scale, np.asarray(calipers)
    found = [Matches(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    order = np.argsort(month, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(month[order])) + 1):
        users, first = np.unique(place[rows], return_index=True)
        pool = scaled[rows[first]]
        size = max(1, _CELLS // max(1, len(users)))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            distance = _distances(scaled[part], pool, reach)
            distance[users[None, :] == place[part, None]] = np.inf
            found.append(_nearest(part, users, distance, is_ruled_out, count))
    row, stranger = (np.concatenate([getattr(part, name) for part in found]) for name in ("row", "stranger"))
    by_row = np.argsort(row, kind="stable")
    return Matches(row[by_row], stranger[by_row])


def _nearest(
    rows: Integers,
    users: Integers,
    distance: Floats,
    is_ruled_out: Callable[[Integers, Integers], NDArray[np.bool_]],
    count: int,
) -> Matches:
    """The nearest users of each row at a finite distance, of shape (rows, users), who are not ruled out."""
    near = np.argpartition(distance, min(_NEAREST, len(users)) - 1, axis=1)[:, :_NEAREST]
    distance, candidate = np.take_along_axis(distance, near, axis=1), users[near]
    distance = np.where(is_ruled_out(rows, candidate), np.inf, distance)
    best = np.argsort(distance, axis=1, kind="stable")[:, :count]
    is_match = np.isfinite(np.take_along_axis(distance, best, axis=1))
    return Matches(np.repeat(rows, is_match.sum(axis=1)), np.take_along_axis(candidate, best, axis=1)[is_match])


def never_linked_to(links: LinkTimes, other: Integers) -> Callable[[Integers, Integers], NDArray[np.bool_]]:
    """What ``others_in_place`` needs to leave out users who are, or were ever linked to, the other end of the row."""

    def is_ruled_out(rows: Integers, users: Integers) -> NDArray[np.bool_]:
        kept = other[rows][:, None]
        return np.asarray((users == kept) | links.are_linked(users, kept))

    return is_ruled_out


def never_linked_if_exchanged(
    links: LinkTimes, follower: Integers, followee: Integers
) -> Callable[[Integers, Integers], NDArray[np.bool_]]:
    """The same where rows are links, and so are those who stand in: both pairs that come of exchanging the followees.

    Args:
        links: All links.
        follower: (k,) of each row.
        followee: (k,) of each row.
    """

    def is_ruled_out(rows: Integers, others: Integers) -> NDArray[np.bool_]:
        pairs = ((follower[rows][:, None], followee[others]), (follower[others], followee[rows][:, None]))
        meet = [(one == other) | links.are_linked(one, other) for one, other in pairs]
        same = (follower[rows][:, None] == follower[others]) | (followee[rows][:, None] == followee[others])
        return np.asarray(meet[0] | meet[1] | same)

    return is_ruled_out


def _distances(wanted: Floats, pool: Floats, reach: Floats) -> Floats:
    """Squared distances of shape (wanted, pool), infinite where a covariate differs by more than its reach."""
    total, is_far = np.zeros((len(wanted), len(pool))), np.zeros((len(wanted), len(pool)), bool)
    for column, most in enumerate(reach):
        apart = wanted[:, None, column] - pool[None, :, column]
        is_far |= np.abs(apart) > most
        total += apart**2
    total[is_far] = np.inf
    return total


def imbalance(ends: Floats, strangers: Floats, matches: Matches) -> float:
    """Largest absolute standardised mean difference between strangers and the ends that they stand in for.

    Each matched row counts once; the standard deviation is that of the matched ends (Austin 2009, Statistics in
    Medicine 28:3083). NaN without pairs.

    Args:
        ends: (rows, d) covariates of the replaced end of every row.
        strangers: (k, d) covariates of the stranger of every match.
        matches: The pairs.
    """
    if not len(matches.row):
        return float("nan")
    weight = link_weights(matches.row)
    mean = np.average(strangers, axis=0, weights=weight) - np.average(ends[matches.row], axis=0, weights=weight)
    spread = ends[np.unique(matches.row)].std(axis=0)
    return float(np.abs(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0)).max())


def link_weights(event: Integers) -> Floats:
    """1 / number of rows of the same link."""
    _, inverse, counts = np.unique(event, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[inverse])
