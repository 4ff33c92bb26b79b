"""The table of networks that have learnt to name objects: what a beauty network may start from."""

import pyarrow as pa

from assets.contracts.beauty import MODEL_VERSION, PREPROCESSING
from assets.contracts.table import Column, TableContract

OBJECT_MODELS = TableContract(
    key="object_model",
    description=(
        "Networks pretrained to name objects in images of a folder, of tar shards, or of the community itself. They "
        "score nothing: `initial` of `beauty_model` names the one to start from."
    ),
    grain="one row per model version",
    columns=(
        MODEL_VERSION,
        PREPROCESSING,
        Column("architecture", pa.string(), "Name in the model registry."),
        Column("classes", pa.list_(pa.string()), "Names of the objects, in the order of the network's outputs."),
        Column("weights_uri", pa.string(), "safetensors file, relative to the lake's root."),
        Column("weights_sha256", pa.string(), "sha256 of the weights file."),
        Column("parameters", pa.int64(), "Number of trainable parameters.", minimum=1),
        Column("training_images", pa.int64(), "Images the weights were fitted on.", minimum=2),
        Column("held_out_images", pa.int64(), "Other images, that could be read, on which it was tested.", minimum=0),
        Column(
            "accuracy",
            pa.float64(),
            "Share of held-out images whose object is named; null where they are too few to tell.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("lower", pa.float64(), "Lower end of the 95 % interval of `accuracy`.", nullable=True, minimum=0),
        Column("upper", pa.float64(), "Upper end of the 95 % interval of `accuracy`.", nullable=True, maximum=1),
        Column(
            "chance_accuracy",
            pa.float64(),
            "Share of the most frequent object among held-out images: what naming it always would reach.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column("config", pa.string(), "Training request as JSON: enough to train the same weights again."),
    ),
    primary_key=("model_version",),
)

_SUMMARIES = f"{OBJECT_MODELS.key}/summaries"


def summary_name(model_version: str) -> str:
    """Object of the lake that holds learning curves and results by class of one model, as JSON.

    >>> summary_name("alexnet-12")
    'object_model/summaries/alexnet-12.json'
    """
    return f"{_SUMMARIES}/{model_version}.json"


def examples_name(model_version: str) -> str:
    """Object of the lake that holds a picture of images that a model has learnt from, one row per class.

    >>> examples_name("alexnet-12")
    'object_model/summaries/alexnet-12.png'
    """
    return f"{_SUMMARIES}/{model_version}.png"
