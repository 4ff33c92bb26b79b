"""JPEGs decoded on the GPU by nvJPEG, through torchvision, and squeezed there into the network's square.

nvJPEG rounds and upsamples colours otherwise than libjpeg-turbo, so the pixels, and with them the scores, differ from
those of the CPU: ``Preprocessing(decoder="nvjpeg")`` is another identity, chosen when a network is trained. A file that
is anything but a plain, upright JPEG with both ends, and one that nvJPEG refuses, is decoded by the CPU, which refuses
what it always refuses. What nvJPEG makes of a scan that is damaged in the middle, it makes whatever comes with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.decoding import UnscorablePhoto, decode_rgb, is_plain_jpeg

Decode = Callable[[list[Tensor]], list[Tensor]]
"""JPEG files, uint8 (bytes,) on the CPU -> pixels, uint8 (3, h, w) on the device; ``RuntimeError`` if one is broken."""


@dataclass(frozen=True)
class Squares:
    """What became of some photos.

    Attributes:
        pixels: uint8 (k, s, s, 3) of those that could be decoded, in order, on the device.
        failures: Position of each of the others -> why.
    """

    pixels: Tensor
    failures: dict[int, UnscorablePhoto]


def nvjpeg(device: str = "cuda") -> Decode:
    """The decoder of torchvision.

    Raises:
        RuntimeError: The device is none of CUDA, or there is no torchvision that was built for one.
    """
    if torch.device(device).type != "cuda" or not torch.cuda.is_available():
        raise RuntimeError(
            f"photos of this model are decoded by nvJPEG, and {device} is no CUDA device that is there; score on a GPU"
        )
    try:
        from torchvision.io import ImageReadMode, decode_jpeg
    except (ImportError, RuntimeError) as error:
        raise RuntimeError(
            f"photos of this model are decoded by nvJPEG; install torchvision built for CUDA: {error}"
        ) from error

    def decode(files: list[Tensor]) -> list[Tensor]:
        decoded: list[Tensor] = decode_jpeg(files, mode=ImageReadMode.RGB, device=device)
        return decoded

    return decode


def one_square(content: bytes, side: int, device: str = "cuda") -> np.ndarray:
    """One photo, uint8 (side, side, 3).

    Raises:
        UnscorablePhoto: The image cannot be judged.
        RuntimeError: See ``nvjpeg``.
    """
    found = squares([content], side, nvjpeg(device), device)
    for failure in found.failures.values():
        raise failure
    pixels: np.ndarray = found.pixels[0].cpu().numpy()
    return pixels


def squares(contents: Sequence[bytes], side: int, decode: Decode, device: str = "cuda") -> Squares:
    """Decode photos and squeeze each into a square.

    Args:
        contents: Image files.
        side: Side of the square, in pixels.
        decode: See ``nvjpeg``.
        device: Where ``decode`` puts pixels.
    """
    plain = [position for position, content in enumerate(contents) if is_plain_jpeg(content)]
    files = [torch.from_numpy(np.frombuffer(contents[position], np.uint8).copy()) for position in plain]
    decoded = {plain[number]: pixels for number, pixels in _decoded(files, decode).items()}
    failures: dict[int, UnscorablePhoto] = {}
    for position, content in enumerate(contents):
        if position not in decoded:
            try:
                pixels = torch.tensor(decode_rgb(content), device=device)
            except UnscorablePhoto as failure:
                failures[position] = failure
            else:
                decoded[position] = pixels.permute(2, 0, 1)
    squeezed = [_squeezed(decoded[position], side) for position in sorted(decoded)]
    empty = torch.zeros((0, side, side, 3), dtype=torch.uint8, device=device)
    return Squares(torch.stack(squeezed) if squeezed else empty, failures)


def _decoded(files: list[Tensor], decode: Decode) -> dict[int, Tensor]:
    """Pixels by position, of those that can be decoded; what comes with a broken file is decoded all the same."""
    if not files:
        return {}
    try:
        return dict(enumerate(decode(files)))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        # One broken file fails all that were handed over with it.
        if len(files) == 1:
            return {}
        alone = {number: _decoded([file], decode) for number, file in enumerate(files)}
        return {number: found[0] for number, found in alone.items() if found}


def _squeezed(pixels: Tensor, side: int) -> Tensor:
    """uint8 (side, side, 3) of uint8 (3, h, w): area averaging down, bilinear up, each axis of its own."""
    resized = pixels[None].float()
    for axis, length in ((2, pixels.shape[1]), (3, pixels.shape[2])):
        size = [side if dimension == axis else resized.shape[dimension] for dimension in (2, 3)]
        resized = torch.nn.functional.interpolate(resized, size, mode="area" if length >= side else "bilinear")
    return resized[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
