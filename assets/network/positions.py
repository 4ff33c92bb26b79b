"""Where each user stands in the follow graph: degrees, reciprocity, clustering, core, PageRank, community.

NetworKit computes what a library should; what it needs to be right stands in ``links.py``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.network.links import Integers, Links, Pairs

if TYPE_CHECKING:
    from networkit import Graph

Floats = NDArray[np.float64]

_DAMPING = 0.85
_TOLERANCE = 1e-10
_MOST_STEPS = 500
"""Damping makes each step shrink the error by 0.85 at least: 150 steps reach the tolerance."""


@dataclass(frozen=True)
class Positions:
    """What is known of each user, in the order of ``Links.users``.

    Attributes:
        followees: (n,) users whom they follow.
        followers: (n,) users who follow them.
        mutual: (n,) users linked in both directions.
        reciprocity: (n,) share of their followees who follow back; nan for those who follow nobody.
        triangles: (n,) pairs of neighbours that are linked, of the undirected simple graph.
        clustering: (n,) the same as a share of all pairs of neighbours (Watts and Strogatz 1998); 0 with fewer than two
            neighbours.
        core: (n,) largest k such that they belong to the k-core of the undirected simple graph (Seidman 1983).
        pagerank: (n,) PageRank, sums to 1; those who follow nobody pass theirs on to all (Page et al. 1999).
        community: (n,) community by the Louvain method with refinement (Blondel et al. 2008), 0 is the largest.
        component: (n,) weakly connected component, 0 is the largest.
    """

    followees: Integers
    followers: Integers
    mutual: Integers
    reciprocity: Floats
    triangles: Integers
    clustering: Floats
    core: Integers
    pagerank: Floats
    community: Integers
    component: Integers


def positions(links: Links) -> Positions:
    """Measure where each user stands in a follow graph."""
    pairs = links.pairs
    undirected = pairs.graph()
    mutual = np.bincount(links.source[links.is_mutual], minlength=links.nodes)
    triangles = count_triangles(undirected, pairs)
    return Positions(
        followees=links.out_degree,
        followers=links.in_degree,
        mutual=mutual,
        reciprocity=_shares(mutual, links.out_degree),
        triangles=triangles,
        clustering=local_clustering(triangles, pairs.degree),
        core=core_numbers(undirected, pairs),
        pagerank=page_rank(links),
        community=communities(undirected),
        component=components(undirected),
    )


def sampled(nodes: int, size: int, seed: int) -> Integers:
    """Positions of all users, or of ``size`` drawn at random without replacement, ascending."""
    if not 0 < size < nodes:
        return np.arange(nodes)
    return np.sort(np.random.default_rng(seed).choice(nodes, size, replace=False))


def count_triangles(undirected: "Graph", pairs: Pairs) -> Integers:
    """Linked pairs of neighbours (n,) of each user.

    NetworKit marks neighbours from the side of fewer links (Ortmann and Brandes 2014): all users of a graph take less
    time than a fifth of them by products of sparse rows.
    """
    from networkit.centrality import LocalClusteringCoefficient

    if not len(pairs):
        return np.zeros(pairs.nodes, np.int64)
    shares = np.asarray(LocalClusteringCoefficient(undirected, turbo=True).run().scores(), np.float64)
    return np.rint(shares * _neighbour_pairs(pairs.degree)).astype(np.int64)


def local_clustering(triangles: Integers, degree: Integers) -> Floats:
    """Triangles as a share of pairs of neighbours (n,); 0 with fewer than two neighbours."""
    possible = _neighbour_pairs(degree)
    shares: Floats = np.divide(triangles, possible, out=np.zeros(len(degree)), where=possible > 0)
    return shares


def _neighbour_pairs(degree: Integers) -> Floats:
    return degree * (degree - 1.0) / 2


def core_numbers(undirected: "Graph", pairs: Pairs) -> Integers:
    """Core number (n,) of each user."""
    from networkit.centrality import CoreDecomposition

    # NetworKit's parallel variant starts at 0 for a graph without links, too, and needs at least one node.
    if not len(pairs):
        return np.zeros(pairs.nodes, np.int64)
    return np.asarray(CoreDecomposition(undirected).run().scores(), np.int64)


def page_rank(links: Links) -> Floats:
    """PageRank (n,) with damping 0.85, by power iteration on a sparse matrix.

    NetworKit's runs in parallel, and the last digits of its sums depend on who comes first; this one is a third of its
    time and gives the same bytes again.

    Raises:
        RuntimeError: It has not converged.
    """
    from scipy.sparse import csr_array

    n, degree = links.nodes, links.out_degree
    if not n:
        return np.zeros(0)
    weights = 1.0 / degree[links.source]
    backward = csr_array((weights, (links.target, links.source)), shape=(n, n))
    is_sink = degree == 0
    ranks = np.full(n, 1 / n)
    for _ in range(_MOST_STEPS):
        before = ranks
        ranks = _DAMPING * (backward @ before + before[is_sink].sum() / n) + (1 - _DAMPING) / n
        if np.abs(ranks - before).sum() < _TOLERANCE:
            return ranks / ranks.sum()
    raise RuntimeError(f"PageRank has not converged to {_TOLERANCE} within {_MOST_STEPS} steps")


def communities(undirected: "Graph", seed: int = 0) -> Integers:
    """Community (n,) of each user, numbered from the largest; the same graph gives the same communities."""
    import networkit
    from networkit.community import PLM

    if not undirected.numberOfNodes():
        return np.zeros(0, np.int64)
    networkit.setSeed(seed, useThreadId=False)
    # One after the other: moves in parallel would depend on who comes first.
    found = PLM(undirected, refine=True, par="none").run().getPartition().getVector()
    return _by_size(np.asarray(found, np.int64))


def components(undirected: "Graph") -> Integers:
    """Weakly connected component (n,) of each user, numbered from the largest."""
    from networkit.components import ConnectedComponents

    if not undirected.numberOfNodes():
        return np.zeros(0, np.int64)
    found = ConnectedComponents(undirected).run().getPartition().getVector()
    return _by_size(np.asarray(found, np.int64))


def _by_size(labels: Integers) -> Integers:
    """Labels numbered by falling size; among equals by their first member."""
    _, first, numbers, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks[numbers]


def _shares(part: Integers, whole: Integers) -> Floats:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
