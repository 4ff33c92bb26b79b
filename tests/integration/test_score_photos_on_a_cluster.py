"""A Ray cluster of two nodes on this machine loses one in the middle of the job; the other scores what is left."""

import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from models.preprocessing import Preprocessing
from models.weights import ModelConfig, dump_weights, sha256_of
from ray_jobs.model_store import add_model, weights_name

PROJECT_ROOT = Path(__file__).resolve().parents[2]
MONTHS = ("2013-01", "2013-02", "2013-03")
PHOTOS_PER_MONTH = 400
PART_PHOTOS = 20
PATIENCE_S = 120

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]


@pytest.fixture
def community(tmp_path: Path) -> Lake:
    """Photos large enough that a part takes some time, and an untrained network."""
    import pyarrow as pa

    lake = Lake(str(tmp_path / "lake"))
    buffer = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).resize((1200, 800)).save(buffer, "JPEG")
    (tmp_path / "photo.jpg").write_bytes(buffer.getvalue())
    for place, month in enumerate(MONTHS):
        columns = {
            "photo_id": list(range(place * PHOTOS_PER_MONTH, (place + 1) * PHOTOS_PER_MONTH)),
            "uploaded_at": [datetime(2013, place + 1, 9, tzinfo=UTC)] * PHOTOS_PER_MONTH,
            "is_public": [True] * PHOTOS_PER_MONTH,
            "uri": ["photo.jpg"] * PHOTOS_PER_MONTH,
        }
        lake.write(PHOTOS, month, PHOTOS.conform(pa.table(columns)))
    torch.manual_seed(0)
    config = ModelConfig("alexnet_quarter", "classifier", Preprocessing(input_size=128))
    weights = dump_weights(config.create_network(), config)
    version = f"alexnet_quarter-{sha256_of(weights)[:12]}"
    lake.put_bytes(weights_name(version), weights)
    row = {
        "model_version": version,
        "preprocessing_hash": config.preprocessing.hash,
        "architecture": config.architecture,
        "head": config.head,
        "weights_uri": weights_name(version),
        "weights_sha256": sha256_of(weights),
        "parameters": 1,
        "training_photos": 1,
        "metrics": "[]",
        "config": "{}",
    }
    add_model(lake, row, code_version="test", inputs={})
    return lake


def with_token(token: str) -> dict[str, str]:
    """Environment in which nodes and jobs of one cluster prove themselves with one token."""
    return {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def start_node(token: str, *arguments: str) -> subprocess.Popen[bytes]:
    """One node with one slot, in a process group of its own."""
    ray = str(Path(sys.executable).with_name("ray"))
    command = [ray, "start", "--block", "--num-cpus=1", "--disable-usage-stats", "--object-store-memory=100000000"]
    return subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=with_token(token),
    )


def descendants(node: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(node.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def kill(node: subprocess.Popen[bytes]) -> None:
    """As when a machine loses its power: everything at once, without a word."""
    for process in [*descendants(node), psutil.Process(node.pid)]:
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    node.wait(30)


def names(node: subprocess.Popen[bytes]) -> str:
    found = []
    for process in descendants(node):
        try:
            found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return "\n".join(found)


def wait_for(what: str, is_there) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_there():
        assert time.monotonic() < deadline, f"{what} did not come within {PATIENCE_S} s"
        time.sleep(0.05)


@pytest.fixture
def cluster() -> Iterator[tuple[dict[str, str], list[subprocess.Popen[bytes]]]]:
    """Environment in which a job finds the cluster, and its two nodes, head first."""
    import ray

    token = secrets.token_hex(32)
    port, host = free_port(), ray.util.get_node_ip_address()
    address = f"{host}:{port}"
    nodes = [start_node(token, "--head", f"--port={port}", "--include-dashboard=false")]
    try:
        wait_for("the head", lambda: "raylet/raylet" in names(nodes[0]) and _answers(host, port))
        nodes.append(start_node(token, f"--address={address}"))
        wait_for("the second node", lambda: "raylet/raylet" in names(nodes[1]))
        yield {**with_token(token), "RAY_ADDRESS": address}, nodes
    finally:
        for node in nodes:
            if node.poll() is None:
                kill(node)


def _answers(host: str, port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex((host, port)) == 0


def test_a_node_that_is_lost_costs_no_photo_and_nobody_waits_for_it(community: Lake, cluster) -> None:
    environment, (_, second) = cluster
    request = {
        "lake_uri": community.uri,
        "media_root": str(Path(community.uri).parent),
        "months": list(MONTHS),
        "part_photos": PART_PHOTOS,
        "batch_size": 10,
        "actors": 2,
    }
    job = subprocess.Popen(
        [sys.executable, "-m", "ray_jobs.score_photos", "--request", json.dumps(request)],
        cwd=PROJECT_ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    parts = Path(community.uri) / ".parts"
    try:
        wait_for(
            "a part, or the end of the job",
            lambda: (
                job.poll() is not None
                or ("PartScorer" in names(second) and sum(1 for _ in parts.rglob("*.parquet")) >= 3)
            ),
        )
        kill(second)
        was_running = job.poll() is None
        said, complaints = job.communicate(timeout=PATIENCE_S)
        assert was_running, f"the job ended before a node was lost, so this test would prove nothing: {complaints}"
    finally:
        job.kill()
    assert job.returncode == 0, complaints[-3000:]
    photos = PHOTOS_PER_MONTH * len(MONTHS)
    assert json.loads(said)["scored"] == photos
    assert community.read(SCORES)["photo_id"].to_pylist() == list(range(photos))
