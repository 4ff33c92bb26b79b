import numpy as np
import pyarrow as pa
import pytest

from assets.users.correlations import (
    MEASURES,
    PAIRS,
    broken_correlations,
    constant_measures,
    correlation_rows,
    matrix,
    miscounted_pairs,
    said_of_correlations,
)


@pytest.fixture
def users():
    generator = np.random.default_rng(2)
    photos = generator.integers(1, 90, 200)
    columns = {name: generator.integers(0, 50, 200) for name in MEASURES} | {
        "beauty": pa.array([None] * 40 + generator.random(160).tolist()),
        "photos": photos,
        "active_weeks": photos // 2 + generator.integers(0, 3, 200),
        "groups": np.zeros(200, int),
    }
    return pa.table(columns)


@pytest.fixture
def rows(users):
    return correlation_rows(users).to_pylist()


def test_correlation_rows_are_exact_and_ordered():
    small = pa.table({name: [1, 2, 3, 4] for name in MEASURES} | {"beauty": [0.1, 0.2, 0.4, 0.3]})
    rows = correlation_rows(small).to_pylist()
    assert rows[0] == {
        "measure": "beauty",
        "other_measure": "photos",
        "value": 0.8,
        **{k: rows[0][k] for k in ("lower", "upper")},
        "users": 4,
    }
    # Bonett and Wright: z = atanh(0.8), standard error sqrt((1 + 0.64 / 2) / 1).
    reach = 1.959964 * np.sqrt(1.32)
    assert (rows[0]["lower"], rows[0]["upper"]) == pytest.approx(
        np.tanh(np.arctanh(0.8) + np.array([-reach, reach])), abs=1e-6
    )
    assert rows[-1]["value"] == 1


def test_correlation_rows_take_users_who_have_both(rows):
    counts = {(row["measure"], row["other_measure"]): row["users"] for row in rows}
    assert counts["beauty", "photos"] == 160
    assert counts["photos", "followers"] == 200


def test_correlation_rows_find_what_goes_together_and_nothing_else(rows):
    values = {(row["measure"], row["other_measure"]): row for row in rows}
    assert values["photos", "active_weeks"]["lower"] > 0.95
    independent = values["beauty", "followers"]
    assert independent["lower"] < 0 < independent["upper"]
    assert constant_measures(rows) == ["groups"]
    assert values["photos", "groups"]["value"] is None


def test_checks_pass_on_sound_rows_and_see_bad_ones(rows, users):
    assert (broken_correlations(rows), miscounted_pairs(rows, users)) == ([], [])
    assert broken_correlations([{**rows[0], "lower": 0.9}, *rows[1:]]) == ["beauty and photos"]
    assert broken_correlations([{**rows[0], "upper": 1.2}, *rows[1:]]) == ["beauty and photos"]
    assert broken_correlations([{**rows[0], "lower": None, "upper": None}, *rows[1:]]) == ["beauty and photos"]
    nothing = {"value": None, "lower": None, "upper": None, "users": 0}
    assert broken_correlations([{**row, **nothing} for row in rows]) == ["every pair of measures"]
    assert miscounted_pairs([{**rows[0], "users": 3}, *rows[1:]], users) == ["beauty and photos"]
    assert miscounted_pairs(rows[1:], users) == ["beauty and photos"]
    assert miscounted_pairs([rows[0], *rows], users) == ["beauty and photos"]
    assert len(miscounted_pairs([], users)) == len(PAIRS)


def test_matrix_stands_below_the_diagonal_and_greys_what_covers_zero(rows):
    names, values, clear = matrix(rows)
    assert names[2] == "favorites received"
    assert sum(value is not None for row in values for value in row) == 15
    assert all(values[i][j] is None for i in range(7) for j in range(i, 7))
    assert clear[6][1]
    assert not clear[3][0]


def test_said_of_correlations_is_about_beauty(rows):
    assert said_of_correlations(rows).startswith("Spearman's correlation of beauty with photos ")
    assert said_of_correlations([]) == "nobody has beauty that varies"
