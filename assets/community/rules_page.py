"""The rules of the audit as people read them, written from the suites into a page of the documentation.

``python -m assets.community.rules_page`` writes them into the page again; ``--print`` only shows them.
"""

import sys
from collections.abc import Iterable

from assets.community.publishing import published_tables
from assets.community.suites import MONTHS, VOLUME, Statement, statements
from assets.community.volume import DEVIATIONS, FACTOR, HISTORY
from assets.contracts.settings import PROJECT_ROOT
from assets.contracts.table import TableContract
from assets.contracts.written_pages import WrittenPart

PAGE = PROJECT_ROOT / "docs" / "rules-of-the-audit.md"
COMMAND = "python -m assets.community.rules_page"


def render_rules(contracts: Iterable[TableContract]) -> str:
    """The rules of volume, then those of each table in the order of their names, as Markdown."""
    return "\n".join([_volume(), *map(_table, sorted(contracts, key=lambda contract: contract.key))])


def _volume() -> str:
    return "\n".join(
        [
            "## Volume",
            f"A month is compared with the {HISTORY} months before it that have rows. With fewer of them, and for rows "
            "without a time, there is no bound.",
            "",
            "| number | is |",
            "|---|---|",
            f"| expected | the median of what the {HISTORY} counts say, carried forward along their median monthly "
            "growth |",
            f"| allowed | a factor of {FACTOR:g} to either side; more where the counts scatter more: {DEVIATIONS:g} "
            "robust standard deviations of them, or of a count of that size |",
            "| newest month | has no lower bound, because it may still be open |",
            f"| accepted | holds until the month shrinks or grows by a factor of {FACTOR:g} |",
            f"| empty month | warns where at least one row was to be expected: by the bound, or because the month held "
            f"{FACTOR:g} rows or more before |",
            "",
        ]
    )


def _table(contract: TableContract) -> str:
    rows = [
        f"| `{s.name}` | {s.description} | {_refuses(s)} | {s.remedy.format(month='YYYY-MM')} |"
        for s in statements(contract)
    ]
    head = ["| statement | true if | refuses | what to do |", "|---|---|---|---|"]
    return "\n".join([f"## `{contract.key}`", *head, *rows, ""])


def _refuses(statement: Statement) -> str:
    if statement.name in VOLUME:
        return "the month, until its size is accepted"
    return "the month" if statement.frame == MONTHS else "the month, for one such row"


PART = WrittenPart(PAGE, COMMAND, "assets/community/suites.py", lambda: render_rules(published_tables()))


if __name__ == "__main__":
    if "--print" in sys.argv[1:]:
        print(PART.render())
    else:
        PART.write()
