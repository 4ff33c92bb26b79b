"""Candidates: users two steps away along links, not followed yet and not barred.

Whoever follows more than ``most_followees`` is represented by as many of them, drawn by a number that depends on the
seed and the two ids alone: the same in every run, whatever else is in the graph. Of the candidates that are met, each
user's ``most_candidates`` stay: three quarters with the most resource allocation (Zhou et al. 2009) over these paths,
the rest by chance, so that those on few paths are not shut out. What is then said of those that stay is of all paths.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.recommender.chance import stream
from assets.recommender.follow_graph import Floats, FollowGraph, Integers

MEASURES = ("paths", "adamic_adar", "resource_allocation")


@dataclass(frozen=True)
class CandidateConfig:
    """How candidates are found.

    Attributes:
        most_followees: Followees that represent somebody who follows more.
        most_candidates: Candidates per user.
        explored: Share of them that are drawn by chance where there are more.
        seed: Seed of both draws.
        block: Users whose candidates are in memory at once.
    """

    most_followees: int = 100
    most_candidates: int = 200
    explored: float = 0.25
    seed: int = 0
    block: int = 20_000


@dataclass(frozen=True)
class Arcs:
    """Candidate links, ordered by user and candidate.

    Attributes:
        users: (u,) positions of the users, ascending.
        start: (u + 1,) where the candidates of each begin.
        target: (a,) positions of the candidates.
        paths: (a,) users in between: common neighbours along links.
        adamic_adar: (a,) sum over them of 1 / log(1 + followees) (Adamic and Adar 2003, along links).
        resource_allocation: (a,) sum of 1 / followees (Zhou, Lu and Zhang 2009, along links): followees of the user x
            the chance that two random steps lead there.
    """

    users: Integers
    start: Integers
    target: NDArray[np.int32]
    paths: Floats
    adamic_adar: Floats
    resource_allocation: Floats

    def __len__(self) -> int:
        """Number of candidate links."""
        return len(self.target)

    @property
    def counts(self) -> Integers:
        """(u,) candidates of each user."""
        return np.diff(self.start)

    @property
    def source(self) -> Integers:
        """(a,) position of the user of each arc."""
        return np.repeat(self.users, self.counts)


def candidate_arcs(graph: FollowGraph, config: CandidateConfig | None = None, users: Integers | None = None) -> Arcs:
    """Candidates of all users, or of some, in memory.

    Args:
        graph: Who follows whom.
        config: How they are found.
        users: Ascending positions; None for all.
    """
    return joined_arcs(list(candidate_blocks(graph, config, users)))


def sampled_followees(graph: FollowGraph, config: CandidateConfig) -> tuple[Integers, NDArray[np.int32]]:
    """(n + 1,) starts and positions of the followees that represent each user's."""
    from assets.recommender.kernels import sampled_rows

    seed = stream(config.seed, "followees that represent all")
    found: tuple[Integers, NDArray[np.int32]] = sampled_rows(
        graph.users, graph.start, graph.followee, config.most_followees, seed
    )
    return found


def candidate_blocks(
    graph: FollowGraph,
    config: CandidateConfig | None = None,
    users: Integers | None = None,
    sampled: tuple[Integers, NDArray[np.int32]] | None = None,
) -> Iterator[Arcs]:
    """The same block by block: memory holds the links and the candidates of ``config.block`` users.

    Args:
        graph: Who follows whom.
        config: How they are found.
        users: Ascending positions; None for all.
        sampled: What ``sampled_followees`` gives, for who has it already.
    """
    from assets.recommender.kernels import two_steps

    config = config or CandidateConfig()
    start, followee = sampled or sampled_followees(graph, config)
    seed = stream(config.seed, "candidates that are explored")
    weights = _weights(graph)
    explored = int(config.most_candidates * config.explored)
    chosen = np.arange(graph.nodes) if users is None else users
    for first in range(0, len(chosen), config.block):
        part = chosen[first : first + config.block]
        starts, target, measures = two_steps(
            part,
            graph.users,
            start,
            followee,
            graph.start,
            graph.followee,
            graph.barred,
            weights,
            config.most_candidates,
            explored,
            seed,
        )
        yield Arcs(part, starts, target, *measures)


def remeasured(graph: FollowGraph, arcs: Arcs) -> Arcs:
    """Candidates that were found in an earlier graph, with the measures of this one; those without a path go."""
    from assets.recommender.kernels import measured

    measures = measured(arcs.users, arcs.start, arcs.target, graph.start, graph.followee, _weights(graph))
    return kept_arcs(Arcs(arcs.users, arcs.start, arcs.target, *measures), measures[0] > 0)


def _weights(graph: FollowGraph) -> Floats:
    """(measures, n) what a path through each user counts; whoever is on one has a followee."""
    followees = np.maximum(graph.out_degree, 1)
    return np.stack([np.ones(graph.nodes), 1 / np.log1p(followees), 1 / followees])


def kept_arcs(arcs: Arcs, is_kept: NDArray[np.bool_]) -> Arcs:
    """Some of the candidates, of the same users.

    Args:
        arcs: Candidates.
        is_kept: (a,) which ones.
    """
    start = np.concatenate([[0], np.cumsum(is_kept)])[arcs.start]
    return Arcs(arcs.users, start, arcs.target[is_kept], *(getattr(arcs, name)[is_kept] for name in MEASURES))


def parts_of(arcs: Arcs, most: int) -> Iterator[tuple[slice, Arcs]]:
    """Candidates of whole users in parts of about ``most``, each with its place; nothing is copied."""
    first = 0
    while first < len(arcs.users):
        last = max(first + 1, int(np.searchsorted(arcs.start, arcs.start[first] + most, side="right")) - 1)
        here = slice(int(arcs.start[first]), int(arcs.start[last]))
        start = arcs.start[first : last + 1] - arcs.start[first]
        measures = (getattr(arcs, name)[here] for name in MEASURES)
        yield here, Arcs(arcs.users[first:last], start, arcs.target[here], *measures)
        first = last


def joined_arcs(blocks: list[Arcs]) -> Arcs:
    """Blocks one after the other, as one."""
    counts = np.concatenate([np.zeros(0, np.int64), *(block.counts for block in blocks)])
    start = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=start[1:])
    users = np.concatenate([np.zeros(0, np.int64), *(block.users for block in blocks)])
    target = np.concatenate([np.zeros(0, np.int32), *(block.target for block in blocks)])
    measures = (np.concatenate([np.zeros(0), *(getattr(block, name) for block in blocks)]) for name in MEASURES)
    return Arcs(users, start, target, *measures)
