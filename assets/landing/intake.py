"""Takes in every source of the landing folder and tells what is new since the last time.

Importing is in ``importers``; this module goes through the folders and compares what the lake holds of
them now with what it held at the last intake, whoever imported in between.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.registry import all_contracts
from assets.contracts.table import UNDATED
from assets.landing.watching import source_folders

ZONE = "landed"
_MEMORY = "intake/last.json"

_REACHING = ("users", "photos")
"""Tables whose change reaches later months: a user's consent and a photo's visibility decide what is
published of everything they did since."""


@dataclass(frozen=True)
class LandingState:
    """What the landing zone holds, and what changed since the last intake.

    Attributes:
        landed: Rows of all sources and tables.
        rejected: Rows in quarantine.
        months: Partitions that hold a row, sorted.
        changed_months: Months that must be made again, sorted.
        rows_by_source: One line per source and table, with rows, rejected rows and months.
        rejections: One line per source, table and reason.
    """

    landed: int
    rejected: int
    months: list[str]
    changed_months: list[str]
    rows_by_source: list[dict[str, Any]]
    rejections: list[dict[str, Any]]

    def rows_by_month(self, table: str, lake: Lake) -> dict[str, int]:
        """Landed rows of one table by month, over all sources."""
        counts: Counter[str] = Counter()
        for source in lake.zones(ZONE):
            for commit in lake.zone(f"{ZONE}/{source}").commits(table):
                counts[commit.partition] += commit.rows
        return dict(sorted(counts.items()))


def take_in(lake: Lake, landing: Path) -> LandingState:
    """Import every source folder whose files changed, and describe the whole landing zone.

    Raises:
        ImportFailure: A source cannot be read at all; the others that came before it are in.
    """
    import_folders(lake, landing)
    now = _landed_fingerprints(lake)
    state = _describe(lake, changed_months(_remembered(lake), now))
    lake.put_bytes(_MEMORY, json.dumps(now, sort_keys=True).encode())
    return state


def import_folders(lake: Lake, landing: Path) -> None:
    """Import every source folder whose files changed.

    Raises:
        ImportFailure: A source cannot be read at all; the others that came before it are in.
    """
    from assets.landing.importers import import_source

    for folder in source_folders(landing):
        import_source("canonical", folder, name=folder.name, lake=lake, landing_root=landing)


def changed_months(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Months to make again, given fingerprints ``source/table/month`` before and now.

    A month of users or photos that changed reaches every later month, because consent and visibility
    decide what is published of what followed; undated rows reach all. A month that lost its last row
    counts as changed, so that what was published of it goes too.
    """
    differing = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    direct = {key.rsplit("/", 1)[1] for key in differing}
    reaching = {month for key in differing for _, table, month in [key.split("/")] if table in _REACHING}
    horizon = "" if UNDATED in reaching else min(reaching, default=UNDATED)
    months = {key.rsplit("/", 1)[1] for key in now}
    return sorted(direct | {month for month in months if month >= horizon and reaching})


def _landed_fingerprints(lake: Lake) -> dict[str, str]:
    return {
        f"{source}/{key}/{commit.partition}": commit.sha256
        for source in lake.zones(ZONE)
        for key in _landed_tables()
        for commit in lake.zone(f"{ZONE}/{source}").commits(key)
    }


def _remembered(lake: Lake) -> dict[str, str]:
    return dict(json.loads(lake.get_bytes(_MEMORY) or b"{}"))


def _landed_tables() -> Iterable[str]:
    return (key for key in all_contracts() if key != QUARANTINE.key)


def _describe(lake: Lake, changed: list[str]) -> LandingState:
    sources = {source: lake.zone(f"{ZONE}/{source}") for source in lake.zones(ZONE)}
    rejections = [line for source, zone in sources.items() for line in _rejections(source, zone)]
    lines = [line for source, zone in sources.items() for line in _rows(source, zone)]
    months = {commit.partition for zone in sources.values() for key in _landed_tables() for commit in zone.commits(key)}
    return LandingState(
        landed=sum(line["rows"] for line in lines),
        rejected=sum(line["rows"] for line in rejections),
        months=sorted(months),
        changed_months=changed,
        rows_by_source=lines,
        rejections=rejections,
    )


def _rows(source: str, zone: Lake) -> list[dict[str, Any]]:
    lines = []
    for key in _landed_tables():
        if commits := zone.commits(key):
            rows = sum(commit.rows for commit in commits)
            lines.append({"source": source, "table": key, "rows": rows, "months": len(commits)})
    return lines


def _rejections(source: str, zone: Lake) -> list[dict[str, Any]]:
    counted = (
        zone.read(QUARANTINE, columns=["table", "reason"]).group_by(["table", "reason"]).aggregate([([], "count_all")])
    )
    ordered = counted.take(pc.sort_indices(counted, [("table", "ascending"), ("reason", "ascending")]))
    return [
        {"source": source, "table": row["table"], "reason": row["reason"], "rows": row["count_all"]}
        for row in ordered.to_pylist()
    ]
