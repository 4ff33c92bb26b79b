"""Small communities: drawn ones, and a warehouse with as many columns as the recommender reads."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

import assets.recommender.recommenders as package
from assets.marts import Marts
from assets.recommender.follow_graph import FollowGraph, follow_graph
from assets.recommender.registry import recommenders

MARTS = {
    "dim_users": "user_id bigint",
    "fct_user_beauty": "user_id bigint, beauty_shrunken double",
    "fct_talented_unseen_users": "user_id bigint",
    "fct_talented_unseen_monthly": (
        "user_id bigint, event_month date, beauty_shrunken double, is_talented_unseen boolean"
    ),
    "fct_user_months": "event_month date",
}


@pytest.fixture(scope="session")
def draw() -> Callable[..., FollowGraph]:
    """Draws a graph: ids with gaps, links by chance, beauty of most users, a few pairs barred, and the graph before."""

    def drawn(seed: int, n: int = 30, links: int = 120, known: float = 0.8, barred: int = 4) -> FollowGraph:
        rng = np.random.default_rng(seed)
        users = np.sort(rng.choice(10 * n, n, replace=False))
        followers, followees = rng.choice(users, (2, links))
        beauty = np.where(rng.random(n) < known, rng.random(n), np.nan)
        ruled_out = tuple(rng.choice(users, (2, barred)))
        early = links * 3 // 4
        before = follow_graph(users, followers[:early], followees[:early], beauty, ruled_out)
        return follow_graph(users, followers, followees, beauty, ruled_out, before)

    return drawn


@pytest.fixture
def publish(tmp_path: Path) -> Callable[..., Marts]:
    """Publishes a warehouse: ``publish(dim_users=[(1,), (2,)], ...)``; tables without rows are empty."""

    def published(**tables: list[tuple[Any, ...]]) -> Marts:
        path = tmp_path / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            for name, columns in MARTS.items():
                connection.execute(f"create table {name} ({columns})")
                for row in tables.pop(name, []):
                    connection.execute(f"insert into {name} values ({', '.join('?' * len(row))})", list(row))
        assert not tables, f"no such marts: {sorted(tables)}"
        return Marts(path)

    return published


@pytest.fixture
def extra_module(join_package: Callable[..., None]) -> Callable[[str], None]:
    """A module that joins the recommenders for one test."""
    return partial(join_package, package, recommenders)


@pytest.fixture(scope="session")
def table_of() -> Callable[..., pa.Table]:
    """Rows as a table of a contract's schema; what is not given is null."""
    return lambda contract, rows: pa.Table.from_pylist(
        [{name: row.get(name) for name in contract.schema.names} for row in rows], schema=contract.schema
    )
