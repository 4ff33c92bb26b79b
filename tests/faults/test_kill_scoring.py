"""Kill -9 of the scoring job's driver at random moments: the next run finishes without a lost or doubled row.

Each kill waits for a random number of changes in the lake and then some milliseconds, so that kills fall between
and into the writes of parts and months, not into the start of Ray.
"""

import contextlib
import io
import json
import os
import random
import subprocess
import sys
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
from ray_jobs.model_store import add_model, weights_name

KILL_POINTS = 12
SEED = 20261124
MONTHS = [f"2013-{number:02d}" for number in range(1, 9)]
PHOTOS_PER_MONTH = 60
PART_PHOTOS = 10
LONGEST_RUN_S = 300

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def community(tmp_path_factory) -> tuple[Lake, Path]:
    """Eight months of small photos, every eleventh broken, and an untrained network."""
    root = tmp_path_factory.mktemp("community")
    media = root / "media"
    media.mkdir()
    lake = Lake(str(root / "lake"))
    for place, month in enumerate(MONTHS):
        ids = list(range(place * PHOTOS_PER_MONTH, (place + 1) * PHOTOS_PER_MONTH))
        for photo in ids:
            buffer = io.BytesIO()
            pixels = np.random.default_rng(photo).integers(0, 255, (60, 80, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(buffer, "JPEG")
            (media / f"{photo}.jpg").write_bytes(b"" if photo % 11 == 0 else buffer.getvalue())
        columns = {
            "photo_id": ids,
            "uploaded_at": [datetime(2013, place + 1, 9, tzinfo=UTC)] * len(ids),
            "is_public": [True] * len(ids),
            "uri": [f"{i}.jpg" for i in ids],
        }
        lake.write(PHOTOS, month, PHOTOS.conform(pa.table(columns)))
    torch.manual_seed(0)
    config = ModelConfig("alexnet_small", "classifier", Preprocessing(input_size=64))
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
    add_model(lake, row, code_version="test", inputs={})
    return lake, media


def start(lake: Lake, media: Path) -> subprocess.Popen[str]:
    request = ScorePhotos(
        lake_uri=lake.uri, media_root=str(media), months=MONTHS, part_photos=PART_PHOTOS, batch_size=8
    )
    command = [sys.executable, "-m", "ray_jobs.score_photos", "--request", request.to_json()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def state_of(lake: Lake) -> set[tuple[str, int]]:
    """Every file of the lake with its time of writing: what changes is a step of the job."""
    found = set()
    # os.walk passes over folders that vanish under it, and the job makes and removes some all the time.
    for folder, _, names in os.walk(lake.uri):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                file = os.path.join(folder, name)
                found.add((file, os.stat(file).st_mtime_ns))
    return found


def kill_after(driver: subprocess.Popen[str], lake: Lake, changes: int, pause_s: float) -> bool:
    """Kill the driver alone once the lake has changed so often; False if it was done before."""
    before = last = state_of(lake)
    seen = 0
    deadline = time.monotonic() + LONGEST_RUN_S
    while seen < changes and driver.poll() is None:
        assert time.monotonic() < deadline, "the job hangs"
        now = state_of(lake)
        seen += now != last
        last = now
        time.sleep(0.002)
    time.sleep(pause_s)
    children = [] if driver.poll() is not None else psutil.Process(driver.pid).children(recursive=True)
    killed = driver.poll() is None
    driver.kill()
    driver.communicate()
    actors = [child for child in children if "PartScorer" in name_of(child)]
    orphans = still_running(actors, timeout_s=60)
    # Ray's own agents notice only after a while that their node is gone; they write nothing.
    for process in still_running(children, timeout_s=5):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    assert not orphans, "scoring actors outlived the driver that started them"
    return killed and last != before


def is_at_work(process: psutil.Process) -> bool:
    """Whether a process has not ended."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def name_of(process: psutil.Process) -> str:
    """Command line of a process; empty when it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def still_running(processes: list[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Processes that do not end in time; one that has ended and waits for its parent to notice does not count."""
    deadline = time.monotonic() + timeout_s
    while True:
        alive = [p for p in processes if is_at_work(p)]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.2)


def check_no_duplicates(lake: Lake) -> int:
    """No photo twice in what is published so far; returns the number of published rows."""
    ids = lake.read(SCORES)["photo_id"].to_pylist() + lake.read(UNSCORABLE_PHOTOS)["photo_id"].to_pylist()
    assert len(lake.read(SCORES)["photo_id"].unique()) == lake.read(SCORES).num_rows
    return len(ids)


def test_killed_driver_loses_and_doubles_no_row(community):
    lake, media = community
    moments = random.Random(SEED)
    killed = 0
    while killed < KILL_POINTS:
        if kill_after(start(lake, media), lake, moments.randint(1, 8), moments.uniform(0, 0.05)):
            killed += 1
        if not check_no_duplicates(lake) < len(MONTHS) * PHOTOS_PER_MONTH:
            # All months are published: begin again, so that every kill meets a job at work.
            for month in MONTHS:
                lake.drop("scores", month)
                lake.drop("unscorable_photos", month)

    driver = start(lake, media)
    output, errors = driver.communicate(timeout=LONGEST_RUN_S)
    assert driver.returncode == 0, errors
    photos = set(range(len(MONTHS) * PHOTOS_PER_MONTH))
    broken = {photo for photo in photos if photo % 11 == 0}
    assert sorted(lake.read(SCORES)["photo_id"].to_pylist()) == sorted(photos - broken)
    assert sorted(lake.read(UNSCORABLE_PHOTOS)["photo_id"].to_pylist()) == sorted(broken)
    assert not list(Path(lake.uri, ".parts").rglob("*.parquet"))
    again = subprocess.run(driver.args, capture_output=True, text=True, check=True)
    assert json.loads(again.stdout)["months"] == []
    assert json.loads(output)["model_version"]
