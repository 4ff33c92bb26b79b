"""What a simulation costs: users as arguments; prints links, photos and favorites per minute and peak memory.

Run as ``python tests/benchmarks/bench_simulator.py 2000 20000 100000 [--images]``; each size runs in a process of its
own, so that memory is its own. Without ``--images`` ready-made scores are landed.
"""

import argparse
import resource
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def measure(users: int, months: int, images: bool) -> dict[str, float]:
    """Simulate once into a temporary folder; seconds, counts, MiB of memory and of disk."""
    sys.path.insert(0, str(PROJECT_ROOT))
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "again": again, "peak_mib": peak, "disk_mib": size / 2**20, **report.counts}


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("users", nargs="*", type=int, default=[2000, 20_000])
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--images", action="store_true")
    options = parser.parse_args()
    columns = ("users", "photos", "links", "favorites", "seconds", "again s", "links/min", "photos/min", "MiB", "disk")
    print("".join(f"{name:>13}" for name in columns))
    for users in options.users:
        with get_context("spawn").Pool(1) if not options.images else _Here() as pool:
            found = pool.apply(measure, (users, options.months, options.images))
        minutes = found["seconds"] / 60
        values = [users, found["photos"], found["links"], found["favorites"], found["seconds"], found["again"]]
        values += [found["links"] / minutes, found["photos"] / minutes, found["peak_mib"], found["disk_mib"]]
        print("".join(f"{value:>13,.2f}" if value < 100 else f"{value:>13,.0f}" for value in values), flush=True)


class _Here:
    """The pool's interface in this process: workers that render cannot be children of a daemonic process."""

    def __enter__(self) -> "_Here":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def apply(self, function, arguments):  # type: ignore[no-untyped-def]
        """Call now."""
        return function(*arguments)


if __name__ == "__main__":
    main()
