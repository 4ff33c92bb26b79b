"""Rejected rows as a person wants to see them: the first few of each reason, and where they stand."""

from collections.abc import Iterable, Mapping
from typing import Any

from assets.contracts.lake import Lake
from assets.contracts.landed import landed_source, landed_sources
from assets.contracts.quarantine import QUARANTINE

_COLUMNS = ["source", "table", "reason", "file", "row", "column", "detail"]
_DETAIL_CHARACTERS = 300


def rejected_rows(lake: Lake, source: str | None = None, *, limit: int = 3) -> list[dict[str, Any]]:
    """The first rejected rows per source, table and reason, of what has landed, published or not.

    Args:
        lake: The lake.
        source: Name of a source; all of them if None.
        limit: Rows per source, table and reason.

    Returns:
        Rows with source, table, reason, file, row, column and detail, sorted in this order.
    """
    zones = landed_sources(lake) if source is None else {source: landed_source(lake, source)}
    rows = [row for zone in zones.values() for row in _first_rows(zone, limit)]
    return sorted(rows, key=lambda row: [row[name] for name in ("source", "table", "reason", "file", "row")])


def count_rejected(lake: Lake) -> int:
    """Rejected rows of all sources."""
    return sum(commit.rows for zone in landed_sources(lake).values() for commit in zone.commits(QUARANTINE.key))


def render_rejected(rows: Iterable[Mapping[str, Any]]) -> str:
    """One line of text per rejected row; empty without any."""
    lines = [_line(row) for row in rows]
    return "\n".join(["  first rejected rows of each reason:", *lines]) if lines else ""


def _first_rows(zone: Lake, limit: int) -> list[dict[str, Any]]:
    """Batch by batch, since a quarantine can be larger than memory."""
    import polars as pl

    kept = pl.DataFrame()
    for batch in zone.dataset(QUARANTINE).to_batches(columns=_COLUMNS):
        found = pl.DataFrame(batch)
        kept = pl.concat([kept, found]) if kept.width else found
        kept = kept.group_by("table", "reason", maintain_order=True).head(limit).select(_COLUMNS)
    return kept.to_dicts()


def _line(row: Mapping[str, Any]) -> str:
    column = "" if row["column"] is None else f", column {row['column']}"
    detail = row["detail"].replace("\n", " ")
    if len(detail) > _DETAIL_CHARACTERS:
        detail = f"{detail[:_DETAIL_CHARACTERS]}..."
    return f"    {row['table']} {row['reason']}: {row['file']}, row {row['row']}{column}: {detail}"
