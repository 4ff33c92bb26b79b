from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from assets.beauty.ready_made import publish_ready_made_scores, withdraw_scores_without_photos
from assets.beauty.summaries import score_histogram, unscorable_share, unscored_photos
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake

MONTH = "2016-01"
UPLOADED = datetime(2016, 1, 5, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(str(tmp_path))
    lake.write(PHOTOS, MONTH, _photos([1, 2, 3]))
    return lake


def _photos(ids: list[int], uri: str = "a.jpg") -> pa.Table:
    return pa.table(
        {
            "photo_id": ids,
            "uploaded_at": pa.array([UPLOADED] * len(ids), PHOTOS.schema.field("uploaded_at").type),
            "is_public": [True] * len(ids),
            "uri": [uri] * len(ids),
        }
    )


def _model(version: str) -> pa.Table:
    texts = ("preprocessing_hash", "architecture", "head", "weights_uri", "weights_sha256", "metrics", "config")
    numbers = ("sequence", "parameters", "training_photos")
    return pa.table({"model_version": [version], **{t: ["x"] for t in texts}, **{n: [1] for n in numbers}})


def _scores(beauty: dict[int, float], version: str, uploaded: datetime | None = None) -> pa.Table:
    return pa.table(
        {
            "photo_id": list(beauty),
            "model_version": [version] * len(beauty),
            "preprocessing_hash": ["none"] * len(beauty),
            "uploaded_at": pa.array([uploaded] * len(beauty), SCORES.schema.field("uploaded_at").type),
            "beauty": pa.array(list(beauty.values()), pa.float32()),
        }
    )


def test_publish_ready_made_scores_takes_published_photos_only_and_dates_them(lake: Lake) -> None:
    lake.zone("landed/crawl").write(SCORES, "undated", _scores({1: 0.25, 3: 0.75, 99: 0.5}, "crawl"))
    assert publish_ready_made_scores(lake, [MONTH]) == 2
    rows = lake.read(SCORES).to_pylist()
    assert [(row["photo_id"], row["beauty"]) for row in rows] == [(1, 0.25), (3, 0.75)]
    assert {row["uploaded_at"] for row in rows} == {UPLOADED}


def test_publish_ready_made_scores_takes_the_month_from_the_photo_whatever_the_source_says(lake: Lake) -> None:
    zone = lake.zone("landed/crawl")
    zone.write(SCORES, "2016-02", _scores({1: 0.25}, "crawl", datetime(2016, 2, 1, tzinfo=UTC)))
    zone.write(SCORES, "2012-07", _scores({2: 0.5}, "crawl", datetime(2012, 7, 1, tzinfo=UTC)))
    assert publish_ready_made_scores(lake, [MONTH]) == 2
    assert [(row["photo_id"], row["uploaded_at"]) for row in lake.read(SCORES).to_pylist()] == [
        (1, UPLOADED),
        (2, UPLOADED),
    ]


def test_publish_ready_made_scores_takes_the_last_of_two_sources(lake: Lake) -> None:
    lake.zone("landed/a").write(SCORES, "undated", _scores({1: 0.25, 2: 0.5}, "crawl"))
    lake.zone("landed/b").write(SCORES, MONTH, _scores({1: 0.75}, "crawl", UPLOADED))
    assert publish_ready_made_scores(lake, [MONTH]) == 2
    assert [(row["photo_id"], row["beauty"]) for row in lake.read(SCORES).to_pylist()] == [(1, 0.75), (2, 0.5)]


def test_publish_ready_made_scores_cannot_pose_as_a_model_of_ours(lake: Lake) -> None:
    lake.write(BEAUTY_MODELS, "undated", _model("network-1"))
    lake.write(SCORES, MONTH, _scores({1: 0.5}, "network-1", UPLOADED))
    lake.zone("landed/crawl").write(SCORES, "undated", _scores({1: 0.25, 2: 0.25}, "network-1"))
    assert publish_ready_made_scores(lake, [MONTH]) == 0
    assert [(row["photo_id"], row["beauty"]) for row in lake.read(SCORES).to_pylist()] == [(1, 0.5)]


def test_publish_ready_made_scores_keeps_the_scores_of_models(lake: Lake) -> None:
    lake.write(BEAUTY_MODELS, "undated", _model("network-1"))
    lake.write(SCORES, MONTH, _scores({1: 0.5, 2: 0.5}, "network-1", UPLOADED))
    lake.zone("landed/crawl").write(SCORES, "undated", _scores({1: 0.25}, "crawl"))
    publish_ready_made_scores(lake, [MONTH])
    rows = lake.read(SCORES).to_pylist()
    assert [(row["photo_id"], row["model_version"]) for row in rows] == [
        (1, "crawl"),
        (1, "network-1"),
        (2, "network-1"),
    ]


def test_publish_ready_made_scores_replaces_what_the_source_said_before(lake: Lake) -> None:
    zone = lake.zone("landed/crawl")
    zone.write(SCORES, "undated", _scores({1: 0.25, 2: 0.5}, "crawl"))
    publish_ready_made_scores(lake, [MONTH])
    zone.write(SCORES, "undated", _scores({2: 0.75}, "crawl"))
    publish_ready_made_scores(lake, [MONTH])
    assert [(row["photo_id"], row["beauty"]) for row in lake.read(SCORES).to_pylist()] == [(2, 0.75)]


def test_publish_ready_made_scores_withdraws_what_no_source_says_any_more(lake: Lake) -> None:
    zone = lake.zone("landed/crawl")
    zone.write(SCORES, "undated", _scores({1: 0.25}, "crawl"))
    publish_ready_made_scores(lake, [MONTH])
    zone.drop(SCORES.key, "undated")
    assert publish_ready_made_scores(lake, [MONTH]) == 0
    assert lake.partitions(SCORES.key) == []


def test_publish_ready_made_scores_keeps_out_of_fold_scores(lake: Lake) -> None:
    lake.write(SCORES, MONTH, _scores({1: 0.5}, "handcrafted-cv5-0123abcd", UPLOADED))
    publish_ready_made_scores(lake, [MONTH])
    assert lake.read(SCORES)["model_version"].to_pylist() == ["handcrafted-cv5-0123abcd"]


def test_publish_ready_made_scores_leaves_out_rows_without_a_column_that_is_required_now(lake: Lake) -> None:
    before = replace(SCORES, columns=tuple(c for c in SCORES.columns if c.name != "preprocessing_hash"))
    rows = pa.concat_tables([_scores({1: 0.5}, "network-1", UPLOADED), _scores({1: 0.5}, "network-cv5-0123", UPLOADED)])
    lake.write(before, MONTH, rows.drop_columns(["preprocessing_hash"]))
    lake.zone("landed/crawl").write(SCORES, "undated", _scores({1: 0.25}, "crawl"))
    assert publish_ready_made_scores(lake, [MONTH]) == 1
    assert lake.read(SCORES)["model_version"].to_pylist() == ["crawl"]


def test_publish_ready_made_scores_without_news_leaves_the_commit_alone(lake: Lake, tmp_path: Path) -> None:
    lake.zone("landed/crawl").write(SCORES, "undated", _scores({1: 0.25}, "crawl"))
    publish_ready_made_scores(lake, [MONTH])
    commit = tmp_path / "scores" / "commits" / f"{MONTH}.json"
    before = commit.stat().st_mtime_ns
    publish_ready_made_scores(lake, [MONTH])
    assert commit.stat().st_mtime_ns == before


def test_publish_ready_made_scores_without_any_writes_nothing(lake: Lake) -> None:
    assert publish_ready_made_scores(lake, [MONTH, "2016-02"]) == 0
    assert lake.partitions(SCORES.key) == []


def test_unscored_photos_counts_images_neither_scored_nor_unscorable(lake: Lake) -> None:
    assert unscored_photos(lake, [MONTH], "network-1") == 3
    lake.write(SCORES, MONTH, _scores({1: 0.5}, "network-1", UPLOADED))
    assert unscored_photos(lake, [MONTH], "network-1") == 2
    assert unscored_photos(lake, [MONTH], "network-2") == 3
    broken = pa.table(
        {
            "photo_id": [2],
            "model_version": ["network-1"],
            "uploaded_at": pa.array([UPLOADED], SCORES.schema.field("uploaded_at").type),
            "uri": ["a.jpg"],
            "reason": ["truncated"],
            "detail": ["ends early"],
        }
    )
    lake.write(UNSCORABLE_PHOTOS, MONTH, broken)
    assert unscored_photos(lake, [MONTH], "network-1") == 1


def test_unscorable_share_counts_what_this_version_has_looked_at(lake: Lake) -> None:
    assert unscorable_share(lake, [MONTH], "network-1") == 0
    lake.write(SCORES, MONTH, _scores({1: 0.5, 2: 0.5, 3: 0.5}, "network-1", UPLOADED))
    broken = pa.table(
        {
            "photo_id": [4],
            "model_version": ["network-1"],
            "uploaded_at": pa.array([UPLOADED], SCORES.schema.field("uploaded_at").type),
            "uri": ["a.jpg"],
            "reason": ["missing"],
            "detail": ["gone"],
        }
    )
    lake.write(UNSCORABLE_PHOTOS, MONTH, broken)
    assert unscorable_share(lake, [MONTH], "network-1") == 0.25
    assert unscorable_share(lake, [MONTH], "network-2") == 0


def test_unscored_photos_leaves_out_photos_without_an_image(lake: Lake) -> None:
    lake.write(PHOTOS, MONTH, _photos([1, 2], uri=""))
    assert unscored_photos(lake, [MONTH], "network-1") == 0


def test_score_histogram_counts_one_version_and_both_ends(lake: Lake) -> None:
    rows = pa.concat_tables(
        [_scores({1: 0.0, 2: 1.0}, "network-1", UPLOADED), _scores({3: 0.5}, "network-2", UPLOADED)]
    )
    lake.write(SCORES, MONTH, rows)
    histogram = score_histogram(lake, [MONTH], "network-1")
    assert (histogram.counts[0], histogram.counts[-1], histogram.photos) == (1, 1, 2)
    assert len(histogram.edges) == len(histogram.counts) + 1
    assert score_histogram(lake, [MONTH], "unknown version").photos == 3


def test_withdraw_scores_without_photos_drops_months_that_publish_none(lake: Lake) -> None:
    lake.write(SCORES, MONTH, _scores({1: 0.5}, "network-1", UPLOADED))
    withdraw_scores_without_photos(lake, [MONTH, "2016-02"])
    assert lake.partitions(SCORES.key) == [MONTH]
    lake.drop(PHOTOS.key, MONTH)
    withdraw_scores_without_photos(lake, [MONTH])
    assert lake.partitions(SCORES.key) == []
