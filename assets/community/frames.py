"""Frames that are audited: staged rows with what they refer to, and one row of facts per month."""

# ruff: noqa: S608 (names in SQL come from contracts, never from data)

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import duckdb
import pyarrow as pa

from assets.community.landed import Landed
from assets.community.refusals import refused_months_of
from assets.community.suites import ROWS, event_time_of, keys_are_timeless, pairs_of_one_table, statements
from assets.community.volume import bounds
from assets.contracts.lake import Lake, Staged
from assets.contracts.registry import all_contracts
from assets.contracts.table import UNDATED, Reference, TableContract

REFUSED = "__refused"
"""End of the name of a column that says which refused month a referenced row stands in."""


@dataclass(frozen=True)
class MonthFacts:
    """What is true of a staged month as a whole.

    Attributes:
        month: Partition.
        rows: Rows that were staged.
        duplicate_keys: Keys that occur more than once in the month.
        keys_elsewhere: Keys that occur in another month too.
        mistyped_columns: Columns of another type than the contract says.
        rows_low: Fewest plausible rows, where there is such a bound.
        rows_high: Most plausible rows, where there is such a bound.
        examples: Fact -> offending keys or columns, as text.
    """

    month: str
    rows: int
    duplicate_keys: int
    keys_elsewhere: int
    mistyped_columns: int
    rows_low: float | None
    rows_high: float | None
    examples: Mapping[str, tuple[Mapping[str, str], ...]]

    def as_row(self) -> dict[str, Any]:
        """The facts without examples, as one row of the frame that ``suites.MONTHS`` describes."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "examples"}


def month_facts(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: TableContract,
    staged: Mapping[str, Staged],
    withdrawn: Sequence[str],
    shown: int,
) -> dict[str, MonthFacts]:
    """Facts of staged months, each against the others and the published months that stay.

    Args:
        connection: A scratch database.
        lake: The lake.
        contract: The table.
        staged: Month -> what was staged of it.
        withdrawn: Months that will not stay published.
        shown: Most examples per fact.
    """
    gone = {*staged, *withdrawn}
    kept = [commit for commit in lake.commits(contract.key) if commit.partition not in gone]
    counts = {commit.partition: commit.rows for commit in kept} | {month: one.rows for month, one in staged.items()}
    mistyped = {month: _mistyped(lake, contract, one) for month, one in staged.items()}
    _collect_keys(connection, lake, contract, {m: one for m, one in staged.items() if not mistyped[m]})
    twice = _repeated_keys(connection, contract, shown)
    elsewhere = _keys_elsewhere(connection, lake, contract, [c.partition for c in kept], shown)
    facts = {}
    for month, one in staged.items():
        low_high = bounds(counts, month)
        examples = {
            "duplicate_keys": twice.get(month, _NONE)[1],
            "keys_elsewhere": elsewhere.get(month, _NONE)[1],
            "mistyped_columns": tuple(mistyped[month][:shown]),
        }
        facts[month] = MonthFacts(
            month,
            one.rows,
            twice.get(month, _NONE)[0],
            elsewhere.get(month, _NONE)[0],
            len(mistyped[month]),
            low_high.low,
            low_high.high,
            examples,
        )
    return facts


def prepare_references(connection: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract) -> None:
    """Make one table ``published_<table>`` (key, moment) per referenced table, from what is published of it."""
    for name, column in sorted({(r.to_table, r.to_column) for r in contract.references}):
        connection.register("published_rows", lake.dataset(all_contracts()[name]))
        began = event_time_of(name) or "null::timestamptz"
        connection.execute(
            f"create temp table published_{name} as "
            f"select {column} as key, min({began}) as moment from published_rows group by {column}"
        )
        connection.unregister("published_rows")


def prepare_refused(connection: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract) -> None:
    """Make one table ``refused_<table>`` (key, month) per referenced table, from what landed of its refused months."""
    landed = Landed.of(lake)
    for name, column in sorted({(r.to_table, r.to_column) for r in contract.references}):
        connection.execute(f"create temp table landed_{name} (key bigint, month varchar)")
        for month in refused_months_of(lake, name):
            for _, _, rows in landed.datasets(all_contracts()[name], month):
                connection.register("landed_rows", rows)
                connection.execute(f"insert into landed_{name} select {column}, '{month}' from landed_rows")
                connection.unregister("landed_rows")
        connection.execute(
            f"create temp table refused_{name} as select key, min(month) as month from landed_{name} group by key"
        )


def row_tables(
    connection: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract, staged: Staged, rows: int
) -> Iterator[pa.Table]:
    """Staged rows in the form that ``suites.ROWS`` describes, at most ``rows`` at a time."""
    connection.register("staged_rows", lake.staged_dataset(contract, staged))
    for batch in connection.execute(_rows_sql(contract, staged.partition)).to_arrow_reader(rows):
        for start in range(0, batch.num_rows, rows):
            yield pa.Table.from_batches([batch.slice(start, rows)])
    connection.unregister("staged_rows")


def refused_column(reference: Reference) -> str:
    """Column of the frame that says which refused month the row stands in that a reference names, if it is in one."""
    return f"{reference.column}{REFUSED}"


def tested_columns(contract: TableContract) -> list[str]:
    """Columns of the contract that any statement about rows looks at, and the primary key."""
    used = {name for s in statements(contract) if s.frame == ROWS for name in _named(s.arguments)}
    return [name for name in contract.schema.names if name in used or name in contract.primary_key]


_NONE: tuple[int, tuple[Mapping[str, str], ...]] = (0, ())


def _named(arguments: Mapping[str, Any]) -> list[str]:
    return [arguments[name] for name in ("column", "column_A", "column_B") if name in arguments]


def _rows_sql(contract: TableContract, month: str) -> str:
    event = contract.event_time
    event_month = f"coalesce(strftime(staged.{event}, '%Y-%m'), '{UNDATED}')" if event else f"'{UNDATED}'"
    selected = [f"'{month}' as month", f"{event_month} as event_month"]
    selected += [f'staged."{name}"' for name in tested_columns(contract)]
    selected += [f'staged."{a}" <> staged."{b}" as "{b}__differs"' for a, b in pairs_of_one_table(contract)]
    joins = []
    for i, reference in enumerate(contract.references):
        column = f'staged."{reference.column}"'
        selected.append(f'({column} is null or named_{i}.key is not null) as "{reference.column}__known"')
        selected.append(f'case when named_{i}.key is null then refused_{i}.month end as "{refused_column(reference)}"')
        selected.append(f'named_{i}.moment as "{reference.column}__moment"')
        joins.append(f"left join published_{reference.to_table} as named_{i} on named_{i}.key = {column}")
        joins.append(f"left join refused_{reference.to_table} as refused_{i} on refused_{i}.key = {column}")
    return f"select {', '.join(selected)} from staged_rows as staged {' '.join(joins)}"


def _mistyped(lake: Lake, contract: TableContract, staged: Staged) -> list[Mapping[str, str]]:
    written = next(lake.staged_dataset(contract, staged).get_fragments()).physical_schema
    found = {name: written.field(name).type for name in written.names}
    return [
        {"column": field.name, "type": str(found.get(field.name, "absent")), "expected": str(field.type)}
        for field in contract.schema
        if found.get(field.name) != field.type
    ]


def _collect_keys(
    connection: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract, staged: Mapping[str, Staged]
) -> None:
    """Make the table ``staged_keys``: month and primary key of every staged row."""
    keys = _keys(contract)
    connection.register("no_rows", contract.schema.empty_table())
    connection.execute(f"create temp table staged_keys as select '' as month, {keys} from no_rows")
    for month, one in staged.items():
        connection.register("staged_rows", lake.staged_dataset(contract, one))
        connection.execute(f"insert into staged_keys select '{month}', {keys} from staged_rows")
        connection.unregister("staged_rows")


def _repeated_keys(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, shown: int
) -> dict[str, tuple[int, tuple[Mapping[str, str], ...]]]:
    keys = _keys(contract)
    connection.execute(
        "create temp table offending as "
        f"select month, {keys} from staged_keys group by month, {keys} having count(*) > 1"
    )
    return _offending_by_month(connection, contract, shown)


def _keys_elsewhere(
    connection: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract, kept: list[str], shown: int
) -> dict[str, tuple[int, tuple[Mapping[str, str], ...]]]:
    if not keys_are_timeless(contract):
        return {}
    keys = _keys(contract)
    connection.register("kept_rows", lake.dataset(contract, kept))
    connection.execute(
        f"""
        create temp table offending as
        select distinct month, {keys}
        from staged_keys
        where ({keys}) in (
            select {keys}
            from (
                select month, {keys} from staged_keys
                union all
                select '' as month, {keys} from kept_rows where ({keys}) in (select {keys} from staged_keys)
            )
            group by {keys}
            having min(month) <> max(month)
        )
        """
    )
    connection.unregister("kept_rows")
    return _offending_by_month(connection, contract, shown)


def _offending_by_month(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, shown: int
) -> dict[str, tuple[int, tuple[Mapping[str, str], ...]]]:
    counts = connection.execute("select month, count(*) from offending group by month").fetchall()
    found: dict[str, tuple[int, tuple[Mapping[str, str], ...]]] = {}
    for month, rows in counts:
        examples = connection.execute(
            f"select {_keys(contract)} from offending where month = ? order by all limit {shown}",
            [month],
        ).fetchall()
        named = tuple(dict(zip(contract.primary_key, map(str, row), strict=True)) for row in examples)
        found[month] = (int(rows), named)
    connection.execute("drop table offending")
    return found


def _keys(contract: TableContract) -> str:
    return ", ".join(f'"{name}"' for name in contract.primary_key)
