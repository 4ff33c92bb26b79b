"""Calibration: the beauty of a model as the mean rating that people would give, with an interval.

On rated photos that the model has not learnt from, an isotonic curve (pool adjacent violators; Barlow et al. 1972,
*Statistical Inference under Order Restrictions*; Zadrozny and Elkan 2002 for calibration) leads from beauty to the
mean rating, scaled to [0, 1]. Around it lies a split-conformal interval of constant half width.

Photos are dealt into five folds, the photos of one owner into the same one. Two folds give the curve and the other
three the half width. How well this does is measured by cross-fitting: five times, one fold is held out, two of the
others give the curve and two the half width, and the photos held out are calibrated and judged. So every rated photo
is judged exactly once, by a curve and a half width that its own owner's photos had no part in.

What this means, and what not: the interval is of the *mean rating by about as many raters*, not of a beauty behind it;
with few ratings per photo, most of its width is their noise (``noise_share``). It covers photos like the rated ones,
all of them together: if some kind of photo was rated more often than it is uploaded, coverage over all uploads
differs, and coverage within a category is measured, not promised. Labelled photos that the model learnt from are left
out, which thins out the extremes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.beauty.pruning import training_sets_at_hand
from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import BEAUTY_CALIBRATION, BEAUTY_MODELS, CALIBRATION_COVERAGE, SCORES, TRAINING_SET
from assets.contracts.community import PHOTOS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED
from assets.statistics.conformal import conformal_half_width, coverage_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

ZONE = "calibration"
"""Zone of the lake that holds the scores of rated photos; months of ``scores`` are calibrated from what they teach."""
LEVEL = 0.90
FOLDS = 5
MINIMUM_PHOTOS = 50
UNCATEGORISED = "uncategorised"
_FEWEST_IN_A_FOLD = 5
"""So that two folds hold the nine photos that a 90 % interval needs."""
_FIT, _CONFORMAL = (3, 4), (1, 2)
"""Folds that give the curve and the half width, counted from the fold that is held out."""


class NotCalibrated(ValueError):
    """There is nothing to calibrate on; the message is the reason and the remedy."""


@dataclass(frozen=True)
class RatedPhotos:
    """Rated photos with what the model says of them; all arrays have shape (n,).

    Attributes:
        beauty: Raw beauty b(p).
        rating: Mean accepted rating, scaled to [0, 1].
        noise: Variance of ``rating`` by chance, its squared standard error; NaN where unknown.
        ratings: Accepted ratings of the photo.
        owner: Owner, as text; photos without a known owner stand for themselves.
        category: Category, or ``uncategorised``.
    """

    beauty: Floats
    rating: Floats
    noise: Floats
    ratings: Ints
    owner: NDArray[np.str_]
    category: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.beauty)


@dataclass(frozen=True)
class Curve:
    """A function that never falls: linear between its knots, constant outside.

    Attributes:
        beauty: Raw beauty at the knots, ascending.
        calibrated: Calibrated beauty at the knots.
    """

    beauty: Floats
    calibrated: Floats

    def __call__(self, beauty: Floats) -> Floats:
        """Calibrated beauty, in the shape of ``beauty``."""
        return np.interp(beauty, self.beauty, self.calibrated)


@dataclass(frozen=True)
class Calibration:
    """What was learnt, and how well it does on photos held out.

    Attributes:
        curve: From beauty to mean rating.
        half_width: Of the interval around the curve.
        fit_photos: Photos that gave the curve.
        conformal_photos: Photos that gave the half width.
        calibrated: Cross-fitted calibrated beauty of every photo, shape (n,).
        covered: Whether each photo lies in its cross-fitted interval, shape (n,).
    """

    curve: Curve
    half_width: float
    fit_photos: int
    conformal_photos: int
    calibrated: Floats
    covered: Flags


Made = tuple[RatedPhotos, Calibration]
"""What was learnt, and from which photos."""


def find_model(lake: Lake, model_version: str) -> dict[str, Any] | None:
    """The row of ``beauty_model`` of a version, or of the newest where ``model_version`` is empty; None without."""
    rows: list[dict[str, Any]] = lake.read(BEAUTY_MODELS).to_pylist()
    wanted = [row for row in rows if model_version in ("", row["model_version"])]
    return max(wanted, key=lambda row: int(row["sequence"]), default=None)


def photos_to_score(lake: Lake, model: Mapping[str, Any]) -> list[int]:
    """Ids of the rated photos with an image that a model has not learnt from, ascending.

    A photo was learnt from if it is in the split ``train`` or ``validation`` of the training set that the model was
    trained on; a model that names none in its ``config`` has not learnt from this community.

    Args:
        lake: The lake; rated photos, photos and the training set are read.
        model: Row of ``beauty_model``.

    Raises:
        NotCalibrated: There are too few, or the training set that the model learnt from is no longer there. One that
            lost withdrawn photos still is: one of these that comes back counts as new until the next model is trained.
    """
    learnt_from = json.loads(model["config"]).get("training_set")
    if learnt_from is not None and learnt_from not in training_sets_at_hand(lake):
        raise NotCalibrated(
            f"{model['model_version']} learnt from another training set than there is now, so what it has seen is not "
            "known: materialize beauty_model"
        )
    with scratch_database() as connection:
        connection.register("photo_ratings", lake.dataset(PHOTO_RATINGS))
        connection.register("photos", lake.dataset(PHOTOS))
        connection.register("training_set", lake.dataset(TRAINING_SET))
        rows = connection.execute(
            """
            select photo_id
            from photos
            where is_public and uri <> '' and photo_id in (select photo_id from photo_ratings)
                and not ($learnt and photo_id in (select photo_id from training_set where split <> 'test'))
            order by photo_id
            """,
            {"learnt": learnt_from is not None},
        ).fetchall()
    if len(rows) < MINIMUM_PHOTOS:
        raise NotCalibrated(_too_few(len(rows)))
    return [int(photo_id) for (photo_id,) in rows]


def _too_few(photos: int) -> str:
    return (
        f"{photos} photos that the model has not learnt from have accepted ratings and an image that can be read; "
        f"{MINIMUM_PHOTOS} are needed: land more crowd ratings"
    )


def read_rated_photos(lake: Lake, model_version: str) -> RatedPhotos:
    """Rated photos that the zone ``ZONE`` holds a score of by this model version, in the order of their ids."""
    with scratch_database() as connection:
        connection.register("photo_ratings", lake.dataset(PHOTO_RATINGS))
        connection.register("photos", lake.dataset(PHOTOS))
        connection.register("scores", lake.zone(ZONE).dataset(SCORES, [model_version]))
        columns = connection.execute(
            """
            select
                scores.beauty::double as beauty,
                photo_ratings.rating_scaled as rating,
                coalesce(
                    (photo_ratings.standard_error / (photo_ratings.scale_max - 1)) ** 2, 'nan'::double
                ) as noise,
                photo_ratings.n as ratings,
                coalesce('user ' || photos.user_id, 'photo ' || photos.photo_id) as owner,
                coalesce(photos.category, $uncategorised) as category
            from scores
            join photo_ratings on scores.photo_id = photo_ratings.photo_id
            join photos on scores.photo_id = photos.photo_id
            order by scores.photo_id
            """,
            {"uncategorised": UNCATEGORISED},
        ).fetchnumpy()
    beauty, rating, noise = (np.asarray(columns[name], np.float64) for name in ("beauty", "rating", "noise"))
    owner, category = (np.asarray(columns[name], np.str_) for name in ("owner", "category"))
    return RatedPhotos(beauty, rating, noise, np.asarray(columns["ratings"], np.int64), owner, category)


def calibrate(photos: RatedPhotos, seed: int = 0) -> Calibration:
    """Learn the calibration of a model, and measure it by cross-fitting.

    Args:
        photos: Rated photos that the model has not learnt from.
        seed: Deals owners into folds; the same photos and seed give the same calibration.

    Returns:
        The calibration.

    Raises:
        NotCalibrated: There are too few photos, or too many of them are of a few owners.
    """
    if len(photos) < MINIMUM_PHOTOS:
        raise NotCalibrated(_too_few(len(photos)))
    fold = deal_into_folds(photos.owner, FOLDS, seed)
    if (fewest := int(np.bincount(fold, minlength=FOLDS).min())) < _FEWEST_IN_A_FOLD:
        raise NotCalibrated(
            f"the photos of one owner stay together, and of {FOLDS} folds of owners the smallest has {fewest} photos "
            f"({_FEWEST_IN_A_FOLD} needed): land ratings of photos of more owners"
        )
    calibrated, covered = np.empty(len(photos)), np.zeros(len(photos), bool)
    for held_out in range(FOLDS):
        turn = (fold - held_out) % FOLDS
        curve, half_width = _learn(photos, np.isin(turn, _FIT), np.isin(turn, _CONFORMAL))
        judged = turn == 0
        calibrated[judged] = curve(photos.beauty[judged])
        covered[judged] = np.abs(photos.rating[judged] - calibrated[judged]) <= half_width
    fit = np.isin(fold, _FIT)
    curve, half_width = _learn(photos, fit, ~fit)
    return Calibration(curve, half_width, int(fit.sum()), int((~fit).sum()), calibrated, covered)


def deal_into_folds(owner: NDArray[np.str_], folds: int, seed: int) -> Ints:
    """Fold of each photo, shape (n,): whole owners, in random order but the largest first, into the emptiest fold."""
    _, position, photos = np.unique(owner, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(photos))
    of_owner = np.empty(len(photos), np.int64)
    filled = np.zeros(folds, np.int64)
    for each in shuffled[np.argsort(-photos[shuffled], kind="stable")]:
        of_owner[each] = np.argmin(filled)
        filled[of_owner[each]] += photos[each]
    return of_owner[position]


def fit_curve(beauty: Floats, rating: Floats) -> Curve:
    """The curve that never falls and is closest to the ratings, by scikit-learn's ``IsotonicRegression``."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(beauty, rating)
    return Curve(np.asarray(fitted.X_thresholds_, np.float64), np.asarray(fitted.y_thresholds_, np.float64))


def _learn(photos: RatedPhotos, fit: Flags, conformal: Flags) -> tuple[Curve, float]:
    curve = fit_curve(photos.beauty[fit], photos.rating[fit])
    return curve, conformal_half_width(photos.rating[conformal] - curve(photos.beauty[conformal]), LEVEL)


def calibration_row(model_version: str, photos: RatedPhotos, made: Calibration) -> dict[str, Any]:
    """The row of ``beauty_calibration``."""
    coverage = coverage_interval(made.covered, photos.owner)
    residuals = photos.rating - made.calibrated
    known = ~np.isnan(photos.noise)
    residual = float(np.mean(residuals[known] ** 2)) if known.any() else 0.0
    return {
        "model_version": model_version,
        "knots_beauty": made.curve.beauty.tolist(),
        "knots_calibrated": made.curve.calibrated.tolist(),
        "half_width": made.half_width,
        "level": LEVEL,
        "photos": len(photos),
        "fit_photos": made.fit_photos,
        "conformal_photos": made.conformal_photos,
        "ratings_per_photo": float(np.median(photos.ratings)),
        "noise_share": float(np.mean(photos.noise[known])) / residual if residual else None,
        "squared_error_raw": float(np.mean((photos.rating - photos.beauty) ** 2)),
        "squared_error": float(np.mean(residuals**2)),
        "coverage": coverage.value,
        "lower": _finite(coverage.lower),
        "upper": _finite(coverage.upper),
    }


def coverage_rows(model_version: str, photos: RatedPhotos, made: Calibration) -> list[dict[str, Any]]:
    """The rows of ``calibration_coverage``, in the order of the categories."""
    rows = []
    for category in np.unique(photos.category):
        inside = photos.category == category
        found = coverage_interval(made.covered[inside], photos.owner[inside])
        rows.append(
            {
                "model_version": model_version,
                "category": str(category),
                "photos": found.n,
                "coverage": found.value,
                "lower": _finite(found.lower),
                "upper": _finite(found.upper),
            }
        )
    return rows


def _finite(value: float) -> float | None:
    return None if np.isnan(value) else value


def summarize(made: Made | None, reason: str) -> dict[str, Any]:
    """What the tables do not hold, as JSON values: the reason, or the curves of the reliability diagram."""
    if made is None:
        return {"reason": reason}
    photos, learnt = made
    predictions = {"raw": photos.beauty, "calibrated, cross-fitted": learnt.calibrated}
    return {"reliability": {name: reliability(predicted, photos.rating) for name, predicted in predictions.items()}}


def reliability(predicted: Floats, rating: Floats, bins: int = 10) -> dict[str, list[float]]:
    """Points of a reliability diagram (Niculescu-Mizil and Caruana 2005), bins of equally many photos.

    Args:
        predicted: What was predicted, shape (n,).
        rating: What people said, shape (n,).
        bins: Number of bins; fewer where there are not three photos for each.

    Returns:
        ``predicted`` and ``observed`` (means of each bin), ``lower`` and ``upper`` (normal 95 % interval of the
        mean rating).
    """
    parts = np.array_split(np.argsort(predicted, kind="stable"), max(1, min(bins, len(predicted) // 3)))
    means = np.array([rating[part].mean() for part in parts])
    reach = np.array([1.96 * rating[part].std(ddof=1) / np.sqrt(len(part)) for part in parts])
    return {
        "predicted": [float(predicted[part].mean()) for part in parts],
        "observed": means.tolist(),
        "lower": (means - reach).tolist(),
        "upper": (means + reach).tolist(),
    }


def publish_calibration(
    lake: Lake, model_version: str, made: Made | None, code_version: str, inputs: Mapping[str, str]
) -> None:
    """Replace both tables; rows of other model versions stay.

    Args:
        lake: Where to.
        model_version: Whose rows are replaced.
        made: What was learnt, and from which photos; None withdraws the calibration of this version.
        code_version: Code that learnt it.
        inputs: What it was learnt from.
    """
    coverage = [] if made is None else coverage_rows(model_version, *made)
    learnt = [] if made is None else [calibration_row(model_version, *made)]
    # The table that tells whether all is done comes last.
    for contract, new in ((CALIBRATION_COVERAGE, coverage), (BEAUTY_CALIBRATION, learnt)):
        before = lake.read(contract).filter(contract.is_complete).to_pylist()
        others = [row for row in before if row["model_version"] != model_version]
        table = pa.Table.from_pylist([*others, *new], schema=contract.schema)
        lake.write(contract, UNDATED, table, code_version=code_version, inputs=inputs)


def calibration_note(lake: Lake, model_version: str) -> str:
    """Whether scores of a model version are calibrated, and on how many photos, or why not, as a sentence."""
    for row in lake.read(BEAUTY_CALIBRATION).to_pylist():
        if row["model_version"] == model_version:
            return f"by {row['photos']:,} rated photos; interval of +- {row['half_width']:.3f}"
    return f"none: {read_summary(lake, model_version).get('reason', 'beauty_calibration was not made for this model')}"


def read_summary(lake: Lake, model_version: str) -> dict[str, Any]:
    """What ``write_summary`` has written for this version; empty if nothing."""
    summary: dict[str, Any] = json.loads(lake.get_bytes(_summary_name(model_version)) or b"{}")
    return summary


def write_summary(lake: Lake, model_version: str, made: Made | None, reason: str) -> None:
    """Write what the tables do not hold: the reason, or the curves of the reliability diagram."""
    lake.put_bytes(_summary_name(model_version), json.dumps(summarize(made, reason), sort_keys=True).encode())


def _summary_name(model_version: str) -> str:
    return f"{BEAUTY_CALIBRATION.key}/summary/{model_version}.json"
