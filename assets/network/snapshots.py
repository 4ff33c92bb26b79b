"""The follow graph at the end of each month, measured and written.

A snapshot rests on all links made so far, so a late or removed link changes every snapshot after it: each commit names
the months of links and users that it was computed from, and a month is looked at again where any of them has changed.
It also carries a digest of its graph: a link that is removed today stands in the partition of the month that made it,
and leaves all snapshots before today as they were. Those are kept and not measured again.
Links are read once for all months of a run; memory follows the number of links, 32 bytes each, and one graph.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.community import EDGES, USERS
from assets.contracts.lake import Lake
from assets.contracts.network import GRAPH_METRICS, USER_GRAPH_METRICS
from assets.contracts.recommendations import CANDIDATE_NEIGHBOURHOODS, LINK_CANDIDATES
from assets.contracts.registry import all_contracts, result_tables
from assets.contracts.table import UNDATED, TableContract
from assets.network.links import Links, simple_links
from assets.network.positions import Positions, positions
from assets.network.structure import graph_metrics
from assets.statistics.undefined import defined

_NEVER = np.iinfo(np.int64).max
_ALWAYS = np.iinfo(np.int64).min
_MOST_ROUNDS = 3
_GRAPH, _CONFIGURATION = "graph", "configuration"
"""Inputs of a commit that are no partitions: the digest of its graph, and how it was measured."""
_WITHDRAWN = "withdrawn"
"""Version of no code: a month that users have left is measured again when its turn comes."""


@dataclass(frozen=True)
class SnapshotConfig:
    """How graphs are measured.

    Attributes:
        distance_sources: Users from whom distances are measured.
        seed: Seed of their sample.
    """

    distance_sources: int = 200
    seed: int = 0


def snapshot_months(lake: Lake, wanted: Sequence[str]) -> list[str]:
    """Months of ``wanted`` that have a snapshot, in order: all from the first link on.

    A graph without any dated link has one snapshot, ``undated``.
    """
    known = lake.partitions(EDGES.key)
    dated = [month for month in known if month != UNDATED]
    if not dated:
        return [month for month in wanted if month in known]
    return sorted(month for month in wanted if month != UNDATED and month >= dated[0])


def measure_snapshots(
    lake: Lake, wanted: Sequence[str], config: SnapshotConfig | None = None, code_version: str = ""
) -> list[str]:
    """Measure the graph at the end of each month that is not current, and write both tables.

    All months that were measured before are measured again where their graph has changed, and months that have no
    snapshot any more are dropped. Another run may publish links meanwhile, so what was written is looked at
    once more.

    Returns:
        The months that were measured.
    """
    config = config or SnapshotConfig()
    measured: set[str] = set()
    _drop_vanished(lake)
    for _ in range(_MOST_ROUNDS):
        inputs = {month: _inputs(lake, month, config) for month in _affected_months(lake, wanted)}
        stale = {month: known for month, known in inputs.items() if not _is_current(lake, month, code_version, known)}
        if not stale:
            break
        measured |= set(_measure(lake, stale, config, code_version))
    return sorted(measured)


def _affected_months(lake: Lake, wanted: Sequence[str]) -> list[str]:
    return snapshot_months(lake, sorted({*wanted, *lake.partitions(USER_GRAPH_METRICS.key)}))


def _drop_vanished(lake: Lake) -> None:
    """Forget months before the first link, and the graph without times of a community that has got times."""
    for table in (USER_GRAPH_METRICS, GRAPH_METRICS):
        known = lake.partitions(table.key)
        for month in sorted({*known} - {*snapshot_months(lake, known)}):
            lake.drop(table.key, month)


def _measure(lake: Lake, inputs: dict[str, dict[str, str]], config: SnapshotConfig, code_version: str) -> Iterator[str]:
    """Write both tables of each month; months whose graph is not what it was are yielded."""
    for month, links in snapshots(lake, list(inputs)):
        known = {**inputs[month], _GRAPH: digest(links)}
        if _is_same_graph(lake, month, code_version, known):
            made = {table: lake.read(table, [month]) for table in (USER_GRAPH_METRICS, GRAPH_METRICS)}
        else:
            found = positions(links)
            # The table that tells that all is done comes last.
            made = {
                USER_GRAPH_METRICS: user_rows(links, found, month),
                GRAPH_METRICS: graph_rows(links, found, month, config),
            }
            yield month
        for table, rows in made.items():
            lake.write(table, month, rows, code_version=code_version, inputs=known)


def digest(links: Links) -> str:
    """Sixteen hexadecimal digits over users and links."""
    found = hashlib.sha256()
    for part in (links.users, links.source, links.target):
        found.update(np.ascontiguousarray(part).data)
    return found.hexdigest()[:16]


def withdraw_users(lake: Lake) -> list[str]:
    """Take users who are published no longer out of all months, and out of all tables that are computed from marts.

    Those are made again only after the warehouse, which may fail. What is left of a partition is never current.

    Returns:
        ``table/partition`` that somebody left.
    """
    import pyarrow.compute as pc

    published = lake.read(USERS, columns=["user_id"])["user_id"].combine_chunks()
    left = []
    for contract, column in _tables_of_users():
        for partition in lake.partitions(contract.key):
            rows = lake.dataset(contract, [partition])
            if rows.filter(~pc.field(column).isin(published)).count_rows():
                kept = rows.to_table(filter=pc.field(column).isin(published))
                lake.write(contract, partition, kept, code_version=_WITHDRAWN)
                left.append(f"{contract.key}/{partition}")
    return left


def _tables_of_users() -> list[tuple[TableContract, str]]:
    computed = (USER_GRAPH_METRICS, LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS)
    tables = [*computed, *(all_contracts()[key] for key in sorted(result_tables()))]
    return [(table, r.column) for table in tables for r in table.references if r.to_table == USERS.key]


def _is_current(lake: Lake, month: str, code_version: str, inputs: dict[str, str]) -> bool:
    """Whether both tables were made from these partitions; the digest of a graph is known only once it is there."""
    return all(
        {name: value for name, value in recorded.items() if name != _GRAPH} == inputs
        for recorded in _recorded_inputs(lake, month, code_version)
    )


def _is_same_graph(lake: Lake, month: str, code_version: str, inputs: dict[str, str]) -> bool:
    return all(
        {name: recorded.get(name) for name in (_GRAPH, _CONFIGURATION)}
        == {name: inputs[name] for name in (_GRAPH, _CONFIGURATION)}
        for recorded in _recorded_inputs(lake, month, code_version)
    )


def _recorded_inputs(lake: Lake, month: str, code_version: str) -> Iterator[dict[str, str]]:
    """Inputs of the commits of both tables; none of a commit by other code or under another contract."""
    for table in (USER_GRAPH_METRICS, GRAPH_METRICS):
        commit = lake.commit_of(table.key, month)
        is_ours = commit and commit.code_version == code_version and commit.schema == table.fingerprint
        yield dict(commit.inputs) if commit and is_ours else {}


def _inputs(lake: Lake, month: str, config: SnapshotConfig) -> dict[str, str]:
    """Links and users of all months so far; those without a time count as old."""
    found = {_CONFIGURATION: json.dumps(asdict(config), sort_keys=True)}
    for contract in (EDGES, USERS):
        found |= lake.fingerprints(contract.key, _so_far(lake.partitions(contract.key), month))
    return found


def _so_far(months: Sequence[str], month: str) -> list[str]:
    return [each for each in months if each == UNDATED or (month != UNDATED and each <= month)]


def snapshots(lake: Lake, months: Sequence[str]) -> Iterator[tuple[str, Links]]:
    """The graph at the end of each month: links made and not removed by then, among users who have joined by then.

    Where there is no table of users, or a link precedes the joining of one of its ends, whoever has a link is a user.

    Args:
        lake: Where links and users are.
        months: Months in ascending order, or ``undated``.
    """
    if not months:
        return
    links = _columns(lake, EDGES, months[-1], ("follower_id", "followee_id", "created_at", "removed_at"))
    users = _columns(lake, USERS, months[-1], ("user_id", "joined_at"))
    created, removed = _moments(links["created_at"], _ALWAYS), _moments(links["removed_at"], _NEVER)
    joined = _moments(users["joined_at"], _ALWAYS)
    followers, followees, ids = (
        column.to_numpy() for column in (links["follower_id"], links["followee_id"], users["user_id"])
    )
    for month in months:
        end = _NEVER if month == UNDATED else _end_of(month)
        there = (created < end) & (removed >= end)
        known = np.concatenate([ids[joined < end], followers[there], followees[there]])
        yield month, simple_links(followers[there], followees[there], known)


def snapshot(lake: Lake, month: str) -> Links:
    """The graph at the end of a month, or of all time if it is ``undated``."""
    return next(links for _, links in snapshots(lake, [month]))


def _columns(lake: Lake, contract: Any, month: str, names: Sequence[str]) -> pa.Table:
    return lake.read(contract, _so_far(lake.partitions(contract.key), month), list(names)).combine_chunks()


def _moments(column: pa.ChunkedArray, unknown: int) -> NDArray[np.int64]:
    """Microseconds since 1970, with a stand-in where there is no time."""
    moments: NDArray[np.int64] = column.cast(pa.int64()).fill_null(unknown).to_numpy()
    return moments


def _end_of(month: str) -> int:
    """First moment after a month, in microseconds since 1970."""
    year, number = int(month[:4]), int(month[5:])
    following = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return int(following.timestamp()) * 1_000_000


def user_rows(links: Links, found: Positions, month: str) -> pa.Table:
    """Rows of ``user_graph_metrics``."""
    columns = {
        "snapshot_month": pa.array([first_day(month)] * links.nodes, pa.date32()),
        "user_id": links.users,
        "node": np.arange(links.nodes),
        "followees": found.followees,
        "followers": found.followers,
        "mutual_links": found.mutual,
        "reciprocity": pa.array(found.reciprocity, from_pandas=True),
        "triangles": found.triangles,
        "clustering": found.clustering,
        "core": found.core,
        "pagerank": found.pagerank,
        "community": found.community,
        "component": found.component,
    }
    return USER_GRAPH_METRICS.conform(pa.table(columns))


def graph_rows(links: Links, found: Positions, month: str, config: SnapshotConfig) -> pa.Table:
    """Rows of ``graph_metrics``."""
    rows = [
        {
            "snapshot_month": first_day(month),
            "metric": metric.name,
            **{name: defined(getattr(metric, name)) for name in ("value", "lower", "upper")},
            "n": metric.n,
            "definition": metric.definition,
        }
        for metric in graph_metrics(links, found, config.distance_sources, config.seed)
    ]
    return GRAPH_METRICS.conform(pa.Table.from_pylist(rows, schema=GRAPH_METRICS.schema))


def first_day(month: str) -> date | None:
    """First day of a month as snapshots are dated; None for a graph without times."""
    return None if month == UNDATED else date(int(month[:4]), int(month[5:]), 1)
