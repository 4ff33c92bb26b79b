"""Marts of a small community, published as a warehouse of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from assets.resources import WarehouseResource

USERS = 240


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., WarehouseResource]:
    """Publish marts of so many users in three planted classes; returns what reads them."""
    return lambda users=USERS: _published(tmp_path, users)


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> WarehouseResource:
    """The same marts for tests that change nothing."""
    return _published(tmp_path_factory.mktemp("published"), USERS)


def _published(folder: Path, users: int) -> WarehouseResource:
    path = folder / "warehouse.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(str(path)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        _fill(connection, users)
    return WarehouseResource(path=str(path))


def _fill(connection: Any, users: int) -> None:
    generator = np.random.default_rng(7)
    kind = np.arange(users) % 3
    beauty = np.clip(np.array([0.3, 0.7, 0.35])[kind] + 0.02 * generator.standard_normal(users), 0, 1)
    followers, favorites, photos, groups = (
        np.round(np.array(level)[kind] * generator.lognormal(0, 0.2, users)).astype(int)
        for level in ([3, 4, 200], [2, 6, 900], [4, 12, 90], [1, 2, 6])
    )
    stay = np.round(generator.exponential(np.array([300.0, 400.0, 900.0])[kind]), 1)
    rows = list(range(users))
    columns = {
        "user_id": rows,
        "beauty": beauty.tolist(),
        "photos": photos.tolist(),
        "followers": followers.tolist(),
        "favorites": favorites.tolist(),
        "groups": groups.tolist(),
        "stay": np.minimum(stay, 700).tolist(),
        "churned": (stay <= 700).tolist(),
        "unseen": (kind == 1).tolist(),
    }
    connection.execute(
        "create temp table people (user_id bigint, beauty double, photos bigint, followers bigint, favorites bigint, "
        '"groups" bigint, stay double, churned boolean, unseen boolean)'
    )
    if users:
        connection.executemany(
            "insert into people values (?, ?, ?, ?, ?, ?, ?, ?, ?)", list(zip(*columns.values(), strict=True))
        )
    for name, query in MARTS.items():
        connection.execute(f"create table {name} as {query}")


MARTS = {
    "dim_users": "select user_id, photos, followers, followers // 2 + user_id % 5 as followees from people",
    "fct_user_beauty": "select user_id, beauty, 0.9 * beauty + 0.05 as beauty_shrunken from people",
    "fct_talented_unseen_users": "select user_id from people where unseen",
    "fct_user_retention": (
        "select user_id, timestamptz '2014-01-01 00:00:00+00' as started_at, churned as is_churned, "
        "stay as duration_days from people"
    ),
    # Twelve months, of which the last is the newest.
    "fct_user_months": (
        "select user_id, (date '2014-01-01' + to_months(m::integer))::date as event_month, m::bigint as tenure_months, "
        "beauty as beauty_cumulative, ceil(photos * (m + 1) / 12.0)::bigint as photos_cumulative, "
        "ceil(favorites * (m + 1) / 12.0)::bigint as favorites_received_cumulative, followers, "
        '"groups" as member_of_groups, least(m, photos)::bigint as active_weeks_cumulative '
        "from people, range(12) as months (m)"
    ),
}
