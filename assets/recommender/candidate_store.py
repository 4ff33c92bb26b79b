"""Candidates in the lake: written block by block, and found anew only for users around whom something has changed.

The digest of a user covers the own followees, whom each of these follows, and who is barred. Links that were made or
removed anywhere else change nothing, so a month costs as much as it changes.
"""

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.community import BLOCKS, EDGES, USERS
from assets.contracts.lake import Lake
from assets.contracts.recommendations import CANDIDATE_NEIGHBOURHOODS, LINK_CANDIDATES
from assets.contracts.table import UNDATED
from assets.recommender.candidates import MEASURES, Arcs, CandidateConfig, candidate_blocks, sampled_followees
from assets.recommender.follow_graph import FollowGraph, Integers

CONFIGURATION = "configuration"
"""Among the inputs of candidates: how they were found, as JSON."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def write_candidates(
    lake: Lake, graph: FollowGraph, config: CandidateConfig, code_version: str, inputs: Mapping[str, str]
) -> int:
    """Write candidates of all users and what they rest on; both tables are replaced whole.

    Args:
        lake: Where they are, and where those of the last time are.
        graph: Who follows whom.
        config: How candidates are found; others than those of the last time are told by ``inputs``.
        code_version: Of the code that finds them.
        inputs: Fingerprints of what the graph rests on, and the configuration.

    Returns:
        Users whose candidates were found anew.
    """
    digests = neighbourhood_digests(graph)
    is_known = _is_unchanged(lake, graph, digests, code_version, inputs)
    counts = np.zeros(graph.nodes, np.int64)
    staged = lake.stage_stream(LINK_CANDIDATES, UNDATED, _batches(lake, graph, config, is_known, counts))
    around = pa.table({"user_id": graph.users, "digest": [f"{d:016x}" for d in digests], "candidates": counts})
    told = lake.stage(CANDIDATE_NEIGHBOURHOODS, UNDATED, around)
    # What says that candidates are current comes last.
    lake.commit(staged, code_version=code_version, inputs=inputs)
    lake.commit(told, code_version=code_version, inputs=inputs)
    return int((~is_known).sum())


def are_current(lake: Lake, code_version: str, inputs: Mapping[str, str]) -> bool:
    """Whether both tables rest on these inputs and this code."""
    tables = (LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS)
    return all(lake.is_current(table, UNDATED, code_version=code_version, inputs=inputs) for table in tables)


def graph_inputs(lake: Lake) -> dict[str, str]:
    """Fingerprints of what the graph that candidates are found in rests on."""
    return {name: sha for table in (EDGES, USERS, BLOCKS) for name, sha in lake.fingerprints(table.key).items()}


def configuration_of(lake: Lake) -> CandidateConfig:
    """How the candidates in the lake were found; the default where there are none."""
    commit = lake.commit_of(LINK_CANDIDATES.key, UNDATED)
    return CandidateConfig(**json.loads(dict(commit.inputs).get(CONFIGURATION, "{}") if commit else "{}"))


def are_of_today(lake: Lake, code_version: str) -> bool:
    """Whether candidates in the lake are those of the links, users and blocks that are in it too."""
    commit = lake.commit_of(LINK_CANDIDATES.key, UNDATED)
    configuration = {} if commit is None else {CONFIGURATION: dict(commit.inputs).get(CONFIGURATION, "")}
    return are_current(lake, code_version, graph_inputs(lake) | configuration)


def neighbourhood_digests(graph: FollowGraph) -> NDArray[np.uint64]:
    """(n,) one number per user that changes with what the user's candidates rest on."""
    from assets.recommender.kernels import mixed_all

    ids = mixed_all(graph.users.astype(np.uint64))
    own = _sums(graph.start, ids[graph.followee]) + mixed_all(graph.out_degree.astype(np.uint64))
    passed = mixed_all(_sums(graph.start, ids[graph.followee]))
    user, other = np.divmod(graph.barred, max(1, graph.nodes))
    barred = _sums(np.searchsorted(user, np.arange(graph.nodes + 1)), mixed_all(ids[other] + _MULTIPLIER))
    found: NDArray[np.uint64] = mixed_all(
        mixed_all(own) + _sums(graph.start, mixed_all(ids[graph.followee] ^ passed[graph.followee])) + barred
    )
    return found


def _sums(start: Integers, values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sums of runs, modulo 2 ** 64."""
    total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    return total[start[1:]] - total[start[:-1]]


def _is_unchanged(
    lake: Lake, graph: FollowGraph, digests: NDArray[np.uint64], code_version: str, inputs: Mapping[str, str]
) -> NDArray[np.bool_]:
    """Users whose candidates of the last time can stay: the same code and configuration, the same digest."""
    is_same = np.zeros(graph.nodes, bool)
    commits = [lake.commit_of(table.key, UNDATED) for table in (LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS)]
    for commit, table in zip(commits, (LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS), strict=True):
        if commit is None or commit.code_version != code_version or commit.schema != table.fingerprint:
            return is_same
        if dict(commit.inputs).get(CONFIGURATION) != inputs.get(CONFIGURATION):
            return is_same
    # A run that was killed between the two commits left candidates without their digests.
    if dict(commits[0].inputs) != dict(commits[1].inputs):  # type: ignore[union-attr]
        return is_same
    before = lake.read(CANDIDATE_NEIGHBOURHOODS)
    ids = before["user_id"].to_numpy()
    known = np.array([int(digest, 16) for digest in before["digest"].to_pylist()], np.uint64)
    place = np.minimum(np.searchsorted(ids, graph.users), max(0, len(ids) - 1))
    return (ids[place] == graph.users) & (known[place] == digests) if len(ids) else is_same


def _batches(
    lake: Lake, graph: FollowGraph, config: CandidateConfig, is_known: NDArray[np.bool_], counts: Integers
) -> Iterator[pa.RecordBatch]:
    """Rows in order of users, found or kept; counts are filled in as they pass."""
    import pyarrow.compute as pc

    kept = lake.dataset(LINK_CANDIDATES)
    sampled = sampled_followees(graph, config)
    for first in range(0, graph.nodes, config.block):
        here = np.arange(first, min(first + config.block, graph.nodes))
        parts = [_rows(graph, arcs) for arcs in candidate_blocks(graph, config, here[~is_known[here]], sampled)]
        if is_known[here].any():
            ids = pa.array(graph.users[here[is_known[here]]])
            between = (pc.field("user_id") >= int(graph.users[here[0]])) & (
                pc.field("user_id") <= int(graph.users[here[-1]])
            )
            parts.append(kept.to_table(filter=between & pc.field("user_id").isin(ids)))
        rows = pa.concat_tables(parts) if parts else LINK_CANDIDATES.schema.empty_table()
        if len(parts) > 1:
            rows = rows.sort_by([(name, "ascending") for name in LINK_CANDIDATES.primary_key])
        place = np.searchsorted(graph.users, rows["user_id"].to_numpy())
        counts[here] = np.bincount(place, minlength=graph.nodes)[here]
        yield from LINK_CANDIDATES.conform(rows).combine_chunks().to_batches()


def _rows(graph: FollowGraph, arcs: Arcs) -> pa.Table:
    columns = {name: getattr(arcs, name) for name in MEASURES}
    ends = {"user_id": graph.users[arcs.source], "candidate_id": graph.users[arcs.target]}
    return LINK_CANDIDATES.conform(pa.table({**ends, **columns}))


def read_arcs(lake: Lake, graph: FollowGraph) -> Arcs:
    """Candidates as they are stored, without users who are not in a graph."""
    rows = lake.read(LINK_CANDIDATES)
    ends = [rows[name].to_numpy() for name in ("user_id", "candidate_id")]
    places = [np.searchsorted(graph.users, end) for end in ends]
    there = np.ones(rows.num_rows, bool)
    for place, end in zip(places, ends, strict=True):
        there &= graph.users[np.minimum(place, graph.nodes - 1)] == end if graph.nodes else False
    user, target = (place[there] for place in places)
    start = np.searchsorted(user, np.arange(graph.nodes + 1))
    measures = (rows[name].to_numpy()[there] for name in MEASURES)
    return Arcs(np.arange(graph.nodes), start, target.astype(np.int32), *measures)
