"""Training steps: seeded, exactly repeatable on one kind of machine, with an early look at held-out photos.

Repeatable means: the same data, settings, torch build, number of threads and number of workers give the same bytes of
weights, in one go or interrupted and resumed. What a run starts from stands in ``transfer.py``, what it needs to go on
in ``training_state.py``, training on objects in ``object_pretraining.py``.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from models.evaluation import spearman
from models.heads import Head
from models.preprocessing import Preprocessing
from models.scorer import ScoringNetwork
from models.training_state import RunState, StateStore
from models.transfer import copy_backbone, last_layer
from models.weights import ModelConfig, WeightsError

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

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def fingerprint(self) -> str:
        """Hash of all targets and of some photos: enough to see that a run goes on with what it began with."""
        digest = hashlib.sha256(np.ascontiguousarray(self.targets).tobytes())
        digest.update(np.ascontiguousarray(self.inputs[:: len(self.inputs) // 64 + 1]).tobytes())
        return digest.hexdigest()

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Copies of the inputs and targets of some rows, all of them readable."""
        return self.inputs[rows], self.targets[rows], np.ones(len(rows), bool)


class Photos(Protocol):
    """Labelled photos that batches are drawn from; ``TrainingData``, or photos that are decoded as they are needed."""

    @property
    def fingerprint(self) -> str:
        """Changes with the photos or their labels."""

    def __len__(self) -> int:
        """Number of photos."""

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Inputs (k, ...) and targets (k,) of rows (n,), new arrays, and bool (n,): which k of them could be read."""


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
        backbone_rate: Factor on the learning rate of all layers but the last; 0 trains the last layer alone.
    """

    epochs: int = 12
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-3
    seed: int = 0
    threads: int = 2
    device: str = "cpu"
    backbone_rate: float = 1.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 2:
            raise ValueError(f"epochs is {self.epochs} and batch_size {self.batch_size}; at least 1 and 2 are needed")
        if not self.backbone_rate >= 0:
            raise ValueError(f"backbone_rate is {self.backbone_rate}; it is a factor, 0 or more")


@dataclass(frozen=True)
class Placement:
    """Where one of several workers stands that train one network together.

    Each worker takes every ``workers``-th photo of each batch; ``wrap`` makes the network share gradients, as
    ``DistributedDataParallel`` or ``ray.train.torch.prepare_model`` do. Only the first worker evaluates, reports and
    stores states.

    Attributes:
        rank: Number of this worker, from 0.
        workers: Number of workers.
        wrap: Makes the network share gradients; called once, on the device.
    """

    rank: int = 0
    workers: int = 1
    wrap: Callable[[nn.Module], nn.Module] = lambda network: network

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.workers:
            raise ValueError(f"rank is {self.rank} of {self.workers} workers; ranks start at 0")


ALONE = Placement()
"""One worker that does everything."""


@dataclass(frozen=True)
class EpochMetrics:
    """One point of the training curve.

    Attributes:
        epoch: From 1.
        loss: Mean training loss of the epoch; None for networks that fit themselves.
        validation_spearman: Spearman of beauty against targets on validation photos; None without any.
        validation_accuracy: Share of validation photos whose object is recognised; None where objects are not learned.
    """

    epoch: int
    loss: float | None
    validation_spearman: float | None
    validation_accuracy: float | None = None


def complete_curves(curves: Mapping[str, Sequence[float | None]]) -> dict[str, list[float]]:
    """Curves by name, one value per epoch; a curve that was not measured in each of them is left out."""
    return {name: [v for v in values if v is not None] for name, values in curves.items() if None not in values}


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
    *,
    initial: bytes | None = None,
    states: StateStore | None = None,
    placement: Placement = ALONE,
) -> tuple[nn.Module, list[EpochMetrics]]:
    """Train a network of the registry.

    Args:
        config: Which network.
        settings: How to train it.
        train: Photos to learn from; at least two.
        validation: Photos for the curve; may be empty; they never influence the weights.
        report: Called after each epoch, also after those that a resumed run had done before.
        initial: Weights to start from, all but the last layer; see ``transfer.copy_backbone``.
        states: Where the state of the run is kept after each epoch; a run that was interrupted goes on from there.
        placement: This worker among several.

    Returns:
        The network in evaluation mode on the CPU, and the curve.

    Raises:
        ValueError: There are fewer than two photos to learn from, or the kept state is that of another run.
        WeightsError: ``initial`` does not fit the network.
    """
    if len(train) < 2:
        raise ValueError(f"training needs at least two photos, there are {len(train)}")
    with repeatable(settings):
        network = config.create_network()
        if isinstance(network, FitsItself):
            if initial is not None:
                raise WeightsError(f"{config.architecture} is fitted in closed form and starts from no weights")
            network.fit(train.inputs, train.targets, config.create_head())
            curve = [_evaluate(network.eval(), config, 1, None, validation, "cpu")]
            report(curve[0])
            return network, curve
        if initial is not None:
            copy_backbone(network, initial)

        def evaluate(network: nn.Module, epoch: int, loss: float) -> EpochMetrics:
            return _evaluate(network, config, epoch, loss, validation, settings.device)

        return train_by_steps(network, config, settings, train, evaluate, report, states, placement)


Evaluate = Callable[[nn.Module, int, float], EpochMetrics]
"""Metrics of a network in evaluation mode, after an epoch with a mean loss."""


def train_by_steps(
    network: nn.Module,
    config: ModelConfig,
    settings: TrainingSettings,
    train: Photos,
    evaluate: Evaluate,
    report: Report,
    states: StateStore | None,
    placement: Placement,
) -> tuple[nn.Module, list[EpochMetrics]]:
    """Minimise the head's loss; see ``train_network``, which seeds everything first."""
    network = network.to(settings.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(
        _parameter_groups(network, settings), settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * _steps_per_epoch(len(train), settings.batch_size, placement.workers)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cosine(step / steps))
    run = RunState(network, optimizer, schedule, np.random.default_rng(settings.seed))
    identity = _identity(config, settings, train, placement)
    done = run.restore(states.load(), identity) if states is not None else []
    curve = [EpochMetrics(**values) for values in done]
    for metrics in curve:
        _on_first_worker(placement, report, metrics)
    trained = placement.wrap(network)
    head = config.create_head()
    for epoch in range(len(curve) + 1, settings.epochs + 1):
        if placement.workers > 1:
            # Only the first worker stores a state, so the others must not need one.
            torch.manual_seed(int(np.random.default_rng([settings.seed, epoch, placement.rank]).integers(2**62)))
        loss = _train_epoch(trained, head, run, _batches(train, config, settings, run.generator, placement))
        curve.append(evaluate(network.eval(), epoch, loss) if not placement.rank else EpochMetrics(epoch, loss, None))
        if states is not None and not placement.rank:
            states.save(run.dump(identity, [asdict(metrics) for metrics in curve]))
        _on_first_worker(placement, report, curve[-1])
    network = network.to("cpu").to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return network.eval(), curve


def _train_epoch(network: nn.Module, head: Head, run: RunState, batches: Iterator[tuple[Tensor, Tensor]]) -> float:
    """One pass; the mean loss of its steps, NaN if there was none."""
    losses = []
    network.train()
    for inputs, targets in batches:
        run.optimizer.zero_grad(set_to_none=True)
        loss = head.loss(network(inputs), targets)
        loss.backward()  # type: ignore[no-untyped-call]
        run.optimizer.step()
        run.schedule.step()
        losses.append(loss.detach())
    return float(torch.stack(losses).mean()) if losses else math.nan


def _parameter_groups(network: nn.Module, settings: TrainingSettings) -> list[dict[str, Any]]:
    """The last layer, and the others at their own rate; one group where the rates are equal."""
    if settings.backbone_rate == 1:
        return [{"params": list(network.parameters())}]
    last = {id(parameter) for parameter in last_layer(network).parameters()}
    backbone = [parameter for parameter in network.parameters() if id(parameter) not in last]
    groups: list[dict[str, Any]] = [{"params": list(last_layer(network).parameters())}]
    if settings.backbone_rate == 0:
        for parameter in backbone:
            parameter.requires_grad = False
        return groups
    return [*groups, {"params": backbone, "lr": settings.learning_rate * settings.backbone_rate}]


def _identity(config: ModelConfig, settings: TrainingSettings, train: Photos, placement: Placement) -> str:
    """What a state belongs to: it must not go on with other photos, settings or workers."""
    fields = {
        "config": asdict(config),
        "settings": asdict(settings),
        "workers": placement.workers,
        "photos": train.fingerprint,
    }
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _on_first_worker(placement: Placement, report: Report, metrics: EpochMetrics) -> None:
    if not placement.rank:
        report(metrics)


def _cosine(progress: float) -> float:
    if progress < _WARMUP:
        return (progress + 1e-3) / _WARMUP
    return 0.5 * (1 + math.cos(math.pi * (progress - _WARMUP) / (1 - _WARMUP)))


def _steps_per_epoch(photos: int, batch_size: int, workers: int) -> int:
    """A last batch of less than two photos per worker is left out: batch normalisation cannot learn from one."""
    whole, rest = divmod(photos, batch_size)
    return whole + (rest >= 2 * workers)


def _batches(
    data: Photos, config: ModelConfig, settings: TrainingSettings, generator: np.random.Generator, placement: Placement
) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches; half of the photos are mirrored left to right, which changes no one's beauty."""
    order = generator.permutation(len(data))
    for step in range(_steps_per_epoch(len(order), settings.batch_size, placement.workers)):
        rows = np.sort(order[step * settings.batch_size : (step + 1) * settings.batch_size])
        mirrored = generator.random(len(rows)) < 0.5
        share = slice(placement.rank, None, placement.workers)
        pixels, targets, readable = data.batch(rows[share])
        if len(targets) < 2:
            _refuse_to_skip(placement, len(rows[share]))
            continue
        mirrored = mirrored[share][readable]
        pixels[mirrored] = pixels[mirrored, :, ::-1]
        yield normalised(pixels, config.preprocessing, settings.device), torch.from_numpy(targets).to(settings.device)


def normalised(pixels: np.ndarray, preprocessing: Preprocessing, device: str) -> Tensor:
    """Network inputs float32 (n, 3, h, w) of prepared photos uint8 (n, h, w, 3)."""
    mean = torch.tensor(preprocessing.mean, device=device).view(1, 3, 1, 1)
    std = torch.tensor(preprocessing.std, device=device).view(1, 3, 1, 1)
    inputs = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float()
    return (inputs - mean) / std


def _refuse_to_skip(placement: Placement, photos: int) -> None:
    """One worker alone may skip a step; among several the others would wait for it for ever."""
    if placement.workers > 1:
        raise ValueError(f"less than two of {photos} photos of a batch can be read; remove unreadable photos first")


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
def repeatable(settings: TrainingSettings) -> Iterator[None]:
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
