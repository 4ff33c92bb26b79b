"""What a training worker does: prepare the photos, train, measure on users and months it has not seen."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from torch import nn

from assets.contracts.lake import Lake
from assets.contracts.requests import TrainBeautyModel
from models.evaluation import owners
from models.heads import BUCKET_VALUES, BUCKETS
from models.registry import model_entry
from models.training import EpochMetrics, TrainingData, TrainingSettings, complete_curves, predict_beauty, train_network
from models.training_state import StateStore
from models.weights import ModelConfig, dump_weights
from ray_jobs.head_comparison import HeldOut
from ray_jobs.photo_source import PhotoSource
from ray_jobs.prepared_photos import prepare_photos
from ray_jobs.train_workers import Worker
from ray_jobs.training_states import LakeStateStore, going_on

_SPLITS = ("train", "validation", "test")
_VALIDATION_PHOTOS = 1_000
_TEST_PHOTOS = 5_000


@dataclass(frozen=True)
class TrainBeauty:
    """The task of each worker.

    Attributes:
        config: Which network, and how photos are prepared for it.
        settings: How to train; threads and device are the worker's.
        request: Where photos and lake are, and how many photos to train on.
        rows: Labelled photos; see ``BeautyTrainer.train``.
        initial: Weights to start from.
        state_name: Object of the lake that keeps the state.
    """

    config: ModelConfig
    settings: TrainingSettings
    request: TrainBeautyModel
    rows: pa.Table
    initial: bytes | None
    state_name: str

    def __call__(self, worker: Worker) -> dict[str, Any]:
        """Train; see ``BeautyTrainer.train``."""
        settings = replace(self.settings, threads=worker.threads, device=worker.device)
        trainer = BeautyTrainer(self.config, settings, self.request.media_root, self.request.maximum_photos)
        states = LakeStateStore(Lake(self.request.lake_uri), self.state_name)
        return trainer.train(self.rows, initial=self.initial, states=states, worker=worker)


class BeautyTrainer:
    """Trains one network.

    Args:
        config: Which network, and how photos are prepared for it.
        settings: How to train.
        media_root: Where relative photo URIs start.
        maximum_photos: Photos to train on at most.
    """

    def __init__(
        self, config: ModelConfig, settings: TrainingSettings, media_root: str, maximum_photos: int = 10_000
    ) -> None:
        self._config = config
        self._settings = settings
        self._limits = {"train": maximum_photos, "validation": _VALIDATION_PHOTOS, "test": _TEST_PHOTOS}
        self._source = PhotoSource(media_root)

    def train(
        self,
        rows: pa.Table,
        *,
        initial: bytes | None = None,
        states: StateStore | None = None,
        worker: Worker | None = None,
    ) -> dict[str, Any]:
        """Train on the rows of split ``train`` and measure on those of ``test``.

        Args:
            rows: Columns ``photo_id``, ``user_id``, ``uri``, ``bucket``, ``metric`` and ``split`` of ``training_set``.
            initial: Weights to start from, all but the last layer.
            states: Where the state is kept after each epoch; a run that was interrupted goes on from there.
            worker: This one among several; alone by default.

        Returns:
            ``weights`` (bytes), ``preprocessing_hash``, ``parameters``, ``training_photos``,
            ``unusable_photos``, ``held_out`` (``HeldOut``) and ``curves``; nothing in workers other than the first.

        Raises:
            ValueError: Fewer than two photos of the split ``train`` could be read, or the kept state is no state.
            WeightsError: ``initial`` does not fit the network.
        """
        worker = worker or Worker()
        # Only the first worker evaluates, so the others need no photos for that.
        limits = self._limits if worker.is_first else {"train": self._limits["train"]}
        with tempfile.TemporaryDirectory() as folder:
            rows = sampled(rows, limits, self._settings.seed)
            uris = rows["uri"].to_pylist()
            prepared, usable = prepare_photos(
                self._source, uris, self._config.preprocessing, Path(folder) / "photos.npy", self._settings.threads
            )
            split, metric = rows["split"].to_numpy(), rows["metric"].to_numpy()
            targets = _targets(rows["bucket"].to_numpy())
            owner = owners(rows["user_id"].to_pylist(), rows["photo_id"].to_pylist())
            chosen = {name: np.flatnonzero(usable & (split == name)) for name in _SPLITS}
            # Copies: training must not wait for the disk, and only labelled photos come here.
            data = {name: TrainingData(prepared[index], targets[index]) for name, index in chosen.items()}
            worker.agree_on("photos", data["train"].fingerprint)
            network, curve = self._fit(data["train"], data["validation"], initial, states, worker)
            if not worker.is_first:
                return {}
            beauty = predict_beauty(network, self._config, data["test"].inputs, self._settings.device)
        return {
            "weights": dump_weights(network, self._config),
            "preprocessing_hash": self._config.preprocessing.hash,
            "parameters": sum(p.numel() for p in network.parameters()),
            "training_photos": len(chosen["train"]),
            "unusable_photos": int((~usable).sum()),
            "held_out": HeldOut(
                beauty, targets[chosen["test"]], metric[chosen["test"]], owner[chosen["test"]], _last_spearman(curve)
            ),
            "curves": _curves(curve),
        }

    def _fit(
        self,
        train: TrainingData,
        validation: TrainingData,
        initial: bytes | None,
        states: StateStore | None,
        worker: Worker,
    ) -> tuple[nn.Module, list[EpochMetrics]]:
        def fit(states: StateStore | None) -> tuple[nn.Module, list[EpochMetrics]]:
            return train_network(
                self._config,
                self._settings,
                train,
                validation,
                initial=initial,
                states=states,
                placement=worker.placement,
            )

        return fit(None) if states is None else going_on(states, fit)


def sampled(rows: pa.Table, limits: dict[str, int], seed: int) -> pa.Table:
    """Rows in their order, of each split at most its limit, drawn at random but the same for the same seed."""
    split = rows["split"].to_numpy()
    order = np.random.default_rng(seed).permutation(len(split))
    chosen = [order[split[order] == name][:limit] for name, limit in limits.items()]
    return rows.take(np.sort(np.concatenate(chosen)))


def _targets(buckets: np.ndarray) -> np.ndarray:
    values = dict(zip(BUCKETS, BUCKET_VALUES, strict=True))
    return np.array([values[bucket] for bucket in buckets], np.float32)


def _last_spearman(curve: list[EpochMetrics]) -> float | None:
    return curve[-1].validation_spearman if curve else None


def _curves(curve: list[EpochMetrics]) -> dict[str, list[float]]:
    curves = {
        "training loss": [point.loss for point in curve],
        "validation Spearman": [point.validation_spearman for point in curve],
    }
    return complete_curves(curves)


def model_config(request: TrainBeautyModel) -> ModelConfig:
    """The network that a request asks for.

    Raises:
        KeyError: There is no such architecture.
        ValueError: There is no such head, or no such decoder for this network.
    """
    preprocessing = replace(
        model_entry(request.architecture).preprocessing.resized(request.input_size), decoder=request.decoder
    )
    config = ModelConfig(request.architecture, request.head, preprocessing)
    config.create_head()
    return config
