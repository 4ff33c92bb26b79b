import numpy as np
import pyarrow as pa
import pytest

from assets.beauty.calibration import Curve, fit_curve
from assets.contracts.beauty import BEAUTY_CALIBRATION, SCORES
from assets.contracts.lake import Lake
from ray_jobs.calibration import CALIBRATED, Calibration, calibrated, find_calibration

CALIBRATION = Calibration(np.array([0.2, 0.4, 0.8]), np.array([0.1, 0.5, 0.7]), half_width=0.25)


def rows(**beauty: float) -> pa.Table:
    """Scores of photo 1 by the versions named; all have been calibrated to 0.9 before."""
    made = [
        {
            "photo_id": 1,
            "model_version": version,
            "preprocessing_hash": "x",
            "beauty": value,
            **dict.fromkeys(CALIBRATED, 0.9),
        }
        for version, value in beauty.items()
    ]
    return pa.Table.from_pylist(made, schema=SCORES.schema)


def test_columns_follow_the_curve_and_stay_within_the_scale():
    columns = CALIBRATION.columns(np.array([0.0, 0.3, 0.8, 1.0], np.float32))
    np.testing.assert_allclose(columns["beauty_calibrated"], [0.1, 0.3, 0.7, 0.7], atol=1e-6)
    np.testing.assert_allclose(columns["lower"], [0.0, 0.05, 0.45, 0.45], atol=1e-6)
    np.testing.assert_allclose(columns["upper"], [0.35, 0.55, 0.95, 0.95], atol=1e-6)
    assert {values.dtype for values in columns.values()} == {np.dtype(np.float32)}


def test_columns_are_what_was_learnt():
    draw = np.random.default_rng(0)
    beauty = draw.random(200)
    curve: Curve = fit_curve(beauty, np.clip(beauty + 0.2 * draw.normal(size=200), 0, 1))
    grid = np.linspace(0, 1, 301)
    applied = Calibration(curve.beauty, curve.calibrated, 0.1).columns(grid)["beauty_calibrated"]
    np.testing.assert_allclose(applied, curve(grid), atol=1e-6)


def test_fingerprint_changes_with_every_number():
    others = [
        Calibration(np.array([0.2, 0.4, 0.9]), CALIBRATION.knots_calibrated, 0.25),
        Calibration(CALIBRATION.knots_beauty, np.array([0.1, 0.5, 0.8]), 0.25),
        Calibration(CALIBRATION.knots_beauty, CALIBRATION.knots_calibrated, 0.26),
    ]
    again = Calibration(CALIBRATION.knots_beauty.copy(), CALIBRATION.knots_calibrated.copy(), 0.25)
    assert again.fingerprint == CALIBRATION.fingerprint
    assert len({each.fingerprint for each in [CALIBRATION, *others]}) == 4


def test_calibrated_changes_the_rows_of_one_version_only():
    table = calibrated(rows(a=0.3, b=0.3), "b", CALIBRATION)
    assert table.schema == SCORES.schema
    first, second = table.to_pylist()
    assert [first[name] for name in CALIBRATED] == pytest.approx([0.9] * 3)
    assert [second[name] for name in CALIBRATED] == pytest.approx([0.3, 0.05, 0.55])
    assert second["beauty"] == pytest.approx(0.3)


def test_calibrated_by_nothing_empties_the_columns():
    first, second = calibrated(rows(a=0.3, b=0.3), "b", None).to_pylist()
    assert [second[name] for name in CALIBRATED] == [None] * 3
    assert first["upper"] == pytest.approx(0.9)


def test_calibrated_of_no_rows_is_no_rows():
    assert calibrated(SCORES.schema.empty_table(), "b", CALIBRATION).equals(SCORES.schema.empty_table())


def test_find_calibration_reads_the_row_of_the_version(lake: Lake):
    assert find_calibration(lake, "a") is None
    numbers = dict.fromkeys(("level", "ratings_per_photo", "squared_error_raw", "squared_error", "coverage"), 0.5)
    counts = dict.fromkeys(("photos", "fit_photos", "conformal_photos"), 1)
    knots = {"knots_beauty": [0.2, 0.4, 0.8], "knots_calibrated": [0.1, 0.5, 0.7], "half_width": 0.25}
    row = {"model_version": "a", **knots, **numbers, **counts}
    lake.write(BEAUTY_CALIBRATION, "undated", pa.Table.from_pylist([row], schema=BEAUTY_CALIBRATION.schema))
    assert find_calibration(lake, "a").fingerprint == CALIBRATION.fingerprint
    assert find_calibration(lake, "b") is None
