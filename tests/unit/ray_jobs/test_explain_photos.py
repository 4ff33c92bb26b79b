"""Explaining photos of noise by an untrained network, without Ray."""

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from assets.contracts.beauty import TRAINING_SET
from assets.contracts.community import PHOTOS
from assets.contracts.explanations import (
    EXPLANATION_FAITHFULNESS,
    PHOTO_ATTRIBUTES,
    PHOTO_EXPLANATIONS,
    overlay_folder,
    overlay_name,
)
from assets.contracts.lake import LakeError
from assets.contracts.requests import ExplainPhotos
from assets.contracts.table import UNDATED
from models.explanations import METHODS
from models.handcrafted import FEATURE_NAMES
from models.overlays import GAP, LEGEND, LONGER_SIDE
from models.registry import model_entry
from models.weights import ModelConfig, dump_weights, sha256_of
from ray_jobs import explain_photos, photo_explainer
from ray_jobs.explain_photos import run
from ray_jobs.model_store import add_model, weights_name

LEARNT, COMPARED = range(100, 130), range(200, 212)


@pytest.fixture
def community(lake, media: Path) -> None:
    """Photos 1 to 8 to explain, 30 labelled ones of 10 owners, and 12 of others to compare on."""
    generator = np.random.default_rng(0)
    ids = [*range(1, 9), *LEARNT, *COMPARED]
    for photo_id in ids:
        light = generator.integers(40, 255)
        Image.fromarray(generator.integers(0, light, (48, 72, 3)).astype(np.uint8)).save(media / f"{photo_id}.png")
    (media / "8.png").write_bytes(b"")
    rows = [{"photo_id": i, "user_id": i // 3, "is_public": i != 7, "uri": "" if i == 6 else f"{i}.png"} for i in ids]
    lake.write(PHOTOS, UNDATED, PHOTOS.conform(pa.Table.from_pylist(rows)))
    label(lake, "low", "median", "high")


def label(lake, *buckets: str) -> None:
    rows = [
        {
            "photo_id": i,
            "user_id": i // 3,
            "uri": f"{i}.png",
            "metric": 0.5,
            "metric_source": "social_metric",
            "bucket": buckets[i % len(buckets)],
            "split": "train",
        }
        for i in LEARNT
    ]
    lake.write(TRAINING_SET, UNDATED, TRAINING_SET.conform(pa.Table.from_pylist(rows)))


@pytest.fixture
def request_for(lake, media: Path) -> Callable[..., ExplainPhotos]:
    def make(*photo_ids: int, **values) -> ExplainPhotos:
        compared = [*COMPARED, LEARNT[0]]
        return ExplainPhotos(
            lake_uri=lake.uri, media_root=str(media), photo_ids=list(photo_ids), compared_ids=compared, **values
        )

    return make


@pytest.fixture
def looked_at(monkeypatch) -> list[int]:
    """Ids of the photos that are explained from here on."""
    seen: list[int] = []
    explain = photo_explainer.PhotoExplainer.__call__

    def noting(self, photos):
        seen.extend(photos["photo_id"].to_pylist())
        return explain(self, photos)

    monkeypatch.setattr(photo_explainer.PhotoExplainer, "__call__", noting)
    return seen


def state(lake) -> dict[str, tuple[int, bytes]]:
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in Path(lake.uri).rglob("*") if p.is_file()}


def explained(lake) -> list[int]:
    return lake.read(PHOTO_EXPLANATIONS)["photo_id"].to_pylist()


@pytest.mark.usefixtures("community")
def test_run_writes_explanations_attributes_and_faithfulness(lake, request_for, add_network):
    version = add_network()["model_version"]
    assert run(request_for(1, 2, 3, 4, 5, 6, 7, 8, 1, 99)) == {
        "model_version": version,
        "explained": 5,
        "kept": 0,
        "unreadable": 1,
        "absent": 3,
        "reason": "",
    }
    rows = lake.read(PHOTO_EXPLANATIONS).to_pylist()
    assert [row["photo_id"] for row in rows] == [1, 2, 3, 4, 5]
    assert {(row["model_version"], row["method"]) for row in rows} == {(version, "integrated_gradients")}
    attributes = lake.read(PHOTO_ATTRIBUTES).to_pylist()
    assert {row["photo_id"] for row in attributes} == {1, 2, 3, 4, 5}
    assert {row["attribute"] for row in attributes} <= set(FEATURE_NAMES)
    measures = {row["measure"]: row for row in lake.read(EXPLANATION_FAITHFULNESS).to_pylist()}
    # Photos 1 to 5 are of two owners, which is too few for an interval.
    assert {name: (row["photos"], row["value"] is None) for name, row in measures.items()} == {
        "deletion_gain": (5, True),
        "insertion_gain": (5, True),
        "attribute_agreement": (len(COMPARED), False),
    }


@pytest.mark.usefixtures("community")
def test_run_contributions_add_up_to_the_score_of_the_attributes(lake, request_for, add_network):
    add_network()
    run(request_for(1, 2, 3))
    total = dict.fromkeys((1, 2, 3), 0.0)
    for row in lake.read(PHOTO_ATTRIBUTES).to_pylist():
        total[row["photo_id"]] += row["contribution"]
    rows = lake.read(PHOTO_EXPLANATIONS).to_pylist()
    of_average = [row["attribute_beauty"] - total[row["photo_id"]] for row in rows]
    assert np.ptp(of_average) < 1e-5
    assert np.ptp([row["attribute_beauty"] for row in rows]) > 1e-3
    sentences = {row["photo_id"]: row["sentences"] for row in rows}
    best = max((r for r in lake.read(PHOTO_ATTRIBUTES).to_pylist() if r["photo_id"] == 1), key=_contribution)
    assert sentences[1][0] == best["sentence"]
    assert ": raises beauty by " in sentences[1][0]
    assert ": lowers beauty by " in sentences[1][-1]


def _contribution(row) -> float:
    return row["contribution"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("community")
def test_run_leaves_an_overlay_of_each_photo(lake, request_for, add_network, method):
    version = add_network()["model_version"]
    run(request_for(1, 2, method=method))
    for row in lake.read(PHOTO_EXPLANATIONS).to_pylist():
        assert row["overlay"] == overlay_name(version, row["photo_id"])
        with Image.open(io.BytesIO(lake.get_bytes(row["overlay"]))) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", (2 * LONGER_SIDE + GAP, round(LONGER_SIDE / 1.5) + LEGEND))


@pytest.mark.usefixtures("community")
def test_run_again_changes_no_byte_and_imports_no_torch(lake, request_for, add_network, looked_at):
    add_network()
    run(request_for(1, 2, 3))
    before = state(lake)
    asked = request_for(3, 2)
    code = (
        "import sys, json;"
        "from ray_jobs.explain_photos import run; from assets.contracts.requests import ExplainPhotos;"
        f"assert run(ExplainPhotos.from_dict(json.loads({asked.to_json()!r})))['kept'] == 2;"
        "sys.exit(bool({'ray', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert state(lake) == before
    assert looked_at == [1, 2, 3]


@pytest.mark.usefixtures("community")
def test_run_adds_photos_to_those_that_are_explained(lake, request_for, add_network, looked_at):
    add_network()
    run(request_for(1, 2))
    attributes = lake.read(PHOTO_ATTRIBUTES).num_rows
    result = run(request_for(2, 3))
    assert (result["explained"], result["kept"], looked_at) == (1, 1, [1, 2, 3])
    assert explained(lake) == [1, 2, 3]
    assert lake.read(PHOTO_ATTRIBUTES).num_rows > attributes
    assert lake.read(EXPLANATION_FAITHFULNESS)["photos"].to_pylist() == [len(COMPARED), 3, 3]


@pytest.mark.usefixtures("community")
def test_run_with_new_labels_or_another_method_explains_anew(lake, request_for, add_network, looked_at):
    version = add_network()["model_version"]
    run(request_for(1, 2))
    label(lake, "high", "low")
    run(request_for(2))
    assert explained(lake) == [2]
    run(request_for(2, method="occlusion"))
    assert looked_at == [1, 2, 2, 2]
    assert lake.read(PHOTO_EXPLANATIONS)["method"].to_pylist() == ["occlusion"]
    assert lake.names(overlay_folder(version)) == [overlay_name(version, 2)]


@pytest.mark.usefixtures("community")
def test_run_keeps_what_other_networks_said(lake, request_for, add_network, looked_at):
    first = add_network(seed=0)["model_version"]
    run(request_for(1))
    second = add_network(seed=1)["model_version"]
    run(request_for(1))
    assert run(request_for(1, model_version=first))["kept"] == 1
    assert looked_at == [1, 1]
    assert set(lake.read(PHOTO_EXPLANATIONS)["model_version"].to_pylist()) == {first, second}
    assert lake.names(overlay_folder(first)) == [overlay_name(first, 1)]
    assert lake.read(EXPLANATION_FAITHFULNESS).num_rows == 6


@pytest.mark.usefixtures("community")
def test_run_says_why_nothing_can_be_explained(lake, request_for, add_network, monkeypatch):
    add_network()
    monkeypatch.setattr(photo_explainer, "FEWEST_LABELLED", 31)
    assert "30 labelled photos can be read; 31 are needed" in run(request_for(1))["reason"]
    config = ModelConfig("handcrafted", "regressor", model_entry("handcrafted").preprocessing)
    add_weights(lake, config)
    assert run(request_for(1))["reason"] == "handcrafted sees attributes, not pixels; it has no saliency"
    assert explained(lake) == []


def add_weights(lake, config: ModelConfig) -> None:
    weights = dump_weights(config.create_network(), config)
    texts = dict.fromkeys(("preprocessing_hash", "architecture", "head", "metrics", "config"), "[]")
    identity = {
        "model_version": "other-1",
        "weights_uri": weights_name("other-1"),
        "weights_sha256": sha256_of(weights),
    }
    lake.put_bytes(weights_name("other-1"), weights)
    add_model(lake, {**texts, **identity, "parameters": 1, "training_photos": 1}, code_version="t", inputs={})


def test_run_refuses_what_it_cannot_do(request_for):
    with pytest.raises(LakeError, match=r"no model \(newest\) in beauty_model"):
        run(request_for(1))
    with pytest.raises(ValueError, match="method is 'lime' and learning_photos 1500; choose one of"):
        run(request_for(1, method="lime"))
    with pytest.raises(ValueError, match="learning_photos 0"):
        run(request_for(1, learning_photos=0))


def test_methods_are_those_of_the_models():
    """The job names them without importing torch."""
    assert explain_photos._METHODS == METHODS


@pytest.mark.usefixtures("community")
def test_labelled_photos_are_at_most_as_many_as_asked_for_and_the_same_for_the_same_seed(lake, request_for):
    drawn = explain_photos._labelled(lake, request_for(learning_photos=7))["photo_id"].to_pylist()
    assert len(drawn) == 7
    assert drawn == explain_photos._labelled(lake, request_for(learning_photos=7))["photo_id"].to_pylist()
    assert drawn != explain_photos._labelled(lake, request_for(learning_photos=7, seed=1))["photo_id"].to_pylist()
