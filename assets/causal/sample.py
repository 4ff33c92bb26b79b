"""From a table and the names of its columns to arrays, with everything refused that would make a result wrong."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.causal.design import CannotMatchError, Experiment

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Columns:
    """Numeric columns of a table.

    Attributes:
        names: (p,) column names; an indicator is named ``column=level``.
        values: (n, p) numbers.
        is_binary: (p,) whether a column holds only two values, 0 and 1.
        is_base: (p,) indicators of a first level, which the other levels determine.
    """

    names: tuple[str, ...]
    values: Floats
    is_binary: Booleans
    is_base: Booleans

    @property
    def full_rank(self) -> tuple[tuple[str, ...], Floats]:
        """Names and values without the first levels."""
        kept = np.flatnonzero(~self.is_base)
        return tuple(self.names[i] for i in kept), self.values[:, kept]

    @property
    def with_squares(self) -> "Columns":
        """These columns, then the squared distance from its mean of each that is no indicator."""
        curved = np.flatnonzero(~self.is_binary)
        squares = (self.values[:, curved] - self.values[:, curved].mean(axis=0)) ** 2
        return Columns(
            (*self.names, *(f"{self.names[i]} squared" for i in curved)),
            np.column_stack([self.values, squares]),
            np.concatenate([self.is_binary, np.zeros(len(curved), bool)]),
            np.concatenate([self.is_base, np.zeros(len(curved), bool)]),
        )


@dataclass(frozen=True)
class Sample:
    """The units of an experiment.

    Attributes:
        experiment: Whose.
        treated: (n,) arm of each unit.
        outcome: (n,) outcome.
        covariates: To be balanced.
        score_terms: Of the propensity model.
        cluster: (n,) number of each unit's cluster; None where units are independent.
    """

    experiment: Experiment
    treated: Booleans
    outcome: Floats
    covariates: Columns
    score_terms: Columns
    cluster: Integers | None


def read_sample(table: pa.Table, experiment: Experiment) -> Sample:
    """Arrays of an experiment, rows in the order of the table.

    Args:
        table: One row per unit.
        experiment: Names of its columns.

    Raises:
        CannotMatchError: A column is missing or of a type that cannot be used, a value is missing or not finite, the
            treatment is not 0 and 1, or an arm is empty.
    """
    names = (experiment.treatment, experiment.outcome, *experiment.covariates, *experiment.score_terms)
    names += experiment.exact + ((experiment.cluster,) if experiment.cluster else ())
    _refuse_missing(table, experiment, names)
    treated = _arm(table, experiment)
    cluster = None if experiment.cluster is None else codes(table.column(experiment.cluster))
    covariates = _columns(table, experiment, experiment.covariates)
    score_terms = _columns(table, experiment, experiment.score_terms) if experiment.score_terms else covariates
    return Sample(
        experiment, treated, _numbers(table, experiment, experiment.outcome), covariates, score_terms, cluster
    )


def codes(column: pa.ChunkedArray) -> Integers:
    """Number of each value among the distinct ones, in ascending order of values."""
    encoded = pc.rank(column, tiebreaker="dense")
    return np.asarray(encoded.to_numpy()).astype(np.int64) - 1


def _refuse_missing(table: pa.Table, experiment: Experiment, names: tuple[str, ...]) -> None:
    where = f"experiment {experiment.name}"
    absent = sorted(set(names) - set(table.column_names))
    if absent:
        raise CannotMatchError(f"{where}: the table has no column {absent}; it has {table.column_names}")
    if not table.num_rows:
        raise CannotMatchError(f"{where}: the table has no rows")
    missing = {name: _missing(table.column(name)) for name in dict.fromkeys(names)}
    missing = {name: count for name, count in missing.items() if count}
    if missing:
        counts = ", ".join(f"{name} in {count}" for name, count in missing.items())
        raise CannotMatchError(
            f"{where}: missing or not finite in {table.num_rows} rows: {counts}; leave those units out and report them "
            "by arm, or fill the value and add an indicator of it"
        )


def _missing(column: pa.ChunkedArray) -> int:
    if not pa.types.is_floating(column.type):
        return int(column.null_count)
    finite = pc.sum(pc.fill_null(pc.is_finite(column), False)).as_py()
    return len(column) - int(finite or 0)


def _arm(table: pa.Table, experiment: Experiment) -> Booleans:
    where = f"experiment {experiment.name}: treatment {experiment.treatment}"
    values = _numbers(table, experiment, experiment.treatment)
    others = np.setdiff1d(values, [0, 1])
    if others.size:
        raise CannotMatchError(f"{where} must be boolean or 0 and 1, found {others[:3].tolist()}")
    treated = values == 1
    for arm, count in (("treated", int(treated.sum())), ("control", int((~treated).sum()))):
        if not count:
            raise CannotMatchError(f"{where}: no unit is {arm}; there is nothing to compare")
    return treated


def _numbers(table: pa.Table, experiment: Experiment, name: str) -> Floats:
    column = table.column(name)
    if not (pa.types.is_boolean(column.type) or _is_numeric(column.type)):
        raise CannotMatchError(f"experiment {experiment.name}: column {name} must be numeric, found {column.type}")
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _is_numeric(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)


def _columns(table: pa.Table, experiment: Experiment, names: tuple[str, ...]) -> Columns:
    labels: list[str] = []
    values: list[Floats] = []
    base: list[bool] = []
    for name in names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            labels, values, base = [*labels, name], [*values, _numbers(table, experiment, name)], [*base, False]
            continue
        code, levels = codes(column), sorted(pc.unique(column).to_pylist())
        labels += [f"{name}={level}" for level in levels]
        values += [(code == i).astype(np.float64) for i in range(len(levels))]
        base += [i == 0 for i in range(len(levels))]
    matrix = np.column_stack(values)
    binary = np.array([bool(np.isin(column, [0, 1]).all()) for column in values])
    return Columns(tuple(labels), matrix, binary, np.array(base))
