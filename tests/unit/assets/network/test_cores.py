from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from assets.network.cores import concentration, core_curves, core_rows
from assets.network.mixing_tables import broken_cores, said_of_cores

MONTH = date(2016, 3, 1)
CORES = pa.table({"user_id": [1, 2, 3, 4, 5], "core": [1, 1, 2, 2, 2]})
USERS = pa.table(
    {
        "user_id": [1, 3, 4, 5],
        "beauty": [0.2, 0.4, 0.6, 0.9],
        "photos": [2, 1, 1, 2],
        "favorites": [1, 0, 10, 20],
    }
)


def test_core_rows_hold_everybody_and_share_out_everything():
    rows = core_rows(CORES, USERS, MONTH).to_pylist()
    assert [(row["core"], row["users"], row["users_with_beauty"]) for row in rows] == [(1, 2, 1), (2, 3, 3)]
    assert rows[1]["beauty"] == pytest.approx((0.4 + 0.6 + 0.9) / 3)
    assert rows[0]["beauty_lower"] is None
    assert rows[1]["beauty_lower"] < rows[1]["beauty"] < rows[1]["beauty_upper"]
    assert rows[1]["favorites_per_photo"] == pytest.approx(30 / 4)
    assert [row["share_of_favorites"] for row in rows] == pytest.approx([1 / 31, 30 / 31])
    assert [row["share_of_beautiful"] for row in rows] == [0, 1]
    assert [row["share_of_users"] for row in rows] == [0.4, 0.6]
    assert broken_cores(rows, 5) == ""


def test_core_rows_without_favorites_know_no_recognition():
    rows = core_rows(CORES, USERS.set_column(3, "favorites", pa.nulls(4, pa.int64())), MONTH).to_pylist()
    assert {row["share_of_favorites"] for row in rows} == {None}
    assert {row["favorites_per_photo"] for row in rows} == {None}
    assert broken_cores(rows, 5) == ""


def test_broken_cores_sees_users_and_shares_that_are_lost():
    rows = core_rows(CORES, USERS, MONTH).to_pylist()
    assert broken_cores(rows[1:], 5) == "cores hold 3 users, the graph has 5"
    assert "share_of_favorites sums to" in broken_cores([rows[0], {**rows[1], "share_of_favorites": 0.5}], 5)
    assert broken_cores([], 0) == "cores hold 0 users, the graph has 0"


def test_concentration_tells_recognition_in_cores_from_beauty_spread_evenly():
    generator = np.random.default_rng(3)
    core = generator.integers(1, 20, 1000)
    cores = pa.table({"user_id": np.arange(1000), "core": core})
    users = pa.table(
        {
            "user_id": np.arange(1000),
            "beauty": generator.random(1000),
            "photos": np.ones(1000, int),
            "favorites": generator.poisson(core),
        }
    )
    found = concentration(cores, users)
    assert found["favorites"]["lower"] > 0.5
    assert found["beauty"]["lower"] < 0 < found["beauty"]["upper"]
    assert said_of_cores(found).startswith("Spearman's correlation with the core number: beauty ")


def test_core_curves_leave_out_cores_of_few_users():
    rows = core_rows(CORES, USERS, MONTH).to_pylist()
    assert core_curves(rows, 2)["mean beauty"]["x"] == [2]
    assert core_curves(rows, 1)["mean favorites"]["y"] == [1, 10]


def test_said_of_cores_leaves_out_what_is_not_known():
    known = {"spearman": 0.25, "lower": 0.1, "upper": 0.4, "users": 9}
    unknown = dict.fromkeys(known, float("nan"))
    said = said_of_cores({"beauty": known, "favorites": unknown})
    assert said == "Spearman's correlation with the core number: beauty 0.25 (0.10 to 0.40)"
    assert said_of_cores({"beauty": unknown, "favorites": unknown}) == "too few users with beauty to tell"
