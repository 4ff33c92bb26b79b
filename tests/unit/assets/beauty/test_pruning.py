"""Withdrawn photos leave the training set and the unscorable photos, and nothing is labelled or trained anew."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.beauty.calibration import MINIMUM_PHOTOS, NotCalibrated, photos_to_score
from assets.beauty.contact_sheet import has_sheet, sheet_name, store_sheet
from assets.beauty.pruning import (
    prune_explanations,
    prune_training_set,
    prune_unscorable_photos,
    prune_zones,
    training_sets_at_hand,
)
from assets.contracts.beauty import SCORES, TRAINING_SET, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.explanations import PHOTO_ATTRIBUTES, PHOTO_EXPLANATIONS, overlay_name
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED
from tests.unit.assets.beauty.explained import png, store_explanations

At = Callable[[str], datetime]
Put = Callable[..., None]


@pytest.fixture
def photo(at: At) -> Callable[..., dict[str, Any]]:
    def made(photo_id: int, uploaded: str = "2013-04-10", uri: str = "a.jpg") -> dict[str, Any]:
        return {"photo_id": photo_id, "user_id": 1, "uploaded_at": at(uploaded), "is_public": True, "uri": uri}

    return made


def label(lake: Lake, *photo_ids: int) -> dict[str, str]:
    """A training set as its asset writes it; its fingerprint."""
    same = {"uri": "a.jpg", "metric": 0.5, "metric_source": "social_metric", "bucket": "low", "split": "train"}
    rows = [{"photo_id": i, "user_id": 1, "uploaded_at": None, **same} for i in photo_ids]
    table = pa.Table.from_pylist(rows, schema=TRAINING_SET.schema)
    lake.write(TRAINING_SET, UNDATED, table, code_version="labels", inputs=lake.fingerprints(PHOTOS.key))
    return lake.fingerprints(TRAINING_SET.key)


def labelled(lake: Lake) -> list[int]:
    ids: list[int] = lake.read(TRAINING_SET)["photo_id"].to_pylist()
    return ids


def state(lake: Lake) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in Path(lake.uri).rglob("*") if path.is_file()}


def test_prune_training_set_takes_out_photos_that_are_no_longer_published(lake: Lake, put: Put, photo) -> None:
    put(photos=[photo(1), photo(2, "2013-05-01")])
    label(lake, 1, 2, 3)
    assert prune_training_set(lake) == 1
    assert labelled(lake) == [1, 2]
    before = state(lake)
    assert prune_training_set(lake) == 0
    assert state(lake) == before


def test_prune_training_set_of_no_photo_at_all_leaves_it_empty_and_none_is_none(lake: Lake) -> None:
    assert prune_training_set(lake) == 0
    label(lake, 1)
    assert prune_training_set(lake) == 1
    assert (labelled(lake), lake.partitions("training_set")) == ([], [UNDATED])


def test_a_pruned_training_set_is_made_again_even_if_the_photos_come_back(lake: Lake, put: Put, photo) -> None:
    put(photos=[photo(1), photo(2)])
    first = label(lake, 1, 2)
    inputs = lake.fingerprints(PHOTOS.key)
    put(photos=[photo(1)])
    prune_training_set(lake)
    put(photos=[photo(1), photo(2)])
    assert lake.fingerprints(PHOTOS.key) == inputs
    assert not lake.is_current(TRAINING_SET, UNDATED, code_version="labels", inputs=inputs)
    assert label(lake, 1, 2) == first  # the same set, so the model that is there is the one that would be trained


def test_a_pruned_training_set_is_still_that_of_the_model(lake: Lake, put: Put, photo) -> None:
    put(photos=[photo(i) for i in range(MINIMUM_PHOTOS + 3)])
    learnt_from = label(lake, 0, 1, 2)
    rating = {"n": 5, "mean_rating": 3.0, "standard_error": 0.1, "rating_scaled": 0.5, "scale_max": 5}
    put(photo_ratings=[{"photo_id": i, **rating} for i in range(MINIMUM_PHOTOS + 3)])
    model = {"model_version": "m-1", "config": json.dumps({"training_set": learnt_from})}
    put(photos=[photo(i) for i in range(1, MINIMUM_PHOTOS + 3)])
    assert prune_training_set(lake) == 1
    assert photos_to_score(lake, model) == list(range(3, MINIMUM_PHOTOS + 3))
    put(photos=[photo(i) for i in range(2, MINIMUM_PHOTOS + 3)])
    assert prune_training_set(lake) == 1
    assert learnt_from in training_sets_at_hand(lake)
    label(lake, 2)
    with pytest.raises(NotCalibrated, match="learnt from another training set"):
        photos_to_score(lake, model)


@pytest.fixture
def broken(lake: Lake, at: At, put: Put, photo) -> Lake:
    """Photos 1 and 2 could not be scored; 2 was withdrawn, and 3, which is left beside 1, has no image."""
    put(photos=[photo(1, uri=""), photo(3, uri="")])
    row = {"model_version": "m-1", "uri": "a.jpg", "reason": "missing", "detail": ""}
    put(unscorable_photos=[{"photo_id": i, "uploaded_at": at("2013-04-10"), **row} for i in (1, 2)])
    put(unscorable_photos=[{"photo_id": 4, "uploaded_at": at("2013-05-10"), **row}])
    return lake


def test_prune_unscorable_photos_takes_out_withdrawn_ones_where_nothing_is_left_to_score(broken: Lake) -> None:
    assert prune_unscorable_photos(broken) == 2
    assert broken.read(UNSCORABLE_PHOTOS)["photo_id"].to_pylist() == [1]
    assert broken.partitions(UNSCORABLE_PHOTOS.key) == ["2013-04"]
    before = state(broken)
    assert prune_unscorable_photos(broken) == 0
    assert state(broken) == before


def test_prune_zones_takes_out_withdrawn_photos_of_every_model_and_keeps_what_made_the_rest(
    lake: Lake, put: Put, photo
) -> None:
    put(photos=[photo(1), photo(2, "2013-05-01")])
    zone = lake.zone("drift")
    for version in ("m-1", "m-2"):
        same = {"model_version": version, "preprocessing_hash": "p", "uploaded_at": None, "beauty": 0.5}
        rows = SCORES.conform(pa.Table.from_pylist([{"photo_id": i, **same} for i in (1, 2, 3)]))
        zone.write(SCORES, version, rows, code_version="c", inputs={"weights": version})
    assert prune_zones(lake, ("drift", "calibration")) == 2
    assert sorted(zone.read(SCORES)["photo_id"].to_pylist()) == [1, 1, 2, 2]
    assert zone.is_current(SCORES, "m-2", code_version="c", inputs={"weights": "m-2"})
    before = state(lake)
    assert prune_zones(lake, ("drift", "calibration")) == 0
    assert state(lake) == before


@pytest.fixture
def explained(lake: Lake, put: Put, photo) -> Lake:
    """Photos 1 to 3 explained by two networks, and 3 withdrawn since."""
    put(photos=[photo(1), photo(2, "2013-05-01")])
    for version in ("m-1", "m-2"):
        store_explanations(lake, version, [1, 2, 3])
        store_sheet(lake, version)
    return lake


def test_prune_explanations_takes_withdrawn_photos_out_of_tables_overlays_and_sheets(explained: Lake) -> None:
    commit = explained.commit_of(PHOTO_EXPLANATIONS.key, "m-2")
    sheets = [explained.get_bytes(sheet_name(version)) for version in ("m-1", "m-2")]
    assert prune_explanations(explained) == 2
    for contract in (PHOTO_EXPLANATIONS, PHOTO_ATTRIBUTES):
        assert set(explained.read(contract)["photo_id"].to_pylist()) == {1, 2}
    for version, before in zip(("m-1", "m-2"), sheets, strict=True):
        assert explained.get_bytes(overlay_name(version, 3)) is None
        assert explained.get_bytes(overlay_name(version, 2)) == png(2)
        assert explained.get_bytes(sheet_name(version)) not in (None, before)
    same = {"code_version": commit.code_version, "inputs": commit.inputs}
    assert explained.is_current(PHOTO_EXPLANATIONS, "m-2", **same)
    before_again = state(explained)
    assert prune_explanations(explained) == 0
    assert state(explained) == before_again


def test_prune_explanations_of_no_photo_leaves_no_picture(explained: Lake, put: Put, photo) -> None:
    explained.drop(PHOTOS.key, "2013-04")
    explained.drop(PHOTOS.key, "2013-05")
    assert prune_explanations(explained) == 6
    assert not list(Path(explained.uri).rglob("*.png"))


def test_prune_explanations_finishes_what_a_killed_run_left(explained: Lake) -> None:
    """Rows are gone already, the overlay is not, and the sheet was not drawn again."""
    prune_explanations(explained)
    explained.put_bytes(overlay_name("m-1", 3), png(3))
    explained.delete(sheet_name("m-2"))
    prune_explanations(explained)
    assert explained.get_bytes(overlay_name("m-1", 3)) is None
    assert has_sheet(explained, "m-2")


def test_prune_explanations_leaves_overlays_whose_rows_are_still_to_come(explained: Lake, put: Put, photo) -> None:
    put(photos=[photo(4)])
    explained.put_bytes(overlay_name("m-1", 4), png(4))
    prune_explanations(explained)
    assert explained.get_bytes(overlay_name("m-1", 4)) == png(4)


def test_prune_explanations_where_nothing_is_explained_writes_nothing(lake: Lake) -> None:
    assert prune_explanations(lake) == 0
    assert not Path(lake.uri).exists() or state(lake) == {}
