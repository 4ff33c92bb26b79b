"""What comes of recommendations over time: recommend, accept, influence, leave, and again, for many months.

The model is stated, not estimated: behaviour reacts as in ``assets/statistics/behaviour.py``, with strengths that are
configuration. Nobody joins, nobody follows anybody who was not recommended, nobody unfollows, and nobody is shown the
same person twice, so that communities differ in what is recommended alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from assets.contracts.recommendations import MEASURES
from assets.recommender.candidates import CandidateConfig, candidate_arcs, kept_arcs
from assets.recommender.chance import pair_chances
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, distinct, is_among
from assets.recommender.recommender import (
    CAPACITY_TIMES,
    DEMAND_SHARE,
    Limits,
    Recommender,
    Scorer,
    Slots,
    fair_capacity,
)
from assets.statistics import behaviour
from assets.statistics.gini import gini
from assets.statistics.intervals import mean_with_t_interval
from assets.statistics.rank import spearman
from assets.statistics.undefined import defined

PUBLIC_EXPOSURE = 5.0
"""Exposure of a photo without any follower, in followers."""
_RECOGNITION_PRIOR = 2.0
_SETTLING = 100
"""Steps in which talent settles; what is missing shrinks by the strength of influence in each."""


@dataclass(frozen=True)
class RoundsConfig:
    """How people react.

    Attributes:
        rounds: Months that go by.
        slots: Recommendations per active user and month.
        capacity_times: Slots that may point to one user, in multiples of those that each has if all have the same.
        imbalance: As in ``Limits``.
        demand_share: The same.
        acceptance: Chance that the first recommendation is accepted by somebody as beautiful as the recommended.
        patience: Factor of that chance from one rank to the next.
        homophily: How fast it falls with a gap in beauty: exp(-homophily x gap).
        influence: Share of the gap between beauty followed and own talent that enters later photos.
        influence_form: As in the simulator.
        photos: Photos per active user and month.
        beauty_attention: Log-rate of favorites per unit of beauty.
        favorites: Favorites of a photo of middling beauty per exposed user.
        base_churn: Chance per month of leaving, before imbalance and recognition.
        imbalance_churn: How much a gap between beauty followed and own drives people away.
        recognition_retention: How much recognition keeps people.
        refit: Months after which recommenders learn anew.
        most_followees: Of candidates, as in ``CandidateConfig``.
        most_candidates: Of candidates, the same.
    """

    rounds: int = 50
    slots: int = 5
    capacity_times: float = CAPACITY_TIMES
    imbalance: float = 0.1
    demand_share: float = DEMAND_SHARE
    acceptance: float = 0.2
    patience: float = 0.85
    homophily: float = 5.0
    influence: float = 0.3
    influence_form: str = "linear"
    photos: float = 2.0
    beauty_attention: float = 4.0
    favorites: float = 0.14
    base_churn: float = 0.012
    imbalance_churn: float = 0.3
    recognition_retention: float = 0.3
    refit: int = 10
    most_followees: int = 20
    most_candidates: int = 50


@dataclass
class _World:
    """State of everybody; arrays of shape (n,)."""

    graph: FollowGraph
    talent: Floats
    beauty: Floats
    photos: Floats
    gap: Floats
    recognised: Floats
    exposed: Floats
    is_active: NDArray[np.bool_]
    gained: Integers


def simulated_rounds(
    graph: FollowGraph, is_talented_unseen: NDArray[np.bool_], recommender: Recommender, config: RoundsConfig, seed: int
) -> Iterator[dict[str, float]]:
    """Measures at the start and after each round.

    Args:
        graph: Where it starts; users without beauty post nothing that anybody judges.
        is_talented_unseen: (n,) whose inclusion is measured.
        recommender: Who recommends.
        config: How people react.
        seed: Of all that is drawn; what is drawn for somebody in a month is the same whoever recommends.
    """
    world = _start(graph, config)
    yield _measured(world, is_talented_unseen)
    scorer: Scorer | None = None
    shown = np.zeros(0, np.int64)
    for number in range(config.rounds):
        if scorer is None or number % config.refit == 0:
            scorer = recommender.fitted(world.graph, seed)
        slots, shown = _shown(world, recommender, scorer, config, shown, seed * 1000 + number)
        _accept(world, slots, config, seed)
        _live(world, config, seed, number)
        yield _measured(world, is_talented_unseen)


def _start(graph: FollowGraph, config: RoundsConfig) -> _World:
    """Talent is what influence has been added to, so that beauty stays as it is while nothing new is followed."""
    talent = graph.beauty
    for _ in range(_SETTLING):
        gap = np.nan_to_num(graph.mean_followed - talent)
        talent = graph.beauty - behaviour.influence_on_beauty(config.influence, config.influence_form, gap)
    nobody = np.zeros(graph.nodes)
    return _World(
        graph,
        talent,
        graph.beauty.copy(),
        np.where(np.isnan(graph.beauty), 0.0, 12 * config.photos),
        gap,
        nobody.copy(),
        nobody.copy(),
        np.ones(graph.nodes, bool),
        np.zeros(graph.nodes, np.int64),
    )


def _shown(
    world: _World, recommender: Recommender, scorer: Scorer, config: RoundsConfig, shown: Integers, seed: int
) -> tuple[Slots, Integers]:
    """Slots of active users that point to active ones, and all pairs that were ever shown."""
    graph = replace(world.graph, barred=distinct(np.concatenate([world.graph.barred, shown])))
    found = CandidateConfig(config.most_followees, config.most_candidates, seed=seed)
    arcs = candidate_arcs(graph, found, np.flatnonzero(world.is_active))
    arcs = kept_arcs(arcs, world.is_active[arcs.target])
    capacity = fair_capacity(arcs, config.slots, config.capacity_times)
    limits = Limits(config.slots, capacity, config.imbalance, config.demand_share)
    slots = recommender.filled(graph, arcs, scorer(graph, arcs), limits, seed)
    return slots, distinct(np.concatenate([shown, slots.user * graph.nodes + slots.target]))


def _accept(world: _World, slots: Slots, config: RoundsConfig, seed: int) -> None:
    graph = world.graph
    gap = np.nan_to_num(np.abs(world.beauty[slots.user] - world.beauty[slots.target]), nan=0.15)
    chance = config.acceptance * config.patience ** (slots.rank - 1) * np.exp(-config.homophily * gap)
    # Nobody is shown the same person twice, so that a pair is drawn for once.
    accepted = pair_chances("acceptance", seed, graph.users[slots.user], graph.users[slots.target]) < chance
    new = slots.user[accepted] * graph.nodes + slots.target[accepted]
    new = new[~is_among(graph.keys, new)]
    keys = distinct(np.concatenate([graph.keys, new]))
    follower, followee = np.divmod(keys, graph.nodes)
    start = np.concatenate([[0], np.cumsum(np.bincount(follower, minlength=graph.nodes))])
    before = replace(graph, before=None)
    world.graph = FollowGraph(graph.users, start, followee.astype(np.int32), world.beauty, graph.barred, before)
    world.gained += np.bincount(new % graph.nodes, minlength=graph.nodes)


def _live(world: _World, config: RoundsConfig, seed: int, number: int) -> None:
    """Post under influence, be recognised or not, stay or leave."""
    favorites, leaves = (np.random.default_rng([seed, number, purpose]) for purpose in range(2))
    graph, active = world.graph, world.is_active
    gap = np.nan_to_num(graph.mean_followed - world.talent)
    world.gap = behaviour.remembered_gap(config.influence_form, gap, world.gap)
    influenced = behaviour.influence_on_beauty(config.influence, config.influence_form, world.gap)
    posts = np.where(active & ~np.isnan(world.talent), config.photos, 0.0)
    posted = np.clip(world.talent + influenced, 0.0, 1.0)
    total = np.nan_to_num(world.beauty) * world.photos + np.nan_to_num(posted) * posts
    world.photos = world.photos + posts
    world.beauty = total / np.where(world.photos > 0, world.photos, np.nan)
    followers = np.bincount(graph.followee[active[graph.follower]], minlength=graph.nodes)
    exposure = posts * (followers + PUBLIC_EXPOSURE)
    appeal = np.exp(config.beauty_attention * (np.nan_to_num(posted, nan=0.5) - 0.5))
    world.recognised += favorites.poisson(config.favorites * exposure * appeal)
    world.exposed += exposure
    expected = world.exposed * (world.recognised.sum() / max(world.exposed.sum(), 1.0))
    recognition = np.where(
        world.photos > 0, np.log((world.recognised + _RECOGNITION_PRIOR) / (expected + _RECOGNITION_PRIOR)), np.nan
    )
    leaving = behaviour.leaving_probability(
        config.base_churn,
        config.imbalance_churn,
        config.recognition_retention,
        graph.mean_followed - world.beauty,
        recognition,
    )
    world.is_active = active & (leaves.random(graph.nodes) >= leaving)
    world.graph = replace(graph, beauty=world.beauty)


def _measured(world: _World, is_talented_unseen: NDArray[np.bool_]) -> dict[str, float]:
    graph, active = world.graph, world.is_active
    distance = np.abs(graph.mean_followed - world.beauty)[active]
    known = ~np.isnan(world.beauty)
    return {
        "balance": 1 - float(np.nanmean(distance)) if (~np.isnan(distance)).any() else float("nan"),
        "supply_and_demand": spearman(world.beauty[known], world.gained[known]) if world.gained.any() else float("nan"),
        "inclusion": float((world.gained[is_talented_unseen] > 0).mean()) if is_talented_unseen.any() else float("nan"),
        "exposure_gini": gini(world.gained),
        "active_users": float(active.mean()),
        "beauty": float(np.nanmean(world.beauty[active])) if known[active].any() else float("nan"),
        "links": float(world.gained.sum() / graph.nodes),
    }


def round_rows(
    graph: FollowGraph,
    is_talented_unseen: NDArray[np.bool_],
    recommenders: Mapping[str, Recommender],
    config: RoundsConfig,
    seeds: Sequence[int],
) -> Iterator[dict[str, str | int | float | None]]:
    """Rows of the simulation: recommender, round, measure, mean over seeds and its 95 % interval (Student's t)."""
    for name, recommender in recommenders.items():
        runs = [list(simulated_rounds(graph, is_talented_unseen, recommender, config, seed)) for seed in seeds]
        for number, of_seeds in enumerate(zip(*runs, strict=True)):
            for measure in MEASURES:
                values = np.array([found[measure] for found in of_seeds])
                value, lower, upper = (None if each is None else defined(each) for each in mean_with_t_interval(values))
                yield {
                    "recommender": name,
                    "round": number,
                    "measure": measure,
                    "value": value,
                    "lower": lower,
                    "upper": upper,
                    "seeds": len(seeds),
                }
