"""User-months as the mart ``fct_user_month_windows`` has them, with effects that are planted."""

from pathlib import Path

import duckdb
import numpy as np

from assets.resources import WarehouseResource

MONTHS = 14
BEAUTY_GAINED = 0.08
LEAVING_ADDED = 0.25


def publish_windows(folder: Path, users: int = 400, *, beauty_gained: float = BEAUTY_GAINED) -> WarehouseResource:
    """A published warehouse: what exposure adds to beauty, and strain and neglect to leaving, is as planted.

    Treatment is more likely for users with more followers, who also gain less beauty and stay longer: the arms as they
    are would mislead.
    """
    path = folder / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        windows = drawn_windows(users, beauty_gained)  # noqa: F841 (read by the next statement)
        connection.execute("create table fct_user_month_windows as select * from windows")
        connection.execute(
            """
            create table fct_user_months as
            select
                user_id,
                cast(event_month as date) as event_month,
                beauty_last_month as beauty,
                uploads_last_3 as uploads,
                active_weeks_last_3 as active_weeks
            from fct_user_month_windows
            """
        )
        connection.execute(
            """
            create table fct_user_retention as
            select
                user_id,
                timestamptz '2015-01-01 00:00:00+00' as started_at,
                30.0 * (user_id % 25) as days_on_platform,
                user_id % 3 > 0 as is_churned,
                timestamptz '2017-01-01 00:00:00+00' as churn_known_until
            from (select distinct user_id from fct_user_month_windows)
            """
        )
    return WarehouseResource(path=str(path))


def drawn_windows(users: int, beauty_gained: float = BEAUTY_GAINED):
    """The rows, as a data frame."""
    import pandas as pd

    rng = np.random.default_rng(11)
    n = users * MONTHS
    user = np.repeat(np.arange(1, users + 1), MONTHS)
    month = np.tile(np.arange(MONTHS), users)
    talent = rng.beta(4, 4, users)[user - 1]
    fame = rng.normal(size=users)[user - 1]
    beauty = np.clip(talent + 0.05 * rng.normal(size=n), 0.01, 0.99)
    links = rng.poisson(0.4 + np.exp(0.4 * fame)) * (rng.random(n) < 0.8)
    top = np.where(rng.random(n) < 1 / (1 + np.exp(0.5 - 0.8 * fame)), np.minimum(links, 1), 0)
    imbalance = np.clip(0.12 * rng.normal(size=n) + 0.3 * (0.5 - beauty), -0.9, 0.9)
    recognition = np.exp(0.6 * rng.normal(size=n) + 0.2 * fame)
    rank = pd.DataFrame({"month": month, "sign": np.sign(imbalance), "size": np.abs(imbalance), "beauty": beauty})
    strained = rank.groupby(["month", "sign"])["size"].rank(pct=True)
    ranked = rank.groupby("month")["beauty"].rank(pct=True)
    is_top = ranked >= 0.75
    recognised = pd.Series(recognition).where(is_top).groupby(month).rank(pct=True)
    neglected = np.nan_to_num(recognised.to_numpy(), nan=1.0) < 0.5
    leaves = rng.random(n) < np.clip(
        0.3 - 0.1 * fame + LEAVING_ADDED * (strained >= 2 / 3) + LEAVING_ADDED * neglected, 0, 1
    )
    change = beauty_gained * (top > 0) - 0.03 * fame + 0.03 * rng.normal(size=n)
    uploads = rng.poisson(3 + np.exp(0.3 * fame))
    after = beauty + change
    has_after = rng.random(n) < 0.9
    starts = np.array([np.datetime64("2015-01", "M") + int(m) for m in month]).astype("datetime64[D]")
    frame = pd.DataFrame(
        {
            "user_id": user,
            "event_month": pd.to_datetime(starts),
            "tenure_months": month + 1,
            "is_active_before": True,
            "is_active": True,
            "beauty_before": beauty,
            "beauty_percentile": ranked,
            "beauty_last_month": np.clip(beauty + 0.03 * rng.normal(size=n), 0, 1),
            "beauty_last_3": np.clip(beauty + 0.02 * rng.normal(size=n), 0, 1),
            "beauty_last_4_to_6": np.where(month > 3, np.clip(beauty + 0.02 * rng.normal(size=n), 0, 1), np.nan),
            "photos_before": 5 + 3 * month + rng.poisson(5, n),
            "followers_before": rng.poisson(np.exp(2 + fame)),
            "followees_before": rng.poisson(8, n),
            "favorites_received_before": rng.poisson(np.exp(2 + 0.5 * fame)),
            "groups_before": rng.poisson(1, n),
            "uploads_last_3": uploads,
            "uploads_last_4_to_6": rng.poisson(uploads),
            "active_weeks_last_3": np.minimum(uploads, 13),
            "active_weeks_last_4_to_6": np.minimum(rng.poisson(uploads), 13),
            "months_since_upload": rng.integers(1, 4, n),
            "exposure_before": np.clip(beauty + imbalance, 0, 1),
            "imbalance_before": imbalance,
            "imbalance_percentile": strained,
            "recognition_before": recognition,
            "recognition_percentile": recognised,
            "links": links,
            "links_to_beauty": np.where(rng.random(n) < 0.3, top, links),
            "links_to_top_beauty": top,
            "new_followees_beauty": np.where(links > 0, np.clip(beauty + 0.2 * rng.normal(size=n), 0, 1), np.nan),
            "months_observed_after": np.where(month < MONTHS - 1, 12, 2),
            "beauty_after_3": np.where(has_after, after, np.nan),
            "links_to_top_beauty_after_3": rng.integers(0, 2, n),
            "groups_joined_after_3": rng.poisson(0.3, n),
            "uploads_after_3": rng.poisson(uploads),
            "active_weeks_after_6": rng.poisson(uploads),
            "has_left_within_6": leaves,
        }
    )
    frame["beauty_before_variance"] = 0.01 / frame["photos_before"]
    frame["photos_percentile"] = frame.groupby("event_month")["photos_before"].rank(pct=True)
    return frame
