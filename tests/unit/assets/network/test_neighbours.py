import numpy as np
import pytest
from scipy import stats

from assets.network.links import simple_links
from assets.network.neighbours import curve_rows, neighbour_rows
from assets.statistics.intervals import mean_with_t_interval


def test_neighbour_rows_of_a_small_graph():
    """0 follows 1 and 2, of whom 2 has no beauty; 3 follows 2 alone and is followed by nobody."""
    links = simple_links([0, 0, 3], [1, 2, 2], [0, 1, 2, 3, 9])
    rows = neighbour_rows(links, np.array([0.2, 0.6, np.nan, 0.4, 0.9])).to_pylist()
    assert rows == [
        {
            "user_id": 0,
            "beauty": 0.2,
            "followees_with_beauty": 1,
            "beauty_of_followees": 0.6,
            "followers_with_beauty": 0,
            "beauty_of_followers": None,
        },
        {
            "user_id": 1,
            "beauty": 0.6,
            "followees_with_beauty": 0,
            "beauty_of_followees": None,
            "followers_with_beauty": 1,
            "beauty_of_followers": 0.2,
        },
        {
            "user_id": 2,
            "beauty": None,
            "followees_with_beauty": 0,
            "beauty_of_followees": None,
            "followers_with_beauty": 2,
            "beauty_of_followers": pytest.approx(0.3),
        },
    ]


def test_curve_rows_are_bins_of_equal_size_in_order():
    beauty = np.array([0.4, 0.1, 0.3, 0.2, np.nan, 0.5])
    around = np.array([0.8, 0.2, 0.6, 0.4, 0.9, np.nan])
    rows = curve_rows(beauty, around, bins=2)
    assert [row["users"] for row in rows] == [2, 2]
    assert [row["beauty"] for row in rows] == pytest.approx([0.15, 0.35])
    assert [row["beauty_of_followees"] for row in rows] == pytest.approx([0.3, 0.7])
    assert all(row["lower"] < row["beauty_of_followees"] < row["upper"] for row in rows)


def test_curve_rows_with_fewer_users_than_bins():
    (row,) = curve_rows(np.array([0.4]), np.array([0.8]))
    assert (row["bin"], row["users"], row["lower"]) == (1, 1, None)
    assert curve_rows(np.array([np.nan]), np.array([0.8])) == []


def test_mean_with_t_interval_is_scipys():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    lower, upper = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    assert mean_with_t_interval(values) == pytest.approx((3.75, lower, upper))
    assert mean_with_t_interval(values[:0]) == (None, None, None)
