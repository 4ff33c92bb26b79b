"""What landed: the sources of this community, which of their partitions hold a table, and who consented.

A landed source is a zone ``landed/<source>`` of the lake, written by ``assets/landing``. Ids share one
space over all sources of a community: user 7 of one source is user 7 of another.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from assets.contracts.lake import Commit, Lake
from assets.contracts.landed import LANDED, landed_sources, source_document
from assets.contracts.table import UNDATED, TableContract

if TYPE_CHECKING:
    import pyarrow.dataset as ds  # loads pandas, which costs seconds

_CONSENT_OF_ALL = "all"


@dataclass(frozen=True)
class Source:
    """One landed source.

    Attributes:
        name: Its zone below ``landed/``.
        zone: The lake in the lake that holds its tables.
    """

    name: str
    zone: Lake

    @cached_property
    def consent_of_all(self) -> bool:
        """Whether the source as a whole states that everyone in it agreed to be studied."""
        return (source_document(self.zone) or {}).get("consent") == _CONSENT_OF_ALL

    def commits(self, table: str) -> Mapping[str, Commit]:
        """Partition -> commit of everything that landed of a table; read once."""
        if table not in self._known:
            self._known[table] = {commit.partition: commit for commit in self.zone.commits(table)}
        return self._known[table]

    @cached_property
    def _known(self) -> dict[str, dict[str, Commit]]:
        return {}


@dataclass(frozen=True)
class Landed:
    """All landed sources, sorted by name; of rows of one key, that of the last source counts.

    Attributes:
        sources: The sources.
    """

    sources: tuple[Source, ...]

    @classmethod
    def of(cls, lake: Lake) -> "Landed":
        """The sources of a lake as they are now."""
        return cls(tuple(Source(name, zone) for name, zone in landed_sources(lake).items()))

    def holding(self, table: str) -> list[Source]:
        """Sources that hold any row of a table."""
        return [source for source in self.sources if source.commits(table)]

    def months(self, table: str) -> list[str]:
        """Partitions of a table in any source, sorted; ``undated`` comes last."""
        return sorted({month for source in self.sources for month in source.commits(table)})

    def rows(self, table: str, month: str) -> int:
        """Rows of a month of a table, over all sources."""
        known = [source.commits(table).get(month) for source in self.sources]
        return sum(commit.rows for commit in known if commit is not None)

    def datasets(self, contract: TableContract, month: str | None = None) -> Iterable[tuple[int, Source, "ds.Dataset"]]:
        """(position of the source, source, rows) for one month or for all, of the sources that have some."""
        for position, source in enumerate(self.sources):
            known = source.commits(contract.key)
            months = sorted(known) if month is None else [m for m in (month,) if m in known]
            if months:
                yield position, source, source.zone.dataset(contract, months)

    def inputs_of(self, contract: TableContract, month: str) -> dict[str, str]:
        """``landed/<source>/<table>/<month>`` -> sha256 of what landed of one month."""
        return {
            f"{LANDED}/{source.name}/{contract.key}/{month}": source.commits(contract.key)[month].sha256
            for source in self.sources
            if month in source.commits(contract.key)
        }

    def digest(self, table: str, until: str | None = None) -> str:
        """One hash over a table in all sources and their consent.

        Args:
            table: The table.
            until: Leave out the months after this one; undated rows always count. None leaves out nothing.
        """
        lines = [
            f"{source.name} {source.consent_of_all} {month} {commit.sha256}"
            for source in self.holding(table)
            for month, commit in sorted(source.commits(table).items())
            if until is None or month <= until or month == UNDATED
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
