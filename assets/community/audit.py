"""The audit of staged months: every statement of ``suites.py``, tested before anything is published.

Every row is tested, none is sampled. Rows of several months travel together in frames of at most
``FRAME_ROWS`` rows, because a validation costs the same for one row and for a hundred thousand; a month that
is larger than a frame is tested in several. A frame that fails is tested again in detail, which says which rows of
which month are wrong. What needs all rows of a month at once (equal keys, row counts) is aggregated by
DuckDB out of core, and tested as a frame of one row per month. Memory is bound by one frame and by DuckDB.

References are looked up in what is published: see ``publishing.py`` for the order. A row that names one of a refused
month is no mistake of its own, so it is counted apart, by that month.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from assets.community.frames import (
    REFUSED,
    MonthFacts,
    month_facts,
    prepare_references,
    prepare_refused,
    refused_column,
    row_tables,
)
from assets.community.publishing import StagedMonth
from assets.community.record import Finding, read_record
from assets.community.scratch import scratch_database
from assets.community.suites import MONTHS, ROWS, Statement, reference_statement, statements
from assets.community.validation import EXAMPLES, Failure, failures, is_true_of
from assets.contracts.lake import Lake, Staged
from assets.contracts.table import TableContract
from assets.contracts.wording import counted, some_of

if TYPE_CHECKING:
    import pandas as pd

FRAME_ROWS = 200_000
"""Most rows that one frame holds."""


def audit_months(
    lake: Lake, contract: TableContract, months: Sequence[StagedMonth], frame_rows: int = FRAME_ROWS
) -> dict[str, list[Finding]]:
    """Findings by month, one per statement of the table, in the order of ``statements(contract)``.

    A month that is current has the findings of the run that published it; a month without any row to publish has
    none. A staged month without rows fails every statement.

    Args:
        lake: The lake.
        contract: The table.
        months: What was staged.
        frame_rows: Most rows that are in memory at once.
    """
    found = {m.month: list(read_record(lake, m.table, m.month).findings) for m in months if m.is_current}
    staged = {m.month: m.staged for m in months if m.staged is not None}
    withdrawn = [m.month for m in months if m.staged is None and not m.is_current]
    if staged:
        found |= _audit(lake, contract, staged, withdrawn, frame_rows)
    return {m.month: found[m.month] for m in months if m.month in found}


def audit_month(lake: Lake, contract: TableContract, month: StagedMonth) -> list[Finding]:
    """Findings of one month; several at once share their validations in ``audit_months``."""
    return audit_months(lake, contract, [month]).get(month.month, [])


def _audit(
    lake: Lake, contract: TableContract, staged: Mapping[str, Staged], withdrawn: Sequence[str], frame_rows: int
) -> dict[str, list[Finding]]:
    with scratch_database() as connection:
        facts = month_facts(connection, lake, contract, staged, withdrawn, EXAMPLES)
        readable = {month: one for month, one in staged.items() if one.rows and not facts[month].mistyped_columns}
        prepare_references(connection, lake, contract)
        prepare_refused(connection, lake, contract)
        tally = _Tally(contract)
        for frame in _frames(connection, lake, contract, readable, frame_rows):
            tally.add(frame)
    untrue = tally.failures | _untrue_facts(contract, facts)
    return {month: _findings(contract, facts[month], untrue, tally) for month in staged}


class _Tally:
    """What is known so far of the rows of each month."""

    def __init__(self, contract: TableContract) -> None:
        self._contract = contract
        self._statements = [s for s in statements(contract) if s.frame == ROWS]
        self.failures: dict[tuple[str, str], Failure] = {}
        self.checked: Counter[tuple[str, str]] = Counter()
        self.follows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def add(self, frame: "pd.DataFrame") -> None:
        """Test a frame: quickly, and again in detail where something is wrong."""
        for statement in self._statements:
            applicable = frame[list(statement.columns)].notna().all(axis=1)
            for month, rows in applicable.groupby(frame["month"]).sum().items():
                self.checked[str(month), statement.name] += int(rows)
        if not is_true_of(frame, self._contract, ROWS):
            self._count_followers(frame)
            shown = [*self._contract.primary_key, *map(refused_column, self._contract.references)]
            found = failures(self._mistakes_first(frame), self._contract, ROWS, shown)
            for key, failure in found.items():
                self.failures[key] = _sum(self.failures.get(key), failure)

    def _count_followers(self, frame: "pd.DataFrame") -> None:
        for reference in self._contract.references:
            refused = refused_column(reference)
            following = frame.loc[frame[refused].notna(), ["month", refused]]
            for month, cause in following.itertuples(index=False, name=None):
                self.follows[month, reference_statement(reference)][f"{reference.to_table}/{cause}"] += 1

    def _mistakes_first(self, frame: "pd.DataFrame") -> "pd.DataFrame":
        """Examples are the first rows that fail; those to be corrected are worth showing."""
        columns = [refused_column(reference) for reference in self._contract.references]
        return frame.loc[frame[columns].notna().any(axis=1).sort_values(kind="stable").index]


def _sum(before: Failure | None, more: Failure) -> Failure:
    """A month that is larger than a frame fails in several."""
    if before is None:
        return more
    examples = sorted((*before.examples, *more.examples), key=_names_refused)[:EXAMPLES]
    return Failure(before.unexpected_count + more.unexpected_count, tuple(examples), before.error or more.error)


def _names_refused(example: Mapping[str, str]) -> bool:
    return any(month != "null" for name, month in example.items() if name.endswith(REFUSED))


def _worth_showing(statement: Statement, examples: Sequence[Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    """Those that nothing excuses, if there are any, without what only says so."""
    excuse = f"{statement.columns[0]}{REFUSED}" if statement.columns else ""
    mistakes = [example for example in examples if example.get(excuse, "null") == "null"]
    return tuple({n: v for n, v in each.items() if not n.endswith(REFUSED)} for each in mistakes or examples)


def _frames(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    staged: Mapping[str, Staged],
    frame_rows: int,
) -> Iterator["pd.DataFrame"]:
    """Rows of all months in frames that are as full as they may be."""
    waiting: list[pa.Table] = []
    for one in staged.values():
        for table in row_tables(connection, lake, contract, one, frame_rows):
            if waiting and sum(t.num_rows for t in waiting) + table.num_rows > frame_rows:
                yield _as_pandas(waiting)
                waiting = []
            waiting.append(table)
    if waiting:
        yield _as_pandas(waiting)


def _as_pandas(tables: list[pa.Table]) -> "pd.DataFrame":
    """Integers with nulls stay integers, so that large ids are shown as they are."""
    import pandas as pd

    types = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    return pa.concat_tables(tables).to_pandas(types_mapper=types.get)


def _untrue_facts(contract: TableContract, facts: Mapping[str, MonthFacts]) -> dict[tuple[str, str], Failure]:
    """Failures by (month, statement) of what is true of a month as a whole."""
    import pandas as pd

    frame = pd.DataFrame([month.as_row() for month in facts.values()])
    return {} if is_true_of(frame, contract, MONTHS) else failures(frame, contract, MONTHS, [])


def _findings(
    contract: TableContract,
    facts: MonthFacts,
    untrue: Mapping[tuple[str, str], Failure],
    tally: _Tally,
) -> list[Finding]:
    if not facts.rows:
        return [Finding(s.name, False, "the month is empty", 0, (), 0) for s in statements(contract)]
    return [
        _month_finding(statement, facts, untrue.get((facts.month, statement.name)))
        if statement.frame == MONTHS
        else _row_finding(statement, facts, untrue.get((facts.month, statement.name)), tally)
        for statement in statements(contract)
    ]


def _month_finding(statement: Statement, facts: MonthFacts, failure: Failure | None) -> Finding:
    seen = facts.as_row()
    observed = ", ".join(f"{name} {_number(seen[name])}" for name in statement.columns)
    examples = facts.examples.get(statement.columns[0], ())
    if failure is None:
        return Finding(statement.name, True, observed, 0, (), facts.rows)
    offending = int(seen[statement.columns[0]]) if examples else facts.rows
    return Finding(statement.name, False, failure.error or observed, offending, examples, facts.rows)


def _row_finding(statement: Statement, facts: MonthFacts, failure: Failure | None, tally: _Tally) -> Finding:
    if facts.mistyped_columns:
        return Finding(statement.name, False, "not tested, because columns have wrong types", 0, (), 0)
    rows = tally.checked[facts.month, statement.name]
    if failure is not None:
        follows = dict(sorted(tally.follows.get((facts.month, statement.name), {}).items()))
        observed = failure.error or _observed_rows(failure.unexpected_count, rows, follows)
        examples = _worth_showing(statement, failure.examples)
        return Finding(statement.name, False, observed, failure.unexpected_count, examples, rows, follows_from=follows)
    about = f"true of {counted(rows, 'row')}" if rows else f"no row has {' and '.join(statement.columns)}"
    return Finding(statement.name, True, about, 0, (), rows)


def _observed_rows(untrue: int, rows: int, follows: Mapping[str, int]) -> str:
    observed = f"false of {untrue:,} of {counted(rows, 'row')}"
    if not follows:
        return observed
    following = sum(follows.values())
    share = "" if following == untrue else f"{following:,} of them "
    return f"{observed}, {share}because {some_of(follows)} {'is' if len(follows) == 1 else 'are'} refused"


def _number(value: object) -> str:
    return "unbounded" if value is None else f"{value:,.0f}"
