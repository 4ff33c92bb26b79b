"""User-months that can be compared: what stands between an experiment's table and the matching engine."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.causal.declared import TREATED, USER, MatchingExperiment, Measure
from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.sample import Booleans

FEWEST = 20
"""User-months in each arm below which nothing is estimated."""
FEWEST_USERS = 10
"""The same of users."""


@dataclass(frozen=True)
class Comparable:
    """What the matching engine is given.

    Attributes:
        units: User-months that have all numbers, and are of a kind that both arms have.
        columns: Names of their columns; covariates that do not vary are left out.
        design: How they are matched.
        alone: Arm -> user-months left out because an indicator says something of them that it says of nobody in the
            other arm.
    """

    units: pa.Table
    columns: Experiment
    design: Design
    alone: dict[str, int]


def with_numbers(units: pa.Table, measures: Sequence[Measure]) -> pa.Table:
    """Units that have all of these numbers."""
    known = np.ones(units.num_rows, dtype=bool)
    for measure in measures:
        known &= units[measure.name].is_valid().to_numpy()
    return units if known.all() else units.filter(pa.array(known))


def treated_of(units: pa.Table) -> Booleans:
    """(n,) whether each unit is treated; every unit has an arm."""
    return np.asarray(units[TREATED].to_numpy(zero_copy_only=False), dtype=bool)


def comparable(
    units: pa.Table, experiment: MatchingExperiment, outcome: Measure, design: Design | None = None
) -> Comparable:
    """What can be compared of these user-months.

    Args:
        units: User-months with an arm, the outcome and all covariates.
        experiment: What is asked.
        outcome: Of its outcomes.
        design: Instead of the experiment's.

    Raises:
        CannotMatchError: An arm is too small.
    """
    refuse_few(units)
    kept = np.ones(units.num_rows, dtype=bool)
    treated = treated_of(units)
    for covariate in experiment.covariates:
        values = units[covariate.name].to_numpy()
        if not np.isin(values, [0, 1]).all():
            continue
        for value in (0, 1):
            there = kept & (values == value)
            if there.any() and (treated[there].all() or not treated[there].any()):
                kept &= ~there
    alone = {"treated": int((~kept & treated).sum()), "compared": int((~kept & ~treated).sum())}
    some = units if kept.all() else units.filter(pa.array(kept))
    refuse_few(some)
    columns, chosen = replace(experiment.columns, outcome=outcome.name), design or experiment.design
    varying = tuple(name for name in columns.covariates if pc.count_distinct(some[name]).as_py() > 1)
    calipers = tuple((name, width) for name, width in chosen.calipers if name in varying)
    return Comparable(some, replace(columns, covariates=varying), replace(chosen, calipers=calipers), alone)


def refuse_few(units: pa.Table) -> None:
    """Refuse arms that are too small to say anything.

    Raises:
        CannotMatchError: One is.
    """
    arms = [units.filter(pc.equal(units[TREATED], arm))[USER] for arm in (True, False)]
    months = min(len(arm) for arm in arms)
    users = min(pc.count_distinct(arm).as_py() for arm in arms)
    if months < FEWEST:
        raise CannotMatchError(f"the smaller arm has {months} user-months with an outcome; it needs {FEWEST}")
    if users < FEWEST_USERS:
        raise CannotMatchError(f"the smaller arm has {users} users with an outcome; it needs {FEWEST_USERS}")
