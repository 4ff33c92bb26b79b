"""Units as points, so that every distance is a Euclidean one."""

from dataclasses import dataclass

import numpy as np

from assets.causal.design import ON_THE_SCORE, CannotMatchError, Design, Metric
from assets.causal.propensity import Propensity
from assets.causal.sample import Floats, Integers, Sample

_DECIMALS = 10
ROUNDING = 10.0**-_DECIMALS
"""Distances in standard deviations are told apart no finer: what is as near must be so on every processor."""


@dataclass(frozen=True)
class Points:
    """Where units are, and how far apart matched ones may be.

    Attributes:
        coordinates: (n, d) whose squared Euclidean distance is the distance of the design.
        stratum: (n,) units match within one; -1 matches nobody.
        reach: Largest distance along a line (d = 1).
        limits: (n, q) columns with a caliper.
        widths: (q,) the calipers.
    """

    coordinates: Floats
    stratum: Integers
    reach: float
    limits: Floats
    widths: Floats

    @property
    def is_line(self) -> bool:
        """Whether sorting finds neighbours."""
        return self.coordinates.shape[1] == 1 and self.limits.shape[1] == 0


@dataclass(frozen=True)
class Found:
    """Neighbours, one row each, grouped by seeker in their order, the nearest first and ties by row.

    Attributes:
        seeker: (k,) position among the seekers.
        unit: (k,) row of the neighbour.
        squared: (k,) squared distance, of a rounded one.
    """

    seeker: Integers
    unit: Integers
    squared: Floats


def rounded(distance: Floats) -> Floats:
    """(k,) distances to the multiple of ``ROUNDING``."""
    return np.round(distance, _DECIMALS)


def scaled_score(propensity: Propensity, metric: Metric) -> Floats:
    """Propensity score in its standard deviations over all units; the logit unless the metric is ``propensity``."""
    score = propensity.probability if metric == "propensity" else propensity.logit
    spread = score.std(ddof=1)
    return np.asarray(score / spread if spread > 0 else np.zeros(len(score)))


def points_of(sample: Sample, design: Design, stratum: Integers, propensity: Propensity | None) -> Points:
    """Points of the units of a sample.

    Args:
        sample: Units.
        design: Metric and calipers.
        stratum: (n,) stratum of each unit.
        propensity: Needed by metrics and calipers on the score.

    Raises:
        CannotMatchError: A caliper is on a text column, which only an exact key can hold.
    """
    limits, widths = _caliper_columns(sample, design)
    reach = np.inf
    if design.metric in ON_THE_SCORE and propensity is not None:
        coordinates = scaled_score(propensity, design.metric)[:, None]
        reach = np.inf if design.caliper_sd is None else design.caliper_sd
    else:
        coordinates = whitened(sample.covariates.full_rank[1], design.metric)
    if propensity is not None and design.caliper_sd is not None and (limits or design.metric not in ON_THE_SCORE):
        limits, widths = [scaled_score(propensity, design.metric), *limits], [design.caliper_sd, *widths]
    stacked = np.column_stack(limits) if limits else np.zeros((len(stratum), 0))
    return Points(coordinates, stratum, reach, stacked, np.array(widths, dtype=np.float64))


def whitened(values: Floats, metric: Metric) -> Floats:
    """Linear transform after which the Euclidean distance is the metric.

    ``inverse_variance`` divides by standard deviations. ``mahalanobis`` takes the covariance over all units, as R's
    Matching does. ``robust_mahalanobis`` takes ranks, and gives tied columns the variance of untied ones so that rare
    indicators do not dominate (Rosenbaum 2010, *Design of Observational Studies*, section 8.3). Directions without
    variance count nothing.

    Args:
        values: (n, p) covariates.
        metric: One of the three.

    Returns:
        (n, d) coordinates, d at most p.
    """
    from scipy import stats  # costs seconds, and definitions import this package

    n = len(values)
    columns = stats.rankdata(values, axis=0) if metric == "robust_mahalanobis" else values
    spread = columns.std(axis=0, ddof=1)
    centered = (columns - columns.mean(axis=0))[:, spread > 0]
    standard = centered / spread[spread > 0]
    if metric == "robust_mahalanobis":
        return _whiten(centered / np.sqrt(n * (n + 1) / 12), standard.T @ standard / (n - 1))
    if metric == "inverse_variance":
        return np.asarray(standard)
    return _whiten(standard, standard.T @ standard / (n - 1))


def _whiten(standard: Floats, covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-10 * values.max() if values.size else np.zeros(0, dtype=bool)
    return np.asarray(standard @ (vectors[:, kept] / np.sqrt(values[kept])))


def _caliper_columns(sample: Sample, design: Design) -> tuple[list[Floats], list[float]]:
    limits, widths = [], []
    for name, width in design.calipers:
        if name not in sample.covariates.names:
            raise CannotMatchError(f"a caliper needs a numeric column, and {name} is text; put it under exact")
        limits.append(sample.covariates.values[:, sample.covariates.names.index(name)])
        widths.append(width)
    return limits, widths
