"""How likely a candidate link is to come about, learned from the links that came since the graph was last looked at.

A logistic regression on what is known of the two ends, of the paths between them, and of how near they lie in a
factorisation of the links. Nothing is read of the time in which links are predicted: it learns from ``graph.before``
and what came between that and ``graph``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from assets.recommender.candidates import Arcs, CandidateConfig, candidate_arcs, parts_of
from assets.recommender.factors import Factors, factorised
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, is_among
from assets.recommender.recommender import Scorer

FEATURES = (
    "log of the chance that two random steps lead there",
    "log of the number of paths",
    "log of followers",
    "log of followees",
    "follows the user",
    "difference of beauty",
    "difference of beauty is unknown",
    "beauty",
    "log of the user's followees",
    "log of the followees the user has gained lately",
    "log of the followers gained lately",
)
_MOST_USERS = 20_000
_MOST_OTHERS = 300_000
_ARCS_AT_ONCE = 1_000_000
_LEAST_LINKS = 20


def features(graph: FollowGraph, arcs: Arcs) -> Floats:
    """(a, 11) what is known of each candidate link, in the order of ``FEATURES``."""
    source, target = arcs.source, arcs.target.astype(np.int64)
    own, other = graph.beauty[source], graph.beauty[target]
    gap = np.abs(own - other)
    known = np.nanmean(graph.beauty) if not np.isnan(graph.beauty).all() else 0.0
    gained_followees, gained_followers = _gained(graph)
    return np.column_stack(
        [
            np.log(arcs.resource_allocation / graph.out_degree[source]),
            np.log(arcs.paths),
            np.log1p(graph.in_degree[target]),
            np.log1p(graph.out_degree[target]),
            graph.has(target, source),
            np.nan_to_num(gap),
            np.isnan(gap),
            np.where(np.isnan(other), known, other),
            np.log(graph.out_degree[source]),
            np.log1p(gained_followees[source]),
            np.log1p(gained_followers[target]),
        ]
    )


def _gained(graph: FollowGraph) -> tuple[Integers, Integers]:
    """(n,) links since the graph before that start from, and that end at each user; 0 where nobody knows."""
    if graph.before is None:
        return np.zeros(graph.nodes, np.int64), np.zeros(graph.nodes, np.int64)
    is_new = ~is_among(graph.before.keys, graph.keys)
    return (
        np.bincount(graph.follower[is_new], minlength=graph.nodes),
        np.bincount(graph.followee[is_new], minlength=graph.nodes),
    )


def acceptance(graph: FollowGraph, config: CandidateConfig | None = None, seed: int = 0) -> Scorer:
    """Probability that each candidate link of a graph comes about in as much time as lies behind it.

    Where there is no graph before, or hardly a link came since, nothing can be learned: then it is the chance that two
    random steps lead there, which orders the candidates of each user as resource allocation does.

    Args:
        graph: With the graph before.
        config: How candidates of the graph before are found.
        seed: Of draws: at most 20,000 users are learned from, and 300,000 links that did not come about.

    Returns:
        Function of a graph, this or a later one, and its arcs that gives (a,) probabilities.
    """
    model = learned(graph, config, seed)
    if model is None:
        # Those who stand for several add up to a certainty only but for rounding.
        return lambda graph, arcs: np.minimum(arcs.resource_allocation / graph.out_degree[arcs.source], 1.0)
    places = factorised(graph, seed)
    return lambda graph, arcs: model.chances(graph, arcs, places)


@dataclass(frozen=True)
class Learned:
    """A logistic regression of which candidates were followed.

    Attributes:
        scale: Of what is known, to mean 0 and variance 1.
        regression: The regression, as scikit-learn has it.
    """

    scale: Any
    regression: Any

    def chances(self, graph: FollowGraph, arcs: Arcs, places: Factors) -> Floats:
        """(a,) probability of each candidate link.

        Args:
            graph: Who follows whom.
            arcs: Candidates of it.
            places: Of its users, or of those of an earlier graph.
        """
        found = np.empty(len(arcs))
        for here, part in parts_of(arcs, _ARCS_AT_ONCE):
            found[here] = self.regression.predict_proba(self.scale.transform(_known(graph, part, places)))[:, 1]
        return found


def learned(graph: FollowGraph, config: CandidateConfig | None = None, seed: int = 0) -> Learned | None:
    """What the links of a graph that were candidates before teach; None where they teach nothing.

    Args:
        graph: With the graph before; of itself, only which candidates it follows counts.
        config: As in ``acceptance``.
        seed: As in ``acceptance``.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    if graph.before is None:
        return None
    arcs = candidate_arcs(graph.before, config, _sample_of_users(graph.before, seed))
    came = graph.has(arcs.source, arcs.target.astype(np.int64))
    if came.sum() < _LEAST_LINKS or came.all():
        return None
    chosen, weights = _sampled(came, seed)
    known = _known(graph.before, arcs, factorised(graph.before, seed))[chosen]
    scale = StandardScaler().fit(known)
    fit = LogisticRegression(max_iter=1000).fit(scale.transform(known), came[chosen], sample_weight=weights)
    return Learned(scale, fit)


def _known(graph: FollowGraph, arcs: Arcs, places: Factors) -> Floats:
    """(a, 12) features, and how near the two ends lie in the factorisation."""
    return np.column_stack([features(graph, arcs), places.products(arcs)])


def _sample_of_users(graph: FollowGraph, seed: int) -> Integers:
    """Positions of users with followees, ascending; of many, some by chance."""
    users = np.flatnonzero(graph.out_degree)
    if len(users) <= _MOST_USERS:
        return users
    return np.sort(np.random.default_rng(seed).choice(users, _MOST_USERS, replace=False))


def _sampled(came: np.ndarray, seed: int) -> tuple[Integers, Floats]:
    """All links that came and some that did not, each of which stands for as many."""
    links, others = np.flatnonzero(came), np.flatnonzero(~came)
    drawn = min(len(others), _MOST_OTHERS)
    kept = np.random.default_rng(seed).choice(others, drawn, replace=False)
    weights = np.concatenate([np.ones(len(links)), np.full(drawn, len(others) / drawn)])
    return np.concatenate([links, kept]), weights
