"""Who takes part in ``bench_matching.py``, and one turn of one of them in a process of its own.

    python tests/benchmarks/matching_contestants.py CONTESTANT FOLDER SECONDS BYTES

reads units from a folder, works for at most so many seconds and in so much memory, and writes ``CONTESTANT.json``, with
pairs also ``CONTESTANT.npy``. It runs in our environment and in that of the other packages, so each contestant imports
its own libraries, before the clock starts.
"""

import json
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.benchmarks.machine import peak_memory_mib

OUT_OF_MEMORY = 3
"""Exit status of a turn that wanted more memory than it may have."""

CELLS = "cell"
_BLOCK = 1 << 22
_SCORE_CALIPER = 0.2


@dataclass(frozen=True)
class Units:
    """Units as one folder holds them: an array of covariates, and arrays of all else."""

    folder: Path

    def read(self, name: str) -> np.ndarray:
        """(n,) what is stored under a name."""
        return np.load(self.folder / f"{name}.npy")

    @cached_property
    def columns(self) -> np.ndarray:
        """(p, n) covariates, each of them contiguous."""
        return self.read("columns")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"x{i}" for i in range(len(self.columns)))

    def table(self) -> Any:
        """As our engine takes them; covariates are not copied."""
        import pyarrow as pa

        named = dict(zip(self.names, self.columns, strict=True))
        named |= {name: self.read(name) for name in ("treated", "outcome", CELLS, "period", "user")}
        return pa.table(named)


@dataclass
class Turn:
    """What a turn cost and found.

    Attributes:
        seconds: Of the work, from units in memory to the result.
        memory_before: MiB resident with the units and all libraries, before the work.
        memory: MiB, most of the process.
        value: The estimate; None of a bound.
        standard_error: None where the contestant gives none.
        matched: Units that take part in the estimate.
    """

    seconds: float = 0.0
    memory_before: float = 0.0
    memory: float = 0.0
    value: float | None = None
    standard_error: float | None = None
    matched: int | None = None
    pairs: np.ndarray | None = field(default=None, repr=False)
    limit: int = 0

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Around the work. Beyond the limit the kernel ends the process, whatever library it is in."""
        self.memory_before = psutil.Process().memory_info().rss / 2**20
        signal.alarm(self.limit)
        began = time.perf_counter()
        yield
        self.seconds = time.perf_counter() - began
        signal.alarm(0)
        self.memory = peak_memory_mib()


def one_pass_and_sort(units: Units, turn: Turn) -> None:
    """Bound of matching on a score: one Newton step of the logistic regression, and sorting the units once."""
    columns, treated = units.columns, units.read("treated")
    with turn.measured():
        p, n = columns.shape
        curvature, slope = np.zeros((p, p)), np.zeros(p)
        for begin in range(0, n, 1 << 14):
            some = columns[:, begin : begin + (1 << 14)]
            probability = 1 / (1 + np.exp(-some.sum(axis=0) / p))
            curvature += (some * (probability * (1 - probability))) @ some.T
            slope += some @ (treated[begin : begin + (1 << 14)] - probability)
        np.argsort(np.linalg.solve(curvature, slope) @ columns)


def _products(units: Units, turn: Turn, stratum: np.ndarray) -> None:
    """Inner products of the arms within strata, and the largest of each treated unit."""
    rows, treated = np.ascontiguousarray(units.columns.T), units.read("treated")
    with turn.measured():
        order = np.argsort(stratum, kind="stable")
        for inside in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
            seekers, pool = rows[inside[treated[inside]]], rows[inside[~treated[inside]]]
            step = max(1, _BLOCK // max(1, len(pool)))
            for begin in range(0, len(seekers) if len(pool) else 0, step):
                (seekers[begin : begin + step] @ pool.T).argmax(axis=1)


def products_in_cells(units: Units, turn: Turn) -> None:
    """Bound of searching each cell exhaustively."""
    _products(units, turn, units.read(CELLS))


def products_of_all(units: Units, turn: Turn) -> None:
    """Bound of searching everywhere exhaustively."""
    _products(units, turn, np.zeros(len(units.read("treated")), dtype=np.int64))


def _experiment(units: Units, **more: Any) -> Any:
    from assets.causal.design import Experiment

    return Experiment("benchmark", "treated", "outcome", units.names, **more)


def pairs_only(units: Units, turn: Turn) -> None:
    """1:1 without replacement on the linear propensity score within 0.2 SD; matches only."""
    import scipy.stats

    from assets.causal.analysis import effect_of, form_matched_sample
    from assets.causal.design import Design

    assert scipy.stats
    table, experiment = units.table(), _experiment(units)
    with turn.measured():
        matched = form_matched_sample(table, experiment, Design(caliper_sd=_SCORE_CALIPER))
    turn.value, turn.matched = effect_of(matched, matched.sample.outcome).value, int((matched.weights > 0).sum())
    turn.pairs = np.column_stack([matched.pairs.focal, matched.pairs.match])


def _analysed(units: Units, turn: Turn, design: Any, **more: Any) -> None:
    import scipy.stats

    from assets.causal.analysis import analyse

    assert scipy.stats
    table, experiment = units.table(), _experiment(units, **more)
    with turn.measured():
        result = analyse(table, experiment, design)
    turn.value, turn.standard_error = result.effect.value, result.effect.standard_error
    turn.matched = int((result.matched.weights > 0).sum())


def pairs_analysed(units: Units, turn: Turn) -> None:
    """The same with standard error, balance, overlap and sensitivity."""
    from assets.causal.design import Design

    _analysed(units, turn, Design(caliper_sd=_SCORE_CALIPER))


def as_experiments(units: Units, turn: Turn) -> None:
    """As the declared experiments match: within periods, with errors by user."""
    from assets.causal.declared import NEAREST_SCORE

    _analysed(units, turn, NEAREST_SCORE, exact=("period",), cluster="user")


def mahalanobis_in_cells(units: Units, turn: Turn) -> None:
    """The nearest in Mahalanobis distance within cells, with replacement, bias adjusted."""
    from assets.causal.design import Design

    _analysed(units, turn, Design(metric="mahalanobis", replacement=True, bias_adjusted=True), exact=(CELLS,))


def inverse_variance(units: Units, turn: Turn) -> None:
    """What causalinference does: the nearest for units of both arms, by inverse variance, with replacement."""
    from assets.causal.design import Design

    design = Design(metric="inverse_variance", replacement=True, variance_matches=0)
    _analysed(units, turn, design, estimand="ATE")


def pymatchit(units: Units, turn: Turn) -> None:
    """1:1 without replacement on the linear propensity score within 0.2 SD; matches only."""
    import pandas as pd
    from pymatchit import MatchIt

    warnings.filterwarnings("ignore")
    frame = pd.DataFrame(units.columns.T, columns=list(units.names), copy=False)
    frame["treated"] = units.read("treated").astype(np.int64)
    outcome = units.read("outcome")
    formula = f"treated ~ {' + '.join(units.names)}"
    with turn.measured():
        fitted = MatchIt(frame, method="nearest", link="linear.logit", caliper=_SCORE_CALIPER).fit(formula)
    turn.pairs = np.array([(unit, match) for unit, matches in fitted.matched_indices.items() for match in matches])
    turn.value = float((outcome[turn.pairs[:, 0]] - outcome[turn.pairs[:, 1]]).mean())
    turn.matched = turn.pairs.size


def causalinference(units: Units, turn: Turn) -> None:
    """For units of both arms the nearest, distances by inverse variance, with replacement; with standard errors."""
    from causalinference import CausalModel

    rows = np.ascontiguousarray(units.columns.T)
    outcome, treated = units.read("outcome"), units.read("treated").astype(np.int64)
    with turn.measured():
        model = CausalModel(outcome, treated, rows)
        model.est_via_matching(weights="inv", matches=1)
    found = model.estimates["matching"]
    turn.value, turn.standard_error, turn.matched = float(found["ate"]), float(found["ate_se"]), len(outcome)


BOUNDS: dict[str, Callable[[Units, Turn], None]] = {
    "one pass and sort": one_pass_and_sort,
    "products in cells": products_in_cells,
    "products of all": products_of_all,
}
OURS: dict[str, Callable[[Units, Turn], None]] = {
    "a pairs only": pairs_only,
    "b pairs, analysed": pairs_analysed,
    "c as experiments": as_experiments,
    "d in cells": mahalanobis_in_cells,
    "e inverse variance": inverse_variance,
}
PEERS: dict[str, Callable[[Units, Turn], None]] = {"pymatchit-causal": pymatchit, "causalinference": causalinference}


def take_turn(name: str, folder: Path, seconds: int) -> Turn:
    """One turn of one contestant in this process.

    Args:
        name: Of the contestant.
        folder: Holds the units.
        seconds: After which the process is ended.
    """
    turn = Turn(limit=seconds)
    {**BOUNDS, **OURS, **PEERS}[name](Units(folder), turn)
    return turn


def main(name: str, folder: Path, seconds: int, most_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, most_bytes))
    try:
        turn = take_turn(name, folder, seconds)
    except MemoryError:
        sys.exit(OUT_OF_MEMORY)
    if turn.pairs is not None:
        np.save(folder / f"{name}.npy", turn.pairs)
    turn.pairs = None
    (folder / f"{name}.json").write_text(json.dumps(asdict(turn)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
