"""What would be published, without publishing it: every landed month staged and audited."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from assets.community.landed import Landed
from assets.community.publication import publish_months
from assets.community.publishing import landed_months, published_tables
from assets.community.record import Finding
from assets.community.refusals import remedy_of
from assets.community.whereabouts import places_of
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.contracts.table import TableContract
from assets.contracts.wording import counted, some_of


@dataclass(frozen=True)
class MonthFinding:
    """A finding with the table and month it is about.

    Attributes:
        table: Key of the contract.
        month: Partition.
        finding: What was found.
        places: Source and file of each example; empty for one that is no row.
        remedy: What to do; empty where nothing is to be done about this month itself.
    """

    table: str
    month: str
    finding: Finding
    places: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def passed(self) -> bool:
        """Whether the statement is true, or somebody has said that the month is right all the same."""
        return not self.finding.blocks

    @property
    def is_mistake(self) -> bool:
        """Whether something is wrong with this month, rather than with one that it refers to."""
        return not self.passed and not self.finding.only_follows

    def as_line(self) -> str:
        """One line for a terminal; where the month is wrong, one more per example, and one that says what to do."""
        mark = "ok    " if self.passed else "FALSE " if self.is_mistake else "follows"
        head = f"{mark} {self.table}/{self.month}  {self.finding.name}: {self.finding.observed}"
        if not self.is_mistake:
            return head
        places = self.places or ("",) * len(self.finding.examples)
        examples = [f"         {_row(dict(e))}{_at(p)}" for e, p in zip(self.finding.examples, places, strict=True)]
        return "\n".join([head, *examples, f"         {self.remedy}"])

    def as_dict(self) -> dict[str, Any]:
        """JSON values."""
        told = {"places": list(self.places), "remedy": self.remedy, "only_follows": self.finding.only_follows}
        return {"table": self.table, "month": self.month, **asdict(self.finding), **told}


class Verdict:
    """What all findings say together, counted while they come in.

    Attributes:
        asked: Statements that were tested.
        mistakes: Statements that are false because of what landed of their month.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.mistakes = 0
        self._following: defaultdict[tuple[str, str], list[MonthFinding]] = defaultdict(list)

    @property
    def following(self) -> int:
        """Statements that are false only because another month is refused."""
        return sum(map(len, self._following.values()))

    @property
    def is_good(self) -> bool:
        """Whether everything would be published."""
        return not self.mistakes and not self.following

    def add(self, found: MonthFinding) -> None:
        """Count one finding."""
        self.asked += 1
        self.mistakes += found.is_mistake
        if not found.passed and not found.is_mistake:
            self._following[found.table, found.finding.name].append(found)

    def as_text(self) -> str:
        """One line per table and statement that only follows, then how many statements are true."""
        head = f"{counted(self.asked, 'statement')} about months of tables tested, {self.mistakes:,} false"
        return "\n".join([*map(_follows, self._following.values()), head + self._more()])

    def _more(self) -> str:
        if not self.following:
            return ""
        verb = "follows" if self.following == 1 else "follow"
        return f"; {self.following:,} more only {verb} from months that are refused"


def preview_landed(settings: Settings, tables: list[str]) -> Iterator[MonthFinding]:
    """Findings of every landed month, table by table; the community's lake is only read.

    Args:
        settings: Which community.
        tables: Keys of the tables to report; empty for all that landed. Tables they refer to are staged too.

    Raises:
        ValueError: A table is not one that is published, or nothing of it has landed.
    """
    real = Lake(settings.lake_uri)
    contracts = [contract for contract in published_tables() if landed_months(real, contract)]
    keys = [contract.key for contract in contracts]
    if unknown := sorted(set(tables) - set(keys)):
        raise ValueError(f"nothing has landed of {unknown}; there is {keys or 'nothing at all'}")
    landed = Landed.of(real)
    with tempfile.TemporaryDirectory() as folder:
        lake = _PreviewLake(real, folder)
        for contract in contracts:
            # What refers to a month that is refused here is refused in turn, as it would be for real.
            outcome = publish_months(lake, contract, landed_months(lake, contract), records=real)
            if not tables or contract.key in tables:
                yield from (
                    _explained(landed, contract, month, finding)
                    for month, found in outcome.findings.items()
                    for finding in found
                )


def _explained(landed: Landed, contract: TableContract, month: str, finding: Finding) -> MonthFinding:
    if not finding.blocks or finding.only_follows:
        return MonthFinding(contract.key, month, finding)
    places = places_of(landed, contract, month, finding.examples)
    return MonthFinding(contract.key, month, finding, places, remedy_of(contract, finding.name, month))


def _follows(found: list[MonthFinding]) -> str:
    causes = dict.fromkeys(cause for each in found for cause in each.finding.follows_from)
    verb = "is" if len(causes) == 1 else "are"
    where = f"{found[0].table}  {found[0].finding.name}"
    return f"follows {where}: false in {counted(len(found), 'month')} only because {some_of(causes)} {verb} refused"


def _row(example: dict[str, str]) -> str:
    """Columns with their values; what was looked up of a referenced row is worded.

    >>> _row({"photo_id": "5", "uploaded_at": "2015-01-01", "user_id__moment": "2015-02-01"})
    'photo_id 5, uploaded_at 2015-01-01, user_id since 2015-02-01'
    """
    return ", ".join(f"{name.replace('__moment', ' since')} {value}" for name, value in example.items())


def _at(place: str) -> str:
    return f": {place}" if place else ""


class _PreviewLake(Lake):
    """What landed comes from the real lake; what would be published goes to a folder that is thrown away."""

    def __init__(self, real: Lake, folder: str) -> None:
        super().__init__(folder)
        self._real = real

    def zone(self, name: str) -> Lake:
        return self._real.zone(name)

    def zones(self, prefix: str) -> list[str]:
        return self._real.zones(prefix)
