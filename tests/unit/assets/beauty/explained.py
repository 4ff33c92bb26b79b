"""Rows and pictures of explained photos, as the Ray job writes them."""

import io
from collections.abc import Collection
from typing import Any

import pyarrow as pa
from PIL import Image

from assets.contracts.explanations import (
    EXPLANATION_FAITHFULNESS,
    PHOTO_ATTRIBUTES,
    PHOTO_EXPLANATIONS,
    overlay_name,
)
from assets.contracts.lake import Lake

GAINS = {"deletion_gain": 0.05, "insertion_gain": 0.04, "attribute_agreement": 0.6}
RAISES, LOWERS = "sharper than usual (+1.2 sd): raises beauty by 0.040", "more noise than usual (+2.0 sd): lowers it"


def model(version: str = "m-1", sequence: int = 1) -> dict[str, Any]:
    texts = dict.fromkeys(("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256"), "x")
    numbers = {"sequence": sequence, "parameters": 1, "training_photos": 1}
    return {"model_version": version, **texts, **numbers, "metrics": "[]", "config": "{}"}


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (648, 246), (shade % 256, 10, 10)).save(buffer, "PNG")
    return buffer.getvalue()


def explanation(version: str, photo_id: int) -> dict[str, Any]:
    return {
        "photo_id": photo_id,
        "model_version": version,
        "method": "integrated_gradients",
        "beauty": photo_id % 10 / 10,
        "attribute_beauty": 0.5,
        "deletion_gain": 0.05,
        "insertion_gain": 0.04,
        "overlay": overlay_name(version, photo_id),
        "sentences": [RAISES, LOWERS],
    }


def attributes(version: str, photo_id: int) -> list[dict[str, Any]]:
    entries = (("sharpness", 0.04, RAISES), ("noise", -0.06, LOWERS), ("red", 0.01, "less red"))
    same = {"photo_id": photo_id, "model_version": version, "value": 1.0, "deviation_sd": 1.2}
    return [{**same, "attribute": name, "contribution": part, "sentence": said} for name, part, said in entries]


def store_explanations(
    lake: Lake, version: str, photo_ids: Collection[int], lowers: dict[str, float | None] | None = None
) -> None:
    """Explain photos, in tables and overlays; ``lowers`` are lower ends of measures."""
    measures = [
        {"model_version": version, "measure": name, "value": value, "photos": len(photo_ids)}
        | {"lower": (lowers or {}).get(name, value - 0.02), "upper": value + 0.02}
        for name, value in GAINS.items()
    ]
    rows = {
        PHOTO_ATTRIBUTES: [row for photo_id in photo_ids for row in attributes(version, photo_id)],
        EXPLANATION_FAITHFULNESS: measures,
        PHOTO_EXPLANATIONS: [explanation(version, photo_id) for photo_id in photo_ids],
    }
    for photo_id in photo_ids:
        lake.put_bytes(overlay_name(version, photo_id), png(photo_id))
    for contract, new in rows.items():
        table = pa.Table.from_pylist(new, schema=contract.schema)
        lake.write(contract, version, table, code_version="job", inputs={"labels": "a"})
