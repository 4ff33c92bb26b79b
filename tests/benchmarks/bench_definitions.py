"""What loading the definitions costs, against the bare import of dagster and dagster_dbt, in cold processes.

``python tests/benchmarks/bench_definitions.py`` prints the median of several runs each and their ratio. See
``docs/performance.md``.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

BARE = "import dagster, dagster_dbt"
DEFINITIONS = "import assets.definitions"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Modules stay compiled between processes, as on any machine that is not told otherwise."""


def seconds(statement: str) -> float:
    """Wall time of one process that runs the statement."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=ENVIRONMENT)
    return time.perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print("Compares loading the definitions with the bare import of dagster and dagster_dbt, each in a fresh process.")
    print("Aim: at most 1.3 x the bare import.", flush=True)
    seconds(BARE), seconds(DEFINITIONS)  # compiles modules and prepares dbt's manifest
    # Turn and turn about, so that a drifting machine drifts for both.
    pairs = [(seconds(BARE), seconds(DEFINITIONS)) for _ in range(runs)]
    bare, definitions = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"dagster + dagster_dbt  {bare:6.2f} s")
    print(f"assets.definitions     {definitions:6.2f} s")
    print(f"ratio                  {definitions / bare:6.2f}")


if __name__ == "__main__":
    main()
