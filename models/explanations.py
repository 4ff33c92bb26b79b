"""Where in a photo a network sees beauty, and a measurement of whether that is so.

Saliency comes from Captum (Kokhlikyan et al. 2020). It is in units of beauty: positive where a part of the photo raises
the score. Whether it is faithful is measured by deleting and inserting cells of the photo in its order and in random
orders (Petsiuk, Das, Saenko, "RISE", 2018). What explains the hand-crafted model stands in ``attributes.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.evaluation import Estimate, bootstrapped
from models.training import normalised
from models.weights import ModelConfig

METHODS = ("integrated_gradients", "occlusion")

Predict = Callable[[np.ndarray], np.ndarray]
"""Beauty (n,) of prepared photos uint8 (n, h, w, 3)."""

_WINDOWS_PER_SIDE = 8
_BATCH = 256
_GRADIENT_BATCH = 64
"""Gradients keep what lies between input and output of every photo of a batch."""


def beauty_function(network: nn.Module, config: ModelConfig, device: str = "cpu") -> Predict:
    """Beauty of prepared photos before it is cut to [0, 1]: a cut would hide what a part of a photo does."""
    head = config.create_head()
    network = network.to(device).eval()

    @torch.inference_mode()
    def predict(photos: np.ndarray) -> np.ndarray:
        parts = [
            head.unbounded_beauty(network(normalised(photos[start : start + _BATCH], config.preprocessing, device)))
            for start in range(0, len(photos), _BATCH)
        ]
        return torch.cat(parts).cpu().numpy() if parts else np.zeros(0, np.float32)

    return predict


def blurred(photos: np.ndarray, share: float = 0.1) -> np.ndarray:
    """Photos without detail: a Gaussian blur whose deviation is ``share`` of the side; what takes the place of parts.

    A blur leaves light and colour and draws no edges of its own, as a patch of one colour does.
    """
    import cv2

    sigma = share * max(photos.shape[1:3])
    return np.stack([cv2.GaussianBlur(photo, (0, 0), sigma) for photo in photos]) if len(photos) else photos.copy()


def saliency(
    network: nn.Module,
    config: ModelConfig,
    photos: np.ndarray,
    replacement: np.ndarray,
    method: str = "integrated_gradients",
    *,
    steps: int = 32,
    device: str = "cpu",
) -> np.ndarray:
    """How much each pixel raises (positive) or lowers (negative) the beauty of its photo.

    Integrated gradients (Sundararajan, Taly, Yan 2017) add up to beauty(photo) - beauty(replacement). Occlusion (Zeiler
    and Fergus 2014) is the mean loss of beauty over the windows that cover a pixel, an eighth of the side wide.

    Args:
        network: A network on pixels.
        config: Its configuration.
        photos: Prepared photos uint8 (n, h, w, 3).
        replacement: What stands for "nothing there", uint8 (n, h, w, 3), such as ``blurred(photos)``.
        method: One of ``METHODS``.
        steps: Points of the integral.
        device: Where the network runs.

    Returns:
        float32 (n, h, w).

    Raises:
        ValueError: There is no such method, the network takes features, or the shapes differ.
    """
    _refuse(config, photos, replacement, method)
    if not len(photos):
        return np.zeros(photos.shape[:3], np.float32)
    from captum.attr import IntegratedGradients, Occlusion

    head = config.create_head()
    network = network.to(device).eval()
    inputs, baselines = (normalised(array, config.preprocessing, device) for array in (photos, replacement))

    def beauty(batch: Tensor) -> Tensor:
        return head.unbounded_beauty(network(batch))

    if method == "integrated_gradients":
        found = IntegratedGradients(beauty).attribute(
            inputs, baselines, n_steps=steps, internal_batch_size=max(_GRADIENT_BATCH, len(inputs))
        )
    else:
        window = max(1, photos.shape[1] // _WINDOWS_PER_SIDE)
        with torch.inference_mode():
            found = Occlusion(beauty).attribute(
                inputs, (3, window, window), strides=(3, max(1, window // 2), max(1, window // 2)), baselines=baselines
            )
    # Every channel of an occluded window carries the whole loss; gradients are shared out among channels.
    by_pixel = found.sum(dim=1) if method == "integrated_gradients" else found.mean(dim=1)
    result: np.ndarray = by_pixel.detach().cpu().numpy().astype(np.float32)
    return result


def _refuse(config: ModelConfig, photos: np.ndarray, replacement: np.ndarray, method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"method is {method!r}; choose one of {METHODS}")
    if config.preprocessing.features:
        raise ValueError(f"{config.architecture} takes features, not pixels; models.attributes explains it")
    if photos.shape != replacement.shape or photos.shape[1:] != config.preprocessing.shape:
        raise ValueError(
            f"photos are {photos.shape} and replacement {replacement.shape}; expected (n, {config.preprocessing.shape})"
        )


@dataclass(frozen=True)
class Faithfulness:
    """Beauty while cells of a photo are taken away or put back, in the order of a saliency and in random orders.

    A curve is the mean over the path, from all cells there to none (deletion) or from none to all (insertion); curves
    are kept as their mean height, the area under them.

    Attributes:
        deletion: (n,) area when the cells that raise beauty most go first; small is faithful.
        insertion: (n,) area when they come first; large is faithful.
        random_deletion: (n, r) areas of random orders.
        random_insertion: (n, r) areas of random orders.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    @property
    def deletion_gain(self) -> np.ndarray:
        """(n,) by how much beauty is lower on the way than in random orders; positive is faithful."""
        return self.random_deletion.mean(axis=1) - self.deletion

    @property
    def insertion_gain(self) -> np.ndarray:
        """(n,) by how much beauty is higher on the way than in random orders; positive is faithful."""
        return self.insertion - self.random_insertion.mean(axis=1)

    def summary(self, seed: int = 0) -> dict[str, Estimate]:
        """Mean gains with 95 % bootstrap intervals over photos; no value with fewer than four photos."""
        return {
            "deletion_gain": bootstrapped(_mean, self.deletion_gain, seed=seed),
            "insertion_gain": bootstrapped(_mean, self.insertion_gain, seed=seed),
        }


def _mean(values: np.ndarray) -> float:
    return float(values.mean())


def deletion_insertion(
    predict: Predict,
    photos: np.ndarray,
    found: np.ndarray,
    replacement: np.ndarray,
    *,
    cells: int = 8,
    steps: int = 16,
    random_orders: int = 16,
    seed: int = 0,
) -> Faithfulness:
    """Measure whether a saliency points at what the network looks at.

    Args:
        predict: Beauty of photos; see ``beauty_function``.
        photos: uint8 (n, h, w, 3).
        found: Saliency (n, h, w).
        replacement: What takes the place of deleted cells, uint8 (n, h, w, 3).
        cells: Cells per side; whole cells come and go, so that all orders draw the same edges.
        steps: Steps from all cells to none.
        random_orders: Orders to compare with, the same number for each photo.
        seed: Seed of the random orders.

    Raises:
        ValueError: There are more cells per side than pixels, or no random orders.
    """
    if not 1 <= cells <= min(photos.shape[1:3]) or random_orders < 1:
        raise ValueError(
            f"cells is {cells} and random_orders {random_orders}; see to at least 1, and cells in the photo"
        )
    grid = cell_numbers(photos.shape[1], photos.shape[2], cells)
    generator = np.random.default_rng(seed)
    areas = np.zeros((2, len(photos), 1 + random_orders))
    for row, (photo, values, nothing) in enumerate(zip(photos, found, replacement, strict=True)):
        raises_most = np.argsort(-np.bincount(grid.ravel(), values.ravel(), cells * cells), kind="stable")
        orders = np.stack([raises_most, *(generator.permutation(cells * cells) for _ in range(random_orders))])
        areas[0, row] = _areas(predict, photo, nothing, grid, orders, steps)
        areas[1, row] = _areas(predict, nothing, photo, grid, orders, steps)
    return Faithfulness(areas[0, :, 0], areas[1, :, 0], areas[0, :, 1:], areas[1, :, 1:])


def cell_numbers(height: int, width: int, cells: int) -> np.ndarray:
    """Number of the cell that each pixel is in, int (height, width), row by row.

    >>> cell_numbers(2, 4, 2).tolist()
    [[0, 0, 1, 1], [2, 2, 3, 3]]
    """
    rows, columns = (np.arange(side) * cells // side for side in (height, width))
    return rows[:, None] * cells + columns[None, :]


def _areas(
    predict: Predict, start: np.ndarray, end: np.ndarray, grid: np.ndarray, orders: np.ndarray, steps: int
) -> np.ndarray:
    """Mean height (r,) of beauty while cells change from ``start`` to ``end`` in orders (r, cells); by trapezoids."""
    turns = np.argsort(orders, axis=1)
    changed = np.round(np.linspace(0, orders.shape[1], steps + 1))
    masks = turns[:, grid][:, None] < changed[None, 1:-1, None, None]
    # All orders begin and end alike, so the ends are looked at once.
    between = np.where(masks[..., None], end, start).reshape(-1, *start.shape)
    first, *inner, last = predict(np.concatenate([start[None], between, end[None]]))
    ends = np.full((len(orders), 1), first), np.full((len(orders), 1), last)
    curves = np.concatenate([ends[0], np.reshape(inner, (len(orders), steps - 1)), ends[1]], axis=1)
    areas: np.ndarray = np.trapezoid(curves, dx=1 / steps, axis=1)
    return areas
