"""What a simulation costs at 1x, 10x and 100x: seconds and peak memory, and how they grow.

    python tests/benchmarks/bench_simulator.py 2000 20000 200000 [--images]

Each size runs in a process of its own, so that memory is its own. Without ``--images`` ready-made scores are landed;
with it, memory is that of the process that simulates, not of those that draw. See ``docs/performance.md``.
"""

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks.machine import peak_memory_mib

COLUMNS = (
    "users",
    "photos",
    "links",
    "favorites",
    "seconds",
    "again s",
    "links/min",
    "photos/min",
    "peak MiB",
    "disk MiB",
)


def measure(users: int, months: int, images: bool) -> dict[str, float]:
    """Simulate twice into a temporary folder; seconds, counts, MiB of memory and of disk."""
    from assets.landing.simulator.config import SimulationConfig
    from assets.landing.simulator.simulation import simulate

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        started = time.perf_counter()
        config = SimulationConfig(users=users, months=months, images=images)
        report = simulate(config, home / "landing", home / "truth")
        seconds = time.perf_counter() - started
        started = time.perf_counter()
        simulate(config, home / "landing", home / "truth")
        again = time.perf_counter() - started
        size = sum(path.stat().st_size for path in home.rglob("*") if path.is_file())
    return {
        "seconds": seconds,
        "again": again,
        "peak_mib": peak_memory_mib(),
        "disk_mib": size / 2**20,
        **report.counts,
    }


def main() -> None:
    """Print one line per size, and the growth from each size to the next."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("users", nargs="*", type=int, default=[2000, 20_000, 200_000])
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--images", action="store_true", help="draw the photos, too")
    asked = parser.parse_args()
    print("Compares simulations of growing numbers of users.")
    print("Aim: seconds and memory grow no faster than users; the second run of a size finds everything there.")
    print("".join(f"{name:>12}" for name in COLUMNS), flush=True)
    results = []
    for users in asked.users:
        # Spawned: a forked process would start with the memory of this one.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results.append(pool.submit(measure, users, asked.months, asked.images).result())
        print_line(users, results[-1])
    for (few, before), (many, after) in pairwise(zip(asked.users, results, strict=True)):
        seconds, memory = (after[key] / before[key] for key in ("seconds", "peak_mib"))
        print(f"users x {many / few:.1f}, {few:,} to {many:,}: seconds x {seconds:.2f}, peak MiB x {memory:.2f}")


def print_line(users: int, found: dict[str, float]) -> None:
    """What one size took."""
    minutes = found["seconds"] / 60
    print(
        f"{users:>12,}{found['photos']:>12,}{found['links']:>12,}{found['favorites']:>12,}{found['seconds']:>12,.1f}"
        f"{found['again']:>12.2f}{found['links'] / minutes:>12,.0f}{found['photos'] / minutes:>12,.0f}"
        f"{found['peak_mib']:>12,.0f}{found['disk_mib']:>12,.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
