"""Planted homophily and influence are found on simulated communities, and neither where none is planted."""

from functools import cache
from itertools import pairwise, product

import numpy as np
import pytest

from assets.contracts.pair_gaps import HOMOPHILY_AND_INFLUENCE, PAIR_GAP_STUDY
from assets.network.dyadic import NOTHING
from assets.network.event_study import (
    ANY_GAP,
    LINKED,
    NEVER_LINKED,
    SAME_GAP,
    StudyConfig,
    arrange_followers,
    arrange_pairs,
    gap_rows,
    homophily,
    pull,
)
from assets.network.never_linked import Prior, prior_of, standing
from assets.network.pair_events import UserMonths, link_times
from assets.network.pair_gap_tables import study_tables
from tests.benchmarks.bench_homophily import HOMOPHILY, INFLUENCE, read, simulated

SIZE = {"users": 2000, "months": 24}


@cache
def readings(h, i):
    return read({"homophily": h, "influence": i, "seed": 11, **SIZE})


@pytest.mark.parametrize("influence", INFLUENCE)
def test_homophily_is_found_where_planted_and_in_order(influence):
    found = [readings(h, influence)[0] for h in HOMOPHILY]
    assert found[0].lower < 0 < found[0].upper
    assert all(estimate.lower > 0 for estimate in found[1:])
    assert all(weak.value < strong.value for weak, strong in pairwise(found))


@pytest.mark.parametrize("planted", HOMOPHILY)
def test_pull_is_found_where_planted_and_in_order(planted):
    found = [readings(planted, i)[1] for i in INFLUENCE]
    assert found[0].lower < 0 < found[0].upper
    assert found[-1].lower > 0
    assert all(weak.value < strong.value for weak, strong in pairwise(found))


def ring(gap_before, gap_after, *, months=12, link=6, pairs=30):
    """Pairs (2 j, 2 j + 1) that link in month 6; the even one follows and comes nearer from then on."""
    users, month = np.repeat(np.arange(2 * pairs), months), np.tile(np.arange(months), 2 * pairs)
    base = 0.2 + 0.6 * (users // 2 % 5) / 5
    gap = np.where(month > link, gap_after, gap_before)
    beauty = base + np.where(users % 2 == 1, gap_before, gap_before - gap)
    known = UserMonths.of(users, month, np.full(len(users), 10), beauty, months)
    links = link_times(known, [(link, np.arange(0, 2 * pairs, 2), np.arange(1, 2 * pairs, 2))])
    return known, links


def test_gap_rows_are_exact_where_nothing_varies():
    known, links = ring(0.2, 0.1)
    study = arrange_pairs(known, links, Prior(0.5, 0.03, 0.0), StudyConfig(months=3, calipers=(9.0,) * 4))
    linked = {
        row["relative_month"]: row["squared_gap"]
        for row in gap_rows(study)
        if row["comparison"] == ANY_GAP and row["pair_group"] == "linked"
    }
    assert linked == pytest.approx({**dict.fromkeys(range(-3, 1), 0.04), **dict.fromkeys(range(1, 4), 0.01)})


def test_gap_rows_take_off_sampling_noise():
    known, links = ring(0.2, 0.1)
    study = arrange_pairs(known, links, Prior(0.5, 0.03, 0.05), StudyConfig(months=1, calipers=(9.0,) * 4))
    row = next(r for r in gap_rows(study) if r["pair_group"] == "linked" and r["relative_month"] == -1)
    assert row["squared_gap"] == pytest.approx(0.04 - 0.05 * (1 / 10 + 1 / 10))


@pytest.mark.parametrize("comparison", [ANY_GAP, SAME_GAP])
def test_ends_of_never_linked_pairs_have_no_link(comparison):
    known, links, within = simulated({"seed": 3, "users": 600, "months": 18})
    study = arrange_pairs(known, links, prior_of(known, within), StudyConfig())
    follower, followee, _, _ = study.ends(comparison, NEVER_LINKED)
    assert len(follower) > 50
    assert not links.are_linked(follower, followee).any()
    assert (follower != followee).all()


def test_ends_with_any_gap_hold_each_user_equally_often_in_both_groups():
    known, links, within = simulated({"seed": 3, "users": 600, "months": 18})
    study = arrange_pairs(known, links, prior_of(known, within), StudyConfig())
    for end in (0, 1):
        linked, never = (
            np.bincount(*[study.ends(ANY_GAP, group)[column] for column in (end, 3)], len(known.users))
            for group in (LINKED, NEVER_LINKED)
        )
        assert linked.sum() > 50
        assert linked == pytest.approx(never)


def test_ends_with_the_same_gap_share_the_followee_and_are_near_in_beauty():
    known, links, within = simulated({"seed": 3, "users": 600, "months": 18})
    prior = prior_of(known, within)
    study = arrange_pairs(known, links, prior, StudyConfig())
    follower, followee, month, _ = study.ends(SAME_GAP, NEVER_LINKED)
    rows = study.matches[SAME_GAP].row
    assert (followee == study.events.followee[rows]).all()
    beauty, real = (
        standing(known, links, prior, user, month).beauty for user in (follower, study.events.follower[rows])
    )
    assert np.abs(beauty - real).max() < 0.3 * 0.2


def test_pull_says_nothing_of_nobody():
    known = UserMonths.of([], [], [], [], 4)
    study = arrange_followers(known, link_times(known, []), Prior(0.5, 0.02, 0.01), StudyConfig(), (1, 3))
    assert pull(study) == NOTHING


def test_homophily_says_nothing_of_nobody():
    known = UserMonths.of([], [], [], [], 4)
    study = arrange_pairs(known, link_times(known, []), Prior(0.5, 0.02, 0.01), StudyConfig())
    assert homophily(study) == NOTHING
    assert {row["pairs"] for row in gap_rows(study)} == {0}


def test_study_tables_are_as_their_contracts_say_and_the_same_again():
    known, links, within = simulated({"seed": 3, "users": 600, "months": 18})
    made = study_tables(known, links, within, StudyConfig(pairs=500, seed=4))
    again = study_tables(known, links, within, StudyConfig(pairs=500, seed=4))
    for contract in (PAIR_GAP_STUDY, HOMOPHILY_AND_INFLUENCE):
        contract.validate(contract.conform(made[contract.key]))
        assert made[contract.key].equals(again[contract.key])
    keys = made[PAIR_GAP_STUDY.key].select(["comparison", "pair_group", "relative_month"]).to_pylist()
    assert len(keys) == len(list(product(range(2), range(3), range(25))))
