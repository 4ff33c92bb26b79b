"""What the outputs of a network mean: loss while training, probabilities and beauty while scoring."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

BUCKETS = ("low", "median", "high")
BUCKET_VALUES = (0.0, 0.5, 1.0)
"""Where the regressor places the buckets, and how much each contributes to the classifier's beauty."""


class Head(ABC):
    """Meaning of a network's outputs.

    Attributes:
        name: ``classifier`` or ``regressor``.
        outputs: Units of the network's last layer.
    """

    name: str
    outputs: int

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch: outputs (n, units) against target beauty (n,) in [0, 1]."""

    @abstractmethod
    def columns(self, outputs: Tensor) -> Tensor:
        """Scores (n, c) from outputs (n, units): beauty first, then probabilities of the buckets if there are any."""


class ClassifierHead(Head):
    """Three classes; beauty = 0 p_low + 0.5 p_median + 1 p_high (METHODS of the paper: expected label)."""

    name = "classifier"
    outputs = len(BUCKETS)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy; a target between two buckets counts towards both in proportion."""
        return nn.functional.cross_entropy(outputs, soft_buckets(targets))

    def columns(self, outputs: Tensor) -> Tensor:
        """Beauty, p_low, p_median, p_high."""
        probabilities = outputs.softmax(dim=1)
        beauty = 0.5 * probabilities[:, 1:2] + probabilities[:, 2:3]
        return torch.cat([beauty.clamp(0, 1), probabilities], dim=1)


class RegressorHead(Head):
    """One unit with squared (Euclidean) loss on labels placed at 0, 0.5 and 1."""

    name = "regressor"
    outputs = 1

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return nn.functional.mse_loss(outputs[:, 0], targets)

    def columns(self, outputs: Tensor) -> Tensor:
        """Beauty alone, cut to [0, 1]."""
        return outputs.clamp(0, 1)


def soft_buckets(targets: Tensor) -> Tensor:
    """Weights (n, 3) of low, median and high whose expected value is the target (n,) in [0, 1].

    >>> soft_buckets(torch.tensor([0.0, 0.5, 0.75])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]
    """
    low = (1 - 2 * targets).clamp(min=0)
    high = (2 * targets - 1).clamp(min=0)
    return torch.stack([low, 1 - low - high, high], dim=1)


_HEADS: dict[str, type[Head]] = {head.name: head for head in (ClassifierHead, RegressorHead)}


def create_head(name: str) -> Head:
    """The head called ``name``.

    Raises:
        ValueError: There is no such head.
    """
    if name not in _HEADS:
        raise ValueError(f"no head {name!r}; there are {sorted(_HEADS)}")
    return _HEADS[name]()
