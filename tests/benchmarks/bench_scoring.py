"""Scoring speed side by side in one run: ours, the bound, a PyTorch DataLoader loop, Ray Data's documented pattern.

``python tests/benchmarks/bench_scoring.py`` prints a table and ratios; nothing is asserted, since times depend on
the machine. Photos are 500 x 400 JPEGs where the reference data is there, and drawn 128 px ones elsewhere. Rounds of
all contestants alternate, and medians are taken, so that a drifting machine hurts all alike. Core-seconds per image
(of the process and its children) are printed beside rates: they hardly change when others use the machine.
"""

import argparse
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import psutil

PROJECT_ROOT = Path(__file__).resolve().parents[2]
BATCH = 128


@dataclass
class Result:
    """Images per second and core-seconds per image of one round."""

    images_per_s: float
    core_s_per_image: float


def core_seconds() -> float:
    """CPU time of this process and all its living children."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def make_photos(folder: Path, photos: int) -> str:
    """Copies of reference photos, or drawn ones; returns which."""
    data = Path(os.environ.get("BEAUTYFLOW_REFERENCE_DATA") or PROJECT_ROOT.parent / "shared" / "data")
    originals = sorted((data / "oasis" / "img").glob("*.jpg"))
    for number, original in zip(range(photos), cycle(originals or [None])):  # type: ignore[list-item]
        target = folder / f"{number:06d}.jpg"
        if original is not None:
            shutil.copyfile(original, target)
        else:
            target.write_bytes(drawn_photo(number % 200))
    return "500 x 400 photographs" if originals else "drawn 128 px photos"


def drawn_photo(number: int) -> bytes:
    """A JPEG of smooth noise."""
    from PIL import Image

    pixels = np.random.default_rng(number).integers(0, 255, (12, 16, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).resize((128, 96)).save(buffer, "JPEG")
    return buffer.getvalue()


def one_process(weights: bytes, folder: Path) -> Result:
    """Ours, as an actor does it: decoding threads feed the scorer."""
    from models.pipeline import score_overlapped
    from models.scorer import Scorer

    files = sorted(folder.glob("*.jpg"))
    scorer = Scorer(weights)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        steady: Iterator[Any] = score_overlapped(files, Path.read_bytes, scorer, pool, batch_size=BATCH)
        return steady_rate(len(batch.items) for batch in steady)


def steady_rate(batches: "Iterator[int]") -> Result:
    """Rate from the first batch that arrives to the last: no start, no import, no warm-up."""
    next(batches)
    wall, core, images = time.perf_counter(), core_seconds(), 0
    for batch in batches:
        images += batch
    return Result(images / (time.perf_counter() - wall), (core_seconds() - core) / images)


class _PillowPhotos:
    """Dataset of the DataLoader loop: Pillow decodes, resizes, and hands over a normalised tensor."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files = files
        self.size = size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        import torch
        from PIL import Image

        with Image.open(self.files[index]) as image:
            pixels = np.asarray(image.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(255)


def data_loader_loop(weights: bytes, folder: Path) -> Result:
    """(b) A plain PyTorch loop: DataLoader with two workers, Pillow, eager torch."""
    import torch
    from torch.utils.data import DataLoader

    from models.weights import load_weights

    network, config = load_weights(weights)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    photos = _PillowPhotos(sorted(folder.glob("*.jpg")), config.preprocessing.input_size)
    loader = DataLoader(photos, batch_size=BATCH, num_workers=2)  # type: ignore[arg-type, var-annotated]

    def batches() -> "Iterator[int]":
        with torch.inference_mode():
            for batch in loader:
                network(batch).softmax(dim=1)
                yield len(batch)

    return steady_rate(batches())


class _RayDataScorer:
    """Model actor of the documented pattern."""

    def __init__(self, weights: bytes) -> None:
        from models.weights import load_weights

        self.network, _ = load_weights(weights)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        import torch

        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack(list(batch["image"]))).permute(0, 3, 1, 2).float().div(255)
            return {"beauty": self.network(pixels).softmax(dim=1).numpy()[:, 0]}


def ray_data_pattern(weights: bytes, folder: Path) -> Result:
    """(c) Ray Data's image batch inference: read_images, map_batches with an actor."""
    import ray
    import ray.data

    from models.weights import read_config

    size = read_config(weights).preprocessing.input_size
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    dataset = ray.data.read_images(str(folder), size=(size, size), mode="RGB")
    scored = dataset.map_batches(
        _RayDataScorer, fn_constructor_args=(weights,), batch_size=BATCH, compute=ray.data.ActorPoolStrategy(size=1)
    )
    return steady_rate(len(batch["beauty"]) for batch in scored.iter_batches(batch_size=BATCH))


def ray_job(weights: bytes, folder: Path) -> Result:
    """Ours as the whole job: eight months through score_photos on Ray, from the first published month to the last."""
    from assets.contracts.requests import ScorePhotos
    from ray_jobs.score_photos import run

    months = [f"2013-{number:02d}" for number in range(1, 9)]
    files = sorted(folder.glob("*.jpg"))
    published: list[tuple[float, float, int]] = []

    def note(line: str) -> None:
        if line.startswith("2013-"):
            published.append((time.perf_counter(), core_seconds(), int(line.split()[1].replace(",", ""))))

    with tempfile.TemporaryDirectory() as home:
        lake = make_lake(Path(home), weights, files, months)
        run(ScorePhotos(lake_uri=lake, media_root=str(folder), months=months, batch_size=BATCH), note)
    (start, core, _), (end, core_end, _) = published[0], published[-1]
    images = sum(count for _, _, count in published[1:])
    return Result(images / (end - start), (core_end - core) / images)


def make_lake(home: Path, weights: bytes, files: list[Path], months: list[str]) -> str:
    """A lake with these photos, spread evenly over the months, and one model."""
    from datetime import UTC, datetime

    import pyarrow as pa

    from assets.contracts.community import PHOTOS
    from assets.contracts.lake import Lake
    from models.weights import read_config, sha256_of
    from ray_jobs.model_store import add_model, weights_name

    lake = Lake(str(home / "lake"))
    share = -(-len(files) // len(months))
    for place, month in enumerate(months):
        ids = list(range(place * share, min(len(files), (place + 1) * share)))
        columns = {
            "photo_id": ids,
            "uploaded_at": [datetime(int(month[:4]), int(month[-2:]), 9, tzinfo=UTC)] * len(ids),
            "is_public": [True] * len(ids),
            "uri": [files[i].name for i in ids],
        }
        lake.write(PHOTOS, month, PHOTOS.conform(pa.table(columns)))
    config = read_config(weights)
    row = {
        "model_version": "benchmark",
        "preprocessing_hash": config.preprocessing.hash,
        "architecture": config.architecture,
        "head": config.head,
        "weights_uri": weights_name("benchmark"),
        "weights_sha256": sha256_of(weights),
        "parameters": 1,
        "training_photos": 1,
        "metrics": "[]",
        "config": "{}",
    }
    lake.put_bytes(weights_name("benchmark"), weights)
    add_model(lake, row, code_version="benchmark", inputs={})
    return lake.uri


def peak_memory_mb(weights_file: Path, folder: Path, photos: int) -> float:
    """Peak resident memory of a process that plans, scores and publishes so many photos in one month."""
    command = [sys.executable, __file__, "--memory-of", str(photos), "--weights", str(weights_file)]
    done = subprocess.run([*command, "--photos-in", str(folder)], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mb"])


def score_within_this_process(weights: bytes, folder: Path, photos: int) -> None:
    """What driver and actor do together, without Ray, then print the peak memory."""
    import resource

    from assets.contracts.lake import Lake
    from models.scorer import ScorerConfig
    from ray_jobs.model_store import find_model
    from ray_jobs.photo_scorer import PartScorer
    from ray_jobs.scoring_plan import ModelIdentity, MonthPlan

    files = list(islice(cycle(sorted(folder.glob("*.jpg"))), photos))
    with tempfile.TemporaryDirectory() as home:
        lake = Lake(make_lake(Path(home), weights, files, ["2013-01"]))
        row = find_model(lake, "")
        model = ModelIdentity(row["model_version"], row["preprocessing_hash"], row["weights_sha256"])
        plan = MonthPlan(lake, "2013-01", model, part_photos=1000, code_version="benchmark")
        scorer = PartScorer(lake.uri, row, str(folder), ScorerConfig(), BATCH)
        for chunk in plan.pending_parts():
            scorer.store_part(chunk.part, chunk.pending)
        scored, _ = plan.publish()
    assert scored == photos
    print(json.dumps({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def bound(weights: bytes, folder: Path, seconds: float) -> Result:
    """(a) All cores busy all the time: cores / (core-seconds of decoding + of the network)."""
    from models.benchmark import measure_decoding, measure_model
    from models.scorer import Scorer

    scorer = Scorer(weights)
    contents = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))[:200]]
    decoding = measure_decoding(scorer, contents, seconds)
    model = measure_model(scorer, BATCH, seconds)
    needed = decoding.core_s_per_image + model.core_s_per_image
    return Result(len(os.sched_getaffinity(0)) / needed, needed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="alexnet_small")
    parser.add_argument("--input-size", type=int, default=0, help="pixels; 0 takes the model's own")
    parser.add_argument("--photos", type=int, default=2520)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--weights", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--photos-in", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory_of:
        score_within_this_process(asked.weights.read_bytes(), asked.photos_in, asked.memory_of)
        return
    compare(asked.model, asked.input_size, asked.photos, asked.rounds)


def compare(model: str, input_size: int, photos: int, rounds: int) -> None:
    """Run all contestants in turn and print medians and ratios."""
    from models.benchmark import untrained_weights
    from ray_jobs.cluster import ray_cluster

    weights = untrained_weights(model, input_size)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        kind = make_photos(folder, photos)
        weights_file = Path(scratch) / "weights.safetensors"
        weights_file.write_bytes(weights)
        contestants: dict[str, Callable[[], Result]] = {
            "(a) bound": lambda: bound(weights, folder, 2.0),
            "ours, one process": lambda: one_process(weights, folder),
            "ours, Ray job": lambda: ray_job(weights, folder),
            "(b) PyTorch DataLoader": lambda: data_loader_loop(weights, folder),
            "(c) Ray Data": lambda: ray_data_pattern(weights, folder),
        }
        results: dict[str, list[Result]] = {name: [] for name in contestants}
        with ray_cluster():
            for _ in range(rounds):
                for name, measure in contestants.items():
                    results[name].append(measure())
        memory = {n: peak_memory_mb(weights_file, folder, n) for n in (1000, 10_000)}
    print(f"{model}, {photos} {kind}, {len(os.sched_getaffinity(0))} cores, median of {rounds} rounds")
    print_table(results)
    print(f"peak memory: {memory[1000]:.0f} MB for 1,000 photos, {memory[10_000]:.0f} MB for 10,000")


def print_table(results: dict[str, list[Result]]) -> None:
    """One line per contestant, and the ratios of the whole job to the others."""
    medians = {
        name: Result(
            statistics.median(r.images_per_s for r in rounds), statistics.median(r.core_s_per_image for r in rounds)
        )
        for name, rounds in results.items()
    }
    for name, result in medians.items():
        print(f"{name:24} {result.images_per_s:8.0f} images/s {1e3 * result.core_s_per_image:8.2f} core-ms per image")
    for ours in ("ours, one process", "ours, Ray job"):
        for other in ("(a) bound", "(b) PyTorch DataLoader", "(c) Ray Data"):
            rate = medians[ours].images_per_s / medians[other].images_per_s
            core = medians[other].core_s_per_image / medians[ours].core_s_per_image
            print(f"{ours} / {other}: {rate:.2f} in images/s, {core:.2f} in core-seconds")


if __name__ == "__main__":
    main()
