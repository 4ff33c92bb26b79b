"""Recommenders that place users in a space of few dimensions and score by inner products."""

from dataclasses import dataclass

import numpy as np

from assets.recommender.factors import Factors, factorised
from assets.recommender.follow_graph import FollowGraph, Integers
from assets.recommender.recommender import Recommender, Scorer


@dataclass(frozen=True)
class ALS(Recommender):
    """Matrix factorisation for implicit feedback by alternating least squares (Hu, Koren and Volinsky 2008).

    Attributes:
        factors: Dimensions.
        iterations: Of the least squares.
        regularisation: Weight of the squared factors.
        confidence: Weight of a link, against 1 of no link.
    """

    name = "als"
    title = "ALS"
    factors: int = 32
    iterations: int = 15
    regularisation: float = 0.05
    confidence: float = 10.0

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Places of followers and of followees."""
        found = factorised(graph, seed, self.factors, self.iterations, self.regularisation, self.confidence)
        return lambda _, arcs: found.products(arcs)


@dataclass(frozen=True)
class Node2Vec(Recommender):
    """Users who meet on random walks lie close together (Grover and Leskovec 2016); links count in both directions.

    Attributes:
        factors: Dimensions.
        walks: Walks from each user.
        steps: Length of each.
        stay_near: Weight of going on to somebody linked to where the walk was before, against further away.
        turn_back: Weight of going back at once, the same.
    """

    name = "node2vec"
    title = "node2vec"
    factors: int = 32
    walks: int = 5
    steps: int = 20
    stay_near: float = 1.0
    turn_back: float = 1.0

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Places of all users with a link, by NetworKit; the same with the same seed, since one thread walks."""
        import networkit

        linked = np.flatnonzero(graph.out_degree + graph.in_degree)
        places = np.zeros((graph.nodes, self.factors))
        if len(linked):
            position = np.zeros(graph.nodes, np.int64)
            position[linked] = np.arange(len(linked))
            low, high = _pairs(position[graph.follower], position[graph.followee], len(linked))
            threads = networkit.getMaxNumberOfThreads()
            networkit.setNumberOfThreads(1)
            networkit.setSeed(seed, False)
            try:
                walked = networkit.Graph(len(linked))
                walked.addEdges((low, high))
                model = networkit.embedding.Node2Vec(
                    walked, 1 / self.turn_back, self.stay_near, self.steps, self.walks, self.factors
                )
                model.run()
            finally:
                networkit.setNumberOfThreads(threads)
            places[linked] = np.array(model.getFeatures())
        found = Factors(places, places)
        return lambda _, arcs: found.products(arcs)


def _pairs(one: Integers, other: Integers, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Users linked in either direction, each pair once."""
    low, high = np.divmod(np.unique(np.minimum(one, other) * nodes + np.maximum(one, other)), nodes)
    return low.astype(np.uint64), high.astype(np.uint64)
