"""Tables that say why photos have their scores: where a network sees beauty, and what attributes do to it."""

import pyarrow as pa

from assets.contracts.table import Column, Reference, TableContract

_PHOTO = Column("photo_id", pa.int64(), "Identifier of the photo.", minimum=0)
_MODEL_VERSION = Column("model_version", pa.string(), "Name of the network and the first digits of its sha256.")
_REFERENCES = (
    Reference("photo_id", "photos", "photo_id"),
    Reference("model_version", "beauty_model", "model_version"),
)

PHOTO_EXPLANATIONS = TableContract(
    key="photo_explanations",
    description=(
        "Where in chosen photos a network sees beauty, how far that can be trusted, and the attributes that raise or "
        "lower the score of a second model, which learns the same labels from hand-crafted attributes. Photos that "
        "are no longer published leave with every run, and so do their overlays. One partition per model version."
    ),
    grain="one row per explained photo and model version",
    columns=(
        _PHOTO,
        _MODEL_VERSION,
        Column("method", pa.string(), "Method of the saliency: `integrated_gradients` or `occlusion`."),
        Column("beauty", pa.float64(), "Beauty as the network sees it.", minimum=0, maximum=1),
        Column(
            "attribute_beauty",
            pa.float64(),
            "Beauty as the model of attributes sees it; not cut to [0, 1], so that contributions add up to it.",
        ),
        Column(
            "deletion_gain",
            pa.float64(),
            "By how much beauty is lower on the way from the photo to its blur when what the saliency says raises it "
            "most goes first, instead of in random order; positive is faithful.",
        ),
        Column(
            "insertion_gain",
            pa.float64(),
            "By how much beauty is higher on the way from the blur to the photo when it comes first, instead of in "
            "random order; positive is faithful.",
        ),
        Column("overlay", pa.string(), "PNG of the photo and its saliency, relative to the lake's root."),
        Column(
            "sentences",
            pa.list_(pa.string()),
            "Attributes that raise the score of the model of attributes, most first, then those that lower it.",
        ),
    ),
    primary_key=("photo_id", "model_version"),
    references=_REFERENCES,
)

PHOTO_ATTRIBUTES = TableContract(
    key="photo_attributes",
    description=(
        "What each hand-crafted attribute of an explained photo does to its score by the model of attributes, which "
        "is not the network: `explanation_faithfulness` tells how far the two agree. Attributes that do nothing have "
        "no row."
    ),
    grain="one row per explained photo, model version and attribute",
    columns=(
        _PHOTO,
        _MODEL_VERSION,
        Column("attribute", pa.string(), "Name of the attribute, such as `saturation`."),
        Column("value", pa.float64(), "The attribute, in units of its own."),
        Column(
            "deviation_sd",
            pa.float64(),
            "Its distance from the mean of the labelled photos that were learnt from.",
            unit="sd",
        ),
        Column(
            "contribution",
            pa.float64(),
            "What it adds to the beauty of an average photo; negative takes away. Those of a photo add up to "
            "`attribute_beauty` less that of the average photo.",
        ),
        Column("sentence", pa.string(), "The same in words."),
    ),
    primary_key=("photo_id", "model_version", "attribute"),
    references=_REFERENCES,
)

EXPLANATION_FAITHFULNESS = TableContract(
    key="explanation_faithfulness",
    description=(
        "Whether explanations can be trusted: mean deletion and insertion gain of the saliency over the explained "
        "photos, and Spearman's correlation between network and model of attributes on a random sample of photos of "
        "owners that the latter has not learnt from. Intervals are 95 % bootstrap intervals over owners; a photo that "
        "was withdrawn since still counts."
    ),
    grain="one row per model version and measure",
    columns=(
        _MODEL_VERSION,
        Column("measure", pa.string(), "`deletion_gain`, `insertion_gain` or `attribute_agreement`."),
        Column("value", pa.float64(), "The mean or correlation; null with fewer than four owners.", nullable=True),
        Column("lower", pa.float64(), "Lower end of the interval.", nullable=True),
        Column("upper", pa.float64(), "Upper end of the interval.", nullable=True),
        Column("photos", pa.int64(), "Photos it rests on.", minimum=0),
    ),
    primary_key=("model_version", "measure"),
    references=(Reference("model_version", "beauty_model", "model_version"),),
)

OVERLAYS = f"{PHOTO_EXPLANATIONS.key}/overlays"
"""Folder of the lake that holds one folder of PNGs per network."""


def overlay_folder(model_version: str) -> str:
    """Folder of the lake that holds the overlays of one network.

    >>> overlay_folder("alexnet-12")
    'photo_explanations/overlays/alexnet-12'
    """
    return f"{OVERLAYS}/{model_version}"


def overlay_name(model_version: str, photo_id: int) -> str:
    """Object of the lake that holds the overlay of one photo.

    >>> overlay_name("alexnet-12", 7)
    'photo_explanations/overlays/alexnet-12/7.png'
    """
    return f"{overlay_folder(model_version)}/{photo_id}.png"


def explained_photo(overlay: str) -> int:
    """Photo that an overlay is of.

    >>> explained_photo("photo_explanations/overlays/alexnet-12/7.png")
    7
    """
    return int(overlay.rpartition("/")[2].removesuffix(".png"))
