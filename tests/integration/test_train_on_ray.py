"""Training on one real local Ray: the same bytes whoever runs it and whoever dies, and errors in their own words."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.contracts.lake import Lake
from assets.contracts.objects import OBJECT_MODELS
from assets.contracts.requests import PretrainObjects
from models.preprocessing import Preprocessing
from models.training import TrainingData, TrainingSettings, train_network
from models.training_state import StateStore
from models.weights import ModelConfig, dump_weights
from ray_jobs.cluster import ray_cluster
from ray_jobs.pretrain_objects import run as pretrain
from ray_jobs.train_workers import Worker, run_by_ray_train, run_in_actor, run_on_workers
from ray_jobs.training_states import LakeStateStore, going_on

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]

CONFIG = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=32))
EPOCHS, BATCHES = 3, 5


@dataclass(frozen=True)
class MortalPhotos(TrainingData):
    """Photos whose worker is killed in the middle of the second epoch, once; without a mark nobody is."""

    mark: Path | None = None
    drawn: list[int] = field(default_factory=list)

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        self.drawn.append(len(rows))
        if self.mark is not None and len(self.drawn) == BATCHES + 3 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batch(rows)


@dataclass(frozen=True)
class Train:
    """A tiny training with states; the worker of one rank may be killed."""

    lake_uri: str
    mark: Path | None = None
    mortal_rank: int = 0

    def __call__(self, worker: Worker) -> tuple[bytes, int]:
        """The weights, and how many epochs were trained since the worker began."""
        generator = np.random.default_rng(0)
        inputs = generator.integers(0, 255, (80, 32, 32, 3)).astype(np.uint8)
        targets = generator.choice([0.0, 0.5, 1.0], 80).astype(np.float32)
        mark = self.mark if worker.placement.rank == self.mortal_rank else None
        photos = MortalPhotos(inputs, targets, mark)
        settings = TrainingSettings(epochs=EPOCHS, batch_size=16, threads=1, device=worker.device)
        worker.agree_on("photos", photos.fingerprint)

        def fit(states: StateStore) -> bytes:
            network, _ = train_network(
                CONFIG, settings, photos, TrainingData(inputs, targets), states=states, placement=worker.placement
            )
            return dump_weights(network, CONFIG)

        weights = going_on(LakeStateStore(Lake(self.lake_uri), "state"), fit)
        return weights, len(photos.drawn) // BATCHES


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with ray_cluster():
        yield


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Weights of one worker that nothing happened to."""
    weights, epochs = run_on_workers(Train(str(tmp_path_factory.mktemp("alone"))))
    assert epochs == EPOCHS
    return weights


def test_one_worker_gives_the_same_weights_as_an_actor_and_by_ray_train(tmp_path: Path, alone: bytes) -> None:
    weights, _ = run_by_ray_train(Train(str(tmp_path)), workers=1, gpus=0)
    assert weights == alone


@pytest.mark.faults
def test_a_killed_worker_goes_on_from_its_last_epoch_to_the_same_weights(tmp_path: Path, alone: bytes) -> None:
    mark = tmp_path / "killed"
    weights, epochs = run_in_actor(Train(str(tmp_path / "lake"), mark))
    assert mark.exists()
    assert (weights == alone, epochs) == (True, EPOCHS - 1)


@pytest.mark.faults
def test_two_workers_give_the_same_weights_though_one_is_killed(tmp_path: Path, alone: bytes) -> None:
    whole, _ = run_on_workers(Train(str(tmp_path / "whole")), workers=2)
    mark = tmp_path / "killed"
    resumed, epochs = run_on_workers(Train(str(tmp_path / "resumed"), mark, mortal_rank=1), workers=2)
    assert mark.exists()
    assert (resumed == whole, epochs) == (True, EPOCHS - 1)
    assert whole != alone


@dataclass(frozen=True)
class Disagree:
    """Workers with photos of their own, who leave a file each time they begin."""

    folder: Path

    def __call__(self, worker: Worker) -> None:
        (self.folder / str(os.getpid())).touch()
        worker.agree_on("photos", str(worker.placement.rank))


def test_workers_that_see_other_photos_are_told_apart_and_not_started_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="^the 2 workers do not see the same photos; keep them where"):
        run_on_workers(Disagree(tmp_path), workers=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_pretrain_objects_runs_on_ray(tmp_path: Path) -> None:
    for name, shade in (("dark", 40), ("light", 200)):
        (tmp_path / "objects" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (40, 40), (shade, shade + number, shade)).save(
                tmp_path / "objects" / name / f"{number}.png"
            )
    request = PretrainObjects(
        lake_uri=str(tmp_path / "lake"),
        media_root=str(tmp_path),
        images=["objects"],
        input_size=32,
        epochs=2,
        batch_size=8,
    )
    result = pretrain(request)
    assert result["trained"]
    assert Lake(request.lake_uri).read(OBJECT_MODELS)["model_version"].to_pylist() == [result["model_version"]]
    assert pretrain(request) == {**result, "trained": False}
