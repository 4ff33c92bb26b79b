"""Tables of the beauty chapter: what a model learns from, which models there are, what they say of photos."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from assets.contracts.table import UTC_TIMESTAMP, Column, Reference, TableContract

_PHOTO = Column("photo_id", pa.int64(), "Identifier of the photo.", minimum=0)
_UPLOADED = Column("uploaded_at", UTC_TIMESTAMP, "When the photo was uploaded; decides the partition.", nullable=True)
MODEL_VERSION = Column("model_version", pa.string(), "Name of the model and the first digits of its sha256.")
PREPROCESSING = Column(
    "preprocessing_hash", pa.string(), "Identity of everything that is done to an image before the network sees it."
)


def _probability(name: str, description: str) -> Column:
    return Column(name, pa.float32(), description, nullable=True, minimum=0, maximum=1)


TRAINING_SET = TableContract(
    key="training_set",
    description=(
        "Labelled photos for the beauty network: the bottom tenth, the middle tenth and the top twentieth of the "
        "social metric of quality, or of mean crowd ratings where there are any. Photos younger than the window of "
        "the metric are left out."
    ),
    grain="one row per labelled photo",
    columns=(
        _PHOTO,
        Column("user_id", pa.int64(), "Owner; photos of one owner never stand in two folds.", nullable=True),
        _UPLOADED,
        Column("uri", pa.string(), "Where the image is."),
        Column("metric", pa.float64(), "Social metric of quality, or mean rating; higher is better."),
        Column("metric_source", pa.string(), "`social_metric` or `crowd_ratings`."),
        Column("bucket", pa.string(), "`low`, `median` or `high`."),
        Column("split", pa.string(), "`train`, `validation` or `test`; whole users, and the newest months are test."),
    ),
    primary_key=("photo_id",),
    references=(Reference("photo_id", "photos", "photo_id"),),
)

JUDGED_ZONE = "judged"
"""Zone of the lake with ``scores`` of judged photos by models other than the one that scores everything."""

BASELINE = "handcrafted"
"""Architecture that networks are compared with: compositional features and a linear model."""

BEAUTY_MODELS = TableContract(
    key="beauty_model",
    description="Trained beauty networks; the row with the highest `sequence` is the one that scores.",
    grain="one row per model version",
    columns=(
        MODEL_VERSION,
        Column(
            "sequence",
            pa.int64(),
            "Order of succession; the highest scores. Below 1 stand baselines, and models no better than a coin.",
        ),
        PREPROCESSING,
        Column("architecture", pa.string(), "Name in the model registry."),
        Column("head", pa.string(), "`classifier` or `regressor`."),
        Column("weights_uri", pa.string(), "safetensors file, relative to the lake's root."),
        Column("weights_sha256", pa.string(), "sha256 of the weights file."),
        Column("parameters", pa.int64(), "Number of trainable parameters.", minimum=1),
        Column("training_photos", pa.int64(), "Photos the weights were fitted on.", minimum=1),
        Column("metrics", pa.string(), "Held-out metrics as JSON: name, value, n and interval."),
        Column("config", pa.string(), "Training request as JSON: enough to train the same weights again."),
    ),
    primary_key=("model_version",),
)

SCORES = TableContract(
    key="scores",
    description=(
        "Beauty of public photos as a model sees it. A new model version adds rows. A photo is scored once per model "
        "version: an image that is replaced under the same photo_id is not scored again; give it a new photo_id."
    ),
    grain="one row per photo and model version",
    columns=(
        _PHOTO,
        MODEL_VERSION,
        PREPROCESSING,
        _UPLOADED,
        _probability("p_low", "Probability of the bucket `low`."),
        _probability("p_median", "Probability of the bucket `median`."),
        _probability("p_high", "Probability of the bucket `high`."),
        Column("beauty", pa.float32(), "Beauty b(p): 0 is low, 1 is high.", minimum=0, maximum=1),
        _probability(
            "beauty_calibrated",
            "Mean rating to expect, scaled to [0, 1]: `beauty` through the curve in `beauty_calibration`; "
            "null where that model version has no calibration.",
        ),
        _probability("lower", "Lower end of the 90 % interval in which the scaled mean rating of the photo lies."),
        _probability("upper", "Upper end of the 90 % interval in which the scaled mean rating of the photo lies."),
        Column(
            "scored_at",
            UTC_TIMESTAMP,
            "Logical time of the data that was scored (end of the partition's month), not the wall clock.",
            nullable=True,
        ),
    ),
    primary_key=("photo_id", "model_version"),
    event_time="uploaded_at",
    references=(Reference("photo_id", "photos", "photo_id"),),
)

BEAUTY_CALIBRATION = TableContract(
    key="beauty_calibration",
    description=(
        "How the beauty of a model translates into mean ratings of people, learnt on rated photos that the model has "
        "not learnt from: a curve that never falls, and the half width of the split-conformal interval around it. "
        "The interval is of the mean rating by about as many accepted raters as these photos have; with few of them, "
        "much of its width is their noise. A model without a row has no calibration."
    ),
    grain="one row per calibrated model version",
    columns=(
        MODEL_VERSION,
        Column(
            "knots_beauty",
            pa.list_(pa.float64()),
            "Beauty at the knots of the curve, ascending; linear between them, constant outside.",
        ),
        Column("knots_calibrated", pa.list_(pa.float64()), "Calibrated beauty at the knots, in [0, 1], never falling."),
        Column("half_width", pa.float64(), "Half width of the interval around the curve.", minimum=0),
        Column("level", pa.float64(), "Nominal coverage of the interval.", minimum=0, maximum=1),
        Column("photos", pa.int64(), "Rated photos used: `fit_photos` and `conformal_photos`.", minimum=1),
        Column("fit_photos", pa.int64(), "Photos that the curve was fitted on.", minimum=1),
        Column("conformal_photos", pa.int64(), "Other photos, of other owners, that gave the half width.", minimum=1),
        Column("ratings_per_photo", pa.float64(), "Median number of accepted ratings of the photos used.", minimum=0),
        Column(
            "noise_share",
            pa.float64(),
            "Variance of the mean ratings by chance, relative to the mean squared residual; may exceed 1 by chance.",
            nullable=True,
            minimum=0,
        ),
        Column("squared_error_raw", pa.float64(), "Mean squared distance of raw beauty from ratings.", minimum=0),
        Column("squared_error", pa.float64(), "The same of calibrated beauty, on photos held out.", minimum=0),
        Column("coverage", pa.float64(), "Share of held-out photos inside their interval.", minimum=0, maximum=1),
        Column("lower", pa.float64(), "Lower end of the 95 % interval of `coverage`.", nullable=True, minimum=0),
        Column("upper", pa.float64(), "Upper end of the 95 % interval of `coverage`.", nullable=True, maximum=1),
    ),
    primary_key=("model_version",),
    references=(Reference("model_version", "beauty_model", "model_version"),),
)

CALIBRATION_COVERAGE = TableContract(
    key="calibration_coverage",
    description=(
        "Share of rated photos inside their interval, category by category. Each photo is judged by a curve and a half "
        "width that other photos, of other owners, gave. Only the coverage over all photos is promised; a category "
        "in which the model errs more has less."
    ),
    grain="one row per calibrated model version and category",
    columns=(
        MODEL_VERSION,
        Column("category", pa.string(), "Category of the photo, or `uncategorised`."),
        Column("photos", pa.int64(), "Rated photos of the category.", minimum=1),
        Column("coverage", pa.float64(), "Share of them inside their interval.", minimum=0, maximum=1),
        Column("lower", pa.float64(), "Lower end of the 95 % interval of `coverage`.", nullable=True, minimum=0),
        Column("upper", pa.float64(), "Upper end of the 95 % interval of `coverage`.", nullable=True, maximum=1),
    ),
    primary_key=("model_version", "category"),
    references=(Reference("model_version", "beauty_model", "model_version"),),
)

UNSCORABLE_PHOTOS = TableContract(
    key="unscorable_photos",
    description="Photos that could not be scored: broken, missing or unsafe images. A photo that heals leaves.",
    grain="one row per photo and model version",
    columns=(
        _PHOTO,
        MODEL_VERSION,
        _UPLOADED,
        Column("uri", pa.string(), "Where the image should be."),
        Column("reason", pa.string(), "Short reason, such as `missing`, `truncated` or `too_large`."),
        Column("detail", pa.string(), "What the decoder said."),
    ),
    primary_key=("photo_id", "model_version"),
    event_time="uploaded_at",
    references=(Reference("photo_id", "photos", "photo_id"),),
)


def held_out_accuracy(metrics: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """How well a model tells low from high photos of unseen users, out of ``metrics`` of ``beauty_model``; or None."""
    return next((metric for metric in metrics if metric["name"] == "accuracy_low_high"), None)


def beats_a_coin(accuracy: Mapping[str, Any]) -> bool:
    """Whether the lower end of the interval of an accuracy is above one half; False where too few photos tell."""
    return accuracy["lower"] is not None and accuracy["lower"] > 0.5
