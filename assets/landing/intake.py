"""Takes in every source of the landing folder and tells what is new since the last time.

Importing is in ``importers``; this module goes through the folders and compares what the lake holds of
them now with what it held at the last intake, whoever imported in between.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.contracts.lake import Commit, Lake
from assets.contracts.landed import landed_sources, source_document
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.registry import all_contracts
from assets.contracts.table import UNDATED
from assets.contracts.wording import counted
from assets.landing.watching import source_folders

_SNAPSHOTS = "intake"

_CONSENT = "consent"
_REACHING = ("users", "photos", _CONSENT)
"""What reaches later months when it changes: a user's consent and a photo's visibility decide what is
published of everything they did since; what a source says of consent decides about all of it."""


class SourcesFailed(ValueError):
    """Some sources of the landing folder could not be imported; the message names each with its reason."""


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
        snapshot: Name of what was found, for the next intake to compare with.
        failure: What kept sources out, each with its name; empty if all are in.
    """

    landed: int
    rejected: int
    months: list[str]
    changed_months: list[str]
    rows_by_source: list[dict[str, Any]]
    rejections: list[dict[str, Any]]
    snapshot: str
    failure: str = ""

    def rows_by_month(self, table: str, lake: Lake) -> dict[str, int]:
        """Landed rows of one table by month, over all sources."""
        counts: Counter[str] = Counter()
        for zone in landed_sources(lake).values():
            for commit in zone.commits(table):
                counts[commit.partition] += commit.rows
        return dict(sorted(counts.items()))


def take_in(lake: Lake, landing: Path, since: str = "") -> LandingState:
    """Import every source folder whose files changed, and describe the whole landing zone.

    Args:
        lake: The lake.
        landing: Folder of the sources.
        since: ``snapshot`` of the intake to compare with: the last one that is on record, so that an intake
            which was killed before it was recorded loses no change. Empty: everything is new.

    Returns:
        The state with the sources that could be read, and of the others why they could not: they are as they were.
    """
    failures = _import_each(lake, landing)
    now = _landed_fingerprints(lake)
    before = json.loads(lake.get_bytes(_snapshot_name(since)) or b"{}") if since else {}
    content = json.dumps(now, sort_keys=True).encode()
    snapshot = hashlib.sha256(content).hexdigest()[:16]
    if lake.get_bytes(_snapshot_name(snapshot)) != content:
        lake.put_bytes(_snapshot_name(snapshot), content)
    return replace(_describe(lake, changed_months(before, now), snapshot), failure=_summary(failures))


def forget_snapshots(lake: Lake, *kept: str) -> None:
    """Delete the snapshots of earlier intakes, but for those named."""
    wanted = {_snapshot_name(snapshot) for snapshot in kept if snapshot}
    for name in lake.names(_SNAPSHOTS):
        if name not in wanted:
            lake.delete(name)


def import_folders(lake: Lake, landing: Path) -> None:
    """Import every source folder whose files changed.

    Raises:
        SourcesFailed: Some sources cannot be read at all; all others are in.
    """
    if failures := _import_each(lake, landing):
        raise SourcesFailed(_summary(failures))


def _import_each(lake: Lake, landing: Path) -> dict[str, str]:
    """Source -> why it could not be imported; one bad folder keeps no other one out."""
    from assets.landing.importers import ImportFailure, import_source

    failures = {}
    for folder in source_folders(landing):
        try:
            import_source("canonical", folder, name=folder.name, lake=lake, landing_root=landing)
        except ImportFailure as failure:
            failures[folder.name] = str(failure)
    return failures


def _summary(failures: Mapping[str, str]) -> str:
    """One line, because commands conclude with the first line of what went wrong."""
    if not failures:
        return ""
    told = "; ".join(f"[{name}] {failure}" for name, failure in failures.items())
    return f"{counted(len(failures), 'source')} could not be imported, the others are in: {told}"


def changed_months(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Months to make again, given fingerprints ``source/table/month`` before and now.

    A month of users or photos that changed reaches every later month, because consent and visibility
    decide what is published of what followed; undated rows reach all. A month that lost its last row
    counts as changed, so that what was published of it goes too. What a source states of consent reaches all when it
    changes; that of a new source speaks of its own rows only, which are new anyway.
    """
    differing = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
    parts = [parts for key in differing if (parts := key.split("/"))[1] != _CONSENT or (key in before and key in now)]
    direct = {month for _, table, month in parts if table != _CONSENT}
    reaching = {month for _, table, month in parts if table in _REACHING}
    horizon = "" if UNDATED in reaching else min(reaching, default=UNDATED)
    months = {month for _, table, month in (key.split("/") for key in now) if table != _CONSENT}
    return sorted(direct | {month for month in months if month >= horizon and reaching})


def _landed_fingerprints(lake: Lake) -> dict[str, str]:
    sources = landed_sources(lake)
    rows = {
        f"{source}/{key}/{commit.partition}": commit.sha256
        for source, zone in sources.items()
        for key in _landed_tables()
        for commit in zone.commits(key)
    }
    return rows | {f"{source}/{_CONSENT}/{UNDATED}": _consent(zone) for source, zone in sources.items()}


def _consent(zone: Lake) -> str:
    return str((source_document(zone) or {}).get("consent"))


def _snapshot_name(snapshot: str) -> str:
    return f"{_SNAPSHOTS}/{snapshot}.json"


def _landed_tables() -> Iterable[str]:
    return (key for key in all_contracts() if key != QUARANTINE.key)


def _describe(lake: Lake, changed: list[str], snapshot: str) -> LandingState:
    sources = landed_sources(lake)
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
        snapshot=snapshot,
    )


def _rows(source: str, zone: Lake) -> list[dict[str, Any]]:
    lines = []
    for key in _landed_tables():
        if commits := zone.commits(key):
            rows = sum(commit.rows for commit in commits)
            lines.append({"source": source, "table": key, "rows": rows, "months": _months_in(commits)})
    return lines


def _months_in(commits: Iterable[Commit]) -> int:
    return sum(commit.partition != UNDATED for commit in commits)


def _rejections(source: str, zone: Lake) -> list[dict[str, Any]]:
    """As the import counted them: a quarantine can be larger than memory."""
    tables = (source_document(zone) or {}).get("tables", {})
    return [
        {"source": source, "table": key, "reason": reason, "rows": rows}
        for key, table in sorted(tables.items())
        for reason, rows in sorted(table["rejected"].items())
    ]
