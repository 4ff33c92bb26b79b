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


TIMED = "import time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"


def seconds(statement: str) -> tuple[float, float]:
    """Wall time of one process that runs the statement, from its start to its end, and of the statement alone."""
    # Modules stay compiled between processes, as on any machine that is not told otherwise.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    command = [sys.executable, "-c", TIMED.format(statement)]
    printed = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
    return time.perf_counter() - started, float(printed)


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
    print("                       process   import alone")
    sides = [[statistics.median(times) for times in zip(*side, strict=True)] for side in zip(*pairs, strict=True)]
    for name, (process, alone) in zip(("dagster + dagster_dbt", "assets.definitions"), sides, strict=True):
        print(f"{name:<21}  {process:6.2f} s   {alone:6.2f} s")
    (bare_process, bare_alone), (process, alone) = sides
    print(f"{'ratio':<21}  {process / bare_process:6.2f}     {alone / bare_alone:6.2f}")


if __name__ == "__main__":
    main()
