"""The paper's network: AlexNet/CaffeNet convolutions, ``fc6`` and ``fc8`` (there is no ``fc7``), and its variants.

Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks" (2012), in
the layer order of BVLC CaffeNet (pooling before normalisation), with ungrouped convolutions. Width and input size
are parameters. ``alexnet_small`` departs from the paper so that it trains in minutes on two CPU cores: 5 x 5 filters
with stride 2, batch normalisation instead of local response normalisation, and pooling of the mean and the largest
activation over the image instead of the large ``fc6``.
"""

import torch
from torch import Tensor, nn

from models.preprocessing import Preprocessing
from models.registry import register

OBJECT_CLASSES = 21_841
"""Classes of the object pretraining, in the order of ImageNet-21k."""


def _width(channels: int, width: float) -> int:
    return max(8, round(channels * width / 8) * 8)


def _pooled_side(input_size: int) -> int:
    side = (input_size - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


class AlexNet(nn.Module):
    """CaffeNet with one hidden fully connected layer.

    Args:
        outputs: Units of ``fc8``.
        input_size: Side of the input in pixels; 227 in the paper, at least 67.
        width: Factor on all numbers of channels and on ``fc6``; 1 in the paper.
        dropout: Share of ``fc6`` that is dropped while training.

    Raises:
        ValueError: The input is too small for three poolings.
    """

    def __init__(self, outputs: int, input_size: int = 227, width: float = 1.0, dropout: float = 0.5) -> None:
        super().__init__()
        side = _pooled_side(input_size)
        if side < 1:
            raise ValueError(f"input_size is {input_size}; AlexNet needs at least 67 pixels")
        c1, c2, c3, c5 = (_width(c, width) for c in (96, 256, 384, 256))
        hidden = _width(8192, width)
        self.features = nn.Sequential(
            nn.Conv2d(3, c1, 11, stride=4), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5),
            nn.Conv2d(c1, c2, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5),
            nn.Conv2d(c2, c3, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(c3, c3, 3, padding=1), nn.ReLU(inplace=True),
            nn.Conv2d(c3, c5, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2),
        )  # fmt: skip
        self.fc6 = nn.Linear(c5 * side * side, hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc8 = nn.Linear(hidden, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Outputs (n, outputs) of normalised pixels (n, 3, input_size, input_size)."""
        hidden = self.fc6(self.features(pixels).flatten(1)).relu()
        outputs: Tensor = self.fc8(self.dropout(hidden))
        return outputs


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class SmallAlexNet(nn.Module):
    """Five convolutions like AlexNet's, for any input size.

    Args:
        outputs: Units of the last layer.
        input_size: Side of the input in pixels; any size from 32 works, since features are pooled over the image.
        width: Factor on the numbers of channels.
        dropout: Share of pooled features that is dropped while training.
    """

    def __init__(self, outputs: int, input_size: int = 96, width: float = 1.0, dropout: float = 0.2) -> None:
        super().__init__()
        if input_size < 32:
            raise ValueError(f"input_size is {input_size}; alexnet_small needs at least 32 pixels")
        c1, c2, c3 = (_width(c, width) for c in (24, 48, 96))
        self.features = nn.Sequential(
            _block(3, c1, 5, 2), nn.MaxPool2d(3, 2, 1),
            _block(c1, c2, 3, 1), nn.MaxPool2d(3, 2, 1),
            _block(c2, c3, 3, 1), nn.MaxPool2d(3, 2, 1),
            _block(c3, c3, 3, 1),
            _block(c3, c3, 3, 1),
        )  # fmt: skip
        self.dropout = nn.Dropout(dropout)
        self.fc8 = nn.Linear(2 * c3, outputs)

    def forward(self, pixels: Tensor) -> Tensor:
        """Outputs (n, outputs) of normalised pixels (n, 3, input_size, input_size)."""
        pooled = _mean_and_maximum(self.features(pixels).flatten(2))
        outputs: Tensor = self.fc8(self.dropout(pooled))
        return outputs


def _mean_and_maximum(activations: Tensor) -> Tensor:
    return torch.cat([activations.mean(dim=2), activations.amax(dim=2)], dim=1)


@register(
    "alexnet_reference",
    Preprocessing(input_size=227),
    "The paper's network: CaffeNet, ungrouped, fc6 of 8192 units, no fc7.",
    parameters=258_196_177,
    trial={"width": 0.05},
    trial_input_size=67,
)
def alexnet_reference(
    outputs: int = OBJECT_CLASSES, input_size: int = 227, width: float = 1.0, dropout: float = 0.5
) -> nn.Module:
    """The reference network: 258,196,177 parameters for 21,841 objects, 79,277,443 for three buckets."""
    return AlexNet(outputs, input_size, width, dropout)


@register(
    "alexnet_quarter",
    Preprocessing(input_size=128),
    "The reference network at a quarter of its width, for 128 px.",
    parameters=773_475,
)
def alexnet_quarter(outputs: int = 3, input_size: int = 128, width: float = 0.25, dropout: float = 0.5) -> nn.Module:
    """The reference layers with a quarter of the channels and of fc6."""
    return AlexNet(outputs, input_size, width, dropout)


@register(
    "alexnet_small",
    Preprocessing(input_size=96),
    "Five convolutions with batch normalisation; trains in minutes on two CPU cores.",
    parameters=220_827,
)
def alexnet_small(outputs: int = 3, input_size: int = 96, width: float = 1.0, dropout: float = 0.2) -> nn.Module:
    """The variant that a laptop trains."""
    return SmallAlexNet(outputs, input_size, width, dropout)
