"""What one new month costs beside making everything again, at two lengths of history.

    python tests/benchmarks/bench_increment.py --users 2000 --months 12 36

A community without images is landed without its last month and made; then the month lands and is made with
`nightly_increment`; then everything is made again in an empty home. Printed are seconds of each step, and the ratio
of the increment to the rebuild: the bound is the share of the month's rows in all rows.
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings, use_home
from assets.landing.simulation import simulate_into
from assets.running import materialize_community

_DONE = re.compile(r"^\s+(?P<step>\w+) done in (?P<seconds>[\d.]+) s$")


def main() -> None:
    """Measure each length of history and print one line per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--months", type=int, nargs="+", default=[12, 36])
    arguments = parser.parse_args()
    for months in arguments.months:
        with tempfile.TemporaryDirectory() as folder:
            _measure(Path(folder), arguments.users, months)


def _measure(folder: Path, users: int, months: int) -> None:
    whole = Settings(home=folder / "whole", lake_uri=str(folder / "whole" / "lake"))
    simulate_into(whole, {"users": users, "months": months, "images": False}, lambda line: None)
    last = max(path.stem for path in (whole.landing / "simulated" / "photos").iterdir())
    grown = folder / "grown"
    shutil.copytree(
        whole.landing, grown / "landing", ignore=shutil.ignore_patterns(f"{last}.parquet"), copy_function=shutil.copy2
    )
    _materialize(grown, "build_community", "")
    shutil.copytree(whole.landing, grown / "landing", dirs_exist_ok=True, copy_function=shutil.copy2)
    increment = _materialize(grown, "nightly_increment", last)
    rebuild = _materialize(folder / "whole", "build_community", "")
    lake = Lake(whole.lake_uri)
    counted = [commit for table in ("photos", "favorites", "edges") for commit in lake.commits(table)]
    share = sum(c.rows for c in counted if c.partition == last) / sum(c.rows for c in counted)
    print(f"\n{users:,} users, {months} months; {last} holds {100 * share:.1f} % of the rows")
    print(f"{'step':<22}{'increment s':>12}{'rebuild s':>12}{'ratio':>8}")
    for step in rebuild:
        if step in increment:
            print(f"{step:<22}{increment[step]:>12.1f}{rebuild[step]:>12.1f}{increment[step] / rebuild[step]:>8.2f}")


def _materialize(home: Path, job: str, months: str) -> dict[str, float]:
    """Seconds by step, and of the whole."""
    os.environ.pop("BEAUTYFLOW_LAKE", None)
    use_home(home)
    seconds: dict[str, float] = {}

    def note(line: str) -> None:
        if found := _DONE.match(line):
            seconds[found["step"]] = float(found["seconds"])

    started = time.monotonic()
    outcome = materialize_community(Settings.from_environment(), job, months, note)
    if not outcome.success:
        raise RuntimeError("; ".join(outcome.problems))
    return {**seconds, "everything": time.monotonic() - started}


if __name__ == "__main__":
    main()
