"""When users were first linked, and how beautiful the photos of each were around it.

Users are positions in the sorted ids of those with photos that have beauty; months are counted from the first one of
the observation. Who was never linked to whom, and what is compared, is in ``never_linked.py`` and ``event_study.py``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MonthOfLinks = tuple[int, ArrayLike, ArrayLike]
UNDATED_MONTH = -1
_CHUNK = 1_000_000


@dataclass(frozen=True)
class UserMonths:
    """Photos of users by month; months without photos have no row.

    Attributes:
        users: (n,) ids, ascending.
        months: Number of months m of the observation; a month is 0 to m - 1.
        key: (r,) position of the user times m plus month, ascending.
        photos: (r,) photos with beauty, at least 1.
        beauty: (r,) their mean beauty.
    """

    users: Integers
    months: int
    key: Integers
    photos: Integers
    beauty: Floats

    @classmethod
    def of(
        cls, user_ids: ArrayLike, months: ArrayLike, photos: ArrayLike, beauty: ArrayLike, length: int
    ) -> "UserMonths":
        """Rows in any order; those without photos are left out.

        Args:
            user_ids: (k,) ids.
            months: (k,) months from 0 on.
            photos: (k,) photos of the user in the month.
            beauty: (k,) their mean.
            length: Months of the observation.

        Raises:
            ValueError: A user has two rows for a month, or a month lies outside the observation.
        """
        ids, month, count = (np.asarray(column, np.int64) for column in (user_ids, months, photos))
        mean, held = np.asarray(beauty, np.float64), count > 0
        if ((month < 0) | (month >= length)).any():
            raise ValueError(
                f"months reach from {month.min()} to {month.max()}, the observation from 0 to {length - 1}"
            )
        users, position = np.unique(ids[held], return_inverse=True)
        key = position * length + month[held]
        order = np.argsort(key)
        if (np.diff(key[order]) == 0).any():
            raise ValueError("a user has two rows for one month; there must be one per user and month")
        return cls(users, length, key[order], count[held][order], mean[held][order])

    @cached_property
    def _sums(self) -> tuple[Integers, Floats]:
        photos, beauty = np.zeros(len(self.key) + 1, np.int64), np.zeros(len(self.key) + 1)
        np.cumsum(self.photos, out=photos[1:])
        np.cumsum(self.photos * self.beauty, out=beauty[1:])
        return photos, beauty

    @cached_property
    def first_month(self) -> Integers:
        """(n,) month of a user's first photo."""
        starts = np.searchsorted(self.key, np.arange(len(self.users)) * self.months)
        return self.key[starts] % self.months

    def positions(self, ids: ArrayLike) -> Integers:
        """Position of each id; -1 for those without photos."""
        wanted = np.asarray(ids, np.int64)
        if not len(self.users):
            return np.full(wanted.shape, -1)
        place = np.minimum(np.searchsorted(self.users, wanted), len(self.users) - 1)
        return np.where(self.users[place] == wanted, place, -1)

    def between(self, user: Integers, first: ArrayLike, last: ArrayLike) -> tuple[Integers, Floats]:
        """Photos of each user from month ``first`` to month ``last``, both included, and their mean beauty.

        Months outside the observation hold no photos; the mean of none is NaN. Shapes broadcast.
        """
        start = np.clip(first, 0, self.months)
        end = np.maximum(np.clip(np.asarray(last) + 1, 0, self.months), start)
        low, high = (np.searchsorted(self.key, user * self.months + month) for month in (start, end))
        counts, sums = self._sums
        photos = counts[high] - counts[low]
        mean = np.divide(sums[high] - sums[low], photos, out=np.full(photos.shape, np.nan), where=photos > 0)
        return photos, mean


@dataclass(frozen=True)
class LinkTimes:
    """Ordered pairs of users who were ever linked, each with the month of its first link.

    Attributes:
        users: Number of users n.
        key: (p,) position of the follower times n plus that of the followee, ascending.
        month: (p,) month of the first link; ``UNDATED_MONTH`` where one of the pair's links has no time or is older
            than the observation, ``months`` where all are younger.
        received: (l,) followee times months plus month of each dated link, ascending.
        months: Months of the observation.
    """

    users: int
    key: Integers
    month: NDArray[np.int32]
    received: Integers
    months: int

    def _places(self, follower: Integers, followee: Integers) -> tuple[Integers, NDArray[np.bool_]]:
        wanted = follower * self.users + followee
        if not len(self.key):
            return np.zeros(wanted.shape, np.int64), np.zeros(wanted.shape, bool)
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return place, self.key[place] == wanted

    def are_linked(self, one: Integers, other: Integers) -> NDArray[np.bool_]:
        """Whether users were ever linked, in either direction. Shapes broadcast."""
        return np.asarray(self._places(one, other)[1] | self._places(other, one)[1])

    def come_first(self, part: slice) -> NDArray[np.bool_]:
        """Which dated links of a part of the pairs are the first between their users, in either direction.

        Of two links of one month that answer one another, that of the lower position counts.
        """
        month = self.month[part]
        follower, followee = np.divmod(self.key[part], max(1, self.users))
        place, answered = self._places(followee, follower)
        back = self.month[place] if len(self.key) else month
        earlier = (back < month) | ((back == month) & (followee < follower))
        return np.asarray(self.are_observed(month) & ~(answered & earlier))

    def are_observed(self, month: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which months of first links lie in the observation."""
        return np.asarray((month >= 0) & (month < self.months))

    def followers(self, user: Integers, month: Integers) -> Integers:
        """Links that each user had received before a month, unfollows not subtracted."""
        start, end = (np.searchsorted(self.received, user * self.months + stop) for stop in (0 * month, month))
        return np.asarray(end - start)


def link_times(known: UserMonths, by_month: Iterable[MonthOfLinks]) -> LinkTimes:
    """First link of each ordered pair of users who have beauty.

    Beside the links of one month it holds at most 32 bytes per link.

    Args:
        known: Users and months.
        by_month: Month (``UNDATED_MONTH`` for links without a time), ids of followers and of followees. Months come in
            any order. Links of months before the observation count as undated, later ones only tell who was ever
            linked.
    """
    n, length = len(known.users), known.months
    # One number holds pair and month, undated first and too young last, so that links are sorted in place.
    codes = length + 2
    dated: list[Integers] = [np.zeros(0, np.int64)]
    received: list[Integers] = [np.zeros(0, np.int64)]
    for month, followers, followees in by_month:
        follower, followee = known.positions(followers), known.positions(followees)
        is_dated = 0 <= month < length
        if is_dated:
            received.append((followee * length + month)[followee >= 0])
        held = (follower >= 0) & (followee >= 0) & (follower != followee)
        dated.append((follower[held] * n + followee[held]) * codes + min(max(month, -1), length) + 1)
    links = np.concatenate(dated)
    dated.clear()
    links.sort()
    pair, is_first = links // codes, np.ones(len(links), bool)
    is_first[1:] = pair[1:] != pair[:-1]
    del pair
    links = links[is_first]
    month_of_first = (links % codes).astype(np.int32) - np.int32(1)
    links //= codes
    got = np.concatenate(received)
    received.clear()
    got.sort()
    return LinkTimes(n, links, month_of_first, got, length)


@dataclass(frozen=True)
class Events:
    """Links that are looked at: who followed whom, and in which month.

    Attributes:
        follower, followee: (k,) positions.
        month: (k,) month of the link.
    """

    follower: Integers
    followee: Integers
    month: Integers

    def __len__(self) -> int:
        """Number of links."""
        return len(self.month)


def sampled_pairs(known: UserMonths, links: LinkTimes, least_photos: int, most: int, seed: int) -> Events:
    """A sample, without replacement, of first links of two users who both had photos before.

    Args:
        known: Photos of users by month.
        links: All links.
        least_photos: Photos that each end needs before the month of the link.
        most: Links to draw; all if there are no more.
        seed: Of the draw.
    """
    fits = np.zeros(len(links.key), bool)
    for start in range(0, len(fits), _CHUNK):
        part = slice(start, start + _CHUNK)
        month = links.month[part].astype(np.int64)
        had = [known.between(end, 0, month - 1)[0] >= least_photos for end in np.divmod(links.key[part], links.users)]
        fits[part] = links.come_first(part) & had[0] & had[1]
    found = np.flatnonzero(fits)
    if len(found) > most:
        found = np.sort(np.random.default_rng(seed).choice(found, most, replace=False))
    return _events(links, found)


def sampled_followers(links: LinkTimes, most: int, seed: int) -> Events:
    """All dated links of a sample of followers, who are drawn until they have ``most`` links.

    Args:
        links: All links.
        most: Links to draw, at most; a follower with more is never drawn.
        seed: Of the draw.
    """
    counts = np.zeros(links.users, np.int64)
    for start in range(0, len(links.key), _CHUNK):
        part = slice(start, start + _CHUNK)
        counts += np.bincount(
            links.key[part][links.are_observed(links.month[part])] // links.users, minlength=links.users
        )
    users = np.random.default_rng(seed).permutation(np.flatnonzero((counts > 0) & (counts <= most)))
    chosen = np.zeros(links.users, bool)
    chosen[users[np.cumsum(counts[users]) <= most]] = True
    ranges = np.searchsorted(links.key, np.flatnonzero(chosen)[:, None] * links.users + [0, links.users])
    lengths = ranges[:, 1] - ranges[:, 0]
    rows = np.arange(lengths.sum()) + np.repeat(ranges[:, 0] - np.cumsum(lengths) + lengths, lengths)
    return _events(links, rows[links.are_observed(links.month[rows])])


def _events(links: LinkTimes, rows: Integers) -> Events:
    follower, followee = np.divmod(links.key[rows], max(1, links.users))
    return Events(follower, followee, links.month[rows].astype(np.int64))
