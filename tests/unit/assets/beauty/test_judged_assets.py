"""Scores of judged photos by other models, with a stand-in for the job that scores them."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest

from assets.beauty.judged_assets import judged_images, judged_scores, other_versions
from assets.contracts.beauty import JUDGED_ZONE, SCORES
from assets.contracts.lake import Lake
from assets.contracts.requests import RayRequest, ScoreSample
from assets.resources import LakeResource, RayJobs

Put = Callable[..., None]
_asked: list[ScoreSample] = []


class HalfOfAll(RayJobs):
    """Every photo is half beautiful."""

    def run(self, context: dg.AssetExecutionContext, request: RayRequest) -> Mapping[str, Any]:
        assert isinstance(request, ScoreSample)
        _asked.append(request)
        same = {"model_version": request.model_version, "preprocessing_hash": "p", "beauty": 0.5}
        rows = pa.Table.from_pylist([{"photo_id": i, **same} for i in request.photo_ids], schema=SCORES.schema)
        Lake(request.lake_uri).zone(request.zone).write(SCORES, request.model_version, rows)
        return {}


def model(version: str, sequence: int, architecture: str = "alexnet_small") -> dict[str, Any]:
    texts = ("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256", "metrics", "config")
    numbers = {"sequence": sequence, "parameters": 1, "training_photos": 1}
    return {"model_version": version, **dict.fromkeys(texts, "x"), "architecture": architecture, **numbers}


def rated(photo: int) -> dict[str, Any]:
    return {"photo_id": photo, "n": 5, "mean_rating": 3.0, "rating_scaled": 0.5, "scale_max": 5}


@pytest.fixture
def community(put: Put) -> None:
    """Four photos: two are rated, one has a label, one of the rated has no image; four models."""
    _asked.clear()
    label = {"photo_id": 3, "source": "set", "mean": 2.0, "n": 9, "tags": [], "challenge": None}
    put(
        photos=[{"photo_id": i, "is_public": True, "uri": "" if i == 2 else "x"} for i in range(1, 5)],
        photo_ratings=[rated(1), rated(2)],
        labels=[label],
        beauty_model=[model(f"m-{i}", i) for i in (-1, 1, 2, 3, 4)],
    )


def made(lake: Lake) -> Mapping[str, Any]:
    result = dg.materialize([judged_scores], resources={"lake": LakeResource(uri=lake.uri), "ray_jobs": HalfOfAll()})
    (event,) = result.asset_materializations_for_node("judged_scores")
    return {name: value.value for name, value in event.metadata.items()}


@pytest.mark.usefixtures("community")
def test_other_models_score_judged_images_once(lake: Lake, put: Put) -> None:
    assert judged_images(lake) == [1, 3]
    assert other_versions(lake) == ["m-3", "m-2", "m-1"]
    assert made(lake)["dagster/row_count"] == 6
    assert {(each.model_version, each.zone, each.is_fresh) for each in _asked} == {
        (version, JUDGED_ZONE, False) for version in ("m-3", "m-2", "m-1")
    }
    made(lake)
    assert len(_asked) == 3
    put(photo_ratings=[rated(1), rated(2), rated(4)])
    made(lake)
    assert [each.photo_ids for each in _asked[3:]] == [[1, 3, 4]] * 3


def test_the_newest_baseline_comes_on_top_of_other_models(lake: Lake, put: Put) -> None:
    baselines = [model(f"b-{i}", -i, "handcrafted") for i in (1, 2)]
    put(beauty_model=[*baselines, *(model(f"m-{i}", i) for i in (1, 2, 3, 4, 5))])
    assert other_versions(lake) == ["m-4", "m-3", "m-2", "b-2"]
    put(beauty_model=[*baselines, model("m-1", 1)])
    assert other_versions(lake) == ["b-1", "b-2"]


def test_without_a_second_model_or_judged_photos_nothing_is_asked(lake: Lake, put: Put) -> None:
    _asked.clear()
    put(photos=[{"photo_id": 1, "is_public": True, "uri": "x"}], beauty_model=[model("m-1", 1), model("m-2", 2)])
    assert made(lake)["dagster/row_count"] == 0
    assert _asked == []
