"""The asset, materialized with a stand-in for the Ray job."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.beauty.contact_sheet import has_sheet, sheet_name
from assets.beauty.explanation_assets import photo_explanations
from assets.contracts.explanations import PHOTO_EXPLANATIONS
from assets.contracts.lake import Lake
from assets.contracts.requests import ExplainPhotos, RayRequest
from assets.resources import LakeResource, RayJobs
from tests.unit.assets.beauty.explained import model, store_explanations

_asked: list[ExplainPhotos] = []
_answers: dict[str, Any] = {}


class KnownExplanations(RayJobs):
    """Writes what ``ray_jobs/explain_photos.py`` would write."""

    def run(self, context: dg.AssetExecutionContext, request: RayRequest) -> Mapping[str, Any]:
        assert isinstance(request, ExplainPhotos)
        _asked.append(request)
        lake = Lake(request.lake_uri)
        stored = set(lake.read(PHOTO_EXPLANATIONS)["photo_id"].to_pylist())
        pending = [] if _answers.get("reason") else sorted(set(request.photo_ids) - stored)
        if pending:
            lowers = _answers.get("lowers")
            store_explanations(lake, request.model_version, sorted(stored.union(pending)), lowers)
        report = {"kept": len(stored), "explained": len(pending), "unreadable": 0, "absent": 0, "reason": ""}
        return {**report, "model_version": request.model_version, **_answers}


@pytest.fixture
def community(put: Callable[..., None]) -> None:
    """Ten photos of ten owners that a network has scored."""
    _asked.clear()
    _answers.clear()
    same = {"model_version": "m-1", "preprocessing_hash": "x"}
    put(
        photos=[{"photo_id": i, "user_id": i, "is_public": True, "uri": f"{i}.jpg"} for i in range(10)],
        beauty_model=[model()],
        scores=[{"photo_id": i, "beauty": i / 10, **same} for i in range(10)],
    )


def made(lake: Lake, **config: Any) -> tuple[Mapping[str, Any], dict[str, dg.AssetCheckEvaluation]]:
    """Metadata and checks of one materialization."""
    result = dg.materialize(
        [photo_explanations],
        resources={"lake": LakeResource(uri=lake.uri), "ray_jobs": KnownExplanations(num_gpus=0)},
        run_config={"ops": {"photo_explanations": {"config": config}}},
    )
    (event,) = result.asset_materializations_for_node("photo_explanations")
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    return {name: value.value for name, value in event.metadata.items()}, checks


@pytest.mark.usefixtures("community")
def test_photo_explanations_explains_chosen_photos_and_shows_them(lake: Lake) -> None:
    metadata, checks = made(lake, photos=4)
    assert _asked[0].photo_ids == [9, 4, 0, 8]
    assert (metadata["dagster/row_count"], metadata["explained"], metadata["model_version"]) == (4, 4, "m-1")
    assert metadata["contact_sheet"] == lake.location(sheet_name("m-1"))
    assert Path(metadata["contact_sheet"]).read_bytes().startswith(b"\x89PNG")
    assert metadata["gains"].startswith("![figure](data:image/png;base64,")
    assert "| deletion_gain | 0.05 | 0.03 | 0.07 | 4 |" in metadata["faithfulness"]
    assert "sharper than usual (+1.2 sd): raises beauty by 0.040" in metadata["photos"]
    assert all(check.passed for check in checks.values())
    assert "deletion gain +0.050 (95 %: +0.030 to +0.070, 4 photos)" in checks["saliency_is_faithful"].description


@pytest.mark.usefixtures("community")
def test_photo_explanations_adds_named_photos_and_draws_the_sheet_only_when_there_is_news(lake: Lake) -> None:
    made(lake, photo_ids=[1])
    first = lake.get_bytes(sheet_name("m-1"))
    made(lake, photo_ids=[2], method="occlusion")
    assert (_asked[1].photo_ids, _asked[1].method) == ([2, 1], "occlusion")
    assert lake.get_bytes(sheet_name("m-1")) != first
    lake.put_bytes(sheet_name("m-1"), b"left alone")
    made(lake, photo_ids=[2])
    assert lake.get_bytes(sheet_name("m-1")) == b"left alone"
    lake.delete(sheet_name("m-1"))
    made(lake, photo_ids=[2])
    assert has_sheet(lake, "m-1")


@pytest.mark.parametrize(
    ("lowers", "broken", "said"),
    [
        ({"deletion_gain": -0.01}, "saliency_is_faithful", "do not read the overlays as what the network looks at"),
        ({"insertion_gain": 0.0}, "saliency_is_faithful", "insertion gain +0.040 (95 %: +0.000 to"),
        ({"attribute_agreement": -0.2}, "attributes_agree_with_the_network", "score of another model"),
    ],
)
@pytest.mark.usefixtures("community")
def test_checks_warn_where_an_interval_reaches_zero(lake: Lake, lowers, broken, said) -> None:
    _answers["lowers"] = lowers
    _, checks = made(lake, photos=4)
    assert [name for name, check in checks.items() if not check.passed] == [broken]
    assert checks[broken].severity == dg.AssetCheckSeverity.WARN
    assert said in checks[broken].description


@pytest.mark.usefixtures("community")
def test_photo_explanations_says_what_the_job_cannot_do(lake: Lake) -> None:
    _answers["reason"] = "it has no saliency"
    metadata, checks = made(lake)
    assert metadata["not_made"] == "it has no saliency"
    assert [(check.passed, check.description) for check in checks.values()] == [(False, "it has no saliency")] * 2


def test_photo_explanations_without_a_model_says_so(lake: Lake) -> None:
    metadata, checks = made(lake)
    assert "there is no trained model" in metadata["not_made"]
    assert len(checks) == 2
    assert not any(check.passed for check in checks.values())


@pytest.mark.usefixtures("community")
def test_photo_explanations_takes_withdrawn_photos_out_first(lake: Lake) -> None:
    store_explanations(lake, "m-1", [5, 77])
    made(lake, photo_ids=[5])
    assert lake.read(PHOTO_EXPLANATIONS)["photo_id"].to_pylist() == [5]
