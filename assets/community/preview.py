"""What would be published, without publishing it: every landed month staged and audited."""

import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from assets.community.publication import publish_months
from assets.community.publishing import landed_months, published_tables
from assets.community.record import Finding
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
        """Whether the statement is true, or somebody has said that the month is right all the same."""
        return not self.finding.blocks

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
            # What refers to a month that is refused here fails in turn, as it would for real.
            outcome = publish_months(lake, contract, landed_months(lake, contract), records=real)
            if not tables or contract.key in tables:
                yield from (
                    MonthFinding(contract.key, month, finding)
                    for month, found in outcome.findings.items()
                    for finding in found
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
