"""Scoring speed side by side in one run: ours, the bound, a PyTorch DataLoader loop, Ray Data's documented pattern.

``python tests/benchmarks/bench_scoring.py`` prints a table and ratios; nothing is asserted, since times depend on
the machine. Photos are 500 x 400 JPEGs where the reference data is there, and drawn 128 px ones elsewhere. Rounds of
all contestants alternate, and medians are taken, so that a drifting machine hurts all alike. Two numbers that hardly
change when the machine is busy stand beside rates: core-seconds per image (of the process and its children), and the
rate per core that a hypervisor did not give to others. See ``docs/performance.md``.
"""

import argparse
import io
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.machine import Interval, peak_memory_mib, usable_cores

PROJECT_ROOT = Path(__file__).resolve().parents[2]
BATCH = 128
BOUND, LOADER, RAY_DATA = "(a) bound", "(b) PyTorch DataLoader", "(c) Ray Data"
OURS = ("ours, one process", "ours, Ray job")
AIMS = {BOUND: 0.85, LOADER: 2.0, RAY_DATA: 3.0}
"""Least ratio of our rate to another's."""


@dataclass
class Result:
    """One round of one contestant.

    Attributes:
        images_per_s: Images per second of wall-clock time.
        core_s_per_image: CPU time per image, in seconds; stolen time is not in it.
        stolen_cores: Cores, on average, that the hypervisor gave to others meanwhile.
        images_per_s_and_core: Images per second and core that was given.
    """

    images_per_s: float
    core_s_per_image: float
    stolen_cores: float
    images_per_s_and_core: float


def result_of(interval: Interval, images: int) -> Result:
    """What was done since the interval began."""
    rate, core, stolen = images / interval.wall_seconds(), interval.core_seconds() / images, interval.stolen_cores()
    return Result(rate, core, stolen, rate / (usable_cores() - stolen))


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
    with ThreadPoolExecutor(usable_cores()) as pool:
        steady: Iterator[Any] = score_overlapped(files, Path.read_bytes, scorer, pool, batch_size=BATCH)
        return steady_rate((len(batch.items) for batch in steady), len(files))


def steady_rate(batches: Iterator[int], photos: int) -> Result:
    """Rate from the first batch that arrives to the last: no start, no import, no warm-up, no end."""
    images = left = photos - next(batches)
    interval = Interval()
    while left:
        left -= next(batches)
    return result_of(interval, images)


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
    torch.set_num_threads(usable_cores())
    photos = _PillowPhotos(sorted(folder.glob("*.jpg")), config.preprocessing.input_size)
    loader = DataLoader(photos, batch_size=BATCH, num_workers=2)  # type: ignore[arg-type, var-annotated]

    def batches() -> Iterator[int]:
        with torch.inference_mode():
            for batch in loader:
                network(batch).softmax(dim=1)
                yield len(batch)

    return steady_rate(batches(), len(photos))


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
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    dataset = ray.data.read_images(str(folder), size=(size, size), mode="RGB")
    scored = dataset.map_batches(
        _RayDataScorer, fn_constructor_args=(weights,), batch_size=BATCH, compute=ray.data.ActorPoolStrategy(size=1)
    )
    batches = (len(batch["beauty"]) for batch in scored.iter_batches(batch_size=BATCH))
    return steady_rate(batches, len(list(folder.glob("*.jpg"))))


def ray_job(weights: bytes, folder: Path) -> Result:
    """Ours as the whole job: eight months through score_photos on Ray, from the first published month to the last."""
    from assets.contracts.requests import ScorePhotos
    from ray_jobs.score_photos import run

    months = [f"2013-{number:02d}" for number in range(1, 9)]
    files = sorted(folder.glob("*.jpg"))
    intervals: list[Interval] = []
    results: list[Result] = []
    images = 0

    def note(line: str) -> None:
        nonlocal images
        if not line.startswith("2013-"):
            return
        if intervals:
            images += int(line.split()[1].replace(",", ""))
            results.append(result_of(intervals[0], images))
        else:
            intervals.append(Interval())

    with tempfile.TemporaryDirectory() as home:
        lake = make_lake(Path(home), weights, files, months)
        run(ScorePhotos(lake_uri=lake, media_root=str(folder), months=months, batch_size=BATCH), note)
    return results[-1]


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


def peak_memory_of(weights_file: Path, folder: Path, photos: int) -> float:
    """Peak resident memory of a process that plans, scores and publishes so many photos in one month."""
    command = [sys.executable, __file__, "--memory-of", str(photos), "--weights", str(weights_file)]
    done = subprocess.run([*command, "--photos-in", str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout)["peak_mib"])


def score_within_this_process(weights: bytes, folder: Path, photos: int) -> None:
    """What driver and actor do together, without Ray, then print the peak memory."""
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
    print(json.dumps({"peak_mib": peak_memory_mib()}))


def bound(weights: bytes, folder: Path, seconds: float) -> Result:
    """(a) All cores busy all the time: cores / (core-seconds of decoding + of the network).

    Either is measured alone, in one thread, while the other cores idle.
    """
    from models.benchmark import measure_decoding, measure_model
    from models.scorer import Scorer

    scorer = Scorer(weights)
    contents = [file.read_bytes() for file in sorted(folder.glob("*.jpg"))[:200]]
    interval = Interval()
    decoding = measure_decoding(scorer, contents, seconds)
    model = measure_model(scorer, BATCH, seconds)
    needed = decoding.core_s_per_image + model.core_s_per_image
    return Result(usable_cores() / needed, needed, interval.stolen_cores(), 1 / needed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="alexnet_small")
    parser.add_argument("--input-size", type=int, default=0, help="pixels; 0 takes the model's own")
    parser.add_argument("--photos", type=int, default=5040)
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
    from models.weights import read_config

    print("Compares our scoring with its bound, with a PyTorch DataLoader loop and with Ray Data's documented pattern.")
    print(
        "Aims: at least 0.85 of the bound, 2 x the DataLoader loop, 3 x Ray Data; memory does not grow with photos.",
        flush=True,
    )
    weights = untrained_weights(model, input_size)
    size = read_config(weights).preprocessing.input_size
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        kind = make_photos(folder, photos)
        weights_file = Path(scratch) / "weights.safetensors"
        weights_file.write_bytes(weights)
        results = measure_rounds(weights, folder, rounds)
        memory = {n: peak_memory_of(weights_file, folder, n) for n in (1000, 10_000)}
    print(f"{model} at {size} px, {photos:,} {kind}, {usable_cores()} cores, median of {rounds} rounds")
    print_table(results)
    growth = memory[10_000] / memory[1000]
    print(f"peak memory: {memory[1000]:.0f} MiB for 1,000 photos, {memory[10_000]:.0f} for 10,000: x {growth:.2f}")


def measure_rounds(weights: bytes, folder: Path, rounds: int) -> dict[str, list[Result]]:
    """All contestants in turn, the bound once before and once after ours."""
    from ray_jobs.cluster import ray_cluster

    # Ray's C++ side prints an error for every actor pool that Ray Data starts.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    turns: list[tuple[str, Callable[[], Result]]] = [
        (BOUND, lambda: bound(weights, folder, 2.0)),
        (OURS[0], lambda: one_process(weights, folder)),
        (OURS[1], lambda: ray_job(weights, folder)),
        (BOUND, lambda: bound(weights, folder, 2.0)),
        (LOADER, lambda: data_loader_loop(weights, folder)),
        (RAY_DATA, lambda: ray_data_pattern(weights, folder)),
    ]
    results: dict[str, list[Result]] = {name: [] for name, _ in turns}
    with ray_cluster():
        for _ in range(rounds):
            for name, measure in turns:
                results[name].append(measure())
    return results


def print_table(results: dict[str, list[Result]]) -> None:
    """One line per contestant, and the ratios of ours to the others."""
    medians = {name: median_of(rounds) for name, rounds in results.items()}
    print(f"\n{'':<24}{'images/s':>10}{'core-ms per image':>20}{'stolen cores':>15}")
    for name, found in medians.items():
        print(f"{name:<24}{found.images_per_s:>10.0f}{1e3 * found.core_s_per_image:>20.2f}{found.stolen_cores:>15.2f}")
    print("The bound is cores / core-seconds of decoding and of the network, each measured alone in one thread, while")
    print("the other cores idle. Stolen cores are those that the hypervisor gave to others, given ones the rest.")
    print(f"\n{'ratio':<44}{'aim':>6}{'in images/s':>13}{'of given cores':>16}{'in core-seconds':>17}")
    for ours in OURS:
        for other, aim in AIMS.items():
            mine, theirs = medians[ours], medians[other]
            rate = mine.images_per_s / theirs.images_per_s
            given = mine.images_per_s_and_core / theirs.images_per_s_and_core
            core = theirs.core_s_per_image / mine.core_s_per_image
            print(f"{ours + ' / ' + other:<44}{aim:>6.2f}{rate:>13.2f}{given:>16.2f}{core:>17.2f}")


def median_of(rounds: list[Result]) -> Result:
    """Median of each number."""
    return Result(*(statistics.median(getattr(r, f.name) for r in rounds) for f in fields(Result)))


if __name__ == "__main__":
    main()
