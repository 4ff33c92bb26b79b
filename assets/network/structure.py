"""What the follow graph as a whole is like, each number with its definition."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.network.assortativity import degree_assortativity
from assets.network.links import Links
from assets.network.positions import Positions, sampled
from assets.statistics.gini import gini, top_share
from assets.statistics.intervals import Interval, bootstrap_interval

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """One number of a graph.

    Attributes:
        name: Short name.
        value: The value; nan where the graph does not define it.
        n: Users, links or pairs it rests on.
        definition: What it is.
        lower: Lower end of the 95 % interval of an estimate.
        upper: Upper end.
    """

    name: str
    value: float
    n: int
    definition: str
    lower: float = float("nan")
    upper: float = float("nan")


def graph_metrics(links: Links, found: Positions, distance_sources: int = 200, seed: int = 0) -> list[Metric]:
    """Measure a graph.

    Args:
        links: The graph.
        found: Where its users stand.
        distance_sources: Users from whom distances to all others are measured, drawn at random.
        seed: Seed of the sample and of intervals.
    """
    return [
        *_sizes(links, found),
        *_reciprocity(links),
        *_clustering(links, found),
        *_inequality(links),
        *_mixing(links),
        *_distances(links, distance_sources, seed),
    ]


def _sizes(links: Links, found: Positions) -> Iterator[Metric]:
    n, weak = links.nodes, np.bincount(found.component) if links.nodes else np.zeros(0, int)
    strong = strong_components(links)
    linked = (links.in_degree + links.out_degree) > 0
    yield Metric("users", n, n, "users who have joined, linked or not")
    yield Metric("links", len(links), n, "directed follow links, each once")
    yield Metric("linked_users", float(linked.sum()), n, "users with a link in either direction")
    yield Metric("mean_degree", len(links) / n if n else float("nan"), n, "links per user")
    yield Metric("weak_components", len(weak), n, "weakly connected components, users without links among them")
    yield Metric("largest_weak_component", _most(weak), n, "users of the largest weakly connected component")
    yield Metric("largest_strong_component", _most(strong), n, "users of the largest strongly connected component")
    yield Metric("largest_core", float(found.core.max(initial=0)), n, "largest k of a k-core of the undirected graph")
    yield Metric(
        "communities",
        len(np.unique(found.community)),
        n,
        "communities (Louvain), users without links among them",
    )


def strong_components(links: Links) -> NDArray[np.int64]:
    """Sizes of strongly connected components, in no order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not links.nodes:
        return np.zeros(0, np.int64)
    ones = np.ones(len(links), np.int8)
    matrix = coo_array((ones, (links.source, links.target)), shape=(links.nodes, links.nodes)).tocsr()
    _, labels = connected_components(matrix, directed=True, connection="strong")
    return np.bincount(labels)


def _most(sizes: NDArray[np.int64]) -> float:
    return float(sizes.max(initial=0))


def _reciprocity(links: Links) -> Iterator[Metric]:
    share = float(links.is_mutual.mean()) if len(links) else float("nan")
    yield Metric("reciprocity", share, len(links), "share of links whose followee follows back (Newman et al. 2002)")


def _clustering(links: Links, found: Positions) -> Iterator[Metric]:
    degree = links.pairs.degree
    wedges = float((degree * (degree - 1.0) / 2).sum())
    yield Metric(
        "mean_local_clustering",
        float(found.clustering.mean()) if links.nodes else float("nan"),
        links.nodes,
        "mean share of linked pairs of neighbours, 0 with fewer than two (Watts and Strogatz 1998), undirected graph",
    )
    yield Metric(
        "transitivity",
        float(found.triangles.sum() / wedges) if wedges else float("nan"),
        links.nodes,
        "closed paths of two links as a share of all of them, the global clustering coefficient (Newman et al. 2001), "
        "undirected graph",
    )
    yield Metric("triangles", float(found.triangles.sum() / 3), links.nodes, "triangles of the undirected graph")


def _inequality(links: Links) -> Iterator[Metric]:
    for side, degree in (("followers", links.in_degree), ("followees", links.out_degree)):
        defined = len(links) > 0
        yield Metric(
            f"gini_of_{side}", gini(degree) if defined else float("nan"), links.nodes, f"Gini coefficient of {side}"
        )
        yield Metric(
            f"top_tenth_of_{side}",
            top_share(degree, 0.1) if defined else float("nan"),
            links.nodes,
            f"share of all links that the tenth of users with most {side} holds",
        )


def _mixing(links: Links) -> Iterator[Metric]:
    for mode, value in degree_assortativity(links).items():
        if mode == "undirected":
            ends = "degrees of both ends in the undirected graph"
        else:
            ends = "{}-degree of the follower and {}-degree of the followee".format(*mode.split("_"))
        rests_on = len(links.pairs) if mode == "undirected" else len(links)
        yield Metric(f"degree_assortativity_{mode}", value, rests_on, f"Newman's r over links: {ends}")


def _distances(links: Links, sources: int, seed: int) -> Iterator[Metric]:
    counts = distance_counts(links, sources, seed)
    looked, reached = len(counts), counts.sum(axis=1).astype(np.float64)
    steps = counts @ np.arange(counts.shape[1], dtype=np.float64)
    is_sample = looked < links.nodes
    mean = _ratio(steps, reached, is_sample=is_sample)
    yield Metric(
        "mean_distance",
        mean.value,
        int(reached.sum()),
        "mean steps along links from sampled users to all whom they can reach; the interval draws users",
        mean.lower,
        mean.upper,
    )
    yield Metric(
        "effective_diameter",
        effective_diameter(counts.sum(axis=0)),
        int(reached.sum()),
        "steps within which nine tenths of reachable pairs lie, interpolated (Leskovec et al. 2005); sampled users",
    )
    share = _ratio(reached, np.full(looked, links.nodes - 1.0), is_sample=is_sample)
    yield Metric(
        "reachable_share",
        share.value,
        looked,
        "mean share of other users whom a sampled user can reach along links; the interval draws users",
        share.lower,
        share.upper,
    )


def _ratio(above: Floats, below: Floats, *, is_sample: bool) -> Interval:
    """Sum by sum, with an interval over rows where they are a sample."""
    nothing = float("nan")
    if not below.sum():
        return Interval(nothing, nothing, nothing, 0, 0.95)
    if is_sample:
        return bootstrap_interval(_share_of_sums, above, below, method="percentile", resamples=500)
    return Interval(_share_of_sums(above, below), nothing, nothing, len(above), 0.95)


def _share_of_sums(above: Floats, below: Floats) -> float:
    return float(above.sum() / below.sum()) if below.sum() else float("nan")


def distance_counts(links: Links, sources: int, seed: int) -> NDArray[np.int64]:
    """How many others each of some users reaches in how many steps, shape (users, steps), steps from 0.

    Args:
        links: The graph.
        sources: Users to start from.
        seed: Which ones.
    """
    from networkit.distance import BFS

    if links.nodes < 2:
        return np.zeros((0, 1), np.int64)
    graph, found = links.graph(), []
    for start in sampled(links.nodes, sources, seed):
        steps = np.asarray(BFS(graph, int(start), storePaths=False).run().getDistances(asarray=True))
        # Who cannot be reached is infinitely far away; oneself is no other.
        found.append(np.bincount(steps[(steps > 0) & (steps < links.nodes)].astype(np.int64)))
    counts = np.zeros((len(found), max(1, *map(len, found))), np.int64)
    for row, each in zip(counts, found, strict=True):
        row[: len(each)] = each
    return counts


def effective_diameter(counts: NDArray[np.int64], share: float = 0.9) -> float:
    """Steps within which a share of pairs lies, interpolated between whole steps.

    Args:
        counts: (d,) pairs at 0, 1, 2 ... steps.
        share: Share of pairs.

    >>> effective_diameter(np.array([0, 50, 30, 20]))
    2.5
    """
    if not counts.sum():
        return float("nan")
    within = np.cumsum(counts) / counts.sum()
    last = int(np.argmax(within >= share))
    return float(last - (within[last] - share) / (within[last] - within[last - 1]) if last else 0.0)
