"""What would be published, without publishing it: every landed month staged and audited."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from assets.community.audit import audit_months
from assets.community.publishing import landed_months, publish, published_tables, stage_months
from assets.community.record import AuditFailed, Finding
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings


@dataclass(frozen=True)
class MonthFinding:
    """A finding with the table and month it is about."""

    table: str
    month: str
    finding: Finding

    @property
    def passed(self) -> bool:
        """Whether the statement is true."""
        return self.finding.passed

    def as_line(self) -> str:
        """One line for a terminal, with an example where the statement is false."""
        mark = "ok    " if self.passed else "FALSE "
        examples = f"  e.g. {dict(self.finding.examples[0])}" if self.finding.examples else ""
        return f"{mark} {self.table}/{self.month}  {self.finding.name}: {self.finding.observed}{examples}"

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {"table": self.table, "month": self.month, **asdict(self.finding)}


def preview_landed(settings: Settings, tables: list[str]) -> Iterator[MonthFinding]:
    """Findings of every landed month, table by table; the community's lake is only read.

    Args:
        settings: Which community.
        tables: Keys of the tables to report; empty for all that landed. Tables they refer to are staged too.

    Raises:
        ValueError: A table is not one that is published, or nothing of it has landed.
    """
    real = Lake(settings.lake_uri)
    landed = [contract for contract in published_tables() if landed_months(real, contract)]
    keys = [contract.key for contract in landed]
    if unknown := sorted(set(tables) - set(keys)):
        raise ValueError(f"nothing has landed of {unknown}; there is {keys or 'nothing at all'}")
    with tempfile.TemporaryDirectory() as folder:
        lake = _PreviewLake(real, folder)
        for contract in landed:
            staged = stage_months(lake, contract, landed_months(lake, contract))
            findings = audit_months(lake, contract, staged)
            for month in staged:
                try:
                    publish(lake, month, findings.get(month.month, []))
                except AuditFailed:
                    continue  # the findings say so; what refers to this month fails in turn, as it would for real
            if not tables or contract.key in tables:
                yield from (
                    MonthFinding(contract.key, month, finding) for month, found in findings.items() for finding in found
                )


class _PreviewLake(Lake):
    """What landed comes from the real lake; what would be published goes to a folder that is thrown away."""

    def __init__(self, real: Lake, folder: str) -> None:
        super().__init__(folder)
        self._real = real

    def zone(self, name: str) -> Lake:
        return self._real.zone(name)

    def zones(self, prefix: str) -> list[str]:
        return self._real.zones(prefix)
