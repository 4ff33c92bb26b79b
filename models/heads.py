"""What the outputs of a network mean: loss while training, probabilities and beauty while scoring."""

import re
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

BUCKETS = ("low", "median", "high")
BUCKET_VALUES = (0.0, 0.5, 1.0)
"""Where the regressor places the buckets, and how much each contributes to the classifier's beauty."""


class Head(ABC):
    """Meaning of a network's outputs.

    Attributes:
        name: What ``create_head`` makes it from.
        outputs: Units of the network's last layer.
        score_columns: Columns of scores: beauty, and the probabilities of the buckets if there are any.
    """

    name: str
    outputs: int
    score_columns: int = 1

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch: outputs (n, units) against target beauty (n,) in [0, 1]."""

    @abstractmethod
    def columns(self, outputs: Tensor) -> Tensor:
        """Scores (n, score_columns) from outputs (n, units): beauty in [0, 1] first, then probabilities."""

    @abstractmethod
    def unbounded_beauty(self, outputs: Tensor) -> Tensor:
        """Beauty (n,) before it is cut to [0, 1]: what explanations differentiate, since a cut has no slope."""


class ClassifierHead(Head):
    """Three classes; beauty = 0 p_low + 0.5 p_median + 1 p_high (METHODS of the paper: expected label)."""

    name = "classifier"
    outputs = len(BUCKETS)
    score_columns = 1 + len(BUCKETS)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy; a target between two buckets counts towards both in proportion."""
        return nn.functional.cross_entropy(outputs, soft_buckets(targets))

    def columns(self, outputs: Tensor) -> Tensor:
        """Beauty, p_low, p_median, p_high."""
        probabilities = outputs.softmax(dim=1)
        beauty = 0.5 * probabilities[:, 1:2] + probabilities[:, 2:3]
        return torch.cat([beauty.clamp(0, 1), probabilities], dim=1)

    def unbounded_beauty(self, outputs: Tensor) -> Tensor:
        """The expected label, which is never outside [0, 1]."""
        probabilities = outputs.softmax(dim=1)
        return 0.5 * probabilities[:, 1] + probabilities[:, 2]


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

    def unbounded_beauty(self, outputs: Tensor) -> Tensor:
        """The output as it is."""
        return outputs[:, 0]


class RatingHead(Head):
    """One unit that predicts a mean rating on 1..10, as in AVA and the LAION predictors; beauty = (rating - 1) / 9."""

    name = "rating_1_10"
    outputs = 1

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error in rating points."""
        return nn.functional.mse_loss(outputs[:, 0], 1 + 9 * targets)

    def columns(self, outputs: Tensor) -> Tensor:
        """Beauty alone, cut to [0, 1]."""
        return ((outputs - 1) / 9).clamp(0, 1)

    def unbounded_beauty(self, outputs: Tensor) -> Tensor:
        """The rating on [0, 1], not cut."""
        return (outputs[:, 0] - 1) / 9


class ObjectHead(Head):
    """Classes of the object pretraining: a name such as ``objects_21841``. Objects say nothing of beauty.

    Args:
        classes: Number of classes.
    """

    def __init__(self, classes: int) -> None:
        self.name = f"objects_{classes}"
        self.outputs = classes

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy against class numbers (n,)."""
        return nn.functional.cross_entropy(outputs, targets)

    def columns(self, outputs: Tensor) -> Tensor:
        """There is no beauty.

        Raises:
            ValueError: Always; it says how to get a network that has beauty.
        """
        raise ValueError(f"a network with head {self.name} knows objects, not beauty; fine-tune it to buckets first")

    def unbounded_beauty(self, outputs: Tensor) -> Tensor:
        """There is no beauty.

        Raises:
            ValueError: Always.
        """
        return self.columns(outputs)


def soft_buckets(targets: Tensor) -> Tensor:
    """Weights (n, 3) of low, median and high whose expected value is the target (n,) in [0, 1].

    >>> soft_buckets(torch.tensor([0.0, 0.5, 0.75])).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]]
    """
    low = (1 - 2 * targets).clamp(min=0)
    high = (2 * targets - 1).clamp(min=0)
    return torch.stack([low, 1 - low - high, high], dim=1)


_HEADS: dict[str, type[Head]] = {head.name: head for head in (ClassifierHead, RatingHead, RegressorHead)}
_OBJECTS = re.compile(r"objects_([1-9]\d*)")


def create_head(name: str) -> Head:
    """The head called ``name``: ``classifier``, ``regressor``, ``rating_1_10``, or ``objects_<number of classes>``.

    Raises:
        ValueError: There is no such head.
    """
    if match := _OBJECTS.fullmatch(name):
        return ObjectHead(int(match[1]))
    if name not in _HEADS:
        raise ValueError(f"no head {name!r}; there are {sorted(_HEADS)} and objects_<number of classes>")
    return _HEADS[name]()
