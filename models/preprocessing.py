"""Everything that happens to a photo before a network sees it, with an identity that scores carry."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

import numpy as np

from models.decoding import decode_rgb, resize

PREPROCESSING_VERSION = 1
"""Raised whenever the same fields start to give other pixels; part of the hash."""

_RESIZES = ("area", "bicubic", "bilinear")
_FITS = ("squeeze", "crop")
_DECODERS = ("", "nvjpeg")
_ADDED_LATER = {"fit": "squeeze", "shorter_side": 0, "decoder": ""}
"""Fields younger than scores in existing lakes: they enter the hash only where they are not as they always were."""


@dataclass(frozen=True)
class Preprocessing:
    """How a photo becomes the input of a network.

    A network on pixels sees the whole photo squeezed into a square, as CaffeNet did before cropping: a crop
    would cut the composition that is judged. Published networks are fed as they were trained, where need be cropped.
    Pixels stay uint8 until they are in the network, which subtracts ``mean`` and divides by ``std``; so a quarter of
    the bytes travels.

    Attributes:
        input_size: Side of the square in pixels; with ``features`` the longer side, aspect kept.
        dct_scaling: Whether JPEGs are decoded at a fraction of their size. It changes pixels (by 3 of 255 on average).
        resize: Resampling: ``area`` (area averaging down, bilinear up), or ``bicubic`` and ``bilinear`` as Pillow does
            it, antialiased, which is what the image processors of ``transformers`` do.
        mean: Mean per channel, in units of 0..255.
        std: Standard deviation per channel, in units of 0..255.
        features: Name of the feature set that is computed from the pixels; empty hands over the pixels.
        fit: ``squeeze`` the whole photo into the square, or scale it and ``crop`` the middle.
        shorter_side: Length of the shorter side before a crop, in pixels; 0 is ``input_size``.
        decoder: What decodes JPEGs: libjpeg-turbo on the CPU where it is empty, or ``nvjpeg`` on a GPU, at full size.
    """

    input_size: int
    dct_scaling: bool = True
    resize: str = "area"
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    features: str = ""
    fit: str = "squeeze"
    shorter_side: int = 0
    decoder: str = ""

    def __post_init__(self) -> None:
        if self.resize not in _RESIZES:
            raise ValueError(f"resize is {self.resize!r}; only 'area', 'bicubic' and 'bilinear' are known")
        if self.fit not in _FITS:
            raise ValueError(f"fit is {self.fit!r}; choose 'squeeze' or 'crop'")
        if self.shorter_side and (self.fit != "crop" or self.shorter_side < self.input_size):
            raise ValueError(f"shorter_side is {self.shorter_side}; it is for fit='crop', at least {self.input_size}")
        if self.decoder not in _DECODERS:
            raise ValueError(f"decoder is {self.decoder!r}; choose one of {_DECODERS}")
        if self.decoder and (self.features or self.fit != "squeeze" or self.resize != "area"):
            raise ValueError("decoder 'nvjpeg' squeezes pixels by area; features, crops and other filters need the CPU")
        if self.features not in ("", "handcrafted"):
            raise ValueError(f"features is {self.features!r}; known are '' (pixels) and 'handcrafted'")

    @property
    def hash(self) -> str:
        """Sixteen hexadecimal digits that change with anything that changes what the network sees."""
        fields = {name: value for name, value in asdict(self).items() if _ADDED_LATER.get(name, ...) != value}
        document = json.dumps({"version": PREPROCESSING_VERSION, **fields}, sort_keys=True)
        return hashlib.sha256(document.encode()).hexdigest()[:16]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one prepared photo: (height, width, 3) uint8, or (number of features,) float32."""
        if self.features:
            from models.handcrafted import FEATURE_NAMES

            return (len(FEATURE_NAMES),)
        return (self.input_size, self.input_size, 3)

    @property
    def dtype(self) -> type[np.generic]:
        """Element type of one prepared photo."""
        return np.float32 if self.features else np.uint8

    def prepare(self, content: bytes) -> np.ndarray:
        """Prepare one photo.

        Args:
            content: Bytes of an image file.

        Returns:
            Array of ``shape`` and ``dtype``.

        Raises:
            UnscorablePhoto: The image cannot be judged; see ``models.decoding``.
            RuntimeError: The decoder needs a GPU, and there is none.
        """
        if self.decoder:
            from models.nvjpeg import one_square

            return one_square(content, self.input_size)
        at_least = self.shorter_side or self.input_size
        pixels = decode_rgb(content, at_least=at_least, dct_scaling=self.dct_scaling)
        if not self.features:
            return self._fitted(pixels)
        from models.handcrafted import handcrafted_features

        height, width = pixels.shape[:2]
        scale = self.input_size / max(height, width)
        small = resize(pixels, max(8, round(width * scale)), max(8, round(height * scale)))
        return handcrafted_features(small, aspect=width / height)

    def _fitted(self, pixels: np.ndarray) -> np.ndarray:
        size = self.input_size
        if self.fit == "squeeze":
            return self._resampled(pixels, size, size)
        shorter, (height, width) = self.shorter_side or size, pixels.shape[:2]
        # Cut, not rounded, as torchvision and transformers do: a pixel more would move the crop.
        longer = int(shorter * max(height, width) / min(height, width))
        scaled = self._resampled(pixels, *((shorter, longer) if width <= height else (longer, shorter)))
        top, left = ((side - size) // 2 for side in scaled.shape[:2])
        return np.ascontiguousarray(scaled[top : top + size, left : left + size])

    def _resampled(self, pixels: np.ndarray, width: int, height: int) -> np.ndarray:
        if self.resize == "area":
            return resize(pixels, width, height)
        from PIL import Image

        method = Image.Resampling.BICUBIC if self.resize == "bicubic" else Image.Resampling.BILINEAR
        return np.asarray(Image.fromarray(pixels).resize((width, height), method))

    def resized(self, input_size: int) -> "Preprocessing":
        """The same for another input size; 0 keeps it. Feature sets are defined at one size, which stays."""
        if self.features or not input_size:
            return self
        shorter_side = round(self.shorter_side * input_size / self.input_size)
        return replace(self, input_size=input_size, shorter_side=shorter_side)

    @classmethod
    def from_dict(cls, values: dict[str, object]) -> "Preprocessing":
        """The preprocessing from decoded JSON, where tuples have become lists."""
        return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})  # type: ignore[arg-type]
