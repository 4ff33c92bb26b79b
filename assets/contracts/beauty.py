"""Tables of the beauty chapter: what a model learns from, which models there are, what they say of photos."""

import pyarrow as pa

from assets.contracts.table import UTC_TIMESTAMP, Column, Reference, TableContract

_PHOTO = Column("photo_id", pa.int64(), "Identifier of the photo.", minimum=0)
_UPLOADED = Column("uploaded_at", UTC_TIMESTAMP, "When the photo was uploaded; decides the partition.", nullable=True)
_MODEL_VERSION = Column("model_version", pa.string(), "Name of the model and the first digits of its sha256.")
_PREPROCESSING = Column(
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

BEAUTY_MODELS = TableContract(
    key="beauty_model",
    description="Trained beauty networks; the row with the highest `sequence` is the one that scores.",
    grain="one row per model version",
    columns=(
        _MODEL_VERSION,
        Column("sequence", pa.int64(), "1 for the first model, then 2, 3 ...; the highest scores.", minimum=1),
        _PREPROCESSING,
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
        _MODEL_VERSION,
        _PREPROCESSING,
        _UPLOADED,
        _probability("p_low", "Probability of the bucket `low`."),
        _probability("p_median", "Probability of the bucket `median`."),
        _probability("p_high", "Probability of the bucket `high`."),
        Column("beauty", pa.float32(), "Beauty b(p): 0 is low, 1 is high.", minimum=0, maximum=1),
        _probability("beauty_calibrated", "Beauty after monotone calibration against crowd ratings."),
        _probability("lower", "Lower end of the 90 % interval of the calibrated beauty."),
        _probability("upper", "Upper end of the 90 % interval of the calibrated beauty."),
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

UNSCORABLE_PHOTOS = TableContract(
    key="unscorable_photos",
    description="Photos that could not be scored: broken, missing or unsafe images. A photo that heals leaves.",
    grain="one row per photo and model version",
    columns=(
        _PHOTO,
        _MODEL_VERSION,
        _UPLOADED,
        Column("uri", pa.string(), "Where the image should be."),
        Column("reason", pa.string(), "Short reason, such as `missing`, `truncated` or `too_large`."),
        Column("detail", pa.string(), "What the decoder said."),
    ),
    primary_key=("photo_id", "model_version"),
    event_time="uploaded_at",
    references=(Reference("photo_id", "photos", "photo_id"),),
)
