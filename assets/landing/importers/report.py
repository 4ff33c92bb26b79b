"""What one import did, for people and for the lake."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assets.contracts.table import UNDATED
from assets.contracts.wording import counted


@dataclass(frozen=True)
class TableReport:
    """One table of an import.

    Attributes:
        landed: Rows that are in the lake now.
        rejected: Reason -> rows that are in quarantine now.
        months: Partitions that hold the landed rows, sorted.
        derived: Rows among the landed that the importer derived, because no file listed them (users
            seen in other tables, mirrored undirected links, means of ratings).
        undated: Rows among the landed without a time; None for a table whose rows have none.
        files: Files that rows were read from, by their names below the imported path.
    """

    landed: int
    rejected: Mapping[str, int] = field(default_factory=dict)
    months: tuple[str, ...] = ()
    derived: int = 0
    undated: int | None = None
    files: tuple[str, ...] = ()

    @property
    def rejected_rows(self) -> int:
        """Rows in quarantine, whatever the reason."""
        return sum(self.rejected.values())


@dataclass(frozen=True)
class ImportReport:
    """One import.

    Attributes:
        name: Name of the source in the lake.
        format: Format it was read as.
        skipped: The input, the code and the options are those of the last import; nothing was done.
        tables: Report per table; of the last import where this one was skipped.
        notes: What a person should know: ignored columns, guesses that were made.
        warnings: What is most likely a mistake: a column that says when things happened is missing.
    """

    name: str
    format: str
    skipped: bool
    tables: Mapping[str, TableReport]
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def landed_rows(self) -> int:
        """Rows of all tables that are in the lake now."""
        return sum(table.landed for table in self.tables.values())

    @property
    def rejected_rows(self) -> int:
        """Rows of all tables that are in quarantine now."""
        return sum(table.rejected_rows for table in self.tables.values())

    def to_dict(self) -> dict[str, Any]:
        """Tables, notes and warnings as JSON values, the way ``source.json`` keeps them."""
        tables = {
            key: {
                "landed": table.landed,
                "rejected": dict(sorted(table.rejected.items())),
                "months": list(table.months),
                "derived": table.derived,
                "undated": table.undated,
                "files": list(table.files),
            }
            for key, table in sorted(self.tables.items())
        }
        return {"tables": tables, "notes": list(self.notes), "warnings": list(self.warnings)}

    def render(self) -> str:
        """Several lines of text: one per table, with reasons below it.

        >>> links = TableReport(3, {"self_follow": 1}, ("2016-03", "undated"), undated=2)
        >>> print(ImportReport("wiki", "edge_list", False, {"edges": links}).render())
        wiki (edge_list): 3 rows landed, 1 in quarantine
          edges: 3 rows in 1 month, 2 of them undated, 1 in quarantine
            self_follow: 1
        """
        landed = f"{counted(self.landed_rows, 'row')} landed"
        head = f"{self.name} ({self.format}): {landed}, {self.rejected_rows:,} in quarantine"
        lines = [f"{head} (unchanged since the last import; nothing done)" if self.skipped else head]
        for key, table in sorted(self.tables.items()):
            lines.append(_table_line(key, table))
            lines += [f"    {reason}: {rows:,}" for reason, rows in sorted(table.rejected.items())]
        lines += [f"  warning: {warning}" for warning in self.warnings]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


def report_from_dict(name: str, source_format: str, document: Mapping[str, Any]) -> ImportReport:
    """The report of an earlier import, marked as skipped."""
    tables = {
        key: TableReport(
            values["landed"],
            values["rejected"],
            tuple(values["months"]),
            values["derived"],
            values["undated"],
            tuple(values["files"]),
        )
        for key, values in document["tables"].items()
    }
    return ImportReport(name, source_format, True, tables, tuple(document["notes"]), tuple(document["warnings"]))


def _table_line(key: str, table: TableReport) -> str:
    line = f"  {key}: {counted(table.landed, 'row')}{_when(table)}, {table.rejected_rows:,} in quarantine"
    return f"{line} ({table.derived:,} derived)" if table.derived else line


def _when(table: TableReport) -> str:
    """In how many months rows lie; rows without a time lie in none."""
    if table.undated is None or not table.landed:
        return ""
    if table.undated == table.landed:
        return ", undated" if table.landed == 1 else ", all undated"
    undated = f", {table.undated:,} of them undated" if table.undated else ""
    return f" in {counted(len([month for month in table.months if month != UNDATED]), 'month')}{undated}"
