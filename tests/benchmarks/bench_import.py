"""Importing an edge list with times at 1x and 10x: rows per second and peak memory, each in a fresh process.

Prints a table; asserts nothing. ``python tests/benchmarks/bench_import.py [--rows 1000000]``
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from assets.contracts.lake import Lake
from assets.landing.importers import import_source
from assets.landing.importers.pipeline import MEMORY_LIMIT

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


def measure_import(path: Path, home: Path, memory_limit: str) -> dict[str, float]:
    """Import in this process and tell how long it took and what it held at most."""
    started, cpu = time.perf_counter(), time.process_time()
    report = import_source(
        "edge_list", path, name="bench", lake=Lake(str(home / "lake")), landing_root=home, memory_limit=memory_limit
    )
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = report.tables["edges"].landed + report.tables["edges"].rejected_rows
    return {
        "rows": rows,
        "seconds": seconds,
        "cpu": cpu,
        "peak_mib": peak,
        "months": len(report.tables["edges"].months),
    }


def main() -> None:
    """Measure 1x and 10x and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default=MEMORY_LIMIT, help="what DuckDB may hold")
    parser.add_argument("--measure", nargs=2, type=Path, help="(inside) file and home to import in this process")
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure_import(*arguments.measure, arguments.memory_limit)))
        return
    results = []
    for factor in (1, 10):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "edges.tsv"
            write_edges(path, factor * arguments.rows)
            size = path.stat().st_size / 2**20
            command = [
                sys.executable,
                __file__,
                "--memory-limit",
                arguments.memory_limit,
                "--measure",
                str(path),
                folder,
            ]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            results.append({"factor": factor, "file_mib": size, **json.loads(answer.stdout.splitlines()[-1])})
    print(f"DuckDB may hold {arguments.memory_limit}")
    print(
        f"{'size':>5} {'file MiB':>9} {'rows':>12} {'rows/s':>10} {'rows/CPU s':>11} {'seconds':>8} {'months':>7} "
        f"{'peak MiB':>9}"
    )
    for r in results:
        print(
            f"{r['factor']:>4}x {r['file_mib']:>9.0f} {r['rows']:>12,} {r['rows'] / r['seconds']:>10,.0f} "
            f"{r['rows'] / r['cpu']:>11,.0f} {r['seconds']:>8.1f} {r['months']:>7} {r['peak_mib']:>9.0f}"
        )
    print(f"peak memory 10x / 1x: {results[1]['peak_mib'] / results[0]['peak_mib']:.2f}")


if __name__ == "__main__":
    main()
