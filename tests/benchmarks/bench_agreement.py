"""Agreement of raters side by side: ours, `krippendorff` and `irrCAC`.

``python tests/benchmarks/bench_agreement.py [--peers PYTHON]`` prints coefficients, seconds and ratios; nothing is
asserted, since times depend on the machine. The peers run in an environment of their own, whose Python is named, since
`krippendorff` is GPL: ``python -m venv peers; peers/bin/pip install krippendorff irrCAC pandas``. Neither has bootstrap
intervals; irrCAC's are analytical. Everybody starts from long columns of photo, rater and rating. Ratings are those of
OASIS where the reference data is there, and 200,000 simulated ones.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assets.statistics.agreement import Ratings, agreement
from assets.statistics.agreement import _from_sums as from_sums
from assets.statistics.concordance import concordance
from tests.benchmarks.machine import peak_memory_mib

PROJECT_ROOT = Path(__file__).resolve().parents[2]
REPEATS = 3
PEERS = """
import json, sys, time
import krippendorff, numpy, pandas
from irrCAC.raw import CAC

photo, rater, rating = (numpy.load(sys.argv[1])[name] for name in ("photo", "rater", "rating"))
start = time.perf_counter()
wide = pandas.DataFrame({"photo": photo, "rater": rater, "rating": rating}).pivot(
    index="photo", columns="rater", values="rating")
levels = numpy.unique(rating)
counts = numpy.stack([(wide == level).sum(axis=1) for level in levels], axis=1)
prepared = time.perf_counter() - start
cac = CAC(wide)
work = {}
for kind in ("nominal", "ordinal", "interval"):
    work[f"krippendorff_{kind} (krippendorff)"] = lambda kind=kind: krippendorff.alpha(
        value_counts=counts, value_domain=levels, level_of_measurement=kind)
for name, method in {"krippendorff_nominal": "krippendorff", "fleiss_kappa": "fleiss", "gwet_ac1": "gwet"}.items():
    work[f"{name} (irrCAC)"] = lambda method=method: getattr(cac, method)()["est"]["coefficient_value"]
found = {}
for name, function in work.items():
    seconds = []
    for _ in range(int(sys.argv[2])):
        start = time.perf_counter()
        value = function()
        seconds.append(time.perf_counter() - start)
    found[name] = [float(value), prepared + sorted(seconds)[len(seconds) // 2]]
print(json.dumps(found))
"""

Columns = tuple[np.ndarray, np.ndarray, np.ndarray]


def oasis() -> Columns | None:
    """Photo, rater and rating of OASIS; None where the file is absent."""
    data = Path(os.environ.get("BEAUTYFLOW_REFERENCE_DATA") or PROJECT_ROOT.parent / "shared" / "data")
    path = data / "oasis" / "ratings_long.csv"
    if not path.exists():
        return None
    rater, photo, rating = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64, unpack=True)
    return photo, rater, rating


def simulated(photos: int, ratings: int) -> Columns:
    """Photo, rater and rating from 1 to 5, with noise as large as the differences between photos."""
    rng = np.random.default_rng(0)
    per_photo = ratings // photos
    photo = np.repeat(np.arange(photos), per_photo)
    rater = ((rng.integers(0, 2500, photos)[:, None] + np.arange(per_photo)) % 2500).ravel()
    latent = rng.normal(size=photos)[photo] + rng.normal(size=len(photo))
    return photo, rater, np.clip(np.rint(3 + latent), 1, 5).astype(np.int64)


def median_seconds(work: Callable[[], object]) -> float:
    """Median of a few runs."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def peers(python: str, columns: Columns) -> dict[str, list[float]]:
    """Coefficient and median seconds of each function of the peers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ratings.npz"
        np.savez(path, photo=columns[0], rater=columns[1], rating=columns[2])
        command = [python, "-c", PEERS, str(path), str(REPEATS)]
        found: dict[str, list[float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return found


def report(title: str, columns: Columns, python: str | None) -> None:
    """Print one data set."""
    photo, rater, rating = columns
    sizes = f"{len(rating):,} ratings of {len(np.unique(photo)):,} photos by {len(np.unique(rater)):,} raters"
    print(f"\n{title}: {sizes}")
    values = {name: found.value for name, found in agreement(Ratings.of(*columns), resamples=0).items()}
    seconds = median_seconds(lambda: from_sums(Ratings.of(*columns), 0.95, 0, 0))
    everything = median_seconds(lambda: agreement(Ratings.of(*columns)))
    print(f"  ours: seven coefficients that are functions of counts {seconds:.3f} s")
    print(f"  ours: all ten with 1000 resamples {everything:.2f} s; peak memory so far {peak_memory_mib():.0f} MiB")
    for name, (value, taken) in (peers(python, columns) if python else {}).items():
        difference = abs(value - values[name.split(" ")[0]])
        print(f"  {name:38} {value:.6f} ({difference:.0e} from ours) {taken:.3f} s, {taken / seconds:.1f} x our seven")


def report_concordance() -> None:
    """Print what rank statistics with intervals cost."""
    rng = np.random.default_rng(0)
    for n in (600, 3_000, 250_000):
        x = rng.normal(size=n)
        y = x + rng.normal(size=n)
        start = time.perf_counter()
        concordance(x, y)
        print(f"  four rank statistics of {n:,} pairs, 1000 resamples: {time.perf_counter() - start:.2f} s")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="Python of an environment with krippendorff, irrCAC and pandas.")
    python = parser.parse_args().peers
    agreement(Ratings.of([0, 0, 1, 1], [0, 1, 0, 1], [1, 2, 2, 2]), resamples=2)  # imports are not timed
    real = oasis()
    if real is not None:
        report("OASIS", real, python)
    report("simulated", simulated(25_000, 200_000), None)
    report("simulated", simulated(1_000, 200_000), python)
    print("\nevaluation")
    report_concordance()


if __name__ == "__main__":
    main()
