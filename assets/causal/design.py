"""What an experiment and its design are: small values that name columns and choices, and no data."""

from dataclasses import dataclass
from typing import Literal

Estimand = Literal["ATT", "ATC", "ATE"]
Method = Literal["nearest", "strata", "subclasses"]
Metric = Literal["propensity", "linear_propensity", "mahalanobis", "robust_mahalanobis", "inverse_variance"]
Order = Literal["largest", "random", "closest", "data"]
Ties = Literal["kept", "first"]

ON_THE_SCORE: tuple[Metric, ...] = ("propensity", "linear_propensity")
"""Metrics in one dimension."""


class CannotMatchError(ValueError):
    """A table, an experiment or a design that no matching can be made of; says what to change."""


@dataclass(frozen=True)
class Experiment:
    """A declared experiment: names of columns of a table whose grain is the unit.

    Attributes:
        name: Short name, for reports.
        treatment: Boolean or 0/1 column.
        outcome: Numeric column.
        covariates: Columns from before the treatment that are to be balanced and, unless ``score_terms`` says else,
            enter the distance and the propensity score. Text columns become one indicator per level.
        exact: Columns on which matched units must be equal.
        cluster: Column of units that are not independent, such as the user of a user-month.
        score_terms: Columns of the propensity model, when they are not the covariates (squares, for example).
        estimand: Effect among the treated (ATT), the controls (ATC) or all (ATE).
    """

    name: str
    treatment: str
    outcome: str
    covariates: tuple[str, ...]
    exact: tuple[str, ...] = ()
    cluster: str | None = None
    score_terms: tuple[str, ...] = ()
    estimand: Estimand = "ATT"


@dataclass(frozen=True)
class Design:
    """How units are matched, and what is computed of them.

    Attributes:
        method: Nearest neighbours within strata, the strata themselves, or subclasses of the propensity score.
        metric: Distance of nearest neighbours.
        replacement: Whether a unit may be matched more than once.
        ratio: Matches per unit, at most.
        order: Who chooses first without replacement: largest propensity score (as R's MatchIt), at random by ``seed``,
            closest pair, or rows as they come. None is ``largest`` on the score, and ``data`` elsewhere.
        ties: With replacement, whether units as near as the last match are ``kept`` too, sharing its weight (as R's
            Matching), or the ``first`` rows win. Without replacement one must win: on the score the first met going
            outward in sorted order (above, the first row; below, the last; below before above), which gives the pairs
            of R's MatchIt; in other metrics the first row.
        tie_tolerance: Squared distances this close count as equal, in standardised units; R's Matching has 1e-5.
        squares: Whether squares of the terms, but of indicators, enter the propensity model too.
        apart: Whether units of one cluster are never matched to one another (with replacement): a user is no
            counterpart of the same user in another month.
        caliper_sd: Largest difference in the propensity score, in its standard deviations over all units; on the logit
            unless the metric is ``propensity``.
        calipers: Largest difference in a covariate, in the column's own units, as pairs of column and width.
        coarsened: Cut points of covariates to be matched exactly once coarsened, as pairs of column and cuts.
        coarsen_rest: Whether every other covariate is coarsened too: text by value, numbers by the default cuts.
        subclasses: Number of subclasses.
        bias_adjusted: Whether the difference that matching left in the covariates is regressed away.
        variance_matches: Neighbours in the same arm that estimate the variance of outcomes; 0 assumes one variance.
        seed: Of ``order="random"``.
        level: Nominal coverage of intervals.
    """

    method: Method = "nearest"
    metric: Metric = "linear_propensity"
    replacement: bool = False
    ratio: int = 1
    order: Order | None = None
    ties: Ties = "kept"
    tie_tolerance: float = 0.0
    squares: bool = False
    apart: bool = False
    caliper_sd: float | None = None
    calipers: tuple[tuple[str, float], ...] = ()
    coarsened: tuple[tuple[str, tuple[float, ...]], ...] = ()
    coarsen_rest: bool = False
    subclasses: int = 6
    bias_adjusted: bool = False
    variance_matches: int = 2
    seed: int = 0
    level: float = 0.95

    @property
    def needs_score(self) -> bool:
        """Whether a propensity model must be fitted."""
        by_score = self.method == "nearest" and (self.metric in ON_THE_SCORE or self.order == "largest")
        return by_score or self.method == "subclasses" or self.caliper_sd is not None

    def refuse_nonsense(self, experiment: Experiment) -> None:
        """Refuse choices that contradict one another.

        Args:
            experiment: What the design is for.

        Raises:
            CannotMatchError: They do; the message says what to change.
        """
        widths = [width for _, width in self.calipers] + ([] if self.caliper_sd is None else [self.caliper_sd])
        unknown = {name for name, _ in (*self.calipers, *self.coarsened)} - set(experiment.covariates)
        complaints = {
            "ratio must be at least 1": self.ratio < 1,
            "calipers must be positive": any(not width > 0 for width in widths),
            "ATE without replacement would match units twice; use replacement=True, strata or subclasses": (
                self.method == "nearest" and experiment.estimand == "ATE" and not self.replacement
            ),
            f"calipers and coarsening are of covariates, and {sorted(unknown)} are none": bool(unknown),
            "subclasses must be at least 2": self.method == "subclasses" and self.subclasses < 2,
            "variance_matches must be at least 0": self.variance_matches < 0,
            "bias_adjusted is for nearest neighbours": self.bias_adjusted and self.method != "nearest",
            "apart is for matching with replacement, and needs a cluster": (
                self.apart and (experiment.cluster is None or not self.replacement or self.method != "nearest")
            ),
            "covariates are needed": not experiment.covariates,
        }
        for complaint, is_so in complaints.items():
            if is_so:
                raise CannotMatchError(f"experiment {experiment.name}: {complaint}")
