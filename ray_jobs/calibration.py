"""The calibration of a model, applied: beauty in, mean rating to expect and its interval out.

Learnt by the asset ``beauty_calibration``; here it is only read and applied, so that a new one reaches scores that
were computed long ago without a photo being decoded again.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.beauty import BEAUTY_CALIBRATION
from assets.contracts.lake import Lake

CALIBRATED = ("beauty_calibrated", "lower", "upper")
"""Columns of ``scores`` that a calibration fills."""

UNCALIBRATED = "none"
"""What stands for the fingerprint of a calibration where there is none."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A curve that never falls, and the half width of the interval around it.

    Attributes:
        knots_beauty: Beauty at the knots, float64 (k,), ascending.
        knots_calibrated: Calibrated beauty at the knots, float64 (k,).
        half_width: Half width of the interval.
    """

    knots_beauty: np.ndarray
    knots_calibrated: np.ndarray
    half_width: float

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change when any result changes."""
        numbers = np.concatenate([self.knots_beauty, self.knots_calibrated, [self.half_width]])
        return hashlib.sha256(numbers.astype("<f8").tobytes()).hexdigest()[:16]

    def columns(self, beauty: np.ndarray) -> dict[str, np.ndarray]:
        """Values of the columns ``CALIBRATED``, float32 (n,), for beauty of shape (n,); ends are cut to [0, 1]."""
        curve = np.interp(beauty, self.knots_beauty, self.knots_calibrated)
        ends = np.clip([curve, curve - self.half_width, curve + self.half_width], 0.0, 1.0)
        return dict(zip(CALIBRATED, ends.astype(np.float32), strict=True))


def find_calibration(lake: Lake, model_version: str) -> Calibration | None:
    """The calibration of a model version, or None."""
    rows: list[dict[str, Any]] = lake.read(BEAUTY_CALIBRATION).to_pylist()
    for row in rows:
        if row["model_version"] == model_version:
            beauty, rating = (np.asarray(row[name], np.float64) for name in ("knots_beauty", "knots_calibrated"))
            return Calibration(beauty, rating, row["half_width"])
    return None


def calibrated(rows: pa.Table, model_version: str, calibration: Calibration | None) -> pa.Table:
    """Rows of ``scores`` with the columns ``CALIBRATED`` of one model version made anew from ``beauty``.

    Args:
        rows: Rows of ``scores``; those of other versions stay as they are.
        model_version: Whose rows to calibrate.
        calibration: How; None empties the columns.
    """
    ours = np.asarray(rows["model_version"].to_numpy(zero_copy_only=False) == model_version, bool)
    beauty = rows["beauty"].to_numpy()[ours]
    values: dict[str, np.ndarray] = calibration.columns(beauty) if calibration else {}
    for name in CALIBRATED:
        column = rows[name].to_numpy(zero_copy_only=False).astype(np.float32)
        column[ours] = values.get(name, np.nan)
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, rows.schema.field(position), pa.array(column, pa.float32(), from_pandas=True))
    return rows
