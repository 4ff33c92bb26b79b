"""Potential outcomes: equal arms at zero, planted signs, and agreement with links that are really exchanged."""

from typing import Any

import numpy as np
import pytest

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.links import Links
from assets.landing.simulator.potential_outcomes import Columns
from assets.landing.simulator.world import MonthOfLife, World


def _outcomes(**knobs: object) -> dict[str, Columns]:
    config = SimulationConfig.from_mapping({"users": 300, "months": 14, "images": False, **knobs})
    parts: dict[str, list[Columns]] = {}
    for happened in World(config, 4).live():
        for experiment, _, columns in happened.outcomes:
            parts.setdefault(experiment, []).append(columns)
    return {e: {n: np.concatenate([p[n] for p in ps]) for n in ps[0]} for e, ps in parts.items()}


def _effect(columns: Columns, outcome: str) -> np.ndarray:
    return columns[f"{outcome}_treated"] - columns[f"{outcome}_comparison"]


def test_arms_are_equal_when_the_cause_is_absent() -> None:
    found = _outcomes(influence=0.0, imbalance_churn=0.0, recognition_retention=0.0)
    assert {e: len(c["user_id"]) > 30 for e, c in found.items()} == {"E1": True, "E2": True, "E3": True}
    assert (_effect(found["E1"], "beauty_3") == 0).all()
    for experiment in ("E2", "E3"):
        for outcome in ("uploads_3", "left_6", "active_weeks_6"):
            assert (_effect(found[experiment], outcome) == 0).all()


def test_planted_effects_have_the_planted_signs() -> None:
    found = _outcomes(influence=0.5, imbalance_churn=0.5, recognition_retention=0.5)
    assert _effect(found["E1"], "beauty_3").mean() > 0.003
    assert _effect(found["E2"], "left_6").mean() > 0.02
    assert _effect(found["E2"], "uploads_3").mean() < 0
    assert _effect(found["E3"], "active_weeks_6").mean() < 0
    assert _effect(found["E3"], "left_6").mean() > 0


def test_imbalance_moves_towards_zero_and_recognition_upwards() -> None:
    found = _outcomes()
    assert (np.abs(found["E2"]["moved"]) <= np.abs(found["E2"]["observed"])).all()
    assert (np.sign(found["E2"]["moved"]) == np.sign(found["E2"]["observed"])).all()
    assert (found["E3"]["moved"] > found["E3"]["observed"]).all()


def test_who_is_moved_goes_on_like_the_one_whose_imbalance_was_taken() -> None:
    """Without recognition, leaving hangs on imbalance alone: the comparison leaves as often as its donors would."""
    config = SimulationConfig(users=300, months=14, images=False, imbalance_churn=0.5, recognition_retention=0.0)
    world = World(config, 4)
    chances: dict[int, dict[int, float]] = {}
    followed: dict[int, Any] = {}
    checked = 0
    for happened in world.live():
        state = happened.user_months
        chances[happened.month] = dict(zip(state["user_id"] - 1, state["leaving_probability"], strict=True))
        followed |= {id(c): c for c in world._outcomes.shift_cohorts if c.experiment == "E2"}
        for cohort in [c for c in followed.values() if c.age == 6]:
            months = range(cohort.month + 1, cohort.month + 7)
            assert months[-1] == happened.month
            for arm, source in (("treated", cohort.who), ("comparison", cohort.donor)):
                by_hand = [np.prod([1 - chances[month][person] for month in months]) for person in source]
                assert cohort.survival[arm] == pytest.approx(by_hand, abs=1e-6)
            del followed[id(cohort)]
            checked += len(cohort.who)
    assert checked > 50


@pytest.mark.parametrize("form", ["linear", "lagged"])
def test_exchange_agrees_with_exchanging_the_links(form: str) -> None:
    config = SimulationConfig(users=300, months=10, images=False, influence_form=form)
    world = World(config, 4)
    checked = 0
    gap_before = world._gap
    for happened in world.live():
        cohorts = [c for c in world._outcomes.exposure_cohorts if c.month == happened.month - 1]
        for cohort in cohorts:
            for number in range(min(5, len(cohort.who))):
                expected = _gap_by_hand(world, happened, cohort, number, gap_before)
                assert cohort.gap_without[number] == pytest.approx(expected, abs=1e-6)
                checked += 1
        gap_before = world._gap
    assert checked > 10


def _gap_by_hand(world: World, happened: MonthOfLife, cohort: Any, number: int, gap_before: np.ndarray) -> float:
    """Gap of one treated person with the treated links really redirected."""
    links: Links = world.links
    person = cohort.who[number]
    followees = links.followee[links.follower == person].astype(int)
    ages = happened.month - links.created_month[links.follower == person]
    mine = cohort.position == number
    swap = dict(zip(cohort.followee[mine].tolist(), cohort.comparator[mine].tolist(), strict=True))
    followees = np.array([swap.get(f, f) if age == 1 else f for f, age in zip(followees.tolist(), ages, strict=True)])
    beauty = np.full(world.people.size, np.nan)  # as it was at the start of the month
    beauty[happened.user_months["user_id"] - 1] = happened.user_months["cumulative_beauty"]
    weights = np.where(ages <= world.config.new_link_months, world.config.new_link_attention, 1.0)
    known = ~np.isnan(beauty[followees])
    talent = world.people.talent[person]
    gap = np.average(beauty[followees][known], weights=weights[known]) - talent if known.any() else 0.0
    return gap if world.config.influence_form == "linear" else gap_before[person] + 0.4 * (gap - gap_before[person])
