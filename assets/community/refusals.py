"""Refused months: what is false of them, kept beside the table until the month is published or has no row any more.

A refusal says what to do about it. It names statements and counts, never rows: those who were asked may withdraw
later. ``beautyflow validate`` shows examples of the rows that are refused now.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from assets.community.record import Finding
from assets.community.suites import statements
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.contracts.wording import counted, some_of


@dataclass(frozen=True)
class Refusal:
    """A month whose news are not published.

    Attributes:
        table: Key of the contract.
        month: Partition.
        observed: Statement -> what was seen instead.
        follows_from: Statement that is false only because other months are refused -> these, as ``table/month``.
    """

    table: str
    month: str
    observed: Mapping[str, str]
    follows_from: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def head(self) -> str:
        """Month and statements, in a few words."""
        return f"{self.table}/{self.month} ({', '.join(self.observed)})"

    def as_line(self, contract: TableContract) -> str:
        """What is wrong, and what to do about it."""
        seen = "; ".join(f"{name}: {observed}" for name, observed in self.observed.items())
        remedies = dict.fromkeys(self._remedy(contract, name) for name in self.observed)
        return f"{self.table}/{self.month}: {seen}. {' '.join(remedies)}"

    def _remedy(self, contract: TableContract, statement: str) -> str:
        if causes := self.follows_from.get(statement):
            return f"It is published once {some_of(causes)} can be."
        return remedy_of(contract, statement, self.month)


def remedy_of(contract: TableContract, statement: str, month: str) -> str:
    """What to do about a statement that is false of a month."""
    known = {s.name: s.remedy for s in statements(contract)}
    return known.get(statement, "Correct the rows, and import again.").format(month=month)


def refusal_of(table: str, month: str, findings: Sequence[Finding]) -> Refusal:
    """What keeps a month from being published."""
    observed = {finding.name: finding.observed for finding in findings if finding.blocks}
    follows = {finding.name: list(finding.follows_from) for finding in findings if finding.only_follows}
    return Refusal(table, month, observed or {"month_is_audited": "it was not"}, follows)


def write_refusal(lake: Lake, refusal: Refusal) -> None:
    """Keep a refusal; an equal one is left untouched."""
    content = (json.dumps(asdict(refusal), indent=1) + "\n").encode()
    name = _name(refusal.table, refusal.month)
    if lake.get_bytes(name) != content:
        lake.put_bytes(name, content)


def delete_refusals(lake: Lake, table: str, months: Sequence[str]) -> None:
    """Forget the refusals of months that are published now, or of which nothing is left to publish."""
    for month in set(months) & set(refused_months_of(lake, table)):
        lake.delete(_name(table, month))


def refused_months_of(lake: Lake, table: str) -> list[str]:
    """Months of a table that stand refused, sorted."""
    return [name.rpartition("/")[2].removesuffix(".json") for name in lake.names(_folder(table))]


def read_refusals(lake: Lake, table: str, months: Sequence[str]) -> list[Refusal]:
    """Refusals of those among the months that stand refused, in their order."""
    standing = set(refused_months_of(lake, table))
    documents = lake.get_many([_name(table, month) for month in months if month in standing])
    return [Refusal(**json.loads(document)) for document in documents if document is not None]


def as_message(refusals: Sequence[tuple[TableContract, Refusal]]) -> str:
    """All of them for a person: the first line names them, then one line each says what to do."""
    lines = [f"{counted(len(refusals), 'refused month')}: {', '.join(refusal.head for _, refusal in refusals)}"]
    lines += [refusal.as_line(contract) for contract, refusal in refusals]
    lines.append(
        "What was published of these months stays, less what was withdrawn, and everything else was made from it. "
        "`beautyflow validate` shows rows for which a statement is false."
    )
    return "\n".join(lines)


def _folder(table: str) -> str:
    return f"{table}/refusals"


def _name(table: str, month: str) -> str:
    return f"{_folder(table)}/{month}.json"
