import json

import numpy as np
import pytest
from PIL import Image

from assets.contracts.objects import OBJECT_MODELS, examples_name
from assets.contracts.requests import PretrainObjects
from models.labelled_images import ImageFile, LabelledImages
from models.weights import load_weights
from ray_jobs import train_workers
from ray_jobs.model_store import read_weights
from ray_jobs.object_images import ObjectImages
from ray_jobs.object_trainer import recognition
from ray_jobs.pretrain_objects import run
from ray_jobs.train_workers import Worker


@pytest.fixture
def objects(media):
    """Twelve red and sixteen blue images, one of them broken."""
    generator = np.random.default_rng(0)
    for name, channel, count in (("blue", 2, 16), ("red", 0, 12)):
        (media / "objects" / name).mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 60, (40, 40, 3)).astype(np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(media / "objects" / name / f"{number}.png")
    (media / "objects" / "blue" / "3.png").write_bytes(b"no image")


@pytest.fixture
def trainings(monkeypatch):
    """Trains in this process, where the job would ask Ray; counts how often."""
    counted = []

    def train(task, *, workers, gpus):
        counted.append((workers, gpus))
        return task(Worker())

    monkeypatch.setattr(train_workers, "run_on_workers", train)
    return counted


def request(lake, media, **values) -> PretrainObjects:
    defaults = {"images": ["objects"], "input_size": 32, "epochs": 4, "batch_size": 8, "validation_share": 0.5}
    return PretrainObjects(lake_uri=lake.uri, media_root=str(media), **{**defaults, **values})


@pytest.mark.usefixtures("objects")
def test_run_adds_a_network_that_names_objects(lake, media, trainings):
    result = run(request(lake, media))
    (row,) = lake.read(OBJECT_MODELS).to_pylist()
    assert result["trained"]
    assert row["model_version"] == f"alexnet_small-objects-{row['weights_sha256'][:12]}" == result["model_version"]
    network, config = load_weights(read_weights(lake, row), sha256=row["weights_sha256"])
    assert config.head == "objects_2"
    assert row["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert row["classes"] == ["blue", "red"]
    assert row["training_images"] == 14
    assert row["held_out_images"] in (13, 14)
    assert row["accuracy"] == 1.0
    assert row["chance_accuracy"] < row["lower"]
    assert result["unreadable_images"] == 1
    assert [len(values) for values in result["curves"].values()] == [4, 4]
    assert [each["class"] for each in result["by_class"]] == ["blue", "red"]
    assert lake.get_bytes(examples_name(row["model_version"])).startswith(b"\x89PNG")
    assert lake.names(".parts/pretrain_objects") == []


@pytest.mark.usefixtures("objects")
def test_run_again_returns_the_model_without_training(lake, media, trainings):
    first = run(request(lake, media))
    assert run(request(lake, media)) == {**first, "trained": False}
    assert trainings == [(1, 0.0)]
    run(request(lake, media, seed=1, workers=3))
    assert trainings[1:] == [(3, 0.0)]
    assert lake.commit_of("object_model", "undated").rows == 2


@pytest.mark.usefixtures("objects")
def test_run_says_what_cannot_learn_objects(lake, media, trainings):
    with pytest.raises(KeyError, match="ranker"):
        run(request(lake, media, architecture="ranker"))
    assert trainings == []
    with pytest.raises(TypeError, match="handcrafted is fitted to beauty in one go"):
        run(request(lake, media, architecture="handcrafted"))


def test_recognition_counts_by_class_and_draws_whole_owners():
    def images(labels: list[int]) -> LabelledImages:
        files = tuple(ImageFile(None, name=str(i)) for i in range(len(labels)))
        return LabelledImages(("cat", "dog", "emu"), files, np.array(labels))

    split = ObjectImages(images([0, 0, 1]), images([0, 0, 0, 1, 1, 1]), np.array([1, 1, 2, 3, 4, 4]))
    found = recognition(split, np.array([0, 1, 1, 1, 1, -1]))
    assert (found["accuracy"]["value"], found["accuracy"]["n"]) == (0.6, 5)
    assert found["accuracy"]["lower"] < 0.6 < found["accuracy"]["upper"]
    assert found["chance_accuracy"] == 0.6
    assert found["by_class"] == [
        {
            "class": "cat",
            "training_images": 2,
            "held_out_images": 3,
            "accuracy": pytest.approx(1 / 3),
            "most_often_taken_for": "dog",
        },
        {"class": "dog", "training_images": 1, "held_out_images": 2, "accuracy": 1.0, "most_often_taken_for": ""},
        {"class": "emu", "training_images": 0, "held_out_images": 0, "accuracy": None, "most_often_taken_for": ""},
    ]
    json.dumps(found)


def test_recognition_of_nothing_is_unknown():
    nothing = LabelledImages(("cat", "dog"), (), np.zeros(0, np.int64))
    found = recognition(ObjectImages(nothing, nothing, np.zeros(0, np.int64)), np.zeros(0, np.int64))
    assert (found["accuracy"]["value"], found["accuracy"]["n"], found["chance_accuracy"]) == (None, 0, None)
