"""Training steps: seeded, exactly repeatable on one kind of machine, with an early look at held-out photos.

Repeatable means: the same data, settings, torch build and number of threads give the same bytes of weights.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from models.evaluation import spearman
from models.heads import Head
from models.scorer import ScoringNetwork
from models.weights import ModelConfig

_WARMUP = 0.1
_EVALUATION_BATCH = 256


@dataclass(frozen=True)
class TrainingData:
    """Prepared photos with their labels.

    Attributes:
        inputs: (n, ...) prepared photos; a memory map is fine.
        targets: float32 (n,) beauty in [0, 1].
    """

    inputs: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True)
class TrainingSettings:
    """How to train.

    Attributes:
        epochs: Passes over the photos.
        batch_size: Photos per step.
        learning_rate: Peak rate of the schedule: linear warm-up over the first tenth, then a half cosine to zero.
        weight_decay: Decoupled weight decay (AdamW, Loshchilov and Hutter 2019).
        seed: Everything random derives from it.
        threads: CPU threads; part of what makes a run repeatable.
        device: ``cpu`` or a CUDA device.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    seed: int = 0
    threads: int = 2
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs is {self.epochs} and batch_size {self.batch_size}; at least 1 and 2 are needed")


@dataclass(frozen=True)
class EpochMetrics:
    """One point of the training curve.

    Attributes:
        epoch: From 1.
        loss: Mean training loss of the epoch; None for networks that fit themselves.
        validation_spearman: Spearman of beauty against targets on validation photos; None without any.
    """

    epoch: int
    loss: float | None
    validation_spearman: float | None


Report = Callable[[EpochMetrics], None]


@runtime_checkable
class FitsItself(Protocol):
    """A network with an optimum of its own: fitted in closed form or by convex optimisation, not by steps."""

    def fit(self, inputs: np.ndarray, targets: np.ndarray, head: Head) -> None:
        """Fit to prepared photos (n, ...) and beauty (n,) in [0, 1]."""


def train_network(
    config: ModelConfig,
    settings: TrainingSettings,
    train: TrainingData,
    validation: TrainingData,
    report: Report = lambda metrics: None,
) -> tuple[nn.Module, list[EpochMetrics]]:
    """Train a network of the registry.

    Args:
        config: Which network.
        settings: How to train it.
        train: Photos to learn from; at least two.
        validation: Photos for the curve; may be empty; they never influence the weights.
        report: Called after each epoch.

    Returns:
        The network in evaluation mode on the CPU, and the curve.

    Raises:
        ValueError: There are fewer than two photos to learn from.
    """
    if len(train.targets) < 2:
        raise ValueError(f"training needs at least two photos, there are {len(train.targets)}")
    with _repeatable(settings):
        network = config.create_network()
        if isinstance(network, FitsItself):
            network.fit(train.inputs, train.targets, config.create_head())
            curve = [_evaluate(network.eval(), config, 1, None, validation, "cpu")]
            report(curve[0])
            return network, curve
        return _train_by_steps(network, config, settings, train, validation, report)


def _train_by_steps(
    network: nn.Module,
    config: ModelConfig,
    settings: TrainingSettings,
    train: TrainingData,
    validation: TrainingData,
    report: Report,
) -> tuple[nn.Module, list[EpochMetrics]]:
    network = network.to(settings.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    head = config.create_head()
    optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    steps = settings.epochs * _steps_per_epoch(len(train.targets), settings.batch_size)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine(step / steps))
    generator = np.random.default_rng(settings.seed)
    curve = []
    for epoch in range(1, settings.epochs + 1):
        losses = []
        network.train()
        for inputs, targets in _batches(train, config, settings, generator):
            optimizer.zero_grad(set_to_none=True)
            loss = _loss(network, head, inputs, targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(loss.detach())
        mean_loss = float(torch.stack(losses).mean())
        curve.append(_evaluate(network.eval(), config, epoch, mean_loss, validation, settings.device))
        report(curve[-1])
    network = network.to("cpu").to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return network.eval(), curve


def _loss(network: nn.Module, head: Head, inputs: Tensor, targets: Tensor) -> Tensor:
    return head.loss(network(inputs), targets)


def _cosine(progress: float) -> float:
    if progress < _WARMUP:
        return (progress + 1e-3) / _WARMUP
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARMUP) / (1 - _WARMUP)))


def _steps_per_epoch(photos: int, batch_size: int) -> int:
    """A last batch of one photo is left out, since batch normalisation cannot learn from it."""
    whole, rest = divmod(photos, batch_size)
    return whole + (rest >= 2)


def _batches(
    data: TrainingData, config: ModelConfig, settings: TrainingSettings, generator: np.random.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches; half of the photos are mirrored left to right, which changes no one's beauty."""
    mean = torch.tensor(config.preprocessing.mean, device=settings.device).view(1, 3, 1, 1)
    std = torch.tensor(config.preprocessing.std, device=settings.device).view(1, 3, 1, 1)
    order = generator.permutation(len(data.targets))
    for step in range(_steps_per_epoch(len(order), settings.batch_size)):
        rows = np.sort(order[step * settings.batch_size : (step + 1) * settings.batch_size])
        pixels = data.inputs[rows]
        mirrored = generator.random(len(rows)) < 0.5
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        inputs = torch.from_numpy(pixels).to(settings.device).permute(0, 3, 1, 2).float()
        yield (inputs - mean) / std, torch.from_numpy(data.targets[rows]).to(settings.device)


@torch.inference_mode()
def predict_beauty(network: nn.Module, config: ModelConfig, inputs: np.ndarray, device: str = "cpu") -> np.ndarray:
    """Beauty float32 (n,) of prepared photos by plain torch, batch by batch."""
    scoring = ScoringNetwork(network, config.create_head(), config.preprocessing).to(device).eval()
    parts = [
        scoring(torch.from_numpy(np.ascontiguousarray(inputs[start : start + _EVALUATION_BATCH])).to(device))[:, 0]
        for start in range(0, len(inputs), _EVALUATION_BATCH)
    ]
    return torch.cat(parts).cpu().numpy() if parts else np.zeros(0, np.float32)


def _evaluate(
    network: nn.Module, config: ModelConfig, epoch: int, loss: float | None, validation: TrainingData, device: str
) -> EpochMetrics:
    if len(validation.targets) < 2:
        return EpochMetrics(epoch, loss, None)
    correlation = spearman(predict_beauty(network, config, validation.inputs, device), validation.targets)
    return EpochMetrics(epoch, loss, correlation if math.isfinite(correlation) else None)


@contextmanager
def _repeatable(settings: TrainingSettings) -> Iterator[None]:
    """Seed torch and forbid kernels whose result varies; what was set before comes back.

    On CUDA this needs ``CUBLAS_WORKSPACE_CONFIG=:4096:8`` in the environment before cuBLAS starts; without it torch
    refuses the first matrix product. The jobs in ``ray_jobs`` give it to their workers; who trains on a GPU in a
    process of their own sets it first. Training has not been run on a GPU.
    """
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(settings.seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(deterministic)
