"""Importing an edge list with times at 1x and 10x: rows per second and peak memory, each in a fresh process.

    python tests/benchmarks/bench_import.py --rows 2000000 --memory-limit 256MB

Prints a table; asserts nothing. The limit is so small that DuckDB fills it early in the 10x import, so that the peak
over its course shows the plateau; a last row shows 10x with the limit that imports have by default. See
``docs/performance.md``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread

import numpy as np

from assets.contracts.lake import Lake
from assets.landing.importers import import_source
from assets.landing.importers.pipeline import MEMORY_LIMIT
from tests.benchmarks.machine import peak_memory_mib

CHUNK = 1_000_000
FIRST_SECOND = 1_104_537_600
SECONDS = 5 * 365 * 86_400


def write_edges(path: Path, rows: int, seed: int = 7) -> None:
    """Random follow links over five years, unsorted, as ``source target time``."""
    random = np.random.default_rng(seed)
    users = max(rows // 10, 10)
    with path.open("w") as file:
        for start in range(0, rows, CHUNK):
            count = min(CHUNK, rows - start)
            columns = np.column_stack(
                [
                    random.integers(1, users, count),
                    random.integers(1, users, count),
                    FIRST_SECOND + random.integers(0, SECONDS, count),
                ]
            )
            file.writelines(f"{a}\t{b}\t{t}\n" for a, b, t in columns.tolist())


@dataclass
class Imported:
    """What one import took.

    Attributes:
        rows: Rows read, rejected ones included.
        months: Partitions written.
        seconds: Wall-clock time.
        core_seconds: CPU time of the process.
        start_mib: Peak memory before the import: Python and its libraries.
        peaks_mib: Peak memory after each tenth of the time; the last is that of the whole.
    """

    rows: int
    months: int
    seconds: float
    core_seconds: float
    start_mib: float
    peaks_mib: list[float]


def import_here(path: Path, home: Path, memory_limit: str) -> Imported:
    """Import in this process."""
    start = peak_memory_mib()
    wall, core = time.perf_counter(), time.process_time()
    with peaks_meanwhile() as peaks:
        report = import_source(
            "edge_list", path, name="bench", lake=Lake(str(home / "lake")), landing_root=home, memory_limit=memory_limit
        )
    wall, core = time.perf_counter() - wall, time.process_time() - core
    tenths = [peaks[-(-len(peaks) * tenth // 10) - 1] for tenth in range(1, 11)]
    edges = report.tables["edges"]
    return Imported(edges.landed + edges.rejected_rows, len(edges.months), wall, core, start, tenths)


@contextmanager
def peaks_meanwhile() -> Iterator[list[float]]:
    """Peak memory of this process so far, again and again; the last one stands when the block has ended."""
    peaks: list[float] = []
    ended = Event()

    def look() -> None:
        while not ended.wait(0.1):
            peaks.append(peak_memory_mib())
        peaks.append(peak_memory_mib())

    thread = Thread(target=look)
    thread.start()
    try:
        yield peaks
    finally:
        ended.set()
        thread.join()


def import_elsewhere(path: Path, memory_limit: str) -> Imported:
    """Import in a fresh process into a lake of its own."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "--memory-limit", memory_limit, "--measure", str(path), home]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Imported(**json.loads(answer.stdout.splitlines()[-1]))


def main() -> None:
    """Measure 1x and 10x and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--memory-limit", default="256MB", help=f"what DuckDB may hold; imports: {MEMORY_LIMIT}")
    parser.add_argument("--measure", nargs=2, type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(asdict(import_here(*asked.measure, asked.memory_limit))))
        return
    print("Compares importing an edge list with importing one that is ten times as long.")
    print("Aim: peak memory follows what DuckDB may hold, not the rows.", flush=True)
    found: dict[tuple[int, str], Imported] = {}
    for factor in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "edges.tsv"
            write_edges(path, factor * asked.rows)
            for limit in dict.fromkeys([asked.memory_limit] if factor == 1 else [asked.memory_limit, MEMORY_LIMIT]):
                found[factor, limit] = import_elsewhere(path, limit)
    print_table(found)


def print_table(found: dict[tuple[int, str], Imported]) -> None:
    """One line per size and limit, then how peak memory comes about."""
    print(
        f"{'size':>5}{'DuckDB may hold':>18}{'rows':>13}{'months':>8}{'seconds':>9}{'rows/s':>10}{'rows/core-s':>13}"
        f"{'MiB at start':>14}{'peak MiB':>10}"
    )
    for (factor, limit), r in found.items():
        print(
            f"{factor:>4}x{limit:>18}{r.rows:>13,}{r.months:>8}{r.seconds:>9.1f}{r.rows / r.seconds:>10,.0f}"
            f"{r.rows / r.core_seconds:>13,.0f}{r.start_mib:>14.0f}{r.peaks_mib[-1]:>10.0f}"
        )
    (_, one), *larger = found.items()
    for (factor, limit), r in larger:
        print(f"peak MiB after each tenth of {factor}x at {limit}: {' '.join(f'{peak:.0f}' for peak in r.peaks_mib)}")
    (_, limit), ten = larger[0]
    print(f"from 1x to 10x at {limit}: peak memory x {ten.peaks_mib[-1] / one.peaks_mib[-1]:.2f}")
    for (_, other), r in larger[1:]:
        print(f"from {limit} to {other} at 10x: peak memory x {r.peaks_mib[-1] / ten.peaks_mib[-1]:.2f}")


if __name__ == "__main__":
    main()
