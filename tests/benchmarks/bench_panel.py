"""What one new month of the user-month panel and of exposure costs, at several lengths of history.

    python tests/benchmarks/bench_panel.py
    python tests/benchmarks/bench_panel.py --users 100000 --rows 208334 --months 24 48
    python tests/benchmarks/bench_panel.py --users 100000 --rows 208334 --links 10000 --network 10000000

Every month brings as many photos (with scores), links and favorites as any other; a network may be there before.
At each length the last month lands alone and is made; then everything is made again. Seconds are those that dbt spends
on models, without its start and without data tests. 208,334 rows in 48 months are 10 million photos and 10 million
links. See ``docs/performance.md``.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from assets.contracts.beauty import SCORES
from assets.contracts.community import EDGES, FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.contracts.table import TableContract
from assets.dbt.arguments import event_time_arguments
from assets.dbt.build import artifacts_folder, run_dbt
from assets.dbt.catalog import catalog_path, write_catalog

_Seconds = dict[str, float]
_SELECTION = ("--select", "+fct_exposure_monthly", "+fct_user_weeks")
_FIRST_YEAR = 2012
_DAY = 86_400_000_000
_SHARE_OF_LINKS_REMOVED = 0.05


def main() -> None:
    """Measure each length of history and print seconds, ratios and growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=5_000)
    parser.add_argument("--rows", type=int, default=10_000, help="photos and favorites, each, a month")
    parser.add_argument("--links", type=int, help="links a month (as many as other rows)")
    parser.add_argument("--network", type=int, default=0, help="links that came with the first month beside its own")
    parser.add_argument("--months", type=int, nargs="+", default=[12, 24, 48])
    arguments = parser.parse_args()
    links = arguments.links or arguments.rows
    print(
        f"{arguments.users:,} users; a month {arguments.rows:,} photos, {arguments.rows:,} favorites, {links:,} links"
    )
    print("Aim: one new month costs the same after any history.", flush=True)
    found: dict[int, tuple[_Seconds, _Seconds]] = {}
    with tempfile.TemporaryDirectory() as folder:
        panel = _Panel(Path(folder), arguments.users, arguments.rows, links, arguments.network)
        for months in sorted(arguments.months):
            found[months] = panel.measure(months)
            _print_length(months, panel.count_links(), *found[months])
    _print_models({months: increment for months, (increment, _) in found.items()})
    for (few, before), (many, after) in pairwise(found.items()):
        news, whole = (sum(late.values()) / sum(early.values()) for early, late in zip(before, after, strict=True))
        print(f"from {few} to {many} months: increment x {news:.2f}, rebuild x {whole:.2f}")


class _Panel:
    """A community that grows month by month, and its warehouse.

    Args:
        home: Empty folder.
        users: All join in the first month.
        rows: Photos and favorites, each, a month.
        links: Links a month.
        network: Links that come with the first month beside its own.
    """

    def __init__(self, home: Path, users: int, rows: int, links: int, network: int) -> None:
        self._settings = Settings(home, str(home / "lake"))
        self._rng = np.random.default_rng(7)
        self._users, self._rows, self._links, self._network, self._landed = users, rows, links, network, 0
        joined = {
            "user_id": np.arange(users),
            "joined_at": _moments(self._rng, 0, users),
            "opted_in": np.ones(users, dtype=bool),
        }
        self._write(USERS, 0, joined)

    def measure(self, months: int) -> tuple[_Seconds, _Seconds]:
        """Seconds by model: of one new month after ``months - 1``, and of everything again."""
        before = self._landed
        for month in range(before, months - 1):
            self._land(month)
        self._build(before, months - 2, full_refresh=before == 0)
        self._land(months - 1)
        increment = self._build(months - 1, months - 1)
        return increment, self._build(0, months - 1, full_refresh=True)

    def count_links(self) -> int:
        """Links that were drawn so far, of which a few are removed."""
        return self._network + self._links * self._landed

    def _land(self, month: int) -> None:
        rows, rng = self._rows, self._rng
        photos, uploaded = np.arange(rows) + month * rows, _moments(rng, month, rows)
        owned = {"photo_id": photos, "uploaded_at": uploaded}
        active = (self._users * rng.random(rows) ** 3).astype(np.int64)
        public = {"user_id": active, "is_public": np.ones(rows, dtype=bool), "uri": np.full(rows, "")}
        self._write(PHOTOS, month, {**owned, **public})
        version = {"model_version": np.full(rows, "ready"), "preprocessing_hash": np.full(rows, "none")}
        self._write(SCORES, month, {**owned, **version, "beauty": rng.random(rows)})
        self._write(EDGES, month, self._draw_links(month, self._links + (self._network if month == 0 else 0)))
        givers, given = rng.integers(0, self._users, rows), _moments(rng, month, rows)
        self._write(FAVORITES, month, {"user_id": givers, "photo_id": rng.permutation(photos), "created_at": given})
        self._landed = month + 1

    def _draw_links(self, month: int, rows: int) -> Mapping[str, np.ndarray]:
        rng = self._rng
        followers = rng.integers(0, self._users, rows)
        followees = (self._users * rng.random(rows) ** 3).astype(np.int64)
        made = _moments(rng, month, rows)
        ended = made + np.timedelta64(1, "D")
        ended[rng.random(rows) >= _SHARE_OF_LINKS_REMOVED] = np.datetime64("NaT")
        links = {"follower_id": followers, "followee_id": followees, "created_at": made, "removed_at": ended}
        return {name: values[followers != followees] for name, values in links.items()}

    def _write(self, contract: TableContract, month: int, columns: Mapping[str, np.ndarray]) -> None:
        count = len(next(iter(columns.values())))
        arrays = [
            pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(count, field.type)
            for field in contract.schema
        ]
        Lake(self._settings.lake_uri).write(contract, _name(month), pa.table(arrays, schema=contract.schema))

    def _build(self, first: int, last: int, *, full_refresh: bool = False) -> _Seconds:
        """Seconds by model of one run over these months."""
        write_catalog(Lake(self._settings.lake_uri), catalog_path(self._settings))
        window = event_time_arguments((_name(first), _name(last)))
        run_dbt(self._settings, ["run", *_SELECTION, *window, *(["--full-refresh"] if full_refresh else [])])
        results = json.loads((artifacts_folder(self._settings) / "run_results.json").read_text())["results"]
        return {result["unique_id"].split(".")[2]: result["execution_time"] for result in results}


def _name(month: int) -> str:
    return f"{_FIRST_YEAR + month // 12}-{month % 12 + 1:02d}"


def _moments(rng: np.random.Generator, month: int, count: int) -> np.ndarray:
    """Random moments in the first 27 days of a month, which is enough of it."""
    begin = datetime(_FIRST_YEAR + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return np.datetime64(begin.replace(tzinfo=None), "us") + rng.integers(0, 27 * _DAY, count).astype("timedelta64[us]")


def _print_length(months: int, links: int, increment: _Seconds, rebuild: _Seconds) -> None:
    news, whole = sum(increment.values()), sum(rebuild.values())
    print(
        f"{months} months, {links:,} links: one new month {news:.1f} s, everything {whole:.1f} s,"
        f" ratio {news / whole:.3f} (share of the month {1 / months:.3f})",
        flush=True,
    )


def _print_models(increments: Mapping[int, _Seconds]) -> None:
    print(f"\n{'one new month, s':<38}" + "".join(f"{f'{months} months':>12}" for months in increments))
    last = list(increments.values())[-1]
    for model in sorted(last, key=lambda name: -last[name]):
        if last[model] >= 0.05:
            print(f"{model:<38}" + "".join(f"{seconds[model]:>12.2f}" for seconds in increments.values()))


if __name__ == "__main__":
    main()
