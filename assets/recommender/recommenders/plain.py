"""Recommenders that score a candidate by who they are, or by the users in between."""

from dataclasses import dataclass

import numpy as np

from assets.recommender.chance import pair_chances
from assets.recommender.follow_graph import FollowGraph
from assets.recommender.recommender import Recommender, Scorer


@dataclass(frozen=True)
class Random(Recommender):
    """Any candidate, by chance."""

    name = "random"
    title = "random"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Chances depend on the two ids and the seed."""
        return lambda graph, arcs: pair_chances(self.name, seed, graph.users[arcs.source], graph.users[arcs.target])


@dataclass(frozen=True)
class PreferentialAttachment(Recommender):
    """Who is followed most (Barabasi and Albert 1999); the followees of the user are the same for all candidates."""

    name = "preferential_attachment"
    title = "preferential attachment"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Followers of the candidate."""
        return lambda graph, arcs: graph.in_degree[arcs.target].astype(np.float64)


@dataclass(frozen=True)
class CommonNeighbours(Recommender):
    """Who is followed by most of those that the user follows."""

    name = "common_neighbours"
    title = "common neighbours"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Users in between."""
        return lambda _, arcs: arcs.paths


@dataclass(frozen=True)
class AdamicAdar(Recommender):
    """Common neighbours, those who follow few counting more (Adamic and Adar 2003, Social Networks 25:211).

    Links are user -> neighbour -> candidate; a neighbour counts 1 / log(1 + followees), so that what a neighbour says
    of one followee does not depend on how popular the neighbour is.
    """

    name = "adamic_adar"
    title = "Adamic-Adar"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """As the candidates came with."""
        return lambda _, arcs: arcs.adamic_adar


@dataclass(frozen=True)
class ResourceAllocation(Recommender):
    """What arrives if each followee of the user hands one unit on in equal parts.

    Zhou, Lu and Zhang (2009), Eur. Phys. J. B 71:623; links are user -> neighbour -> candidate.
    """

    name = "resource_allocation"
    title = "resource allocation"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """As the candidates came with."""
        return lambda _, arcs: arcs.resource_allocation


@dataclass(frozen=True)
class BeautyOnly(Recommender):
    """The most beautiful candidates, whoever they are."""

    name = "beauty_only"
    title = "beauty only"

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Beauty of the candidate; those without are not recommended."""
        return lambda graph, arcs: np.where(np.isnan(graph.beauty[arcs.target]), -np.inf, graph.beauty[arcs.target])
