"""What a recommender is: something that fills a few slots of each user from the user's candidates.

A recommender is a frozen dataclass: its fields are its configuration. Most only score candidates, and the slots go to
the best of each user. Those in ``recommenders/`` are found by ``registry.py`` and tested by existing.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from assets.recommender.candidates import Arcs
from assets.recommender.chance import pair_chances
from assets.recommender.follow_graph import Floats, FollowGraph, Integers

Scorer = Callable[[FollowGraph, Arcs], Floats]
"""Scores of candidate arcs of a graph, higher is better; -inf rules an arc out."""


@dataclass(frozen=True)
class Slots:
    """Recommendations, ordered by user and rank.

    Attributes:
        user: (s,) positions of those to whom something is recommended.
        rank: (s,) 1 for the first of each user.
        target: (s,) positions of the recommended.
        score: (s,) what the recommender ranks by.
    """

    user: Integers
    rank: Integers
    target: Integers
    score: Floats

    def __len__(self) -> int:
        """Number of recommendations."""
        return len(self.user)

    def received(self, nodes: int) -> Integers:
        """(n,) slots that point to each user."""
        return np.bincount(self.target, minlength=nodes)


@dataclass(frozen=True)
class Limits:
    """What recommendations must keep to.

    Attributes:
        slots: Recommendations per user at most.
        capacity: Slots that may point to one user, as one number or (n,); only recommenders that share out slots
            keep to it.
        imbalance: How far the mean beauty that somebody follows may come to lie from their own, or lie further off
            if it does already, if all that is recommended is followed; only the beauty-flow recommender keeps to it.
        demand_share: Share of the slots that would point to a user without any capacity, and that may, where these are
            more than the capacity: attention of the popular is cut in proportion, and not to one height for all.
    """

    slots: int = 20
    capacity: int | Integers = 60
    imbalance: float = 0.1
    demand_share: float = 0.0


CAPACITY_TIMES, DEMAND_SHARE = 0.6, 0.45
"""Of the platform: capacity in multiples of the fair one, and the share of the demand that the popular keep."""


class Recommender(ABC):
    """Fills slots with the candidates that it scores highest.

    Attributes:
        name: As in tables, for example ``adamic_adar``.
        title: As in figures.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @abstractmethod
    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """Learn what there is to learn; the scorer takes arcs of this graph, or of a later one of the same users.

        Args:
            graph: Who follows whom.
            seed: Of all that is drawn.
        """

    def filled(self, graph: FollowGraph, arcs: Arcs, scores: Floats, limits: Limits, seed: int = 0) -> Slots:
        """Slots given to candidates by their scores: here to the best of each user.

        Args:
            graph: Who follows whom.
            arcs: Candidates.
            scores: (a,) as the scorer gave them.
            limits: What to keep to.
            seed: Of the draw that breaks ties.
        """
        return best_of_each(graph, arcs, scores, limits.slots, seed)

    def recommend(self, graph: FollowGraph, arcs: Arcs, limits: Limits, seed: int = 0) -> Slots:
        """Learn, score and fill."""
        return self.filled(graph, arcs, self.fitted(graph, seed)(graph, arcs), limits, seed)


def best_of_each(graph: FollowGraph, arcs: Arcs, scores: Floats, slots: int, seed: int = 0) -> Slots:
    """The ``slots`` highest finite scores of each user.

    Args:
        graph: Whose ids break ties.
        arcs: Candidates.
        scores: (a,) higher is better; -inf rules out.
        slots: Most per user.
        seed: Of the draw that breaks ties.

    Raises:
        ValueError: A score is not a number, or there is not one per arc.
    """
    if len(scores) != len(arcs) or np.isnan(scores).any():
        raise ValueError(f"{len(scores)} scores for {len(arcs)} candidates, of which {np.isnan(scores).sum()} are nan")
    drawn = tie_breakers(graph, arcs, seed)
    order = np.lexsort((drawn, -scores, arcs.source))
    ranks = ranks_within(arcs.start)
    kept = (ranks <= slots) & np.isfinite(scores[order])
    chosen = order[kept]
    return Slots(arcs.source[chosen], ranks[kept], arcs.target[chosen].astype(np.int64), scores[chosen])


def tie_breakers(graph: FollowGraph, arcs: Arcs, seed: int) -> Floats:
    """(a,) numbers in [0, 1) that depend on a seed and the ids of each arc."""
    return pair_chances("ties", seed, graph.users[arcs.source], graph.users[arcs.target])


def ranks_within(start: Integers) -> Integers:
    """1, 2, 3 ... within each run.

    >>> ranks_within(np.array([0, 2, 2, 5])).tolist()
    [1, 2, 1, 2, 3]
    """
    return np.arange(1, start[-1] + 1) - np.repeat(start[:-1], np.diff(start))


def fair_capacity(arcs: Arcs, slots: int, times: float) -> int:
    """Slots per recommended user: so many times what each has if all slots go to all candidates alike; at least 1."""
    users, candidates = int((arcs.counts > 0).sum()), int(np.count_nonzero(np.bincount(arcs.target)))
    return max(1, int(np.ceil(times * slots * users / max(1, candidates))))


def with_demand(graph: FollowGraph, arcs: Arcs, scores: Floats, limits: Limits, seed: int = 0) -> Limits:
    """The same limits, with the capacity of everybody for whom ``demand_share`` of the demand is more.

    Args:
        graph: Who follows whom.
        arcs: Candidates.
        scores: (a,) what slots would go by without a capacity.
        limits: With the least capacity.
        seed: Of the draw that breaks ties.
    """
    if not 0 <= limits.demand_share <= 1:
        raise ValueError(f"the share of the demand that is kept is {limits.demand_share}; it must lie in [0, 1]")
    if not limits.demand_share:
        return limits
    demand = best_of_each(graph, arcs, scores, limits.slots, seed).received(graph.nodes)
    kept = np.floor(limits.demand_share * demand).astype(np.int64)
    return replace(limits, capacity=np.maximum(capacities(limits, graph.nodes), kept))


def capacities(limits: Limits, nodes: int) -> Integers:
    """(n,) slots that may point to each user.

    Raises:
        ValueError: A capacity is negative, or there is not one per user.
    """
    found = np.asarray(limits.capacity, np.int64)
    spread = np.broadcast_to(found, (nodes,)) if found.ndim == 0 else found
    if spread.shape != (nodes,) or (spread < 0).any():
        raise ValueError(
            f"capacities have shape {spread.shape} and minimum {spread.min()}; ({nodes},) and none below 0"
        )
    return spread
