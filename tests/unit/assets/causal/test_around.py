"""What is asked of links and of the months around, on a handful of rows."""

from dataclasses import replace
from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

from assets.causal.around import linked_query, trajectory_query, trajectory_rows
from assets.causal.declared import Measure
from assets.causal.experiments import EXPOSURE_TO_QUALITY
from assets.contracts.community import EDGES

EXPERIMENT = replace(EXPOSURE_TO_QUALITY, window=2)


def _ask(query, **tables):
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register(name, table)
        return connection.execute(query).to_arrow_table()


def _at(month, day=1):
    return datetime(2015, month, day, tzinfo=UTC)


def _edge(follower, followee, created=None, removed=None):
    return {"follower_id": follower, "followee_id": followee, "created_at": created, "removed_at": removed}


@pytest.mark.parametrize(
    ("edge", "is_linked"),
    [
        (_edge(1, 2), True),
        (_edge(2, 1), True),
        (_edge(1, 3), False),
        (_edge(1, 2, _at(5, 31)), True),
        (_edge(1, 2, _at(6)), False),
        (_edge(1, 2, _at(1), _at(5)), False),
        (_edge(1, 2, _at(1), _at(5, 2)), True),
        (_edge(1, 4), True),
        (_edge(1, 5), False),
        (_edge(1, 6), False),
    ],
)
def test_comparisons_that_the_treatment_of_others_could_reach(edge, is_linked):
    """User 1 is compared in May; 2 is treated in May, 4 in July, 5 in August, 6 in April, and 3 never."""
    rows = [(1, "2015-05", False), (2, "2015-05", True), (3, "2015-05", False), (4, "2015-07", True)]
    rows += [(5, "2015-08", True), (6, "2015-04", True)]
    units = pa.table(
        dict(zip(("user_id", "event_month", "is_treated"), map(list, zip(*rows, strict=True)), strict=True))
    )
    found = _ask(linked_query(EXPERIMENT), units=units, edges=pa.Table.from_pylist([edge], EDGES.schema)).to_pylist()
    assert ({"user_id": 1, "event_month": "2015-05"} in found) == is_linked


def test_trajectories_are_weighted_means_by_month_with_errors_by_user():
    experiment = replace(EXPERIMENT, trajectory=Measure("uploads", "uploads", "uploads"))
    matched = pa.table(
        {
            "user_id": [1, 2, 3],
            "event_month": ["2015-05"] * 3,
            "is_treated": [True, False, False],
            "weight": [1.0, 3.0, 1.0],
        }
    )
    months = [(user, date(2015, month, 1), 10 * user + month) for user in (1, 2, 3) for month in (4, 5, 6, 7, 8)]
    names = ("user_id", "event_month", "uploads")
    panel = pa.table(dict(zip(names, map(list, zip(*months, strict=True)), strict=True)))
    rows = trajectory_rows(experiment, _ask(trajectory_query(experiment), matched=matched, fct_user_months=panel))
    told = {(row["arm"], row["relative_month"]): row for row in rows}
    assert sorted(month for arm, month in told if arm == "treated") == [-1, 0, 1, 2]
    before = told["compared", -1]
    assert before["mean"] == pytest.approx((3 * 24 + 34) / 4)
    error = ((3 * (24 - 26.5) / 4) ** 2 + ((34 - 26.5) / 4) ** 2) ** 0.5
    assert before["upper"] - before["mean"] == pytest.approx(1.959963984540054 * error)
    assert (told["treated", 2]["mean"], told["treated", 2]["lower"]) == (17.0, None)
