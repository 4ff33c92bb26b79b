"""Who follows whom at one moment, how beautiful their photos are, and whom nobody may be shown."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FollowGraph:
    """A simple directed graph of n users; position i stands for ``users[i]``.

    Attributes:
        users: (n,) ids, ascending.
        start: (n + 1,) where the followees of each user begin.
        followee: (m,) positions, ascending for each follower.
        beauty: (n,) beauty of users; nan for those without.
        barred: (p,) ascending keys ``user * n + other`` of pairs that are never recommended.
        before: The same users at an earlier moment, to learn from which links came since; None where nobody knows.
    """

    users: Integers
    start: Integers
    followee: NDArray[np.int32]
    beauty: Floats
    barred: Integers = field(default_factory=lambda: np.zeros(0, np.int64))
    before: "FollowGraph | None" = None

    @property
    def nodes(self) -> int:
        """Number of users."""
        return len(self.users)

    @property
    def links(self) -> int:
        """Number of links."""
        return len(self.followee)

    @property
    def follower(self) -> Integers:
        """(m,) position of the follower of each link."""
        return np.repeat(np.arange(self.nodes), self.out_degree)

    @cached_property
    def out_degree(self) -> Integers:
        """(n,) followees."""
        return np.diff(self.start)

    @cached_property
    def in_degree(self) -> Integers:
        """(n,) followers."""
        return np.bincount(self.followee, minlength=self.nodes)

    @cached_property
    def keys(self) -> Integers:
        """(m,) ascending keys ``follower * n + followee``."""
        return self.follower * self.nodes + self.followee

    @property
    def matrix(self) -> "csr_array":
        """(n, n) ones where the row follows the column."""
        from scipy.sparse import csr_array

        ones: Any = np.ones(self.links, np.float32)
        return csr_array((ones, self.followee, self.start), shape=(self.nodes, self.nodes))

    def has(self, follower: Integers, followee: Integers) -> NDArray[np.bool_]:
        """Whether each link is there."""
        return is_among(self.keys, follower * self.nodes + followee)

    @cached_property
    def mean_followed(self) -> Floats:
        """(n,) mean beauty of the followees that have beauty; nan where none has."""
        return self.followed_sum / np.where(self.followed_count > 0, self.followed_count, np.nan)

    @cached_property
    def followed_count(self) -> Integers:
        """(n,) followees that have beauty."""
        return np.bincount(self.follower, ~np.isnan(self.beauty[self.followee]), self.nodes).astype(np.int64)

    @cached_property
    def followed_sum(self) -> Floats:
        """(n,) sum of their beauty."""
        return np.bincount(self.follower, np.nan_to_num(self.beauty[self.followee]), self.nodes).astype(np.float64)


def follow_graph(
    users: ArrayLike,
    followers: ArrayLike,
    followees: ArrayLike,
    beauty: ArrayLike | None = None,
    barred: tuple[ArrayLike, ArrayLike] = ((), ()),
    before: FollowGraph | None = None,
) -> FollowGraph:
    """The graph of some links, each counted once; links to oneself go.

    Args:
        users: Ids of all users, each once.
        followers: (k,) ids of those who follow.
        followees: (k,) ids of those whom they follow.
        beauty: Beauty of ``users``, in their order; nan, or None for all, where there is none.
        barred: Ids of users and of those who must not be recommended to them; barred both ways. Pairs with
            strangers are left out.
        before: The same users earlier.

    Raises:
        ValueError: A link has an end that is not among the users, or ``before`` has other users.
    """
    ids = np.asarray(users, np.int64)
    order = np.argsort(ids, kind="stable")
    known = ids[order]
    if before is not None and not np.array_equal(before.users, known):
        raise ValueError(f"the graph before has {before.nodes} users, this one {len(known)}; they must be the same")
    ends = [np.asarray(column, np.int64) for column in (followers, followees)]
    places = [np.searchsorted(known, end) for end in ends]
    for end, place in zip(ends, places, strict=True):
        strangers = ~_matches(known, place, end)
        if strangers.any():
            raise ValueError(f"user {end[strangers][0]} has a link and is not among the {len(known)} users")
    keys = distinct((places[0] * len(known) + places[1])[places[0] != places[1]])
    source, target = np.divmod(keys, max(1, len(known)))
    start = np.zeros(len(known) + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=len(known)), out=start[1:])
    values = np.full(len(known), np.nan) if beauty is None else np.asarray(beauty, np.float64)[order]
    return FollowGraph(known, start, target.astype(np.int32), values, _barred_keys(known, *barred), before)


def is_among(sorted_keys: Integers, keys: Integers) -> NDArray[np.bool_]:
    """Whether each key occurs among ascending ones."""
    return _matches(sorted_keys, np.searchsorted(sorted_keys, keys), keys)


def _matches(known: Integers, place: Integers, wanted: Integers) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(wanted), bool)
    found: NDArray[np.bool_] = known[np.minimum(place, len(known) - 1)] == wanted
    return found


def _barred_keys(known: Integers, one: ArrayLike, other: ArrayLike) -> Integers:
    ends = [np.asarray(column, np.int64) for column in (one, other)]
    places = [np.searchsorted(known, end) for end in ends]
    there = _matches(known, places[0], ends[0]) & _matches(known, places[1], ends[1])
    first, second = places[0][there], places[1][there]
    return distinct(np.concatenate([first * len(known) + second, second * len(known) + first]))


def distinct(numbers: Integers) -> Integers:
    """Each number once, ascending: what ``np.unique`` gives, which hashes and takes several times as long."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]
