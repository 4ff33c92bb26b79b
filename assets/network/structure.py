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
    yield Metric("communities", len(np.unique(found.community)), n, "communities by the Louvain method")


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
    counted = found.triangles >= 0
    degree = links.pairs.degree[counted]
    wedges = degree * (degree - 1.0) / 2
    mean = _mean_interval(found.clustering[counted], is_sample=not counted.all())
    yield Metric(
        "mean_local_clustering",
        mean.value,
        mean.n,
        "mean share of linked pairs of neighbours, 0 with fewer than two (Watts and Strogatz 1998), undirected graph",
        mean.lower,
        mean.upper,
    )
    share = found.triangles[counted].sum() / wedges.sum() if wedges.sum() else float("nan")
    yield Metric(
        "transitivity",
        float(share),
        int(counted.sum()),
        "closed paths of two links as a share of all of them, the global clustering coefficient (Newman et al. 2001), "
        "undirected graph",
    )
    total = found.triangles.sum() / 3 if counted.all() else float("nan")
    yield Metric("triangles", float(total), int(counted.sum()), "triangles of the undirected graph, if all are counted")


def _mean_interval(values: Floats, *, is_sample: bool) -> Interval:
    """The mean, with an interval where not everybody was looked at."""
    if not len(values):
        return Interval(float("nan"), float("nan"), float("nan"), 0, 0.95)
    if is_sample:
        return bootstrap_interval(lambda drawn: float(drawn.mean()), values, method="percentile", resamples=500)
    return Interval(float(values.mean()), float("nan"), float("nan"), len(values), 0.95)


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
        yield Metric(f"degree_assortativity_{mode}", value, len(links), f"Newman's r over links: {ends}")


def _distances(links: Links, sources: int, seed: int) -> Iterator[Metric]:
    lengths, reached = sampled_distances(links, sources, seed)
    every = np.concatenate(lengths) if lengths else np.zeros(0)
    mean = _mean_of_pairs(lengths, is_sample=len(lengths) < links.nodes)
    yield Metric(
        "mean_distance",
        mean.value,
        len(every),
        "mean steps along links from sampled users to all whom they can reach; the interval draws users",
        mean.lower,
        mean.upper,
    )
    yield Metric(
        "effective_diameter",
        float(np.quantile(every, 0.9)) if len(every) else float("nan"),
        len(every),
        "steps within which nine tenths of reachable pairs lie (Leskovec et al. 2005), sampled users",
    )
    yield Metric("reachable_share", reached, len(lengths), "mean share of other users whom a sampled user can reach")


def _mean_of_pairs(lengths: list[NDArray[np.int64]], *, is_sample: bool) -> Interval:
    steps, pairs = (np.array([measure(each) for each in lengths], float) for measure in (np.sum, len))
    if not pairs.sum():
        return Interval(float("nan"), float("nan"), float("nan"), 0, 0.95)
    if is_sample:
        return bootstrap_interval(
            lambda s, p: float(s.sum() / p.sum()) if p.sum() else float("nan"),
            steps,
            pairs,
            method="percentile",
            resamples=500,
        )
    return Interval(float(steps.sum() / pairs.sum()), float("nan"), float("nan"), len(lengths), 0.95)


def sampled_distances(links: Links, sources: int, seed: int) -> tuple[list[NDArray[np.int64]], float]:
    """Steps from each of some users to all whom they can reach, and the mean share of others reached.

    Args:
        links: The graph.
        sources: Users to start from.
        seed: Which ones.
    """
    from networkit.distance import BFS

    if links.nodes < 2:
        return [], float("nan")
    graph, lengths = links.graph(), []
    for start in sampled(links.nodes, sources, seed):
        steps = np.asarray(BFS(graph, int(start), storePaths=False).run().getDistances(asarray=True))
        lengths.append(steps[(steps > 0) & (steps < links.nodes)].astype(np.int64))
    return lengths, float(np.mean([len(each) for each in lengths]) / (links.nodes - 1))
