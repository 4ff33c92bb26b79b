"""Recommenders that place users in a space of few dimensions and score by inner products."""

from dataclasses import dataclass

import numpy as np

from assets.recommender.candidates import Arcs
from assets.recommender.follow_graph import Floats, FollowGraph, Integers
from assets.recommender.recommender import Recommender, Scorer

_ARCS_AT_ONCE = 1_000_000


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
        """Factors of followers and of followees, by the library ``implicit``."""
        from implicit.cpu.als import AlternatingLeastSquares
        from scipy.sparse import csr_matrix
        from threadpoolctl import threadpool_limits

        # Its own threads and those of the linear algebra would fight over the cores.
        with threadpool_limits(1, "blas"):
            model = AlternatingLeastSquares(
                factors=self.factors,
                iterations=self.iterations,
                regularization=self.regularisation,
                alpha=self.confidence,
                random_state=seed,
                num_threads=1,
            )
            model.fit(csr_matrix(graph.matrix), show_progress=False)
        return _inner_products(np.asarray(model.user_factors), np.asarray(model.item_factors))


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
                    walked, 1 / self.turn_back, 1 / self.stay_near, self.steps, self.walks, self.factors
                )
                model.run()
            finally:
                networkit.setNumberOfThreads(threads)
            places[linked] = np.array(model.getFeatures())
        return _inner_products(places, places)


def _pairs(one: Integers, other: Integers, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Users linked in either direction, each pair once."""
    low, high = np.divmod(np.unique(np.minimum(one, other) * nodes + np.maximum(one, other)), nodes)
    return low.astype(np.uint64), high.astype(np.uint64)


def _inner_products(of_users: np.ndarray, of_candidates: np.ndarray) -> Scorer:
    def score(_: FollowGraph, arcs: Arcs) -> Floats:
        found, source = np.empty(len(arcs)), arcs.source
        for first in range(0, len(arcs), _ARCS_AT_ONCE):
            part = slice(first, first + _ARCS_AT_ONCE)
            found[part] = np.einsum("ij,ij->i", of_users[source[part]], of_candidates[arcs.target[part]])
        return found

    return score
