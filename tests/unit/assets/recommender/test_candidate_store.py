import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.lake import Lake
from assets.contracts.recommendations import CANDIDATE_NEIGHBOURHOODS, LINK_CANDIDATES
from assets.contracts.table import UNDATED
from assets.recommender.candidate_store import are_current, neighbourhood_digests, read_arcs, write_candidates
from assets.recommender.candidates import MEASURES, CandidateConfig, candidate_arcs, sampled_followees
from assets.recommender.follow_graph import follow_graph

TABLES = (LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS)
CONFIG = CandidateConfig(most_followees=4, most_candidates=6, block=7)
WHOLE = CandidateConfig(1000, 1000)


def _inputs(number, configuration="c"):
    return {"edges/undated": f"e{number}", "configuration": configuration}


def _tables(lake):
    return [lake.read(table) for table in TABLES]


def _contents(lake):
    """Hashes of the files that count."""
    return [lake.commit_of(table.key, UNDATED).sha256 for table in TABLES]


class _Community:
    """Users, links and blocks that change by chance."""

    def __init__(self, seed, users=40, links=160):
        self.rng = np.random.default_rng(seed)
        self.users = [*range(100, 100 + users)]
        self.links = {self._pair() for _ in range(links)}
        self.blocks = {self._pair() for _ in range(3)}

    def _pair(self):
        return tuple(int(user) for user in self.rng.choice(self.users, 2, replace=False))

    def change(self, made=2, removed=2, newcomers=1, leavers=1):
        for pair in self.rng.permutation(sorted(self.links))[:removed]:
            self.links.discard(tuple(pair.tolist()))
        for _ in range(newcomers):
            self.users.append(int(self.rng.integers(0, 100)) if self.rng.random() < 0.5 else max(self.users) + 3)
            self.users = sorted(set(self.users))
        self.links |= {self._pair() for _ in range(made)}
        for gone in self.rng.permutation(self.users)[:leavers].tolist():
            self.users.remove(gone)
            self.links = {pair for pair in self.links if gone not in pair}
        self.blocks = {pair for pair in self.blocks if self.rng.random() < 0.7} | {self._pair()}

    def graph(self):
        ends = list(zip(*sorted(self.links), strict=True)) or [(), ()]
        return follow_graph(self.users, *ends, barred=tuple(zip(*self.blocks, strict=True)))


def _surroundings(graph):
    """User -> all that candidates may rest on, written out."""
    ids = graph.users.tolist()
    own = {user: [] for user in ids}
    for follower, followee in zip(graph.follower, graph.followee, strict=True):
        own[ids[follower]].append(ids[followee])
    barred = {user: [] for user in ids}
    for user, other in zip(*np.divmod(graph.barred, graph.nodes), strict=True):
        barred[ids[user]].append(ids[other])
    return {user: (own[user], [own[other] for other in own[user]], barred[user]) for user in ids}


@pytest.mark.parametrize("seed", range(4))
def test_write_candidates_after_changes_is_byte_for_byte_a_full_write(lake, tmp_path, seed):
    community = _Community(seed)
    write_candidates(lake, community.graph(), CONFIG, "1", _inputs(0))
    kept = 0
    for number in range(1, 4):
        community.change()
        graph = community.graph()
        anew = write_candidates(lake, graph, CONFIG, "1", _inputs(number))
        kept += graph.nodes - anew
        fresh = Lake(str(tmp_path / f"fresh-{number}"))
        assert write_candidates(fresh, graph, CONFIG, "1", _inputs(number)) == graph.nodes
        assert _contents(lake) == _contents(fresh)
        for one, other in zip(_tables(lake), _tables(fresh), strict=True):
            assert one.equals(other)
    assert kept > 20


def test_write_candidates_writes_what_is_found(lake, draw):
    graph = draw(1)
    write_candidates(lake, graph, CONFIG, "1", _inputs(0))
    arcs, stored = candidate_arcs(graph, CONFIG), read_arcs(lake, graph)
    for name in ("users", "start", "target", *MEASURES):
        assert np.array_equal(getattr(stored, name), getattr(arcs, name))
    rows, around = _tables(lake)
    assert rows["user_id"].to_pylist() == graph.users[arcs.source].tolist()
    assert rows["candidate_id"].to_pylist() == graph.users[arcs.target].tolist()
    assert around["candidates"].to_pylist() == arcs.counts.tolist()
    assert around["user_id"].to_pylist() == graph.users.tolist()


@pytest.mark.parametrize("seed", range(3))
def test_write_candidates_finds_anew_only_where_two_steps_have_changed(lake, seed):
    community = _Community(seed, users=60, links=150)
    before = community.graph()
    write_candidates(lake, before, WHOLE, "1", _inputs(0))
    community.change(made=1, removed=1, newcomers=1, leavers=0)
    graph = community.graph()
    old, new = _surroundings(before), _surroundings(graph)
    changed = {user for user in new if old.get(user) != new[user]}
    assert write_candidates(lake, graph, WHOLE, "1", _inputs(1)) == len(changed)
    assert 0 < len(changed) < graph.nodes / 2
    digests = [dict(zip(each.users.tolist(), neighbourhood_digests(each), strict=True)) for each in (before, graph)]
    assert {user for user in digests[1] if digests[0].get(user) != digests[1][user]} == changed


def _digest_of(user, *args, **named):
    graph = follow_graph(range(10), *args, **named)
    return neighbourhood_digests(graph)[user]


def test_neighbourhood_digests_tell_apart_what_candidates_rest_on():
    """0 follows 1 and 2; 1 follows 3; 2 follows 4; 5 follows 6."""
    ends = [0, 0, 1, 2, 5], [1, 2, 3, 4, 6]
    same = _digest_of(0, *ends)
    assert _digest_of(0, *(each[::-1] for each in ends)) == same
    assert _digest_of(0, [*ends[0], 3, 6, 7], [*ends[1], 8, 7, 0]) == same
    assert _digest_of(0, *ends, barred=([5], [6])) == same
    others = {
        "a followee more": _digest_of(0, [*ends[0], 0], [*ends[1], 9]),
        "a followee's followee more": _digest_of(0, [*ends[0], 1], [*ends[1], 9]),
        "another followee's followee": _digest_of(0, ends[0], [1, 2, 9, 4, 6]),
        "followees change places": _digest_of(0, ends[0], [1, 2, 4, 3, 6]),
        "somebody barred": _digest_of(0, *ends, barred=([0], [9])),
        "somebody else barred": _digest_of(0, *ends, barred=([8], [0])),
        "fewer": _digest_of(0, [0, 0, 1, 5], [1, 2, 3, 6]),
    }
    assert len({same, *others.values()}) == 1 + len(others)


def test_neighbourhood_digests_count_followees_that_are_not_drawn():
    """1 follows eight, of whom three are drawn; a ninth who is not drawn changes what a path through 1 counts."""
    config = CandidateConfig(most_followees=3, seed=0)
    ids, ends = range(30), ([0, *[1] * 8], [1, *range(10, 18)])
    digests = set()
    for more in range(18, 30):
        one = follow_graph(ids, *ends)
        other = follow_graph(ids, [*ends[0], 1], [*ends[1], more])
        arcs = [candidate_arcs(each, config, np.array([0])) for each in (one, other)]
        if np.array_equal(arcs[0].target, arcs[1].target):
            digests.add(tuple(neighbourhood_digests(each)[0] for each in (one, other)))
            assert arcs[0].resource_allocation[0] == pytest.approx(1 / 8)
            assert arcs[1].resource_allocation[0] == pytest.approx(1 / 9)
    assert digests
    assert all(one != other for one, other in digests)


def test_neighbourhood_digests_know_all_who_are_followed_and_not_only_the_drawn():
    """0 follows eight, of whom three are drawn, and 18 or 19; all eight follow both, so the other is a candidate."""
    config = CandidateConfig(most_followees=3, seed=5)
    drawn, digests, targets = [], [], []
    for other in (18, 19):
        ends = [0] * 9 + [*range(10, 18)] * 2, [*range(10, 18), other] + [18] * 8 + [19] * 8
        graph = follow_graph(range(20), *ends)
        start, followee = sampled_followees(graph, config)
        drawn.append(followee[start[0] : start[1]].tolist())
        digests.append(neighbourhood_digests(graph)[0])
        targets.append(candidate_arcs(graph, config, np.array([0])).target.tolist())
    assert drawn[0] == drawn[1]
    assert targets == [[19], [18]]
    assert digests[0] != digests[1]


def test_write_candidates_without_news_finds_nothing_anew(lake, draw):
    graph = draw(2)
    assert write_candidates(lake, graph, CONFIG, "1", _inputs(0)) == graph.nodes
    before = [lake.commit_of(table.key, UNDATED) for table in TABLES]
    assert are_current(lake, "1", _inputs(0))
    assert write_candidates(lake, graph, CONFIG, "1", _inputs(0)) == 0
    assert [lake.commit_of(table.key, UNDATED) for table in TABLES] == before
    assert write_candidates(lake, graph, CONFIG, "1", _inputs(1)) == 0
    assert [each.sha256 for each in before] == _contents(lake)
    assert (are_current(lake, "1", _inputs(0)), are_current(lake, "1", _inputs(1))) == (False, True)


def test_write_candidates_of_another_configuration_or_code_finds_all_anew(lake, tmp_path, draw):
    graph = draw(2)
    write_candidates(lake, graph, CONFIG, "1", _inputs(0))
    assert write_candidates(lake, graph, CONFIG, "2", _inputs(0)) == graph.nodes
    other = CandidateConfig(4, 2, block=7)
    assert write_candidates(lake, graph, other, "2", _inputs(0, "other")) == graph.nodes
    assert read_arcs(lake, graph).counts.max() == 2


def _stage_of_a_killed_run(lake, number):
    """Candidates are committed, what they rest on is not."""
    lake.write(LINK_CANDIDATES, UNDATED, LINK_CANDIDATES.schema.empty_table(), code_version="1", inputs=_inputs(number))


def test_write_candidates_after_a_run_that_was_killed_finds_all_anew(lake, draw):
    graph = draw(3)
    write_candidates(lake, graph, CONFIG, "1", _inputs(0))
    expected = _contents(lake)
    _stage_of_a_killed_run(lake, 1)
    assert not are_current(lake, "1", _inputs(1))
    assert write_candidates(lake, graph, CONFIG, "1", _inputs(1)) == graph.nodes
    assert _contents(lake) == expected
    assert are_current(lake, "1", _inputs(1))


def test_write_candidates_after_a_first_run_that_was_killed_finds_all_anew(lake, draw):
    graph = draw(3)
    _stage_of_a_killed_run(lake, 0)
    assert write_candidates(lake, graph, CONFIG, "1", _inputs(0)) == graph.nodes
    assert len(read_arcs(lake, graph)) == len(candidate_arcs(graph, CONFIG))


def test_write_candidates_of_a_community_without_any(lake):
    for graph in (follow_graph([], [], []), follow_graph([1, 2], [1], [2])):
        assert write_candidates(lake, graph, CONFIG, "1", _inputs(graph.nodes)) == graph.nodes
        assert len(read_arcs(lake, graph)) == 0
        assert lake.read(CANDIDATE_NEIGHBOURHOODS)["candidates"].to_pylist() == [0] * graph.nodes


def test_read_arcs_leaves_out_those_who_are_gone(lake):
    """0 follows 1, who follows 2, 3 and 4."""
    ends = [0, 1, 1, 1], [1, 2, 3, 4]
    write_candidates(lake, follow_graph(range(6), *ends), CONFIG, "1", _inputs(0))
    assert read_arcs(lake, follow_graph(range(6), *ends)).target.tolist() == [2, 3, 4]
    later = follow_graph([0, 1, 3, 4, 8], [0, 1, 1], [1, 3, 4])
    found = read_arcs(lake, later)
    assert found.users.tolist() == [0, 1, 2, 3, 4]
    assert found.counts.tolist() == [2, 0, 0, 0, 0]
    assert later.users[found.target].tolist() == [3, 4]
    assert found.resource_allocation == pytest.approx([1 / 3, 1 / 3])
    without = read_arcs(lake, follow_graph([1, 2, 3], [1, 1], [2, 3]))
    assert (len(without), without.counts.tolist()) == (0, [0, 0, 0])
    assert len(read_arcs(lake, follow_graph([], [], []))) == 0


def test_read_arcs_of_nothing_stored(lake, draw):
    arcs = read_arcs(lake, draw(0))
    assert (len(arcs), len(arcs.users), arcs.target.dtype) == (0, 30, np.int32)


def test_write_candidates_keeps_to_the_contract(lake, draw):
    write_candidates(lake, draw(4), CONFIG, "1", _inputs(0))
    for table, rows in zip(TABLES, _tables(lake), strict=True):
        assert isinstance(rows, pa.Table)
        table.validate(rows, UNDATED)
    assert lake.read(CANDIDATE_NEIGHBOURHOODS)["digest"].to_pylist()[0].isalnum()
    assert {len(digest) for digest in lake.read(CANDIDATE_NEIGHBOURHOODS)["digest"].to_pylist()} == {16}
