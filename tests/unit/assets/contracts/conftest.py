"""A small table with every kind of column, and lakes on both kinds of storage."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.contracts.lake import Lake
from assets.contracts.table import UTC_TIMESTAMP, Column, TableContract

VISITS = TableContract(
    key="visits",
    description="Visits of users to places.",
    grain="one row per user, place and time",
    columns=(
        Column("user_id", pa.int64(), "Who.", minimum=0),
        Column("place", pa.string(), "Where.", nullable=True),
        Column("visited_at", UTC_TIMESTAMP, "When.", nullable=True),
        Column("liking", pa.float64(), "How much it pleased.", nullable=True, minimum=0, maximum=1),
    ),
    primary_key=("user_id", "place"),
    event_time="visited_at",
)


@pytest.fixture
def visits() -> TableContract:
    return VISITS


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def make_visits():
    """Rows of March 2016, one per user."""

    def make(*users: int, place: str | None = "Bath", liking: float | None = 0.5) -> pa.Table:
        rows = [
            {"user_id": u, "place": place, "visited_at": datetime(2016, 3, 5, tzinfo=UTC), "liking": liking}
            for u in users
        ]
        return pa.Table.from_pylist(rows, schema=VISITS.schema)

    return make
