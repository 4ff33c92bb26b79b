"""The matching engine at 10^4 to 10^6 units of 20 covariates: seconds and memory, beside bounds and other packages.

    python tests/benchmarks/bench_matching.py [--units 10000 100000 1000000] [--rounds 3] [--limit 60]
    make matching-peers                              # installs the other packages, into an environment of their own

Ours: (a) pairs 1:1 without replacement on the linear propensity score within 0.2 SD, and nothing else; (b) the same
with standard error, balance, overlap and sensitivity; (c) the design of the declared experiments: three neighbours with
replacement, within periods, errors by user; (d) the nearest in Mahalanobis distance within 200 cells, bias adjusted,
with Abadie-Imbens errors; (e) the nearest of all by inverse variance, for both arms. (b) to (e) give all diagnostics.
Others: pymatchit-causal does (a), causalinference (e) without diagnostics.

Every turn is a process of its own that reads the same units from files; contestants take turns, and medians count.
Seconds are those from units in memory, libraries loaded, to the result. Memory is the peak of the process, and what
of it the work added to units (8 bytes per unit and covariate) and libraries, also per value of a covariate. Who needs
more seconds or memory than allowed is ended, and not tried on more units; whose turn takes over 30 s takes only one.

The bound of (a) to (c), below which no matching on an estimated score can go: one Newton step of the logistic
regression, and sorting the units once. The bound of (d) and (e): inner products of treated and controls that may be
matched, and the largest of each treated unit, without which no exhaustive search can do.

The treatment moves the outcome by 1 for everyone. Estimates stand beside this truth and beside the difference in means.
Where two contestants do the same, their results are compared, and a difference ends the benchmark with an error.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil

from tests.benchmarks import matching_contestants
from tests.benchmarks.machine import stolen_seconds, usable_cores
from tests.benchmarks.matching_contestants import BOUNDS, CELLS, OURS, OUT_OF_MEMORY, PEERS, Turn

ROOT = Path(__file__).resolve().parents[2]
PEERS_PYTHON = ROOT / ".venv-matching-peers" / "bin" / "python"
EFFECT = 1.0
COVARIATES = 20
BOUND_OF = {
    "a pairs only": "one pass and sort",
    "b pairs, analysed": "one pass and sort",
    "c as experiments": "one pass and sort",
    "d in cells": "products in cells",
    "e inverse variance": "products of all",
    "pymatchit-causal": "one pass and sort",
    "causalinference": "products of all",
}
SAME = {"pymatchit-causal": "a pairs only", "causalinference": "e inverse variance"}
"""Others, and which of ours does what they do."""
MOST = {"products of all": 100_000, "e inverse variance": 100_000}
"""Units of those that compare everybody with everybody, which takes a hundred times as long for ten times as many."""
LONG = 30
"""Seconds of a turn beyond which one turn is enough."""

MATCHIT = """R's MatchIt 4.7.1 on (a), measured once on another machine with 2 cores, not in this run, without standard
errors or diagnostics: 0.7 s at 10,000 units, 1.2 s at 100,000, 9.4 s and 1.9 GB at 1,000,000."""


def drawn(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Units of which a third are treated, by a logistic model, and an effect of ``EFFECT`` for all of them.

    Covariates are normal, skewed and binary, share a factor, and move treatment and outcome alike.
    """
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((COVARIATES, n)) + 0.3 * rng.standard_normal(n)
    columns[10:15] = np.exp(0.5 * columns[10:15])
    columns[15:] = columns[15:] > 0.5
    weights = rng.uniform(0.1, 0.3, COVARIATES) * np.where(np.arange(COVARIATES) % 4 == 3, -1, 1)
    leaning = weights @ columns
    latent = leaning + rng.logistic(size=n)
    treated = latent > np.quantile(latent, 2 / 3)
    outcome = EFFECT * treated + rng.uniform(0.5, 1.5, COVARIATES) * weights @ columns + rng.standard_normal(n)
    return {
        "columns": columns,
        "treated": treated,
        "outcome": outcome,
        CELLS: rng.integers(0, 200, n),
        "period": rng.integers(0, 6, n),
        "user": rng.integers(0, max(1, n // 5), n),
    }


@dataclass(frozen=True)
class Limits:
    """Seconds that ours and others may take, and bytes that each may hold."""

    ours: int
    others: int
    memory: int


@dataclass
class Standing:
    """Turns of a contestant on so many units, or why it has none."""

    turns: list[Turn] = field(default_factory=list)
    words: str = ""

    @property
    def seconds(self) -> float:
        return statistics.median(turn.seconds for turn in self.turns)

    @property
    def memory(self) -> float:
        """MiB, most of any turn."""
        return max(turn.memory for turn in self.turns)

    @property
    def added(self) -> float:
        """MiB on top of units and libraries, most of any turn."""
        return max(turn.memory - turn.memory_before for turn in self.turns)


def take_turn(name: str, folder: Path, limits: Limits) -> Turn | str:
    """One turn in a process of its own; in words, why it was ended."""
    seconds = limits.others if name in PEERS else limits.ours
    python = PEERS_PYTHON if name in PEERS else sys.executable
    command = [str(python), matching_contestants.__file__, name, str(folder), str(seconds), str(limits.memory)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode == -signal.SIGALRM:
        return f"over {seconds} s"
    if ended.returncode in (OUT_OF_MEMORY, -signal.SIGKILL):
        return f"over {limits.memory / 2**30:.3g} GiB"
    if ended.returncode:
        sys.exit(f"{name} ended with {ended.returncode}:\n{ended.stderr}")
    return Turn(**json.loads((folder / f"{name}.json").read_text()))


def stand(folder: Path, names: Sequence[str], rounds: int, limits: Limits) -> dict[str, Standing]:
    """All contestants on the same units; one that was ended is not tried again, nor one whose turns are long."""
    standings = {name: Standing() for name in names}
    for _ in range(rounds):
        for name, standing in standings.items():
            if standing.words or (standing.turns and standing.turns[-1].seconds > LONG):
                continue
            found = take_turn(name, folder, limits)
            if isinstance(found, str):
                standing.words = found
            else:
                standing.turns.append(found)
    return standings


def show(standings: Mapping[str, Standing], n: int) -> None:
    titles = {"s": 9, "x bound": 9, "MiB": 8, "added": 8, "bytes/value": 12, "estimate": 10, "error": 9, "units": 10}
    print(" " * 20 + "".join(f"{title:>{width}}" for title, width in titles.items()))
    for name, standing in standings.items():
        if standing.words:
            print(f"{name:<20}  {standing.words}")
            continue
        turn, bound = standing.turns[0], standings.get(BOUND_OF.get(name, ""))
        cells = [
            f"{standing.seconds:9.3f}",
            f"{standing.seconds / bound.seconds:9.1f}" if bound and not bound.words else " " * 9,
            f"{standing.memory:8.0f}{standing.added:8.0f}{standing.added * 2**20 / n / COVARIATES:12.1f}",
            "" if turn.value is None else f"{turn.value:10.4f}",
            " " * 9 if turn.standard_error is None else f"{turn.standard_error:9.4f}",
            "" if turn.matched is None else f"{turn.matched:10,}",
        ]
        print(f"{name:<20}" + "".join(cells))


def compare(standings: Mapping[str, Standing], folder: Path) -> Iterator[str]:
    """What others needed compared with ours, and whether they found the same.

    Raises:
        SystemExit: They did not.
    """
    for other, ours in SAME.items():
        if other not in standings or standings[other].words or standings[ours].words:
            continue
        theirs, own = standings[other], standings[ours]
        values = [standing.turns[0].value or 0.0 for standing in (theirs, own)]
        seconds, memory, apart = theirs.seconds / own.seconds, theirs.memory / own.memory, abs(values[0] - values[1])
        words = f"{other} / {ours}: {seconds:.1f} x seconds, {memory:.1f} x memory; estimates differ by {apart:.1e}"
        same = apart < 1e-6
        if (folder / f"{other}.npy").exists():
            share = shared_pairs(np.load(folder / f"{other}.npy"), np.load(folder / f"{ours}.npy"))
            words, same = f"{words}, {share:.2%} of the pairs are the same", share > 0.99
        yield words
        if not same:
            sys.exit(f"{other} and {ours} do the same and find something else")


def shared_pairs(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pairs of either that both have.

    >>> shared_pairs(np.array([[1, 2], [3, 4]]), np.array([[3, 4], [1, 2], [5, 6], [7, 8]]))
    0.5
    """
    first, second = ({tuple(pair) for pair in pairs.tolist()} for pairs in (one, other))
    return len(first & second) / len(first | second)


def grow(by_units: Mapping[int, Mapping[str, Standing]]) -> Iterator[str]:
    """How time and memory grow from each number of units to the next."""
    for (few, before), (many, after) in pairwise(by_units.items()):
        yield f"from {few:,} to {many:,} units, x {many / few:.0f}:"
        for name in before:
            if before[name].words or after[name].words:
                continue
            seconds = after[name].seconds / before[name].seconds
            memory, added = after[name].memory / before[name].memory, after[name].added / max(before[name].added, 1)
            yield f"  {name:<20} x {seconds:.1f} seconds, x {memory:.1f} memory, x {added:.1f} of what is added"


def why_not(name: str, n: int, earlier: Standing | None) -> str:
    """Why a contestant is not tried on so many units; nothing where it is.

    >>> why_not("e inverse variance", 1_000_000, None)
    'not tried on more than 100,000 units'
    >>> why_not("causalinference", 1_000_000, Standing(words="over 60 s"))
    'not tried: over 60 s on fewer units'
    >>> why_not("causalinference", 1_000_000, Standing())
    ''
    """
    if n > MOST.get(name, n):
        return f"not tried on more than {MOST[name]:,} units"
    if earlier is None or not earlier.words:
        return ""
    return earlier.words if earlier.words.startswith("not tried") else f"not tried: {earlier.words} on fewer units"


def measure(
    n: int, earlier: Mapping[str, Standing], names: Sequence[str], rounds: int, limits: Limits
) -> dict[str, Standing]:
    """One number of units, for all who could take the number before."""
    out = {name: Standing(words=words) for name in names if (words := why_not(name, n, earlier.get(name)))}
    with tempfile.TemporaryDirectory() as home:
        folder, units = Path(home), drawn(n)
        for name, values in units.items():
            np.save(folder / f"{name}.npy", values)
        treated, outcome = units["treated"], units["outcome"]
        naive = outcome[treated].mean() - outcome[~treated].mean()
        del units
        tried = stand(folder, [name for name in names if name not in out], rounds, limits)
        standings = {name: tried.get(name) or out[name] for name in names}
        print(f"\n{n:,} units, {treated.mean():.0%} treated; truth {EFFECT:g}, difference in means {naive:.4f}")
        show(standings, n)
        for words in compare(standings, folder):
            print(words)
    sys.stdout.flush()
    return standings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=int, default=60, help="seconds that a turn of another package may take")
    parser.add_argument("--our-limit", type=int, default=300, help="seconds that a turn of ours may take")
    given = parser.parse_args()
    limits = Limits(given.our_limit, given.limit, psutil.virtual_memory().total // 2)
    print(f"{usable_cores()} cores; {COVARIATES} covariates; median of {given.rounds} rounds, or one if over {LONG} s")
    print(f"others may take {limits.others} s, ours {limits.ours} s, and each {limits.memory / 2**30:.3g} GiB")
    names = [*BOUNDS, *OURS]
    if PEERS_PYTHON.exists():
        names += PEERS
    else:
        print(f"{', '.join(PEERS)} are left out: `make matching-peers` installs them")
    print(MATCHIT, flush=True)
    before, began = stolen_seconds(), time.perf_counter()
    by_units: dict[int, dict[str, Standing]] = {}
    earlier: dict[str, Standing] = {}
    for n in sorted(given.units):
        earlier = by_units[n] = measure(n, earlier, names, given.rounds, limits)
    print()
    for words in grow(by_units):
        print(words)
    print(f"\nstolen cores: {(stolen_seconds() - before) / (time.perf_counter() - began):.2f}")


if __name__ == "__main__":
    main()
