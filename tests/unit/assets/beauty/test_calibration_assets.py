"""The two assets, materialized with a stand-in for the Ray job that knows the scores."""

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.beauty.calibration_assets import beauty_calibration, score_drift
from assets.contracts.beauty import BEAUTY_CALIBRATION, CALIBRATION_COVERAGE, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.crowd_results import PHOTO_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.requests import RayRequest, ScoreSample
from assets.contracts.table import UNDATED
from assets.resources import LakeResource, RayJobs

PHOTOS = 200
_asked: list[ScoreSample] = []
_changed: dict[int, float] = {}
_broken: set[int] = set()


def beauty_of(photo: int) -> float:
    return float(np.random.default_rng(photo).random())


class KnownScores(RayJobs):
    """Writes what ``ray_jobs/score_sample.py`` would write, from known scores."""

    def run(self, context: dg.AssetExecutionContext, request: RayRequest) -> Mapping[str, Any]:
        assert isinstance(request, ScoreSample)
        _asked.append(request)
        identity = {"model_version": request.model_version, "preprocessing_hash": "x"}
        good = [photo for photo in request.photo_ids if photo not in _broken]
        rows = [{"photo_id": p, "beauty": beauty_of(p) + _changed.get(p, 0.0), **identity} for p in good]
        zone = Lake(request.lake_uri).zone(request.zone)
        zone.write(SCORES, request.model_version, pa.Table.from_pylist(rows, schema=SCORES.schema))
        lost = [
            {"photo_id": p, "model_version": request.model_version, "uri": "x", "reason": "missing", "detail": "x"}
            for p in request.photo_ids
            if p in _broken
        ]
        zone.write(UNSCORABLE_PHOTOS, request.model_version, pa.Table.from_pylist(lost, UNSCORABLE_PHOTOS.schema))
        return {}


@pytest.fixture
def community(put: Callable[..., None]) -> None:
    """Rated photos of 100 users and a model that has scored them; nothing was learnt from them."""
    _asked.clear()
    _changed.clear()
    _broken.clear()
    texts = dict.fromkeys(("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256"), "x")
    numbers = {"sequence": 1, "parameters": 1, "training_photos": 1}
    ids = range(PHOTOS)
    put(
        photos=[{"photo_id": i, "user_id": i // 2, "is_public": True, "uri": f"{i}.jpg"} for i in ids],
        photo_ratings=[rating(i) for i in ids],
        beauty_model=[{"model_version": "m-1", **texts, **numbers, "metrics": "[]", "config": "{}"}],
        scores=[
            {"photo_id": i, "model_version": "m-1", "preprocessing_hash": "x", "beauty": beauty_of(i)} for i in ids
        ],
    )


def rating(photo: int) -> dict[str, Any]:
    scaled = round(4 * (0.2 + 0.5 * beauty_of(photo) + 0.3 * beauty_of(photo + PHOTOS))) / 4
    return {
        "photo_id": photo,
        "n": 5,
        "mean_rating": 1 + 4 * scaled,
        "standard_error": 0.3,
        "rating_scaled": scaled,
        "scale_max": 5,
    }


def made(lake: Lake, asset: dg.AssetsDefinition) -> tuple[Mapping[str, Any], dg.AssetCheckEvaluation]:
    """Metadata and check of one materialization."""
    result = dg.materialize([asset], resources={"lake": LakeResource(uri=lake.uri), "ray_jobs": KnownScores()})
    (event,) = result.asset_materializations_for_node(asset.node_def.name)
    (check,) = result.get_asset_check_evaluations()
    return {name: value.value for name, value in event.metadata.items()}, check


@pytest.mark.usefixtures("community")
def test_beauty_calibration_writes_both_tables_and_shows_the_figure(lake: Lake) -> None:
    metadata, check = made(lake, beauty_calibration)
    (row,) = lake.read(BEAUTY_CALIBRATION).to_pylist()
    assert (row["model_version"], row["photos"], row["fit_photos"]) == ("m-1", PHOTOS, 80)
    assert lake.read(CALIBRATION_COVERAGE)["category"].to_pylist() == ["uncategorised"]
    assert check.passed
    assert check.metadata["coverage"].value == row["coverage"]
    assert metadata["half_width"] == row["half_width"]
    assert metadata["reliability"].startswith("![figure](data:image/png;base64,")
    assert (_asked[0].zone, _asked[0].is_fresh, len(_asked[0].photo_ids)) == ("calibration", False, PHOTOS)


@pytest.mark.usefixtures("community")
def test_beauty_calibration_is_made_again_only_when_there_is_news(lake: Lake, put: Callable[..., None]) -> None:
    made(lake, beauty_calibration)
    before = lake.commit_of(BEAUTY_CALIBRATION.key, UNDATED)
    metadata, check = made(lake, beauty_calibration)
    assert (len(_asked), check.passed) == (1, True)
    assert metadata["photos"] == PHOTOS
    assert lake.commit_of(BEAUTY_CALIBRATION.key, UNDATED) == before
    put(photo_ratings=[rating(i) for i in range(PHOTOS - 50)])
    made(lake, beauty_calibration)
    assert len(_asked) == 2
    assert lake.read(BEAUTY_CALIBRATION)["photos"].to_pylist() == [PHOTOS - 50]


@pytest.mark.usefixtures("community")
def test_beauty_calibration_without_ratings_says_so_and_withdraws_the_old_one(lake: Lake) -> None:
    made(lake, beauty_calibration)
    lake.drop(PHOTO_RATINGS.key, UNDATED)
    for _ in range(2):
        metadata, check = made(lake, beauty_calibration)
        assert not check.passed
        assert check.severity == dg.AssetCheckSeverity.WARN
        assert "50 are needed: land more crowd ratings" in metadata["not_made"]
    assert lake.read(BEAUTY_CALIBRATION).num_rows == lake.read(CALIBRATION_COVERAGE).num_rows == 0


def test_beauty_calibration_without_a_model_says_so(lake: Lake) -> None:
    metadata, check = made(lake, beauty_calibration)
    assert (metadata["not_made"], check.passed) == ("there is no trained model to calibrate", False)


@pytest.mark.usefixtures("community")
def test_intervals_cover_the_ratings_fails_where_they_do_not(lake: Lake) -> None:
    made(lake, beauty_calibration)
    commit = lake.commit_of(BEAUTY_CALIBRATION.key, UNDATED)
    (row,) = lake.read(BEAUTY_CALIBRATION).to_pylist()
    bad = pa.Table.from_pylist([{**row, "coverage": 0.8, "lower": 0.7, "upper": 0.89}], BEAUTY_CALIBRATION.schema)
    lake.write(BEAUTY_CALIBRATION, UNDATED, bad, code_version=commit.code_version, inputs=commit.inputs)
    _, check = made(lake, beauty_calibration)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


@pytest.mark.usefixtures("community")
def test_score_drift_passes_where_scores_stay(lake: Lake) -> None:
    metadata, check = made(lake, score_drift)
    assert check.passed
    assert (metadata["compared"], metadata["photos"], metadata["data_date"]) == (PHOTOS, PHOTOS, "undated")
    assert metadata["largest_difference"] < 1e-6
    assert (_asked[0].zone, _asked[0].is_fresh) == ("drift", True)
    made(lake, score_drift)
    assert len(_asked) == 2


@pytest.mark.usefixtures("community")
def test_scores_have_not_drifted_fails_when_one_photo_has(lake: Lake) -> None:
    _changed[17] = 0.001
    _, check = made(lake, score_drift)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "(photo 17), 1 above 0.0001" in check.description


@pytest.mark.usefixtures("community")
def test_scores_have_not_drifted_warns_of_photos_that_are_gone(lake: Lake) -> None:
    _broken.update({3, 4})
    metadata, check = made(lake, score_drift)
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert metadata["unreadable"] == {"missing": 2}
    assert "2 could not be scored again (2 missing)" in check.description


def test_score_drift_without_scores_says_so(lake: Lake) -> None:
    metadata, check = made(lake, score_drift)
    assert (metadata["not_made"], check.passed) == ("no trained model has scores", False)
