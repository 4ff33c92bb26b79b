from collections.abc import Callable, Sequence
from datetime import datetime

import pyarrow as pa
import pytest

from assets.beauty.drift import ABSENT, ZONE, DriftSample, compare, draw_sample
from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.lake import Lake

Put = Callable[..., None]
At = Callable[[str], datetime]


def model(version: str, sequence: int) -> dict[str, object]:
    texts = dict.fromkeys(("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256"), "x")
    return {
        "model_version": version,
        "sequence": sequence,
        **texts,
        "parameters": 1,
        "training_photos": 1,
        "metrics": "[]",
        "config": "{}",
    }


@pytest.fixture
def put_scores(put: Put, at: At) -> Callable[..., None]:
    """Scores by version of photos of two months, and the models in ascending order of sequence."""

    def publish(last_day: str = "2013-05-09", **versions: Sequence[int]) -> None:
        rows = [
            {
                "photo_id": photo,
                "model_version": version,
                "preprocessing_hash": "x",
                "uploaded_at": at("2013-04-03" if photo % 2 else last_day),
                "beauty": photo / 1000,
            }
            for version, photos in versions.items()
            for photo in photos
        ]
        put(scores=rows, beauty_model=[model("b", 2), model("a", 1), model("unused", 3)])

    return publish


def test_draw_sample_takes_the_newest_model_that_has_scores(lake: Lake, put_scores: Callable[..., None]) -> None:
    put_scores(a=range(10), b=range(100, 200), ready_made=range(10))
    sample = draw_sample(lake, 30)
    assert (sample.model_version, sample.data_date) == ("b", "2013-05-09")
    ids = sample.scores["photo_id"].to_pylist()
    assert len(set(ids)) == 30
    assert set(ids) <= set(range(100, 200))
    assert sample.scores["beauty"].to_pylist() == pytest.approx([i / 1000 for i in ids])
    assert draw_sample(lake, 30, "a").scores.num_rows == 10
    assert draw_sample(lake, 30, "ready_made") is None


def test_draw_sample_is_the_same_for_the_same_date_of_the_data_only(
    lake: Lake, put_scores: Callable[..., None]
) -> None:
    drawn = []
    for day in ("2013-05-09", "2013-05-09", "2013-05-10"):
        put_scores(day, a=range(400))
        drawn.append(draw_sample(lake, 40).scores["photo_id"].to_pylist())
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0]) & set(drawn[2])) < 20
    # Random, not the first or every tenth: both months and halves of the ids are drawn.
    assert 10 < sum(photo % 2 for photo in drawn[0]) < 30
    assert 10 < sum(photo < 200 for photo in drawn[0]) < 30


def test_draw_sample_of_nothing_is_none(lake: Lake) -> None:
    assert draw_sample(lake, 10) is None


def sample_of(**beauty: float) -> DriftSample:
    rows = {"photo_id": [int(name[1:]) for name in beauty], "beauty": list(beauty.values())}
    return DriftSample("a", "2013-05-09", pa.table(rows))


def rescored(lake: Lake, beauty: dict[int, float], broken: dict[int, str]) -> None:
    identity = {"model_version": "a", "preprocessing_hash": "x"}
    rows = [{"photo_id": photo, "beauty": value, **identity} for photo, value in beauty.items()]
    lake.zone(ZONE).write(SCORES, "a", pa.Table.from_pylist(rows, schema=SCORES.schema))
    lost = [
        {"photo_id": photo, "reason": reason, "uri": "x", "detail": "x", "model_version": "a"}
        for photo, reason in broken.items()
    ]
    lake.zone(ZONE).write(UNSCORABLE_PHOTOS, "a", pa.Table.from_pylist(lost, schema=UNSCORABLE_PHOTOS.schema))


def test_compare_finds_the_largest_difference(lake: Lake) -> None:
    rescored(lake, {1: 0.5, 2: 0.30005, 3: 0.7003, 9: 0.0}, {})
    found = compare(lake, sample_of(p1=0.5, p2=0.3, p3=0.7))
    assert (found.photos, found.compared, found.drifted, found.worst_photo_id) == (3, 3, 1, 3)
    assert found.largest == pytest.approx(3e-4, abs=1e-6)
    assert "largest difference 0.0003 (photo 3), 1 above 0.0001: an image, a library or the machine" in found.verdict


def test_compare_lets_rounding_pass(lake: Lake) -> None:
    rescored(lake, {1: 0.50009, 2: 0.3}, {})
    found = compare(lake, sample_of(p1=0.5, p2=0.3))
    assert (found.drifted, found.unreadable) == (0, {})
    assert found.verdict == "2 of 2 photos scored again, largest difference 9e-05."


def test_compare_counts_photos_that_can_no_longer_be_scored(lake: Lake) -> None:
    rescored(lake, {1: 0.5}, {2: "missing", 3: "truncated", 4: "missing"})
    found = compare(lake, sample_of(p1=0.5, p2=0.3, p3=0.3, p4=0.2, p5=0.1))
    assert found.unreadable == {"missing": 2, ABSENT: 1, "truncated": 1}
    assert (found.compared, found.drifted) == (1, 0)
    assert found.verdict.endswith(
        "4 could not be scored again (2 missing, 1 no longer published with an image, 1 truncated): "
        "bring the images back."
    )


def test_compare_of_photos_that_are_all_gone_compares_none(lake: Lake) -> None:
    rescored(lake, {}, {1: "missing"})
    found = compare(lake, sample_of(p1=0.5))
    assert (found.largest, found.worst_photo_id, found.compared) == (None, None, 0)
    assert found.verdict.startswith("None of 1 photos could be compared.")
