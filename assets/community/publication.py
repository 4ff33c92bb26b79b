"""One run over some months of a table: stage, audit, publish, and what came of it.

A month whose audit fails is *refused*: what was published of it stays, less what ``retract`` takes out, and its
refusal is kept (``refusals.py``). No refusal is an error here: what follows goes on with what is published, and the
asset ``refused_months`` tells at the end. ``docs/adr/0006-refused-months-stop-nothing-else.md`` tells why.

While a month is staged and audited, more may land, such as somebody's no. So what was staged is compared with what has
landed right before it is committed, and once more afterwards; a month that was overtaken is made again. What lands
later than that is published by the run that it starts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assets.community.audit import audit_months
from assets.community.publishing import (
    StagedMonth,
    months_left_behind,
    newest_landed_month,
    overtaken,
    publish,
    retract,
    stage_months,
)
from assets.community.record import AuditFailed, Finding, read_record
from assets.community.refusals import Refusal, delete_refusals, refusal_of, write_refusal
from assets.community.suites import VOLUME
from assets.community.volume import fewest_expected, is_accepted
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract

_MONTHS_AT_ONCE = 24
"""Months that share lookups and validations; staged but unpublished data is bound by it."""
_ATTEMPTS = 5


class AlwaysOvertaken(RuntimeError):
    """Others land news faster than this run publishes them."""


@dataclass
class Outcome:
    """What came of publishing some months.

    Attributes:
        findings: Month -> what its audit found; a month without any row to publish has none.
        published: Months that are as they landed.
        refused: Month -> why its news are not published.
        withdrawn_rows: Month -> rows taken out of what stays published of a refused month.
        emptied: Month without any row to publish -> fewest rows that were to be expected of it, where some were.
    """

    findings: dict[str, Sequence[Finding]] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)
    refused: dict[str, Refusal] = field(default_factory=dict)
    withdrawn_rows: dict[str, int] = field(default_factory=dict)
    emptied: dict[str, float] = field(default_factory=dict)


def publish_months(
    lake: Lake,
    contract: TableContract,
    months: Sequence[str],
    accept_volume: Collection[str] = (),
    records: Lake | None = None,
) -> Outcome:
    """Publish what may be published of some months, and refuse the others.

    Months that hold rows which a later source puts into one of these are made as well.

    Args:
        lake: The lake.
        contract: The table.
        months: Partitions.
        accept_volume: Months whose number of rows is right, whatever the months before say. It is remembered: such
            a month may shrink or grow by a factor of 5 until it has to be accepted again.
        records: Lake whose records tell what was accepted before; the same one by default.

    Raises:
        AlwaysOvertaken: News of these months keep landing; what was published before stays.
        ContractViolation: Landed rows are not what the contract says.
    """
    outcome = Outcome()
    before = {commit.partition: commit.rows for commit in lake.commits(contract.key)}
    volumes = _Volumes(records or lake, frozenset(accept_volume))
    for start in range(0, len(months), _MONTHS_AT_ONCE):
        due = list(months[start : start + _MONTHS_AT_ONCE])
        for _ in range(_ATTEMPTS):
            due = _attempt(lake, contract, due, volumes, outcome)
            if not due:
                break
        else:
            raise AlwaysOvertaken(
                f"{contract.key}: more keeps landing that decides {', '.join(due)}; run again once it has landed"
            )
    if contract.event_time is not None:
        outcome.emptied = _emptied(lake, contract, outcome.published, before)
    return outcome


def _emptied(
    lake: Lake, contract: TableContract, months: Collection[str], before: Mapping[str, int]
) -> dict[str, float]:
    """Months that have no row, although some were to be expected.

    They are not refused: rows that landed no longer must not stay. So the check of the volume warns of them.
    """
    counts = {commit.partition: commit.rows for commit in lake.commits(contract.key)}
    newest = newest_landed_month(lake)
    empty = sorted(set(months) - set(counts))
    expected = {month: fewest_expected(counts, month, newest, before.get(month, 0)) for month in empty}
    return {month: rows for month, rows in expected.items() if rows is not None}


def _attempt(
    lake: Lake, contract: TableContract, months: Sequence[str], volumes: "_Volumes", outcome: Outcome
) -> list[str]:
    """Stage, audit and publish once; returns the months for which more has landed meanwhile."""
    staged = _stage(lake, contract, months)
    found = audit_months(lake, contract, staged)
    late = set(overtaken(lake, contract, staged))
    settled = [month for month in staged if month.month not in late]
    for month in settled:
        _settle(lake, contract, month, volumes.applied(month, found.get(month.month, [])), outcome)
    delete_refusals(lake, contract.key, [m.month for m in settled if m.month not in outcome.refused])
    return sorted(late | set(overtaken(lake, contract, settled)))


def _stage(lake: Lake, contract: TableContract, months: Sequence[str]) -> list[StagedMonth]:
    staged = stage_months(lake, contract, months)
    while left := months_left_behind(lake, contract, staged):
        staged += stage_months(lake, contract, left)
    return staged


def _settle(
    lake: Lake, contract: TableContract, month: StagedMonth, findings: Sequence[Finding], outcome: Outcome
) -> None:
    """Publish or refuse one month, and note it, whatever an earlier attempt has noted."""
    name = month.month
    outcome.findings.pop(name, None)
    outcome.refused.pop(name, None)
    outcome.published.discard(name)
    if findings:
        outcome.findings[name] = findings
    try:
        publish(lake, month, findings)
        outcome.published.add(name)
    except AuditFailed:
        refusal = refusal_of(contract.key, name, findings)
        write_refusal(lake, refusal)
        outcome.refused[name] = refusal
        outcome.withdrawn_rows[name] = outcome.withdrawn_rows.get(name, 0) + retract(lake, contract, name)


@dataclass(frozen=True)
class _Volumes:
    """Which numbers of rows somebody has said are right."""

    records: Lake
    accepted: frozenset[str]

    def applied(self, month: StagedMonth, findings: Sequence[Finding]) -> list[Finding]:
        """The findings, with what was accepted noted in those about volume; a current month has it noted already."""
        doubted = any(finding.blocks and finding.name in VOLUME for finding in findings)
        if month.staged is None or not doubted:
            return list(findings)
        remembered = self._remembered(month)
        return [self._accept(finding, month.month, month.staged.rows, remembered) for finding in findings]

    def _accept(self, finding: Finding, month: str, rows: int, remembered: Mapping[str, int]) -> Finding:
        if not finding.blocks or finding.name not in VOLUME:
            return finding
        if month in self.accepted:
            return replace(finding, accepted_rows=rows)
        before = remembered.get(finding.name)
        return replace(finding, accepted_rows=before) if before is not None and is_accepted(rows, before) else finding

    def _remembered(self, month: StagedMonth) -> dict[str, int]:
        findings = read_record(self.records, month.table, month.month).findings
        return {f.name: f.accepted_rows for f in findings if f.accepted_rows is not None}
