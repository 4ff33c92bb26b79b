"""Weighted survival curves are those of a maintained library, and their intervals know of users."""

import numpy as np
import pyarrow as pa
import pytest
from statsmodels.duration.survfunc import SurvfuncRight

from assets.causal.experiments import RECOGNITION_TO_RETENTION
from assets.causal.staying import DAYS, survival, survival_rows


def _drawn(n, seed=0):
    rng = np.random.default_rng(seed)
    days = np.round(rng.exponential(150, n))
    return days, rng.random(n) < 0.7, rng.integers(1, 4, n).astype(float)


def test_curves_are_those_of_statsmodels():
    days, left, weight = _drawn(300)
    ours = survival(days, left, weight, DAYS)
    peer = SurvfuncRight(days, left.astype(int), freq_weights=weight)
    place = np.searchsorted(peer.surv_times, DAYS, side="right")
    assert ours == pytest.approx(np.concatenate([[1.0], peer.surv_prob])[place], abs=1e-12)


def test_nothing_is_said_of_days_that_nobody_was_followed_for():
    shares = survival(np.array([10.0, 40.0]), np.array([True, False]), np.ones(2), (0, 10, 30, 40, 41))
    assert shares[:4].tolist() == [1.0, 0.5, 0.5, 0.5]
    assert np.isnan(shares[4])


def _rows(users, copies):
    """Both arms: so many users, each with so many user-months that agree."""
    days, left, _ = _drawn(2 * users, seed=3)
    user = np.repeat(np.arange(2 * users), copies)
    answer = {"user_id": user, "is_treated": user % 2 == 0, "weight": np.ones(len(user))}
    return survival_rows(RECOGNITION_TO_RETENTION, pa.table({**answer, "days": days[user], "has_left": left[user]}))


def test_more_months_of_the_same_users_make_no_interval_narrower():
    once, often = (_rows(200, copies) for copies in (1, 9))
    assert [row["survival"] for row in once] == pytest.approx([row["survival"] for row in often])
    assert [row["upper"] - row["lower"] for row in once] == pytest.approx(
        [row["upper"] - row["lower"] for row in often], rel=1e-9
    )
    assert {row["arm"] for row in once} == {"treated", "compared"}


def test_intervals_are_as_wide_as_greenwoods_where_users_occur_once():
    rows = [row for row in _rows(2000, 1) if row["arm"] == "treated" and row["day"] == 90]
    days, left, _ = _drawn(4000, seed=3)
    peer = SurvfuncRight(days[::2], left[::2].astype(int))
    place = np.searchsorted(peer.surv_times, 90, side="right") - 1
    width = 2 * 1.96 * peer.surv_prob_se[place]
    assert rows[0]["upper"] - rows[0]["lower"] == pytest.approx(width, rel=0.35)
