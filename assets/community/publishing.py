"""Publishing a month of a community table: stage what may be published, audit it, then commit it.

``stage_months`` takes the union of all landed sources, leaves out what may not be published
(``filtering.py``) and writes the rest where no reader sees it. ``audit.py`` says whether what was staged
is true. ``publish`` commits it, and only with a clean audit.

Order: the filter looks at landed users and photos, so staging has no order. The audit looks at published
users and photos, so users are published first, then photos, then all else; ``published_tables`` gives the
tables in such an order. A month of users that fails its audit is not published, and what refers to these
users then fails in turn. What was published of a refused month stays, less what ``retract`` takes out.
``publication.py`` puts these steps together, and heeds what lands between them.

A month is current, and left alone, when this code has already published it from the same landed rows. Its
inputs are the landed partition of every source and one digest of the users (and photos) that landed until
that month: nobody acts before they join, so later ones cannot change what is published of it. A month without
any row to publish is never current: it is judged again by each run, and its record stays as it is without news.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter

import duckdb

from assets.community.filtering import deciding_tables, judge_month, judge_published, prepare_lookups
from assets.community.frames import prepare_references
from assets.community.landed import Landed
from assets.community.record import AuditFailed, Finding, delete_record, write_record
from assets.community.scratch import scratch_database
from assets.community.suites import keys_are_timeless, statements
from assets.contracts import community, crowd
from assets.contracts.lake import Commit, Lake, Staged
from assets.contracts.provenance import code_version_of
from assets.contracts.table import UNDATED, Reference, TableContract

_MODULES = ("publishing", "filtering", "landed", "suites", "frames", "validation", "audit", "volume")
_CODE = code_version_of(*(f"assets.community.{module}" for module in _MODULES))
_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class StagedMonth:
    """One month of one table on its way to being published.

    Attributes:
        table: Key of the contract.
        month: Partition.
        staged: What was written; None where the month is current, or where no row may be published.
        is_current: The published month comes from these inputs and this code; there is nothing to do.
        landed_rows: Rows that landed, over all sources.
        excluded: Reason -> landed rows left out; see ``filtering.EXCLUSIONS``. Empty for a current month.
        inputs: What the month was made from, as ``Lake.commit`` takes it.
        code_version: Version of code and statements.
    """

    table: str
    month: str
    staged: Staged | None
    is_current: bool
    landed_rows: int
    excluded: Mapping[str, int] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    code_version: str = ""


def published_tables() -> list[TableContract]:
    """Tables that are published month by month, each after those it refers to."""
    declared = [*vars(community).values(), *vars(crowd).values()]
    found = {value.key: value for value in declared if isinstance(value, TableContract)}
    graph = {key: {r.to_table for r in table.references} for key, table in sorted(found.items())}
    return [found[key] for key in TopologicalSorter(graph).static_order()]


def landed_months(lake: Lake, contract: TableContract) -> list[str]:
    """Months of a table in any landed source, sorted; ``undated`` comes last."""
    return Landed.of(lake).months(contract.key)


def newest_landed_month(lake: Lake) -> str:
    """The last month of any table in any source; empty text if nothing with a time has landed."""
    landed = Landed.of(lake)
    return max((m for table in published_tables() for m in landed.months(table.key) if m != UNDATED), default="")


def stage_months(lake: Lake, contract: TableContract, months: Sequence[str]) -> list[StagedMonth]:
    """Stage several months of a table, with lookups built once; months that are current are not touched.

    Memory is bound by DuckDB, which spills; the rows of a month stream into the lake.

    Raises:
        ContractViolation: Landed rows are not what the contract says; earlier months are staged, none published.
    """
    landed = Landed.of(lake)
    version = code_version(contract)
    inputs = {month: _inputs(landed, contract, month) for month in months}
    current = {m for m in months if lake.is_current(contract, m, code_version=version, inputs=inputs[m])}
    staged = {m: _current_month(landed, contract, m, inputs[m], version) for m in months if m in current}
    if len(current) < len(months):
        with scratch_database() as connection:
            prepare_lookups(connection, landed, contract)
            for month in months:
                if month not in current:
                    staged[month] = _stage(connection, lake, landed, contract, month, inputs[month], version)
    return [staged[month] for month in months]


def stage_month(lake: Lake, contract: TableContract, month: str) -> StagedMonth:
    """Stage one month; several at once share their lookups in ``stage_months``."""
    return stage_months(lake, contract, [month])[0]


def publish(lake: Lake, month: StagedMonth, findings: Sequence[Finding]) -> Commit | None:
    """Make a staged month the one that readers see; a month without any row is withdrawn.

    Args:
        lake: The lake.
        month: What was staged.
        findings: What the audit of this month found; kept beside the table with the exclusions, for runs that find
            it current.

    Returns:
        The commit, or None where there is no row to publish.

    Raises:
        AuditFailed: A finding is negative and not accepted, or nothing was audited; the published month stays as it
            was.
    """
    if month.is_current:
        return lake.commit_of(month.table, month.month)
    if month.staged is None:
        _withdraw(lake, month)
        return None
    failed = [finding.name for finding in findings if finding.blocks]
    if failed or not findings:
        raise AuditFailed(f"{month.table}/{month.month} is not published: {', '.join(failed) or 'it was not audited'}")
    write_record(lake, month.table, month.month, month.excluded, findings)
    return lake.commit(month.staged, code_version=month.code_version, inputs=month.inputs)


def overtaken(lake: Lake, contract: TableContract, months: Sequence[StagedMonth]) -> list[str]:
    """Staged months that something has landed for since they were staged; current ones are not asked about."""
    staged = [month for month in months if not month.is_current]
    if not staged:
        return []
    landed = Landed.of(lake)
    return [m.month for m in staged if _inputs(landed, contract, m.month) != m.inputs]


def months_left_behind(lake: Lake, contract: TableContract, months: Sequence[StagedMonth]) -> list[str]:
    """Other published months that hold a key which is staged now: a later source says that it happened at another time.

    They have to be made again together with these months, or a key would stand in two.
    """
    staged = [month.staged for month in months if month.staged is not None]
    names = {month.month for month in months}
    others = [month for month in lake.partitions(contract.key) if month not in names]
    if not (staged and others and keys_are_timeless(contract) and len(Landed.of(lake).holding(contract.key)) > 1):
        return []
    keys = ", ".join(f'"{key}"' for key in contract.primary_key)
    with scratch_database() as connection:
        connection.register("published_rows", lake.dataset(contract, others))
        selects = []
        for position, one in enumerate(staged):
            connection.register(f"staged_{position}", lake.staged_dataset(contract, one))
            selects.append(f"select {keys} from staged_{position}")  # noqa: S608 (contract names)
        found = connection.execute(
            f"""
            select distinct coalesce(strftime("{contract.event_time}", '%Y-%m'), '{UNDATED}')
            from published_rows where ({keys}) in ({" union all ".join(selects)}) order by all
            """  # noqa: S608 (contract names)
        ).fetchall()
    return [month for (month,) in found]


def retract(lake: Lake, contract: TableContract, month: str) -> int:
    """Take out of a month that stays published, because its news were refused, what may not stay.

    A failed audit keeps the last good rows, but a user's no and a photo that became private hold at once. Rows that
    name what is no longer published go too. The month is due until it is published again, even if the same rows land
    again from which it was made before: its commit names what it was taken from instead of what landed.

    Returns:
        Rows taken out.
    """
    commit = lake.commit_of(contract.key, month)
    if commit is None:
        return 0
    with scratch_database() as connection:
        prepare_lookups(connection, Landed.of(lake), contract)
        prepare_references(connection, lake, contract)
        judge_published(connection, contract, lake.dataset(contract, [month]))
        forbidden = " or ".join(["exclusion is not null", *map(_names_nobody, contract.references)])
        counted = connection.execute(f"select count(*) from judged where {forbidden}").fetchone()  # noqa: S608
        rows = int(counted[0]) if counted else 0
        if rows == commit.rows:
            lake.drop(contract.key, month)
        elif rows:
            kept = _sorted_rows(contract, f"not ({forbidden})")
            staged = lake.stage_stream(contract, month, connection.execute(kept).to_arrow_reader(_BATCH_ROWS))
            made_from = {f"{contract.key}/{month}": commit.sha256}
            lake.commit(staged, code_version=commit.code_version, inputs=made_from)
    return rows


def _names_nobody(reference: Reference) -> str:
    column = f'"{reference.column}"'
    known = f"select key from published_{reference.to_table}"  # noqa: S608 (contract names)
    return f"({column} is not null and {column} not in ({known}))"


def _withdraw(lake: Lake, month: StagedMonth) -> None:
    """Forget what was published of a month, and keep on record why no row that landed may be."""
    # The commit goes first: a run that finds it current would read its findings from the record.
    lake.drop(month.table, month.month)
    if month.landed_rows:
        write_record(lake, month.table, month.month, month.excluded, [])
    else:
        delete_record(lake, month.table, month.month)


def code_version(contract: TableContract) -> str:
    """Version of the code that publishes a table, of its schema and of what must be true of it."""
    stated = repr([(s.name, s.expectation, sorted(s.arguments.items(), key=repr)) for s in statements(contract)])
    return f"{_CODE}-{hashlib.sha256((contract.fingerprint + stated).encode()).hexdigest()[:8]}"


def _inputs(landed: Landed, contract: TableContract, month: str) -> dict[str, str]:
    inputs = landed.inputs_of(contract, month)
    for table in deciding_tables(contract):
        alone = len(landed.holding(table.key)) < 2 and month != UNDATED
        inputs[f"landed/{table.key}/until"] = landed.digest(table.key, until=month if alone else None)
    if len(landed.holding(contract.key)) > 1:
        inputs[f"landed/{contract.key}/all"] = landed.digest(contract.key)
    return inputs


def _current_month(
    landed: Landed, contract: TableContract, month: str, inputs: Mapping[str, str], version: str
) -> StagedMonth:
    return StagedMonth(contract.key, month, None, True, landed.rows(contract.key, month), {}, inputs, version)


def _stage(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    landed: Landed,
    contract: TableContract,
    month: str,
    inputs: Mapping[str, str],
    version: str,
) -> StagedMonth:
    rows = landed.rows(contract.key, month)
    if not rows:
        return StagedMonth(contract.key, month, None, False, 0, {}, inputs, version)
    judge_month(connection, landed, contract, month)
    counts = "select exclusion, count(*) from judged where exclusion is not null group by exclusion order by exclusion"
    excluded = dict(connection.execute(counts).fetchall())
    kept = _sorted_rows(contract, "exclusion is null")
    staged = None
    if sum(excluded.values()) < rows:
        staged = lake.stage_stream(contract, month, connection.execute(kept).to_arrow_reader(_BATCH_ROWS))
    return StagedMonth(contract.key, month, staged, False, rows, excluded, inputs, version)


def _sorted_rows(contract: TableContract, condition: str) -> str:
    names, keys = (
        ", ".join(f'"{name}"' for name in listed) for listed in (contract.schema.names, contract.primary_key)
    )
    return f"select {names} from judged where {condition} order by {keys}"  # noqa: S608 (contract names)
