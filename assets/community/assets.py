"""Tables of the community: written to staging, audited, and published only when the audit passes.

Who is published and who is left out is in ``publishing.py``, what must be true in ``suites.py``, how it
is checked in ``audit.py``, what happens to a month that fails in ``publication.py``. This file says only which tables
there are and how some months of one are made.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.community.publication import Outcome, publish_months
from assets.community.publishing import code_version, landed_months, published_tables
from assets.community.record import Finding, count_exclusions, recorded_months
from assets.community.refusals import as_message, read_refusals, refused_months_of
from assets.community.suites import COLLAPSED, statements
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.contracts.wording import counted, some_of
from assets.figures import months_figure
from assets.metadata import (
    OWNERS,
    contract_description,
    contract_metadata,
    markdown_table,
    picture,
    tell_partition_rows,
)
from assets.partitions import months, one_run
from assets.resources import LakeResource

_MONTHS_SHOWN = 24

Events = Iterator[dg.AssetCheckResult | dg.MaterializeResult]


class PublicationConfig(dg.Config):
    """What a person knows better than the audit."""

    accept_volume: list[str] = Field(
        default=[], description="Months `YYYY-MM` that are published although the number of their rows is implausible."
    )


def build_table_asset(contract: TableContract) -> dg.AssetsDefinition:
    """One published table of the community, with one check per statement of its suite.

    A failed check keeps its month from being published, and stops nothing else: see ``refused_months``.
    """

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
            dg.AssetCheckSpec(s.name, asset=contract.key, blocking=False, description=s.description)
            for s in statements(contract)
        ],
        # A community without such a table has nothing to check: with this, a check may be left unanswered.
        can_subset=True,
        partitions_def=months,
        backfill_policy=one_run,
        retry_policy=dg.RetryPolicy(max_retries=2, delay=10, backoff=dg.Backoff.EXPONENTIAL),
    )
    def table(context: dg.AssetExecutionContext, config: PublicationConfig, lake: LakeResource) -> Events:
        store, wanted = lake.open(), list(context.partition_keys)
        if not _is_there(store, contract):
            yield dg.MaterializeResult(asset_key=contract.key, metadata={"skipped": "nothing of this table has landed"})
            return
        outcome = publish_months(store, contract, wanted, config.accept_volume)
        yield from _check_results(contract, outcome)
        for month in sorted(outcome.published - set(wanted)):
            context.log_event(dg.AssetMaterialization(contract.key, partition=month))
        tell_partition_rows(context, contract.key, store.commits(contract.key, wanted), wanted)
        yield dg.MaterializeResult(asset_key=contract.key, metadata=_metadata(store, contract, wanted, outcome))

    return table


def _is_there(store: Lake, contract: TableContract) -> bool:
    key = contract.key
    return bool(
        landed_months(store, contract)
        or store.partitions(key)
        or recorded_months(store, key)
        or refused_months_of(store, key)
    )


def _check_results(contract: TableContract, outcome: Outcome) -> Iterator[dg.AssetCheckResult]:
    """One result per statement over all months that have a row to publish; where none has, there is none.

    A check that nothing was tested by is left unanswered: it neither passes nor warns. A month of which somebody has
    said that it is right is a warning, and for the volume so is a month that should have rows and has none.
    """
    for statement in statements(contract):
        asked = {month: f for month, found in outcome.findings.items() for f in found if f.name == statement.name}
        emptied = outcome.emptied if statement.name == COLLAPSED else {}
        if not asked and not emptied:
            continue
        untrue = {month: finding for month, finding in asked.items() if not finding.passed}
        refused = {month: finding for month, finding in untrue.items() if finding.blocks}
        accepted = {month: finding.accepted_rows for month, finding in untrue.items() if not finding.blocks}
        yield dg.AssetCheckResult(
            asset_key=contract.key,
            check_name=statement.name,
            passed=not untrue and not emptied,
            severity=dg.AssetCheckSeverity.ERROR if refused else dg.AssetCheckSeverity.WARN,
            description=" ".join([*_verdict(asked, refused, accepted), *_missing(emptied)]),
            metadata={
                "rows_checked": sum(finding.rows_checked for finding in asked.values()),
                "months_checked": len(asked),
                "unexpected_count": sum(finding.unexpected_count for finding in untrue.values()),
                "accepted_rows_by_month": dg.MetadataValue.json(accepted),
                "empty_months": dg.MetadataValue.json(sorted(emptied)),
                "observed": markdown_table(_shown(untrue or asked)),
            },
        )


def _verdict(
    asked: Mapping[str, Finding], refused: Mapping[str, Finding], accepted: Mapping[str, int | None]
) -> Iterator[str]:
    months = counted(len(asked), "month")
    if refused:
        seen = some_of([f"{month}: {finding.observed}" for month, finding in sorted(refused.items())])
        yield f"False in {len(refused)} of {months}, so the news of these are not published ({seen})."
    if accepted:
        yield f"False in {len(accepted)} of {months}, and accepted there: {', '.join(accepted)}."
    if asked and not refused and not accepted:
        yield f"True in {months}."


def _missing(emptied: Mapping[str, float]) -> Iterator[str]:
    if emptied:
        seen = some_of([f"{month}: at least {rows:,.0f} expected" for month, rows in sorted(emptied.items())])
        yield f"No row where there should be some ({seen}); see whether a file is missing."


def _shown(findings: Mapping[str, Finding]) -> list[dict[str, Any]]:
    return [
        {
            "month": month,
            "observed": finding.observed,
            "unexpected": finding.unexpected_count,
            "examples": "; ".join(str(dict(example)) for example in finding.examples),
        }
        for month, finding in sorted(findings.items())[-_MONTHS_SHOWN:]
    ]


def _metadata(store: Lake, contract: TableContract, wanted: list[str], outcome: Outcome) -> dict[str, Any]:
    rows = {commit.partition: commit.rows for commit in store.commits(contract.key, wanted)}
    excluded = count_exclusions(store, contract.key, wanted)
    refused = [
        {"month": month, "is_false": ", ".join(refusal.observed), "withdrawn_rows": outcome.withdrawn_rows[month]}
        for month, refusal in sorted(outcome.refused.items())
    ]
    return {
        "dagster/row_count": sum(commit.rows for commit in store.commits(contract.key)),
        "months_audited": len(outcome.findings),
        "months_without_rows": len(set(wanted) - set(rows)),
        "excluded_in_this_run": markdown_table([{"reason": reason, "rows": n} for reason, n in excluded.items()]),
        "refused_in_this_run": markdown_table(refused),
        "rows_by_month": picture(months_figure(rows, f"Published {contract.key} by month", "rows")),
    }


@dg.asset(
    deps=[contract.key for contract in published_tables()],
    group_name="community",
    kinds={"json"},
    owners=OWNERS,
    partitions_def=months,
    backfill_policy=one_run,
)
def refused_months(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Fails where a month of the run stands refused, and says what to do; it makes nothing, and nothing waits for it.

    A refused month must not stop what follows, or somebody's no would not arrive there. It must not go unnoticed
    either: this step makes the run fail, after everything that does not depend on it has been made.
    """
    store, wanted = lake.open(), list(context.partition_keys)
    refused = [(table, refusal) for table in published_tables() for refusal in read_refusals(store, table.key, wanted)]
    if refused:
        raise dg.Failure(as_message(refused), allow_retries=False)
    return dg.MaterializeResult(metadata={"months": len(wanted), "refused": 0})


ASSETS = [*map(build_table_asset, published_tables()), refused_months]
