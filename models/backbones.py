"""Pretrained image towers with a beauty head: CLIP, SigLIP, DINOv2 and ViT by configuration, through ``transformers``.

``transformers`` is an optional extra (``pip install 'beautyflow[transformers]'``), imported when a tower is built.
Building never downloads: weights are random until ``load_tower`` or a weights file fills them. Where pretrained
weights come from stands in ``checkpoints.toml``; who reads them is ``checkpoints.py``.
"""

import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from models.preprocessing import Preprocessing
from models.registry import register

CLIP_MEAN = (122.7709383, 116.7460125, 104.09373615)
CLIP_STD = (68.5005327, 66.6321579, 70.32316305)
"""Channel statistics of the CLIP authors (Radford et al. 2021), in units of 0..255."""

CLIP_PREPROCESSING = Preprocessing(
    input_size=224, dct_scaling=False, resize="bicubic", mean=CLIP_MEAN, std=CLIP_STD, fit="crop"
)
_HALF = (127.5, 127.5, 127.5)
_TINY = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}
_LICENCE = "code Apache-2.0 (transformers); each checkpoint states the licence of its weights"


@dataclass(frozen=True)
class Family:
    """How ``transformers`` names one kind of tower, and how its embedding is read.

    Attributes:
        config: Configuration class.
        network: Network class.
        arguments: What the network class takes besides its configuration.
        output: Field of the result that holds the embedding; ``last_hidden_state`` stands for its first token.
        width: Field of the configuration that is the length of the embedding.
    """

    config: str
    network: str
    output: str
    width: str = "hidden_size"
    arguments: Mapping[str, Any] | None = None


FAMILIES = {
    "clip": Family("CLIPVisionConfig", "CLIPVisionModelWithProjection", "image_embeds", "projection_dim"),
    "siglip": Family("SiglipVisionConfig", "SiglipVisionModel", "pooler_output"),
    "dinov2": Family("Dinov2Config", "Dinov2Model", "pooler_output"),
    "vit": Family("ViTConfig", "ViTModel", "last_hidden_state", arguments={"add_pooling_layer": False}),
}


class MissingExtra(ImportError):
    """A network needs a package that is not installed; the message says which and how to get it."""


class ImageTower(nn.Module):
    """An image tower with random weights.

    Args:
        family: One of ``FAMILIES``.
        input_size: Side of the input in pixels, a multiple of the patch size.
        configuration: Fields of the family's configuration in ``transformers``.

    Raises:
        MissingExtra: ``transformers`` is not installed.
        ValueError: There is no such family or field.
    """

    def __init__(self, family: str, input_size: int, configuration: Mapping[str, Any]) -> None:
        super().__init__()
        if family not in FAMILIES:
            raise ValueError(f"no family {family!r} of image towers; there are {sorted(FAMILIES)}")
        self.family = FAMILIES[family]
        transformers = require_transformers()
        config_class = getattr(transformers, self.family.config)
        unknown = set(configuration) - set(config_class().to_dict())
        if unknown:
            raise ValueError(f"{self.family.config} has no field {', '.join(sorted(unknown))}")
        config = config_class(**{**configuration, "image_size": input_size})
        self.network = getattr(transformers, self.family.network)(config, **(self.family.arguments or {}))
        self.width: int = getattr(config, self.family.width)

    def forward(self, pixels: Tensor) -> Tensor:
        """Embeddings (n, width) of normalised pixels (n, 3, input_size, input_size)."""
        found: Tensor = getattr(self.network(pixel_values=pixels), self.family.output)
        return found[:, 0] if self.family.output == "last_hidden_state" else found


class TowerWithHead(nn.Module):
    """An image tower, dropout, and ``fc8`` on its embedding.

    Args:
        tower: The tower.
        outputs: Units of ``fc8``.
        dropout: Share of the embedding that is dropped while training.
    """

    def __init__(self, tower: ImageTower, outputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.tower = tower
        self.dropout = nn.Dropout(dropout)
        self.fc8 = nn.Linear(tower.width, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Outputs (n, outputs) of normalised pixels (n, 3, input_size, input_size)."""
        outputs: Tensor = self.fc8(self.dropout(self.tower(pixels)))
        return outputs


def load_tower(tower: ImageTower, tensors: Mapping[str, Tensor]) -> None:
    """Fill a tower with published weights; what the file holds besides, such as a text tower, is left out.

    Names are those that ``transformers`` has published with; it translates the ones it has since renamed.

    Args:
        tower: Changed in place.
        tensors: Tensors of a published checkpoint of this family.

    Raises:
        ValueError: Weights of the tower are missing or of another shape; the message names them.
    """
    network: Any = tower.network
    with torch.random.fork_rng(devices=[]):
        try:
            loaded, report = type(network).from_pretrained(
                None,
                config=network.config,
                state_dict=_with_positions_for(network, tensors),
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **(tower.family.arguments or {}),
            )
        except RuntimeError as error:
            raise ValueError(f"the checkpoint does not fit {tower.family.network}: {error}") from error
    missing = sorted(report["missing_keys"])
    mismatched = sorted(str(entry[0]) for entry in report["mismatched_keys"])
    if missing or mismatched:
        raise ValueError(
            f"the checkpoint does not fit {tower.family.network}: "
            f"missing {_some(missing)}; of another shape {_some(mismatched)}"
        )
    network.load_state_dict(loaded.state_dict())


def _with_positions_for(network: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, with position embeddings (1, 1 + s * s, d) interpolated to the input size, as DINOv2 itself does."""
    name = "embeddings.position_embeddings"
    wanted = network.state_dict().get(name)
    found = tensors.get(name)
    if wanted is None or found is None or found.shape == wanted.shape:
        return dict(tensors)
    classes, patches = found[:, :1], found[:, 1:]
    before, after = math.isqrt(patches.shape[1]), math.isqrt(wanted.shape[1] - 1)
    grid = patches.reshape(1, before, before, -1).permute(0, 3, 1, 2).float()
    grid = nn.functional.interpolate(grid, size=(after, after), mode="bicubic", align_corners=False)
    return {**tensors, name: torch.cat([classes, grid.permute(0, 2, 3, 1).flatten(1, 2)], dim=1)}


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") if names else "none"


def require_transformers() -> Any:
    """The package ``transformers``, told not to advise installing torchvision.

    Raises:
        MissingExtra: It is not installed.
    """
    try:
        package: Any = importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtra(
            "pretrained image towers need the package transformers, an optional extra: "
            "pip install 'beautyflow[transformers]'"
        ) from error
    package.logging.set_verbosity_error()
    return package


def _tower_with_head(
    family: str, defaults: Mapping[str, Any], tower: Mapping[str, Any] | None, outputs: int, input_size: int
) -> nn.Module:
    return TowerWithHead(ImageTower(family, input_size, {**defaults, **(tower or {})}), outputs)


CLIP_VIT_L14 = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
}
"""The image tower of OpenAI's CLIP ViT-L/14."""


@register(
    "clip_vit_l14",
    CLIP_PREPROCESSING,
    "Image tower of CLIP ViT-L/14 with its projection (Radford et al. 2021) and a beauty head.",
    parameters=303_968_515,
    licence=_LICENCE,
    trial={"tower": {**_TINY, "projection_dim": 12}},
    trial_input_size=32,
)
def clip_vit_l14(outputs: int = 3, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """CLIP's image tower; ``tower`` overrides fields of its configuration."""
    return _tower_with_head("clip", CLIP_VIT_L14, tower, outputs, input_size)


@register(
    "siglip_b16",
    Preprocessing(input_size=224, dct_scaling=False, resize="bicubic", mean=_HALF, std=_HALF),
    "Image tower of SigLIP B/16 with its attention pooling (Zhai et al. 2023) and a beauty head.",
    parameters=92_886_531,
    licence=_LICENCE,
    trial={"tower": _TINY},
    trial_input_size=32,
)
def siglip_b16(outputs: int = 3, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """SigLIP's image tower; ``tower`` overrides fields of its configuration."""
    return _tower_with_head("siglip", {"patch_size": 16}, tower, outputs, input_size)


@register(
    "dinov2_b14",
    Preprocessing(input_size=224, dct_scaling=False, resize="bicubic", fit="crop", shorter_side=256),
    "DINOv2 B/14 (Oquab et al. 2024), its class token, and a beauty head.",
    parameters=85_728_003,
    licence=_LICENCE,
    trial={"tower": {name: value for name, value in _TINY.items() if name != "intermediate_size"}},
    trial_input_size=32,
)
def dinov2_b14(outputs: int = 3, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """DINOv2; ``tower`` overrides fields of its configuration. Its 518 px positions are interpolated when loaded."""
    return _tower_with_head("dinov2", {"patch_size": 14}, tower, outputs, input_size)


@register(
    "vit_b16",
    Preprocessing(input_size=224, dct_scaling=False, resize="bilinear", mean=_HALF, std=_HALF),
    "ViT B/16 (Dosovitskiy et al. 2021), its class token, and a beauty head.",
    parameters=85_800_963,
    licence=_LICENCE,
    trial={"tower": _TINY},
    trial_input_size=32,
)
def vit_b16(outputs: int = 3, input_size: int = 224, tower: Mapping[str, Any] | None = None) -> nn.Module:
    """ViT; ``tower`` overrides fields of its configuration."""
    return _tower_with_head("vit", {"patch_size": 16}, tower, outputs, input_size)
