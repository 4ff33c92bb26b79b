"""Contestants of the matching benchmark find what was planted; what the benchmark compares, it compares."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import bench_matching
from tests.benchmarks.bench_matching import BOUND_OF, EFFECT, ROOT, Limits, Standing, compare, drawn, stand
from tests.benchmarks.matching_contestants import BOUNDS, OURS, OUT_OF_MEMORY, PEERS, Turn, take_turn

UNITS = 6_000
LIMITS = Limits(ours=120, others=120, memory=8 << 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("units")
    for name, values in drawn(UNITS).items():
        np.save(path / f"{name}.npy", values)
    return path


def test_units_are_so_unlike_that_the_difference_in_means_is_wrong() -> None:
    units = drawn(UNITS)
    treated, outcome = units["treated"], units["outcome"]
    assert treated.mean() == pytest.approx(1 / 3, abs=0.001)
    assert outcome[treated].mean() - outcome[~treated].mean() > 1.3 * EFFECT


@pytest.mark.parametrize("name", [name for name in OURS if name != "e inverse variance"])
def test_contestant_finds_the_effect(name: str, folder: Path) -> None:
    turn = take_turn(name, folder, seconds=120)
    assert turn.value == pytest.approx(EFFECT, abs=0.12)
    assert turn.seconds > 0
    assert turn.memory >= turn.memory_before > 0
    assert turn.matched is not None
    assert UNITS / 3 < turn.matched <= UNITS


def test_everyone_has_a_bound() -> None:
    assert set(BOUND_OF) == {*OURS, *PEERS}
    assert set(BOUND_OF.values()) == set(BOUNDS)


def test_turn_in_a_process_of_its_own_finds_what_it_finds_here(folder: Path) -> None:
    (turn,) = stand(folder, ["a pairs only"], 1, LIMITS)["a pairs only"].turns
    assert turn.value == take_turn("a pairs only", folder, seconds=120).value


def in_a_process(code: str) -> int:
    """Exit status of a program."""
    code = "from pathlib import Path; from tests.benchmarks import matching_contestants as m; " + code
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, timeout=60, check=False).returncode


def test_turn_beyond_its_seconds_is_ended() -> None:
    code = "m.BOUNDS['slow'] = lambda units, turn: turn.measured().__enter__() or m.time.sleep(50); "
    assert in_a_process(f"{code} m.main('slow', Path(), 1, 8 << 30)") == -signal.SIGALRM


def test_turn_beyond_its_memory_is_ended() -> None:
    code = "m.BOUNDS['greedy'] = lambda units, turn: m.np.ones(1 << 30); "
    assert in_a_process(f"{code} m.main('greedy', Path(), 50, 4 << 30)") == OUT_OF_MEMORY


def test_contestant_that_was_ended_or_is_slow_takes_one_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = []

    def taken(name: str, folder: Path, limits: Limits) -> Turn | str:
        tried.append(name)
        return {"fast": Turn(1.0), "slow": Turn(100.0)}.get(name, "over 1 s")

    monkeypatch.setattr(bench_matching, "take_turn", taken)
    standings = stand(tmp_path, ["fast", "slow", "ended"], 2, LIMITS)
    assert tried == ["fast", "slow", "ended", "fast"]
    assert [standing.words for standing in standings.values()] == ["", "", "over 1 s"]


def test_difference_between_those_who_do_the_same_is_an_error(tmp_path: Path) -> None:
    pairs = np.array([[0, 1], [2, 3]])
    np.save(tmp_path / "a pairs only.npy", pairs)
    np.save(tmp_path / "pymatchit-causal.npy", pairs)
    standings = {name: Standing([Turn(1.0, 1.0, 2.0, value=1.0)]) for name in ("a pairs only", "pymatchit-causal")}
    (words,) = compare(standings, tmp_path)
    assert "100.00% of the pairs are the same" in words
    np.save(tmp_path / "pymatchit-causal.npy", pairs + np.array([0, 5]))
    with pytest.raises(SystemExit, match="find something else"):
        list(compare(standings, tmp_path))
