"""What a worker of object pretraining does: open the images, train, and name the objects that were held out."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from torch import nn

from assets.contracts.lake import Lake
from assets.contracts.requests import PretrainObjects
from models.evaluation import bootstrapped
from models.example_sheet import example_sheet
from models.labelled_images import DecodedOnDemand
from models.object_pretraining import pretrain_network, recognise
from models.training import EpochMetrics, TrainingSettings, complete_curves
from models.training_state import StateStore
from models.weights import ModelConfig, dump_weights
from ray_jobs.object_images import ObjectImages, open_images
from ray_jobs.train_workers import Worker
from ray_jobs.training_states import LakeStateStore, going_on


@dataclass(frozen=True)
class PretrainOnObjects:
    """The task of each worker.

    Attributes:
        config: Which network, and how images are prepared for it.
        settings: How to train; threads and device are the worker's.
        request: Where images and lake are.
        photos: From ``object_images.categorised_photos``.
        state_name: Object of the lake that keeps the state.
    """

    config: ModelConfig
    settings: TrainingSettings
    request: PretrainObjects
    photos: pa.Table
    state_name: str

    def __call__(self, worker: Worker) -> dict[str, Any]:
        """Train on the images that are not held out, and name the objects in those that are.

        Returns:
            ``weights`` (bytes), ``preprocessing_hash``, ``parameters``, ``training_images``, ``unreadable_images`` (of
            those that this worker looked at), ``curves``, ``examples`` (PNG, empty for photos of the community), and
            what ``recognition`` returns; nothing in workers other than the first.

        Raises:
            ValueError: There are no images, or fewer than two to learn from.
        """
        settings = replace(self.settings, threads=worker.threads, device=worker.device)
        images = open_images(self.request, self.photos)
        train = DecodedOnDemand(images.train, self.config.preprocessing, worker.threads)
        held_out = DecodedOnDemand(images.held_out, self.config.preprocessing, worker.threads)
        worker.agree_on("images", train.fingerprint)

        def fit(states: StateStore) -> tuple[nn.Module, list[EpochMetrics]]:
            return pretrain_network(self.config, settings, train, held_out, states=states, placement=worker.placement)

        network, curve = going_on(LakeStateStore(Lake(self.request.lake_uri), self.state_name), fit)
        if not worker.is_first:
            return {}
        return {
            "weights": dump_weights(network, self.config),
            "preprocessing_hash": self.config.preprocessing.hash,
            "parameters": sum(p.numel() for p in network.parameters()),
            "training_images": len(train),
            "curves": _curves(curve),
            "examples": example_sheet(train) if self.request.images else b"",
            **recognition(images, recognise(network.to(worker.device), self.config, held_out, worker.device)),
            "unreadable_images": len(train.failures) + len(held_out.failures),
        }


def recognition(images: ObjectImages, seen: np.ndarray) -> dict[str, Any]:
    """How well objects that were held out are named.

    Args:
        images: The images.
        seen: Class number by held-out image; -1 where it could not be read.

    Returns:
        ``accuracy`` (value, n, lower and upper: a bootstrap over owners), ``chance_accuracy`` (share of the most
        frequent class), and ``by_class``: one row per class with ``class``, ``training_images``, ``held_out_images``,
        ``accuracy`` and ``most_often_taken_for``.
    """
    readable = seen >= 0
    labels, seen, owner = images.held_out.labels[readable], seen[readable], images.owner[readable]
    names = images.train.classes
    accuracy = bootstrapped(lambda right: float(right.mean()), (labels == seen).astype(float), groups=owner)
    rows = []
    for number, name in enumerate(names):
        answers = seen[labels == number]
        wrong = Counter(names[answer] for answer in answers.tolist() if answer != number)
        rows.append(
            {
                "class": name,
                "training_images": int((images.train.labels == number).sum()),
                "held_out_images": len(answers),
                "accuracy": float((answers == number).mean()) if len(answers) else None,
                "most_often_taken_for": min(wrong, key=lambda other: (-wrong[other], other)) if wrong else "",
            }
        )
    chance = float(np.bincount(labels).max() / len(labels)) if len(labels) else None
    return {"accuracy": accuracy.to_dict(), "chance_accuracy": chance, "by_class": rows}


def _curves(curve: list[EpochMetrics]) -> dict[str, list[float]]:
    curves = {
        "training loss": [point.loss for point in curve],
        "held-out accuracy": [point.validation_accuracy for point in curve],
    }
    return complete_curves(curves)
