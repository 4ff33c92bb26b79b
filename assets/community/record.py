"""What was left out of a month and what its audit found: the record that stays beside the table.

A month in which no row may be published has a record without findings; one of which nothing has landed has none.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from assets.contracts.lake import Lake


class AuditFailed(RuntimeError):
    """A month must not be published; the message names what is not true of it."""


@dataclass(frozen=True)
class Finding:
    """Whether one statement is true of one month.

    Attributes:
        name: The statement (``suites.Statement.name``).
        passed: Whether it is true. Nothing is true of an empty month.
        observed: What was seen, for people.
        unexpected_count: Rows for which it is false.
        examples: Up to five such rows: column -> value as text.
        rows_checked: Rows about which the statement says anything; 0 where no row has the columns it needs.
        accepted_rows: Size of the month that somebody has said is right, although the statement is false; else None.
        follows_from: Refused ``table/month`` -> how many of these rows name one that landed there.
    """

    name: str
    passed: bool
    observed: str
    unexpected_count: int
    examples: tuple[Mapping[str, str], ...]
    rows_checked: int
    accepted_rows: int | None = None
    follows_from: Mapping[str, int] = field(default_factory=dict)

    @property
    def only_follows(self) -> bool:
        """Whether it is false for no other reason than that other months are refused."""
        return not self.passed and 0 < sum(self.follows_from.values()) == self.unexpected_count

    @property
    def blocks(self) -> bool:
        """Whether it keeps the month from being published."""
        return not self.passed and self.accepted_rows is None


@dataclass(frozen=True)
class MonthRecord:
    """What is kept of how a month was made.

    Attributes:
        excluded: Reason -> landed rows left out.
        findings: What the audit found; empty where there was no row to publish.
    """

    excluded: Mapping[str, int]
    findings: tuple[Finding, ...]


def write_record(lake: Lake, table: str, month: str, excluded: Mapping[str, int], findings: Sequence[Finding]) -> None:
    """Keep the record of a month; an equal record is left untouched."""
    document: dict[str, Any] = {"excluded": dict(excluded), "findings": [asdict(finding) for finding in findings]}
    content = (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
    if lake.get_bytes(_name(table, month)) != content:
        lake.put_bytes(_name(table, month), content)


def read_record(lake: Lake, table: str, month: str) -> MonthRecord:
    """The record of a month; empty where there is none."""
    document = json.loads(lake.get_bytes(_name(table, month)) or b'{"excluded": {}, "findings": []}')
    findings = [Finding(**{**f, "examples": tuple(f["examples"])}) for f in document["findings"]]
    return MonthRecord(document["excluded"], tuple(findings))


def delete_record(lake: Lake, table: str, month: str) -> None:
    """Forget the record of a month; forgetting what is not there is no error."""
    lake.delete(_name(table, month))


def recorded_months(lake: Lake, table: str) -> list[str]:
    """Months of a table that have a record, published or not, sorted."""
    return [name.rpartition("/")[2].removesuffix(".json") for name in lake.names(_folder(table))]


def count_exclusions(lake: Lake, table: str, months: Sequence[str]) -> dict[str, int]:
    """Reason -> landed rows left out of some months, published or not."""
    excluded: Counter[str] = Counter()
    for document in lake.get_many([_name(table, month) for month in months]):
        excluded.update(json.loads(document)["excluded"] if document else {})
    return dict(sorted(excluded.items()))


def _folder(table: str) -> str:
    return f"{table}/audits"


def _name(table: str, month: str) -> str:
    return f"{_folder(table)}/{month}.json"
