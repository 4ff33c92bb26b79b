"""The LAION aesthetic predictors: small heads on the unit-length image embedding of OpenAI's CLIP ViT-L/14.

Sources: LAION-AI/aesthetic-predictor (linear, "v1") and christophschuhmann/improved-aesthetic-predictor (five linear
layers, "v2": ``sac+logos+ava1-l14-linearMSE``), both on GitHub. Both predict a mean rating from 1 to 10, which
``heads.RatingHead`` maps to beauty. A head belongs to this one tower: on the embedding of another it gives plausible
nonsense.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from models.backbones import CLIP_PREPROCESSING, CLIP_VIT_L14, ImageTower
from models.registry import register

_SCALE = "mean rating, 1 to 10"
_LICENCE = (
    "head MIT (linear) or not stated by its authors (MLP); tower MIT (OpenAI CLIP); code Apache-2.0 (transformers)"
)
_TRIAL = {
    "tower": {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8,
        "projection_dim": 12,
    }
}  # fmt: skip


class LinearHead(nn.Linear):
    """Version 1: one linear unit; its file holds ``weight`` and ``bias``."""

    def __init__(self, width: int = 768) -> None:
        super().__init__(width, 1)


class MlpHead(nn.Module):
    """Version 2: linear layers with dropouts and no activations between them, as published.

    Without activations it is one linear map when it scores; its layers are kept, so that its file loads as it is.
    """

    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, 1024), nn.Dropout(0.2),
            nn.Linear(1024, 128), nn.Dropout(0.2),
            nn.Linear(128, 64), nn.Dropout(0.1),
            nn.Linear(64, 16),
            nn.Linear(16, 1),
        )  # fmt: skip

    def forward(self, embeddings: Tensor) -> Tensor:
        """Ratings (n, 1) of unit-length embeddings (n, width)."""
        ratings: Tensor = self.layers(embeddings)
        return ratings


class LaionPredictor(nn.Module):
    """CLIP's image tower, its embedding brought to unit length, and a head.

    Args:
        tower: The tower.
        head: ``LinearHead`` or ``MlpHead`` of the tower's width.
    """

    def __init__(self, tower: ImageTower, head: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.head = head

    def forward(self, pixels: Tensor) -> Tensor:
        """Ratings (n, 1) of normalised pixels (n, 3, input_size, input_size)."""
        ratings: Tensor = self.head(nn.functional.normalize(self.tower(pixels), dim=1))
        return ratings


def load_head(head: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Fill a head with a published one.

    Args:
        head: Changed in place.
        tensors: Tensors of the published file.

    Raises:
        ValueError: The file is that of another head; the message names layers that differ.
    """
    try:
        head.load_state_dict(dict(tensors))
    except RuntimeError as error:
        complaint = " ".join(str(error).split())
        raise ValueError(f"the checkpoint is not a {type(head).__name__}: {complaint}") from error


def _predictor(
    head: type[LinearHead] | type[MlpHead], outputs: int, input_size: int, tower: Mapping[str, Any] | None
) -> nn.Module:
    if outputs != 1:
        raise ValueError(f"LAION predictors have one output, a rating; {outputs} were asked for (use head rating_1_10)")
    image_tower = ImageTower("clip", input_size, {**CLIP_VIT_L14, **(tower or {})})
    return LaionPredictor(image_tower, head(image_tower.width))


@register(
    "laion_linear",
    CLIP_PREPROCESSING,
    "LAION aesthetic predictor, version 1: a linear head on the CLIP ViT-L/14 image embedding.",
    parameters=303_966_977,
    licence=_LICENCE,
    heads=("rating_1_10",),
    score_scale=_SCALE,
    trial=_TRIAL,
    trial_input_size=32,
)
def laion_linear(outputs: int = 1, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """Version 1; ``tower`` overrides fields of the tower's configuration."""
    return _predictor(LinearHead, outputs, input_size, tower)


@register(
    "laion_mlp",
    CLIP_PREPROCESSING,
    "LAION aesthetic predictor, version 2: five linear layers on the CLIP ViT-L/14 image embedding.",
    parameters=304_894_177,
    licence=_LICENCE,
    heads=("rating_1_10",),
    score_scale=_SCALE,
    trial=_TRIAL,
    trial_input_size=32,
)
def laion_mlp(outputs: int = 1, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """Version 2; ``tower`` overrides fields of the tower's configuration."""
    return _predictor(MlpHead, outputs, input_size, tower)
