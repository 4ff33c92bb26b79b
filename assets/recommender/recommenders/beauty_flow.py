"""The recommender of the platform: as much beauty delivered as possible within limits on both sides."""

from dataclasses import dataclass, replace

import numpy as np

from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import Arcs
from assets.recommender.flow import Flow, FlowProblem, exact_flow, greedy_flow
from assets.recommender.follow_graph import Floats, FollowGraph
from assets.recommender.recommender import Limits, Recommender, Scorer, Slots, best_of_each, capacities, with_demand


@dataclass(frozen=True)
class BeautyFlow(Recommender):
    """Maximises the beauty that is expected to be delivered: sum of chance that a link is heeded x beauty.

    Attributes:
        attention: Links that somebody makes before each further one counts half as much; infinite for no end of it.
        accuracy: Exponent of the chance: 1 delivers what is expected, 0 takes every recommendation for followed.
        exact_arcs: Candidate links up to which the best choice is found by a mixed-integer solver.
        branches: Nodes of its search at most; where they do not do, the better of what it and the greedy have found.
        rounds: Times that prices change at most.
        enough: Optimality gap at which to stop before.
    """

    name = "beauty_flow"
    title = "beauty flow"
    attention: float = 1.0
    accuracy: float = 1.0
    exact_arcs: int = 5_000
    branches: int = 2_000
    rounds: int = 60
    enough: float = 0.005

    def fitted(self, graph: FollowGraph, seed: int = 0) -> Scorer:
        """What a link is worth: chance ** accuracy x beauty; the chance alone where nobody has beauty."""
        chance = acceptance(graph, seed=seed)
        return lambda graph, arcs: self.worth(graph, arcs, chance(graph, arcs))

    def worth(self, graph: FollowGraph, arcs: Arcs, chance: Floats) -> Floats:
        """(a,) what links with these chances are worth."""
        has_beauty = not np.isnan(graph.beauty).all()
        beauty = np.nan_to_num(graph.beauty[arcs.target]) if has_beauty else np.ones(len(arcs))
        return heeded(arcs, chance**self.accuracy, self.attention) * beauty

    def filled(self, graph: FollowGraph, arcs: Arcs, scores: Floats, limits: Limits, seed: int = 0) -> Slots:
        """Arcs of the flow, ranked by their worth."""
        return self.shared_out(graph, arcs, scores, with_demand(graph, arcs, scores, limits, seed), seed)[0]

    def shared_out(
        self, graph: FollowGraph, arcs: Arcs, scores: Floats, limits: Limits, seed: int = 0
    ) -> tuple[Slots, Flow]:
        """The same, with the flow that they are of; capacities are as they stand in the limits."""
        flow = self.flow(flow_problem(graph, arcs, scores, limits))
        return best_of_each(graph, arcs, np.where(flow.is_taken, scores, -np.inf), limits.slots, seed), flow

    def flow(self, problem: FlowProblem) -> Flow:
        """The best choice where that can be found, else a good one; with its bound."""
        good = greedy_flow(problem, self.rounds, self.enough)
        if len(problem.target) > self.exact_arcs or good.gap == 0:
            return good
        exact = exact_flow(problem, self.branches)
        if exact is None:
            return good
        return replace(max(exact, good, key=lambda flow: flow.total), bound=min(exact.bound, good.bound))


def heeded(arcs: Arcs, chance: Floats, attention: float) -> Floats:
    """Chances where attention is finite: attention / (attention + sum of chances of all candidates of the user).

    Args:
        arcs: Candidates.
        chance: (a,) chance of each.
        attention: As in ``BeautyFlow``.
    """
    expected = np.bincount(arcs.source, chance, arcs.users.max(initial=-1) + 1)[arcs.users]
    return chance / (1 + np.repeat(expected, arcs.counts) / attention)


def flow_problem(graph: FollowGraph, arcs: Arcs, value: Floats, limits: Limits) -> FlowProblem:
    """The limits of a community as those of a flow.

    If somebody takes new links, the mean beauty that they follow stays within ``limits.imbalance`` of their own, or as
    near as it is now if that is further. Users without beauty have no such limit, nor does beauty that nobody
    knows count.

    Args:
        graph: Who follows whom.
        arcs: Candidate links.
        value: (a,) worth of each, none negative.
        limits: What to keep to.
    """
    own = graph.beauty[arcs.users]
    followed, total = graph.followed_count[arcs.users], graph.followed_sum[arcs.users]
    now = np.nan_to_num(np.abs(graph.mean_followed[arcs.users] - own))
    reach = np.maximum(limits.imbalance, now)
    highest, lowest = own + reach, own - reach
    row = np.repeat(np.arange(len(arcs.users)), arcs.counts)
    beauty = graph.beauty[arcs.target]
    is_free = np.isnan(own)
    return FlowProblem(
        arcs.start,
        arcs.target,
        value,
        np.nan_to_num(beauty - highest[row]),
        np.nan_to_num(lowest[row] - beauty),
        np.where(is_free, np.inf, np.maximum(0.0, highest * followed - total)),
        np.where(is_free, np.inf, np.maximum(0.0, total - lowest * followed)),
        limits.slots,
        capacities(limits, graph.nodes),
    )
