"""Object pretraining: a network learns to name objects before it learns beauty, as the paper does on ImageNet-21k.

Its weights file says ``objects_<n>`` for a head; fine-tuning takes it as ``initial`` weights (see ``training.py``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from models.labelled_images import DecodedOnDemand
from models.registry import model_entry
from models.training import (
    ALONE,
    EpochMetrics,
    FitsItself,
    Placement,
    Report,
    TrainingSettings,
    normalised,
    repeatable,
    train_by_steps,
)
from models.training_state import StateStore
from models.transfer import copy_backbone
from models.weights import ModelConfig

_EVALUATION_BATCH = 64


def object_config(
    architecture: str, classes: int, input_size: int = 0, parameters: Mapping[str, Any] | None = None
) -> ModelConfig:
    """The network that learns ``classes`` objects.

    Raises:
        KeyError: There is no such architecture.
        ValueError: There are fewer than two classes.
    """
    if classes < 2:
        raise ValueError(f"{classes} classes of objects; at least two are needed to tell them apart")
    preprocessing = model_entry(architecture).preprocessing.resized(input_size)
    return ModelConfig(architecture, f"objects_{classes}", preprocessing, parameters or {})


def pretrain_network(
    config: ModelConfig,
    settings: TrainingSettings,
    train: DecodedOnDemand,
    validation: DecodedOnDemand,
    report: Report = lambda metrics: None,
    *,
    initial: bytes | None = None,
    states: StateStore | None = None,
    placement: Placement = ALONE,
) -> tuple[nn.Module, list[EpochMetrics]]:
    """Train a network to name objects: cross-entropy on ``fc8``.

    Args:
        config: From ``object_config``, for the classes of ``train``.
        settings: How to train.
        train: Images to learn from; at least two. What could not be decoded is in its ``failures`` afterwards.
        validation: Images for the curve; may be empty; they never influence the weights.
        report: Called after each epoch.
        initial: Weights to start from, all but the last layer.
        states: Where the state of the run is kept after each epoch.
        placement: This worker among several.

    Returns:
        The network in evaluation mode on the CPU, and the curve.

    Raises:
        ValueError: The network does not fit the images, or there are fewer than two.
        TypeError: The network is fitted in closed form.
    """
    if config.create_head().outputs != len(train.images.classes) or not config.head.startswith("objects_"):
        raise ValueError(f"head {config.head} does not fit {len(train.images.classes)} classes of objects")
    if len(train) < 2:
        raise ValueError(f"training needs at least two images, there are {len(train)}")
    with repeatable(settings):
        network = config.create_network()
        if isinstance(network, FitsItself):
            raise TypeError(f"{config.architecture} is fitted to beauty in one go and cannot learn objects")
        if initial is not None:
            copy_backbone(network, initial)

        def evaluate(network: nn.Module, epoch: int, loss: float) -> EpochMetrics:
            return EpochMetrics(epoch, loss, None, object_accuracy(network, config, validation, settings.device))

        return train_by_steps(network, config, settings, train, evaluate, report, states, placement)


def object_accuracy(
    network: nn.Module, config: ModelConfig, images: DecodedOnDemand, device: str = "cpu"
) -> float | None:
    """Share of images whose class has the largest output; None without readable images."""
    recognised = recognise(network, config, images, device)
    readable = recognised >= 0
    return float((recognised == images.images.labels)[readable].mean()) if readable.any() else None


@torch.inference_mode()
def recognise(network: nn.Module, config: ModelConfig, images: DecodedOnDemand, device: str = "cpu") -> np.ndarray:
    """Number int64 (n,) of the class with the largest output, by image; -1 where the image cannot be read."""
    recognised = np.full(len(images), -1, np.int64)
    for start in range(0, len(images), _EVALUATION_BATCH):
        rows = np.arange(start, min(start + _EVALUATION_BATCH, len(images)))
        pixels, labels, readable = images.batch(rows)
        if len(labels):
            outputs = network(normalised(pixels, config.preprocessing, device))
            recognised[rows[readable]] = outputs.argmax(dim=1).cpu().numpy()
    return recognised
