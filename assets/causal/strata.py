"""Strata of equal units: exact and coarsened exact matching, in numpy and as SQL for tables beyond memory.

Coarsened exact matching after Iacus, King and Porro (2012), Political Analysis 20:1. A bin holds its lower cut point.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.sample import Booleans, Floats, Integers, codes


@dataclass(frozen=True)
class Strata:
    """Strata of units.

    Attributes:
        stratum: (n,) number of each unit's stratum, ascending in the order of the keys; -1 where one arm is missing.
        count: Strata with both arms.
    """

    stratum: Integers
    count: int


def sturges_cuts(values: Floats) -> tuple[float, ...]:
    """Cut points of equally wide bins, as many as Sturges (1926) gives: R's MatchIt's default for numbers.

    Args:
        values: (n,) finite numbers.

    Returns:
        Inner cut points, ascending; none where values do not vary.
    """
    bins = int(np.ceil(np.log2(len(values)) + 1))
    low, high = float(values.min()), float(values.max())
    return tuple(np.linspace(low, high, bins + 1)[1:-1].tolist()) if high > low else ()


def cuts_of(table: pa.Table, experiment: Experiment, design: Design) -> dict[str, tuple[float, ...] | None]:
    """Keys of the strata: cut points of a column, or None where its values themselves are the key.

    Args:
        table: One row per unit.
        experiment: Names the columns.
        design: Says which are coarsened, and where.
    """
    keys: dict[str, tuple[float, ...] | None] = dict.fromkeys(experiment.exact)
    keys.update({name: tuple(sorted(cuts)) for name, cuts in design.coarsened})
    for name in experiment.covariates if design.coarsen_rest else ():
        if name not in keys:
            column = table.column(name)
            text = not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type))
            keys[name] = None if text else sturges_cuts(np.asarray(column.to_numpy(), dtype=np.float64))
    return keys


def assign_strata(table: pa.Table, keys: dict[str, tuple[float, ...] | None], treated: Booleans) -> Strata:
    """Number the strata of a table that fits in memory.

    Args:
        table: One row per unit.
        keys: Column and its cut points, or None for its values; no key makes one stratum.
        treated: (n,) arms.

    Raises:
        CannotMatchError: No stratum holds both arms.
    """
    number = np.zeros(len(treated), dtype=np.int64)
    for name, cuts in keys.items():
        column = table.column(name)
        code = codes(column) if cuts is None else np.searchsorted(cuts, column.to_numpy(), side="right")
        _, number = np.unique(number * (int(code.max()) + 1) + code, return_inverse=True)
    n_strata = int(number.max()) + 1
    arms = np.bincount(number, treated, n_strata), np.bincount(number, ~treated, n_strata)
    both = (arms[0] > 0) & (arms[1] > 0)
    if not both.any():
        raise CannotMatchError(f"no overlap: no stratum of {list(keys)} holds both arms; use fewer keys or wider bins")
    renumbered = np.where(both, np.cumsum(both) - 1, -1)
    return Strata(np.asarray(renumbered[number], dtype=np.int64), int(both.sum()))


def strata_query(relation: str, treatment: str, keys: dict[str, tuple[float, ...] | None]) -> str:
    """DuckDB query of all columns of a relation and ``stratum``, numbered as :func:`assign_strata` does.

    Groups and joins by the keys, both of which DuckDB spills to disk; rows come in any order.

    Args:
        relation: Table, view or parenthesised query.
        treatment: Boolean or 0/1 column.
        keys: Column and its cut points, or None for its values.

    Raises:
        CannotMatchError: There is no key.
    """
    if not keys:
        raise CannotMatchError("strata need at least one key: name exact columns, or cut points of covariates")
    bins = {f"__key_{i}": _bin(name, cuts) for i, (name, cuts) in enumerate(keys.items())}
    listed, defined = ", ".join(bins), ", ".join(f"{sql} as {key}" for key, sql in bins.items())
    arm = f"cast({_quoted(treatment)} as boolean)"
    return (  # columns are quoted, cut points are numbers
        f"with binned as (select *, {defined} from {relation} as units), "  # noqa: S608
        f"strata as (select {listed}, row_number() over (order by {listed}) - 1 as stratum from binned "
        f"group by {listed} having bool_or({arm}) and not bool_and({arm})) "
        f"select binned.* exclude ({listed}), coalesce(strata.stratum, -1) as stratum "
        f"from binned left join strata using ({listed})"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _bin(name: str, cuts: tuple[float, ...] | None) -> str:
    if cuts is None:
        return _quoted(name)
    terms = [f"cast({_quoted(name)} >= cast({cut!r} as double) as integer)" for cut in cuts]
    return " + ".join(terms) if terms else "0"
