"""The zone ``landed/<source>`` of the lake: typed months, a quarantine, and ``source.json`` written last.

Everything is staged before anything is committed. A process that dies while it stages leaves the last
good state; one that dies while it commits leaves whole partitions, some old, some new, under a
``source.json`` that does not describe them, so the next run does the import again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from assets.contracts.lake import Lake, Staged
from assets.contracts.landed import SOURCE_DOCUMENT
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.table import UNDATED
from assets.landing.importers.format import landing_tables
from assets.landing.importers.report import TableReport
from assets.landing.importers.workspace import Workspace


def is_whole(zone: Lake, document: Mapping[str, Any]) -> bool:
    """Whether the zone holds exactly the partitions that its document describes."""
    return bool(document["partitions"] == _committed(zone))


def stage_everything(zone: Lake, workspace: Workspace, name: str) -> tuple[list[Staged], dict[str, TableReport]]:
    """Stage all months and quarantines of an import; no reader sees them yet."""
    staged: list[Staged] = []
    reports: dict[str, TableReport] = {}
    for key in sorted(workspace.tables):
        months = list(_stage_months(zone, workspace, key))
        rejected = workspace.rejected_counts(key)
        if rejected:
            staged.append(_stage_rejected(zone, workspace, key, name))
        landed, table = sum(month.rows for month in months), workspace.tables[key]
        reports[key] = TableReport(
            landed,
            rejected,
            tuple(month.partition for month in months),
            landed - workspace.accepted(key),
            _undated_rows(months) if table.contract.event_time else None,
            tuple(table.files),
        )
        staged += months
    return staged, reports


def publish(zone: Lake, staged: Iterable[Staged], document: Mapping[str, Any], code_version: str) -> None:
    """Commit what was staged, drop what vanished, and write the document last."""
    kept = set()
    for one in staged:
        zone.commit(one, code_version=code_version)
        kept.add((one.table, one.partition))
    for table in _tables():
        for partition in zone.partitions(table):
            if (table, partition) not in kept:
                zone.drop(table, partition)
    whole = {**document, "partitions": _committed(zone)}
    zone.put_bytes(SOURCE_DOCUMENT, (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode())


def _undated_rows(months: Iterable[Staged]) -> int:
    return sum(month.rows for month in months if month.partition == UNDATED)


def _stage_months(zone: Lake, workspace: Workspace, key: str) -> Iterator[Staged]:
    contract = workspace.tables[key].contract
    for month, batches in groupby(workspace.landing_batches(key), key=itemgetter(0)):
        yield zone.stage_stream(contract, month, (_in_utc(batch, contract.schema) for _, batch in batches))


def _stage_rejected(zone: Lake, workspace: Workspace, key: str, name: str) -> Staged:
    return zone.stage_stream(QUARANTINE, key, workspace.rejected_batches(key, name))


def _in_utc(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """DuckDB's timestamps have no zone; here they are UTC, which is what Arrow's cast assumes."""
    return pa.RecordBatch.from_arrays([batch.column(f.name).cast(f.type) for f in schema], schema=schema)


def _tables() -> list[str]:
    return [*sorted(landing_tables()), QUARANTINE.key]


def _committed(zone: Lake) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in _tables():
        found |= zone.fingerprints(table)
    return dict(sorted(found.items()))
