"""Users as followers and as followees in a space of few dimensions, in which links have large inner products."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.recommender.candidates import Arcs
from assets.recommender.follow_graph import Floats, FollowGraph

_ARCS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Factors:
    """Places of users.

    Attributes:
        of_users: (n, d) as those who follow.
        of_candidates: (n, d) as those who are followed.
    """

    of_users: NDArray[np.floating]
    of_candidates: NDArray[np.floating]

    def products(self, arcs: Arcs) -> Floats:
        """(a,) inner product of the two ends of each candidate link."""
        found, source = np.empty(len(arcs)), arcs.source
        for first in range(0, len(arcs), _ARCS_AT_ONCE):
            part = slice(first, first + _ARCS_AT_ONCE)
            found[part] = np.einsum("ij,ij->i", self.of_users[source[part]], self.of_candidates[arcs.target[part]])
        return found


def factorised(
    graph: FollowGraph,
    seed: int = 0,
    factors: int = 32,
    iterations: int = 15,
    regularisation: float = 0.05,
    confidence: float = 10.0,
) -> Factors:
    """Matrix factorisation for implicit feedback (Hu, Koren and Volinsky 2008), by the library ``implicit``.

    Args:
        graph: Its links are the feedback.
        seed: Of where it starts.
        factors: Dimensions d.
        iterations: Of the alternating least squares.
        regularisation: Weight of the squared factors.
        confidence: Weight of a link, against 1 of no link.
    """
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy.sparse import csr_matrix
    from threadpoolctl import threadpool_limits

    # Its own threads and those of the linear algebra would fight over the cores; however many, factors are the same.
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factors,
            iterations=iterations,
            regularization=regularisation,
            alpha=confidence,
            random_state=seed,
            num_threads=0,
        )
        model.fit(csr_matrix(graph.matrix), show_progress=False)
    return Factors(np.asarray(model.user_factors), np.asarray(model.item_factors))
