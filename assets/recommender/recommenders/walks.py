"""Recommenders that look further than the users in between: along all paths, or where a random walk ends."""

from dataclasses import dataclass

import numpy as np

from assets.recommender.candidates import Arcs
from assets.recommender.follow_graph import Floats, FollowGraph
from assets.recommender.recommender import Recommender, Scorer

_USERS_AT_ONCE = 512


@dataclass(frozen=True)
class Katz(Recommender):
    """Paths of all lengths up to ``longest``, a longer one counting less (Katz 1953, Psychometrika 18:39).

    Attributes:
        share: Damping per step, as a share of the largest for which the sum over all lengths is sure to converge.
        longest: Longest paths that are counted.
    """

    name = "katz"
    title = "Katz"
    share: float = 0.5
    longest: int = 4

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Damping below one over a bound of the largest eigenvalue, the geometric mean of the largest degrees."""

        def score(graph: FollowGraph, arcs: Arcs) -> Floats:
            bound = np.sqrt(max(1, graph.out_degree.max(initial=1)) * max(1, graph.in_degree.max(initial=1)))
            return _along_paths(graph, np.full(graph.nodes, self.share / bound), self.longest, arcs)

        return score


@dataclass(frozen=True)
class PersonalisedPageRank(Recommender):
    """Where a walker from the user is who starts again with probability ``restart`` (Haveliwala 2002).

    Attributes:
        restart: Probability of starting again, per step.
        longest: Longest walks that are counted; a walk is longer with probability (1 - restart) ** longest.
    """

    name = "personalised_pagerank"
    title = "personalised PageRank"
    restart: float = 0.15
    longest: int = 6

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Steps go to each followee alike; a walk ends with somebody who follows nobody."""

        def score(graph: FollowGraph, arcs: Arcs) -> Floats:
            return _along_paths(graph, (1 - self.restart) / np.maximum(graph.out_degree, 1), self.longest, arcs)

        return score


def _along_paths(graph: FollowGraph, weight: Floats, longest: int, arcs: Arcs) -> Floats:
    """(a,) sum over paths from the user to the candidate of the product of the weights of all users left.

    Memory: four dense rows of doubles for each of 512 users at a time, 16 kB per user of the graph.
    """
    from scipy.sparse import diags_array

    steps = (diags_array(weight) @ graph.matrix).tocsr().astype(np.float64)
    found = np.empty(len(arcs))
    for first in range(0, len(arcs.users), _USERS_AT_ONCE):
        rows = arcs.users[first : first + _USERS_AT_ONCE]
        here = slice(arcs.start[first], arcs.start[first + len(rows)])
        row = np.repeat(np.arange(len(rows)), np.diff(arcs.start[first : first + len(rows) + 1]))
        reached = steps[rows] @ steps
        total = np.asarray(reached.toarray())
        dense = total.copy()
        for _ in range(longest - 2):
            dense = (steps.T @ dense.T).T
            total += dense
        found[here] = total[row, arcs.target[here]]
    return found
