"""Users by month, links, never-linked pairs and dyadic variance, on a handful of rows with exact answers."""

import numpy as np
import pytest

from assets.network import never_linked
from assets.network.dyadic import dyadic_estimate, dyadic_variance
from assets.network.never_linked import Matches, Prior, imbalance, never_linked_to, others_in_place, prior_of
from assets.network.pair_events import UNDATED_MONTH, UserMonths, link_times, sampled_followers, sampled_pairs


@pytest.fixture
def known():
    """Users 10, 20 and 30 over four months; user 20 skips month 1, user 40 has no photo."""
    rows = [(10, 0, 2, 0.5), (10, 1, 1, 0.8), (20, 0, 1, 0.2), (20, 2, 3, 0.4), (30, 3, 1, 0.9), (40, 0, 0, np.nan)]
    return UserMonths.of(*zip(*rows, strict=True), 4)


def test_between_counts_photos_of_the_months_and_averages_them(known):
    user = known.positions([10, 10, 20, 30])
    photos, beauty = known.between(user, [0, 2, -5, 0], [1, 3, 9, 2])
    assert photos.tolist() == [3, 0, 4, 0]
    assert beauty[[0, 2]] == pytest.approx([0.6, 0.35])
    assert np.isnan(beauty[[1, 3]]).all()
    assert known.positions([40, 5]).tolist() == [-1, -1]
    assert known.first_month.tolist() == [0, 0, 3]


def test_user_months_refuse_two_rows_of_a_month_and_months_outside():
    with pytest.raises(ValueError, match="two rows for one month"):
        UserMonths.of([1, 1], [0, 0], [1, 1], [0.5, 0.5], 2)
    with pytest.raises(ValueError, match="the observation from 0 to 1"):
        UserMonths.of([1], [2], [1], [0.5], 2)


def test_link_times_keep_the_first_month_and_know_both_directions(known):
    links = link_times(known, [(2, [10, 40], [20, 10]), (1, [10], [20]), (3, [20, 30], [10, 30])])
    ten, twenty, thirty = known.positions([10, 20, 30])
    assert links.month.tolist() == [1, 3]
    assert links.are_linked(np.array([ten, twenty, ten]), np.array([twenty, ten, thirty])).tolist() == [
        True,
        True,
        False,
    ]
    assert links.come_first(slice(None)).tolist() == [True, False]
    assert links.followers(np.array([twenty, twenty, ten]), np.array([2, 3, 3])).tolist() == [1, 2, 1]


def test_link_times_without_a_time_are_no_events(known):
    links = link_times(known, [(1, [10], [20]), (UNDATED_MONTH, [10], [20]), (UNDATED_MONTH, [30], [10])])
    assert not links.come_first(slice(None)).any()
    assert links.are_linked(*known.positions([[20], [10]])).all()
    assert len(sampled_followers(links, 10, 0)) == 0


def test_an_undated_answer_hides_which_link_was_first(known):
    links = link_times(known, [(1, [10], [20]), (UNDATED_MONTH, [20], [10])])
    assert not links.come_first(slice(None)).any()


def test_an_answer_after_the_observation_hides_nothing_and_is_a_link(known):
    links = link_times(known, [(1, [10], [20]), (known.months + 5, [20, 30], [10, 10])])
    assert len(sampled_pairs(known, links, 0, 5, 0)) == 1
    assert len(sampled_followers(links, 10, 0)) == 1
    assert links.are_linked(*known.positions([[30], [10]])).all()


def test_sampled_pairs_had_photos_before_and_are_the_same_again(known):
    links = link_times(known, [(2, [10, 30], [20, 10])])
    events = sampled_pairs(known, links, 1, 5, 0)
    assert known.users[[*events.follower, *events.followee]].tolist() == [10, 20]
    assert len(sampled_pairs(known, links, 2, 5, 0)) == 0


def test_sampled_followers_come_with_all_of_their_links():
    users = np.arange(30)
    known = UserMonths.of(users, 0 * users, 1 + 0 * users, users / 30, 2)
    ends = [(a, b) for a in users for b in users[: 1 + a % 4] if a != b]
    links = link_times(known, [(1, *np.array(ends).T)])
    events = sampled_followers(links, 20, 1)
    assert 10 < len(events) <= 20
    for follower in np.unique(events.follower):
        assert (events.follower == follower).sum() == sum(a == follower for a, _ in ends)


def test_others_in_place_are_near_of_the_month_and_never_linked():
    users = np.arange(6)
    known = UserMonths.of(users, 0 * users, 1 + 0 * users, users / 6, 3)
    links = link_times(known, [(1, [0, 4, 5], [3, 3, 2])])
    place, other, month = np.array([0, 1, 4, 2]), np.array([3, 5, 3, 5]), np.array([1, 1, 1, 2])
    values = np.array([[0.0], [0.1], [0.05], [0.0]])
    found = others_in_place(place, month, values, never_linked_to(links, other), 2, [9.0])
    # User 4 is nearest to user 0 and follows 3 too; user 2 is of another month.
    assert list(zip(found.row, found.stranger, strict=True)) == [(0, 1), (1, 4), (1, 0), (2, 1)]
    near = others_in_place(place, month, values, never_linked_to(links, other), 2, [1.3])
    assert list(zip(near.row, near.stranger, strict=True)) == [(1, 4), (2, 1)]


def _at_once(place, month, covariates, is_ruled_out, count, calipers):
    """What ``others_in_place`` finds, from one matrix of all distances of a month."""
    scaled, found = covariates / covariates.std(axis=0), []
    for when in np.unique(month):
        rows = np.flatnonzero(month == when)
        users, first = np.unique(place[rows], return_index=True)
        apart = scaled[rows][:, None, :] - scaled[rows[first]][None, :, :]
        distance = np.zeros(apart.shape[:2])
        for column in range(apart.shape[2]):
            distance += apart[:, :, column] ** 2
        is_far = (np.abs(apart) > calipers).any(axis=2)
        distance[is_far | (users[None, :] == place[rows][:, None])] = np.inf
        near = np.argpartition(distance, min(40, len(users)) - 1, axis=1)[:, :40]
        allowed = np.take_along_axis(distance, near, axis=1)
        allowed[is_ruled_out(rows, users[near])] = np.inf
        for row, candidates, apart_by in zip(rows, users[near], allowed, strict=True):
            best = np.argsort(apart_by, kind="stable")[:count]
            found += [(row, candidates[i]) for i in best if np.isfinite(apart_by[i])]
    return sorted(found, key=lambda pair: pair[0])


@pytest.mark.parametrize("decimals", [1, 12])
@pytest.mark.parametrize("cells", [1, 333, 1 << 22])
def test_others_in_place_are_the_same_in_blocks_of_any_size(monkeypatch, cells, decimals):
    """With one decimal many users are equally far away."""
    generator = np.random.default_rng(decimals)
    place, other = generator.integers(0, 120, (2, 500))
    month = generator.integers(0, 3, 500)
    covariates = generator.standard_normal((500, 3)).round(decimals)

    def is_ruled_out(rows, users):
        return (users + other[rows][:, None]) % 5 == 0

    arguments = (place, month, covariates, is_ruled_out, 8, (0.5, 0.6, 0.7))
    wanted = _at_once(*arguments)
    sizes, measured = [], never_linked._distances
    monkeypatch.setattr(never_linked, "_CELLS", cells)
    monkeypatch.setattr(
        never_linked, "_distances", lambda one, *rest: sizes.append(len(one) * len(rest[0])) or measured(one, *rest)
    )
    found = others_in_place(*arguments)
    assert list(zip(found.row, found.stranger, strict=True)) == wanted
    assert len(wanted) > 1000
    assert max(sizes) <= max(cells, len(np.unique(place)))


def test_others_in_place_of_nobody_are_none():
    nobody = np.zeros(0, np.int64)
    found = others_in_place(nobody, nobody, np.zeros((0, 2)), lambda rows, users: users < 0, 2, [1.0, 1.0])
    assert (len(found.row), len(found.stranger)) == (0, 0)


def test_imbalance_is_in_standard_deviations_and_unknown_without_pairs():
    ends = np.array([[0.0], [2.0]])
    assert imbalance(ends, np.array([[1.0], [3.0]]), Matches(np.array([0, 1]), np.array([7, 8]))) == pytest.approx(1)
    none = np.zeros(0, np.int64)
    assert np.isnan(imbalance(ends, np.zeros((0, 1)), Matches(none, none)))


def test_prior_separates_noise_from_users():
    generator = np.random.default_rng(0)
    users, photos = np.arange(4000), generator.integers(1, 9, 4000)
    beauty = 0.5 + 0.15 * generator.standard_normal(4000) + 0.1 * generator.standard_normal(4000) / np.sqrt(photos)
    prior = prior_of(UserMonths.of(users, 0 * users, photos, beauty, 1), 0.01)
    assert prior.between == pytest.approx(0.15**2, rel=0.06)
    assert prior.shrunken(np.array([0, 10**9]), np.array([0.9, 0.9])) == pytest.approx([prior.mean, 0.9])
    assert Prior(0.5, 0.02, 0.01).left_by(np.array([0, 2])) == pytest.approx([0.02, 0.02 * 0.01 / 0.05])


def test_dyadic_variance_counts_each_two_pairs_with_a_common_user_once():
    generator = np.random.default_rng(2)
    one, other = generator.integers(0, 8, (2, 40))
    other = np.where(one == other, (other + 1) % 8, other)
    psi = generator.standard_normal(40) + 1
    ends = [{a, b} for a, b in zip(one, other, strict=True)]
    brute = sum(psi[i] * psi[j] for i in range(40) for j in range(40) if ends[i] & ends[j])
    assert dyadic_variance(one, other, psi)[0] == pytest.approx(brute)


def test_dyadic_estimate_covers_where_users_have_effects():
    generator, covered = np.random.default_rng(3), 0
    one, other = np.triu_indices(60, 1)
    for _ in range(200):
        effect = generator.standard_normal(60)
        values = effect[one] + effect[other] + generator.standard_normal(len(one))
        mean = values.mean()
        found = dyadic_estimate(mean, one, other, (values - mean) / len(one), len(one), 0.95)
        covered += found.lower <= 0 <= found.upper
    # 99 % binomial region around 190 of 200.
    assert 181 <= covered <= 197


def test_dyadic_variance_is_at_least_half_of_the_squared_sums_by_user():
    one, other = np.array([0, 0, 1, 1]), np.array([2, 3, 2, 3])
    psi = np.array([1.0, -0.9, -0.9, 1.0])
    # Sums by user are 0.1; pairs alone would leave less than nothing.
    assert dyadic_variance(one, other, psi)[0] == pytest.approx(4 * 0.1**2 / 2)


def test_dyadic_estimate_without_users_has_no_interval():
    none = np.zeros(0, np.int64)
    assert np.isnan(dyadic_estimate(0.5, none, none, np.zeros(0), 0, 0.95).lower)
