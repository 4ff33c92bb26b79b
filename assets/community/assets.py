"""Tables of the community: written to staging, audited, and published only when the audit passes.

Who is published and who is left out is in ``publishing.py``, what must be true in ``suites.py``, how it
is checked in ``audit.py``. This file says which tables there are and how some months of one are made.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from assets.community.audit import audit_months
from assets.community.publishing import (
    StagedMonth,
    code_version,
    landed_months,
    publish,
    published_tables,
    retract,
    stage_months,
)
from assets.community.record import AuditFailed, Finding, count_exclusions, recorded_months
from assets.community.suites import statements
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.figures import months_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, picture
from assets.partitions import months, one_run
from assets.resources import LakeResource

_MONTHS_AT_ONCE = 24
"""Months that share lookups and validations; staged but unpublished data is bound by it."""

Events = Iterator[dg.AssetCheckResult | dg.MaterializeResult]


def build_table_asset(contract: TableContract) -> dg.AssetsDefinition:
    """One published table of the community, with one blocking check per statement of its suite."""

    @dg.multi_asset(
        name=contract.key,
        specs=[
            dg.AssetSpec(
                contract.key,
                deps=["landing", *sorted({r.to_table for r in contract.references})],
                group_name="community",
                kinds={"parquet", "duckdb"},
                owners=OWNERS,
                description=contract_description(contract),
                metadata=contract_metadata(contract),
                code_version=code_version(contract),
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(s.name, asset=contract.key, blocking=True, description=s.description)
            for s in statements(contract)
        ],
        # A community without such a table has nothing to check: with this, a check may be left unanswered.
        can_subset=True,
        partitions_def=months,
        backfill_policy=one_run,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL),
    )
    def table(context: dg.AssetExecutionContext, lake: LakeResource) -> Events:
        store = lake.open()
        if not (
            landed_months(store, contract) or store.partitions(contract.key) or recorded_months(store, contract.key)
        ):
            yield dg.MaterializeResult(asset_key=contract.key, metadata={"skipped": "nothing of this table has landed"})
            return
        outcome = _publish_months(store, contract, list(context.partition_keys))
        yield from _check_results(contract, outcome.findings)
        if outcome.refused:
            for month in outcome.published:
                context.log_event(dg.AssetMaterialization(contract.key, partition=month))
            raise dg.Failure("\n".join(outcome.refused), allow_retries=False)
        yield dg.MaterializeResult(
            asset_key=contract.key, metadata=_metadata(store, contract, list(context.partition_keys))
        )

    return table


class _Outcome:
    """What came of publishing some months: good months count even where others were refused."""

    def __init__(self) -> None:
        self.findings: dict[str, Sequence[Finding]] = {}
        self.published: list[str] = []
        self.refused: list[str] = []


def _publish_months(store: Lake, contract: TableContract, wanted: list[str]) -> _Outcome:
    outcome = _Outcome()
    for start in range(0, len(wanted), _MONTHS_AT_ONCE):
        staged = stage_months(store, contract, wanted[start : start + _MONTHS_AT_ONCE])
        findings = audit_months(store, contract, staged)
        outcome.findings |= findings
        for month in staged:
            _publish_month(store, contract, month, findings.get(month.month, []), outcome)
    return outcome


def _publish_month(
    store: Lake, contract: TableContract, month: StagedMonth, findings: Sequence[Finding], outcome: _Outcome
) -> None:
    try:
        publish(store, month, findings)
        outcome.published.append(month.month)
    except AuditFailed as refusal:
        gone = retract(store, contract, month.month)
        outcome.refused.append(
            f"{refusal}; rows taken out that may no longer be public: {gone}" if gone else str(refusal)
        )


def _check_results(contract: TableContract, findings: Mapping[str, Sequence[Finding]]) -> Iterator[dg.AssetCheckResult]:
    """One result per statement over all months; no month to ask about is a warning, never a pass."""
    for statement in statements(contract):
        asked = {month: f for month, found in findings.items() for f in found if f.name == statement.name}
        failed = {month: finding for month, finding in asked.items() if not finding.passed}
        rows = sum(finding.rows_checked for finding in asked.values())
        yield dg.AssetCheckResult(
            asset_key=contract.key,
            check_name=statement.name,
            passed=bool(asked) and not failed,
            severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
            description=_verdict(len(asked), len(failed)),
            metadata={
                "rows_checked": rows,
                "months_checked": len(asked),
                "unexpected_count": sum(finding.unexpected_count for finding in failed.values()),
                "observed": markdown_table(_shown(failed or asked)),
            },
        )


def _verdict(asked: int, failed: int) -> str:
    if not asked:
        return "Nothing of this table is to be published in these months, so there was nothing to check."
    return f"False in {failed} of {asked} months; none of these is published." if failed else f"True in {asked} months."


def _shown(findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    return [
        {
            "month": month,
            "observed": finding.observed,
            "unexpected": finding.unexpected_count,
            "examples": "; ".join(str(dict(example)) for example in finding.examples),
        }
        for month, finding in sorted(findings.items())[-_MONTHS_AT_ONCE:]
    ]


def _metadata(store: Lake, contract: TableContract, wanted: list[str]) -> dict[str, Any]:
    rows = {commit.partition: commit.rows for commit in store.commits(contract.key, wanted)}
    excluded = count_exclusions(store, contract.key, wanted)
    return {
        "dagster/partition_row_count": sum(rows.values()),
        "dagster/row_count": sum(commit.rows for commit in store.commits(contract.key)),
        "excluded": markdown_table([{"reason": reason, "rows": n} for reason, n in excluded.items()]),
        "rows_by_month": picture(months_figure(rows, f"Published {contract.key} by month", "rows")),
    }


ASSETS = [build_table_asset(contract) for contract in published_tables()]
