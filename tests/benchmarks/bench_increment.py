"""What one new month costs beside making everything again, at two lengths of history.

    python tests/benchmarks/bench_increment.py --users 2000 --months 12 36

A community without images is landed without its last month and made; then the month lands as a source of its own and
is made with `nightly_increment`, which runs once more when nothing is new; then everything is made again in an empty
home. The bound of increment / rebuild is the month's share of all rows. See ``docs/performance.md``.
"""

import argparse
import os
import re
import shutil
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings, use_home
from assets.landing.simulation import simulate_into
from assets.running import materialize_community

_Seconds = dict[str, float]
_ALL = "everything"
_DONE = re.compile(r"^\s+(?P<step>\w+) done in (?P<seconds>[\d.]+) s$")


def main() -> None:
    """Measure each length of history and print one line per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--months", type=int, nargs="+", default=[12, 36])
    arguments = parser.parse_args()
    print("Compares making one new month with making everything again.")
    print("Aim: beyond what starting costs, the month's share of all rows; no growth with history.", flush=True)
    found: dict[int, tuple[float, float]] = {}
    for months in arguments.months:
        with tempfile.TemporaryDirectory() as folder:
            found[months] = _measure(Path(folder), arguments.users, months)
    print()
    for (few, before), (many, after) in pairwise(found.items()):
        news, whole = (late / early for early, late in zip(before, after, strict=True))
        print(f"from {few} to {many} months: increment x {news:.2f}, rebuild x {whole:.2f}")


def _measure(folder: Path, users: int, months: int) -> tuple[float, float]:
    """Seconds of the increment and of the rebuild."""
    whole = Settings(home=folder / "whole", lake_uri=str(folder / "whole" / "lake"))
    simulate_into(whole, {"users": users, "months": months, "images": False}, lambda line: None)
    last = max(path.stem for path in (whole.landing / "simulated" / "photos").iterdir())
    grown = folder / "grown"
    shutil.copytree(
        whole.landing, grown / "landing", ignore=shutil.ignore_patterns(f"{last}.parquet"), copy_function=shutil.copy2
    )
    _materialize(grown, "build_community", "")
    _deliver(whole.landing / "simulated", grown / "landing" / last, last)
    increment = _materialize(grown, "nightly_increment", last)
    idle = _materialize(grown, "nightly_increment", last)
    rebuild = _materialize(folder / "whole", "build_community", "")
    print(f"\n{users:,} users, {months} months; the last is {last}")
    _print_table(increment, idle, rebuild, _share(Lake(whole.lake_uri), last))
    return increment[_ALL], rebuild[_ALL]


def _deliver(source: Path, folder: Path, month: str) -> None:
    """The files of one month as a source of its own, as deliveries come."""
    for file in source.glob(f"*/{month}.parquet"):
        (folder / file.parent.name).mkdir(parents=True)
        shutil.copy2(file, folder / file.parent.name)
    (folder / "community.toml").write_text('consent = "other_sources"\n')


def _share(lake: Lake, month: str) -> float:
    """Rows of a month in all rows of the tables that grow with events."""
    counted = [commit for table in ("photos", "favorites", "edges") for commit in lake.commits(table)]
    return sum(c.rows for c in counted if c.partition == month) / sum(c.rows for c in counted)


def _print_table(increment: _Seconds, idle: _Seconds, rebuild: _Seconds, share: float) -> None:
    print(f"{'step':<22}{'no news s':>11}{'increment s':>13}{'rebuild s':>11}{'increment / rebuild':>21}")
    for step, whole in rebuild.items():
        if step in increment:
            ratio = f"{increment[step] / whole:.2f}" if whole else "-"
            print(f"{step:<22}{idle.get(step, 0):>11.1f}{increment[step]:>13.1f}{whole:>11.1f}{ratio:>21}")
    fixed, news, whole = (seconds[_ALL] for seconds in (idle, increment, rebuild))
    lines = {
        "rows of the month / all rows (bound)": share,
        "increment / rebuild": news / whole,
        f"the same without the {fixed:.1f} s that no news cost": (news - fixed) / (whole - fixed),
    }
    for line, ratio in lines.items():
        print(f"{line:<57}{ratio:>21.2f}")


def _materialize(home: Path, job: str, months: str) -> _Seconds:
    """Seconds by step, and of the whole."""
    os.environ.pop("BEAUTYFLOW_LAKE", None)
    use_home(home)
    seconds: _Seconds = {}

    def note(line: str) -> None:
        if found := _DONE.match(line):
            seconds[found["step"]] = float(found["seconds"])

    started = time.monotonic()
    outcome = materialize_community(Settings.from_environment(), job, months, note)
    if not outcome.success:
        raise RuntimeError("; ".join(outcome.problems))
    return {**seconds, _ALL: time.monotonic() - started}


if __name__ == "__main__":
    main()
