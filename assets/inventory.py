"""What a community holds, read from commits and records; no table is opened but the small one of models."""

import json
from datetime import UTC, datetime
from typing import Any

from assets.community.record import count_exclusions, recorded_months
from assets.community.refusals import read_refusals, refused_months_of
from assets.contracts.beauty import BEAUTY_MODELS, beats_a_coin, held_out_accuracy
from assets.contracts.lake import Lake
from assets.contracts.landed import landed_source, landed_sources, source_document
from assets.contracts.registry import all_contracts
from assets.contracts.settings import Settings
from assets.contracts.wording import counted
from assets.landing.watching import source_folders

_SHOWN = 10


def take_inventory(settings: Settings) -> dict[str, Any]:
    """Tables with months, rows, excluded rows and bytes; refused months; sources, also waiting; model; warehouse."""
    lake = Lake(settings.lake_uri)
    return {
        "home": str(settings.home),
        "lake": lake.uri,
        "tables": [entry for key in all_contracts() if (entry := _table(lake, key))],
        "refused": [entry for key in all_contracts() for entry in _refused(lake, key)],
        "sources": [_source(name, zone) for name, zone in landed_sources(lake).items()],
        "waiting": _waiting(lake, settings),
        **_model(lake),
        "warehouse": _warehouse(settings),
    }


def render_inventory(inventory: dict[str, Any]) -> str:
    """The inventory as text for a terminal."""
    lines = [f"Community  {inventory['home']}", f"Lake       {inventory['lake']}", ""]
    lines.append(f"{'table':<20}{'partitions':>11}{'rows':>14}{'excluded':>12}{'MB':>10}  span")
    lines += [
        f"{table['table']:<20}{table['partitions']:>11}{table['rows']:>14,}{sum(table['excluded'].values()):>12,}"
        f"{table['bytes'] / 1e6:>10.1f}  {_span(table)}"
        for table in inventory["tables"]
    ]
    if not inventory["tables"]:
        lines.append("nothing is published yet; run `beautyflow materialize`")
    lines += _exclusion_lines(inventory["tables"]) + _refusal_lines(inventory["refused"])
    lines += ["", f"{'source':<20}{'landed rows':>14}{'rejected':>11}"]
    lines += [f"{s['source']:<20}{s['landed']:>14,}{s['rejected']:>11,}" for s in inventory["sources"]]
    if inventory["waiting"]:
        lines.append(
            f"not taken in yet: {counted(len(inventory['waiting']), 'folder')} in landing/ "
            f"({', '.join(inventory['waiting'])}); run `beautyflow validate` or `beautyflow materialize`"
        )
    elif not inventory["sources"]:
        lines.append("nothing has landed yet; run `beautyflow simulate` or `beautyflow import`")
    warehouse = inventory["warehouse"]
    lines += [
        "",
        f"Model      {inventory['model'] or 'not trained yet'}{inventory['model_note']}",
        f"Warehouse  {warehouse['path']}  ({warehouse['published_at'] or 'not built yet'})",
    ]
    return "\n".join(lines)


def _table(lake: Lake, key: str) -> dict[str, Any] | None:
    commits = lake.commits(key)
    excluded = count_exclusions(lake, key, recorded_months(lake, key))
    if not commits and not excluded:
        return None
    return {
        "table": key,
        "partitions": len(commits),
        "rows": sum(commit.rows for commit in commits),
        "excluded": excluded,
        "bytes": sum(commit.bytes for commit in commits),
        "first": commits[0].partition if commits else None,
        "last": commits[-1].partition if commits else None,
    }


def _refused(lake: Lake, key: str) -> list[dict[str, Any]]:
    """Months of a table that stand refused: what is false of them, and what to do."""
    months = refused_months_of(lake, key)
    if not months:
        return []
    contract = all_contracts()[key]
    return [
        {"table": key, "month": found.month, "observed": dict(found.observed), "message": found.as_line(contract)}
        for found in read_refusals(lake, key, months)
    ]


def _exclusion_lines(tables: list[dict[str, Any]]) -> list[str]:
    """Reasons for which rows are excluded, the most frequent first."""
    found = [(rows, table["table"], reason) for table in tables for reason, rows in table["excluded"].items()]
    if not found:
        return []
    found.sort(key=lambda each: (-each[0], *each[1:]))
    lines = ["", f"{'excluded from':<20}{'rows':>11}  reason"]
    lines += [f"{table:<20}{rows:>11,}  {reason}" for rows, table, reason in found[:_SHOWN]]
    if rest := found[_SHOWN:]:
        lines.append(f"{'elsewhere':<20}{sum(rows for rows, _, _ in rest):>11,}  see `beautyflow status --json`")
    return lines


def _refusal_lines(refused: list[dict[str, Any]]) -> list[str]:
    if not refused:
        return []
    head = f"{counted(len(refused), 'refused month')}; the last good rows stay published, less what was withdrawn:"
    lines = ["", head, *(f"  ! {entry['message']}" for entry in refused[:_SHOWN])]
    if rest := refused[_SHOWN:]:
        lines.append(f"  and {len(rest):,} more: `beautyflow status --json`")
    return lines


def _span(table: dict[str, Any]) -> str:
    return f"{table['first']} to {table['last']}" if table["partitions"] else "no row may be published"


def _source(name: str, zone: Lake) -> dict[str, Any]:
    document = source_document(zone) or {}
    rows_of = {key: sum(commit.rows for commit in zone.commits(key)) for key in all_contracts()}
    return {
        "source": name,
        "format": document.get("identity", {}).get("format", "unknown"),
        "landed": sum(rows for key, rows in rows_of.items() if key != "quarantine"),
        "rejected": rows_of["quarantine"],
    }


def _waiting(lake: Lake, settings: Settings) -> list[str]:
    """Folders that were never taken in: an intake writes its source document last."""
    names = [folder.name for folder in source_folders(settings.landing)]
    return [name for name in names if source_document(landed_source(lake, name)) is None]


def _model(lake: Lake) -> dict[str, str | None]:
    """Version that scores, the one with the highest sequence, and what it was found to be worth."""
    rows = lake.read(BEAUTY_MODELS, columns=["sequence", "model_version", "metrics"]).to_pylist()
    if not rows:
        return {"model": None, "model_note": ""}
    row = max(rows, key=lambda row: row["sequence"])
    return {"model": row["model_version"], "model_note": _worth(json.loads(row["metrics"]))}


def _worth(metrics: list[dict[str, Any]]) -> str:
    found = held_out_accuracy(metrics)
    if found is None:
        return ""
    if found["value"] is None:
        return f"  (nobody knows what it is worth: only {counted(found['n'], 'photo')} of unseen users to test it on)"
    share = f"{found['value']:.2f} [{found['lower']:.2f}, {found['upper']:.2f}]"
    verdict = "" if beats_a_coin(found) else "; no better than a coin"
    return f"  (tells low from high: accuracy {share} on {counted(found['n'], 'photo')} of unseen users{verdict})"


def _warehouse(settings: Settings) -> dict[str, Any]:
    path = settings.published_warehouse
    moment = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else None
    return {"path": str(path), "published_at": None if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"}
