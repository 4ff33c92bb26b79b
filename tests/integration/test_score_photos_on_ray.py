"""One real local Ray scores every kind of poison, loses an actor on the way, and has nothing to do the second time."""

import io
import os
import shutil
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pytest
import torch
from PIL import Image

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.requests import ScorePhotos
from models.preprocessing import Preprocessing
from models.weights import ModelConfig, dump_weights, sha256_of
from ray_jobs.model_store import add_model, read_weights, weights_name
from ray_jobs.photo_scorer import PhotoScorer
from ray_jobs.score_photos import run

pytestmark = pytest.mark.alone

MONTHS = {"2013-01": 150, "2013-02": 90, "undated": 40}
PART_PHOTOS = 25


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def good_photo(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    return encoded(Image.fromarray(pixels).resize((400, 300)))


def poison() -> dict[str, bytes | None]:
    photo = Image.open(io.BytesIO(good_photo(0)))
    huge = encoded(Image.new("1", (30_000, 30_000)), "PNG")
    return {
        "empty": b"",
        "truncated": good_photo(1)[:3000],
        "corrupt": b"\xff\xd8\xff not a photo",
        "animated": encoded(photo, "GIF", save_all=True, append_images=[Image.new("RGB", (400, 300), "red")]),
        "cmyk": encoded(photo.convert("CMYK")),
        "sixteen_bit": encoded(Image.fromarray(np.arange(10_000, dtype=np.uint16).reshape(100, 100)), "PNG"),
        "too_large": huge,
        "missing": None,
    }


@pytest.fixture(scope="module")
def community(tmp_path_factory) -> tuple[Lake, Path, dict[int, str]]:
    """A lake with three months of photos, poison among them, and an untrained network."""
    root = tmp_path_factory.mktemp("community")
    media = root / "media"
    media.mkdir()
    lake = Lake(str(root / "lake"))
    bad = list(poison().items())
    reasons: dict[int, str] = {}
    photo = 0
    for month, photos in MONTHS.items():
        first = photo
        for photo in range(first, first + photos):
            if photo % 20 == 7 and len(reasons) < len(bad):
                reason, content = bad[len(reasons)]
                reasons[photo] = reason
            else:
                content = good_photo(photo)
            if content is not None:
                (media / f"{photo}.jpg").write_bytes(content)
        ids = list(range(first, first + photos))
        when = None if month == "undated" else datetime(2013, int(month[-2:]), 9, tzinfo=UTC)
        columns = {
            "photo_id": ids,
            "uploaded_at": pa.array([when] * photos, PHOTOS.column("uploaded_at").type),
            "is_public": [True] * photos,
            "uri": [f"{i}.jpg" for i in ids],
        }
        lake.write(PHOTOS, month, PHOTOS.conform(pa.table(columns)))
        photo += 1
    assert set(reasons.values()) == set(poison())
    return lake, media, reasons


@pytest.fixture(scope="module")
def model(community) -> dict[str, object]:
    lake, _, _ = community
    torch.manual_seed(0)
    config = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=96))
    weights = dump_weights(config.create_network(), config)
    version = f"alexnet_small-{sha256_of(weights)[:12]}"
    lake.put_bytes(weights_name(version), weights)
    row = {
        "model_version": version,
        "preprocessing_hash": config.preprocessing.hash,
        "architecture": "alexnet_small",
        "head": "classifier",
        "weights_uri": weights_name(version),
        "weights_sha256": sha256_of(weights),
        "parameters": 1,
        "training_photos": 1,
        "metrics": "[]",
        "config": "{}",
    }
    return add_model(lake, row, code_version="test", inputs={})


class ActorKiller(threading.Thread):
    """Kills the process of the first scoring actor as soon as it has stored a part."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(daemon=True)
        self._parts = Path(lake.uri) / ".parts"
        self.killed: list[int] = []
        self.stop = False

    def run(self) -> None:
        while not self.killed and not self.stop:
            if any(self._parts.rglob("*.parquet")):
                for child in psutil.Process().children(recursive=True):
                    if "PartScorer" in " ".join(self._command(child)):
                        os.kill(child.pid, signal.SIGKILL)
                        self.killed.append(child.pid)
            time.sleep(0.002)

    @staticmethod
    def _command(process: psutil.Process) -> list[str]:
        try:
            return process.cmdline()
        except psutil.Error:
            return []


@pytest.fixture(scope="module")
def scored(community, model) -> dict[str, object]:
    """What the first run reported; its actor was killed in the middle."""
    lake, media, _ = community
    killer = ActorKiller(lake)
    killer.start()
    request = ScorePhotos(
        lake_uri=lake.uri, media_root=str(media), months=list(MONTHS), part_photos=PART_PHOTOS, batch_size=8
    )
    result = run(request)
    killer.stop = True
    killer.join()
    assert killer.killed, "no actor was killed, so this test would prove nothing"
    return result


def files_of(lake: Lake) -> dict[str, tuple[int, bytes]]:
    root = Path(lake.uri)
    return {
        str(file.relative_to(root)): (file.stat().st_mtime_ns, file.read_bytes())
        for file in sorted(root.rglob("*"))
        if file.is_file()
    }


def test_every_photo_is_scored_or_quarantined_once_though_an_actor_died(community, scored):
    lake, _, reasons = community
    photos = sum(MONTHS.values())
    assert (scored["scored"], scored["unscorable"]) == (photos - len(reasons), len(reasons))
    scores, broken = lake.read(SCORES), lake.read(UNSCORABLE_PHOTOS)
    assert sorted(scores["photo_id"].to_pylist() + broken["photo_id"].to_pylist()) == list(range(photos))
    assert lake.partitions("scores") == sorted(MONTHS)


def test_every_kind_of_poison_costs_one_row_with_its_reason(community, scored):
    lake, _, reasons = community
    rows = lake.read(UNSCORABLE_PHOTOS).to_pylist()
    assert {row["photo_id"]: row["reason"] for row in rows} == reasons
    assert all(row["detail"] for row in rows)


def test_scores_equal_those_of_one_process_in_another_order(community, model, scored):
    lake, media, _ = community
    photos = lake.read(PHOTOS, ["2013-02"]).sort_by([("photo_id", "descending")])
    scorer = PhotoScorer(read_weights(lake, model), str(media), batch_size=33, decoders=1)
    alone = scorer(photos.select(["photo_id", "uploaded_at", "uri"]))
    by_photo = dict(zip(alone["photo_id"].to_pylist(), alone["beauty"].to_pylist(), strict=True))
    published = lake.read(SCORES, ["2013-02"]).to_pylist()
    assert len(published) > 80
    assert max(abs(row["beauty"] - by_photo[row["photo_id"]]) for row in published) < 1e-4


def test_scores_do_not_depend_on_the_number_of_workers(community, model, scored, tmp_path):
    lake, media, _ = community
    other = Lake(str(tmp_path / "lake"))
    shutil.copytree(Path(lake.uri), tmp_path / "lake")
    for month in MONTHS:
        other.drop(SCORES.key, month)
        other.drop(UNSCORABLE_PHOTOS.key, month)
    request = {"media_root": str(media), "months": list(MONTHS), "part_photos": 13, "batch_size": 5, "actors": 2}
    assert run(ScorePhotos(lake_uri=other.uri, **request))["scored"] == scored["scored"]
    first, second = (each.read(SCORES).sort_by("photo_id") for each in (lake, other))
    assert first["photo_id"].equals(second["photo_id"])
    assert np.abs(first["beauty"].to_numpy() - second["beauty"].to_numpy()).max() < 1e-4


def test_a_second_run_changes_no_byte_and_starts_no_ray(community, scored, monkeypatch):
    lake, media, _ = community
    before = files_of(lake)
    monkeypatch.setattr("ray_jobs.cluster.ray_cluster", lambda gpus: pytest.fail("Ray was started"))
    result = run(ScorePhotos(lake_uri=lake.uri, media_root=str(media), months=list(MONTHS), part_photos=PART_PHOTOS))
    assert (result["scored"], result["months"]) == (0, [])
    assert files_of(lake) == before
