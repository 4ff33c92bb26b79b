import pyarrow as pa
import pytest

from assets.contracts.users_results import INEQUALITY, LORENZ_CURVES
from assets.users.inequality import (
    InequalityConfig,
    broken_curves,
    broken_statistics,
    disagreeing_areas,
    inequality_tables,
    said_of_inequality,
    shown_curves,
)

USERS = pa.table(
    {
        "beauty": [0.4, 0.6, None, 0.5],
        "beauty_shrunken": [0.45, 0.55, None, 0.5],
        "followers": [0, 0, 0, 8],
        "favorites_received": [1, 1, 2, 4],
        "photos": pa.array([0, 0, 0, 0], pa.int64()),
    }
)


def _made(users=USERS):
    tables = inequality_tables(users, InequalityConfig(resamples=50))
    return tables[INEQUALITY.key].to_pylist(), tables[LORENZ_CURVES.key].to_pylist()


def _changed(rows, change, **where):
    return [{**row, **change} if where.items() <= row.items() else row for row in rows]


def test_inequality_tables_have_exact_values_and_leave_out_what_nobody_has():
    rows, curves = _made()
    value = {(row["quantity"], row["statistic"]): (row["value"], row["users"]) for row in rows}
    assert value["followers", "gini"] == (0.75, 4)
    assert value["favorites_received", "gini"] == pytest.approx((0.3125, 4))
    assert value["favorites_received", "top_10_percent"][0] == pytest.approx(0.2)  # 0.4 of the best, who hold 4 of 8
    assert value["beauty", "gini"][1] == 3
    assert not any(quantity == "photos" for quantity, _ in value)
    curve = {point["share_of_users"]: point["share_held"] for point in curves if point["quantity"] == "followers"}
    assert len(curve) == 110
    assert (curve[0.0], curve[0.75], curve[1.0]) == (0, 0, 1)


def test_inequality_tables_refuse_users_who_hold_less_than_nothing():
    with pytest.raises(ValueError, match="followers of users: holdings must not be negative, found -1"):
        _made(USERS.set_column(2, "followers", pa.array([0, -1, 0, 8])))


def test_sound_tables_pass_all_checks():
    rows, curves = _made()
    assert (broken_statistics(rows), broken_curves(curves), disagreeing_areas(rows, curves)) == ([], [], [])


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"value": 0.05}, {"statistic": "top_10_percent"}),
        ({"value": 0.001}, {"statistic": "top_1_percent"}),
        ({"value": 0.01}, {"statistic": "gini", "quantity": "favorites_received"}),
        ({"value": 1.1}, {"statistic": "gini"}),
        ({"lower": 0.9, "upper": 0.95}, {"statistic": "gini", "quantity": "favorites_received"}),
        ({"statistic": "median"}, {"statistic": "gini"}),
    ],
)
def test_broken_statistics_sees_one_bad_row(change, where):
    rows, _ = _made()
    assert broken_statistics(_changed(rows, change, **where))


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"share_held": 0.9}, {"share_of_users": 1.0}),
        ({"share_held": 0.1}, {"share_of_users": 0.0}),
        ({"share_held": 0.6}, {"share_of_users": 0.5}),  # above the diagonal
        ({"share_held": 0.0}, {"share_of_users": 0.9}),  # falls
        ({"share_held": 0.49}, {"share_of_users": 0.5}),  # under the diagonal, and steeper before than after
    ],
)
def test_broken_curves_sees_one_bad_point(change, where):
    _, curves = _made()
    assert broken_curves(_changed(curves, change, quantity="favorites_received", **where)) == ["favorites_received"]


def test_disagreeing_areas_sees_another_gini_and_what_stands_in_one_table_only():
    rows, curves = _made()
    assert disagreeing_areas(_changed(rows, {"value": 0.34}, statistic="gini", quantity="favorites_received"), curves)
    assert disagreeing_areas(rows[3:], curves)
    assert disagreeing_areas(rows, curves[110:])


def test_shown_curves_start_with_the_most_even_and_name_the_gini():
    names = list(shown_curves(*_made()))
    assert names[0].startswith("beauty b(i), shrunken: Gini 0.0")
    assert names[-1] == "followers: Gini 0.75"


def test_said_of_inequality_gives_intervals_where_there_are_some():
    said = said_of_inequality(_made()[0])
    assert said.startswith("Gini coefficients: beauty b(i), shrunken 0.0")
    assert "followers 0.75, top 1 % hold 4%" in said
