"""The world: knobs at zero are exactly absent, knobs above move what they should."""

import numpy as np
import pytest

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.world import MonthOfLife, World


def _config(**knobs: object) -> SimulationConfig:
    return SimulationConfig.from_mapping({"users": 300, "months": 12, "images": False, **knobs})


def _live(config: SimulationConfig) -> tuple[World, list[MonthOfLife]]:
    world = World(config, 4)
    return world, list(world.live())


def _similarity(world: World) -> float:
    """Mean absolute talent gap over links, relative to random pairs: below 1 is homophily."""
    talent = world.people.talent
    over_links = np.abs(talent[world.links.follower] - talent[world.links.followee]).mean()
    followee = np.roll(world.links.followee, world.links.count // 2)
    return float(over_links / np.abs(talent[world.links.follower] - talent[followee]).mean())


def _strongest_pull(months: list[MonthOfLife]) -> float:
    return float(max(np.abs(m.user_months["influence"]).max() for m in months))


def test_live_repeats_itself_exactly() -> None:
    (_, first), (_, second) = _live(_config()), _live(_config())
    for one, two in zip(first, second, strict=True):
        assert np.array_equal(one.photos.beauty, two.photos.beauty)
        assert np.array_equal(one.links.created_at, two.links.created_at)
        assert np.array_equal(one.favorites["created_at"], two.favorites["created_at"])


def test_live_without_influence_is_the_same_whatever_its_form() -> None:
    _, linear = _live(_config(influence=0.0))
    _, lagged = _live(_config(influence=0.0, influence_form="lagged"))
    assert all(np.array_equal(a.photos.beauty, b.photos.beauty) for a, b in zip(linear, lagged, strict=True))
    assert _strongest_pull(linear) == 0


@pytest.mark.parametrize("form", ["linear", "threshold", "saturating", "lagged"])
def test_influence_moves_photos_towards_followees(form: str) -> None:
    world, months = _live(_config(influence=0.5, influence_form=form))
    moved = np.concatenate([m.photos.beauty - np.clip(m.photos.without_influence, 0, 1) for m in months])
    owner = np.concatenate([m.photos.owner for m in months])
    talented = world.people.talent[owner] > 0.6
    untalented = world.people.talent[owner] < 0.36
    assert moved[talented].mean() < -0.002
    assert moved[untalented].mean() > 0.002


def test_homophily_makes_links_more_similar() -> None:
    without, planted = (_similarity(_live(_config(homophily=h, influence=0.0, users=500))[0]) for h in (0.0, 1.0))
    assert 0.95 < without < 1.05
    assert planted < without - 0.05


def test_shocks_are_shared_by_home_groups_and_absent_at_zero() -> None:
    world, loud = _live(_config(shocks=1.0, influence=0.0))
    _, quiet = _live(_config(shocks=0.0, influence=0.0))
    difference = loud[5].user_months["level"] - quiet[5].user_months["level"]
    group = world.people.home_group[loud[5].user_months["user_id"] - 1]
    spread = [np.ptp(difference[group == g]) for g in np.unique(group)]
    assert max(spread) < 1e-6
    assert np.std(difference) > 0.05


def test_popularity_concentrates_links() -> None:
    top = []
    for p in (0.0, 1.0):
        degrees = np.sort(_live(_config(popularity=p, users=500))[0].links.in_degree)
        top.append(degrees[-25:].sum() / degrees.sum())
    assert top[1] > top[0] + 0.05


def test_imbalance_and_recognition_leave_leaving_alone_at_zero() -> None:
    _, months = _live(_config(imbalance_churn=0.0, recognition_retention=0.0, base_churn=0.02))
    for happened in months:
        assert happened.user_months["leaving_probability"] == pytest.approx(0.02)


def test_imbalance_drives_people_away() -> None:
    _, months = _live(_config(imbalance_churn=1.0, recognition_retention=0.0))
    state = months[-1].user_months
    wide = np.abs(state["imbalance"]) > 0.25
    narrow = np.abs(state["imbalance"]) < 0.08
    assert state["leaving_probability"][wide].mean() > 3 * state["leaving_probability"][narrow].mean()


def test_ambition_makes_people_follow_beauty_only_when_planted() -> None:
    correlations = []
    for u in (0.0, 2.0):
        world = World(_config(unobserved=u, homophily=0.0, users=500), 4, with_outcomes=False)
        ambition, followed = [], []
        for happened in world.live():
            state = {k: happened.user_months[k] for k in ("user_id", "ambition", "cumulative_beauty")}
            by_user = np.full(500, np.nan), np.full(500, np.nan)
            by_user[0][state["user_id"] - 1] = state["ambition"]
            by_user[1][state["user_id"] - 1] = state["cumulative_beauty"]
            chosen = ~happened.links.answers
            ambition.append(by_user[0][happened.links.follower[chosen]])
            followed.append(by_user[1][happened.links.followee[chosen]])
        known = ~np.isnan(np.concatenate(followed))
        correlations.append(np.corrcoef(np.concatenate(ambition)[known], np.concatenate(followed)[known])[0, 1])
    assert abs(correlations[0]) < 0.1
    assert correlations[1] > 0.15


def test_attention_is_not_beauty() -> None:
    world, _ = _live(_config(users=800))
    known = world.public_photos > 0
    correlation = np.corrcoef(world.beauty[known], np.log1p(world.links.in_degree[known]))[0, 1]
    assert abs(correlation) < 0.2


def test_state_holds_no_value_per_month() -> None:
    sizes = []
    for months in (6, 24):
        world = World(_config(months=months, links_per_month=0.01, photos_per_month=0.2), 4)
        for _ in world.live():
            pass
        state = [v for v in vars(world).values() if isinstance(v, np.ndarray)]
        sizes.append(sum(array.nbytes for array in state))
        assert not world._pending.by_month
    assert sizes[0] == sizes[1]
