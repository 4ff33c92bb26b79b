"""For whom an effect is larger: in groups that are declared, and in groups that a causal forest finds.

The forest (Athey, Tibshirani and Wager 2019, Annals of Statistics 47:1148; EconML's) learns on one half of the users
and is judged on the other, so what it says of a user is not what it was told about that user.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.causal.analysis import analyse
from assets.causal.balance import TARGET_SMD
from assets.causal.comparable import comparable, treated_of, with_numbers
from assets.causal.declared import MONTH, USER, MatchingExperiment
from assets.causal.design import CannotMatchError
from assets.causal.effects import Estimate, estimate
from assets.causal.errors import clustered_error
from assets.causal.sample import Booleans, Floats, Integers, codes
from assets.statistics.multiplicity import benjamini_hochberg

FEWEST_FOR_FOREST = 200
FEWEST_USERS_FOR_FOREST = 20
"""User-months and users of each arm in each half."""
QUARTERS = 4
CORES = ("1 periphery", "2 between", "3 core")


@dataclass(frozen=True)
class GroupEffect:
    """The effect in one group.

    Attributes:
        grouping: What groups are made by.
        group: Which one.
        effect: On its treated; None where it cannot be estimated.
        reason: Why it cannot.
        largest_smd: Largest absolute standardised mean difference after matching; NaN without.
        p_adjusted: For the number of groups of the experiment (Benjamini and Hochberg); NaN without an effect.
        p_difference: That effects of the grouping's balanced groups are the same (Cochran's Q, as if groups had no
            users in common); NaN with fewer than two.
    """

    grouping: str
    group: str
    effect: Estimate | None
    reason: str
    largest_smd: float
    p_adjusted: float = float("nan")
    p_difference: float = float("nan")


@dataclass(frozen=True)
class Calibration:
    """Whether a forest's predictions of effects hold for users that it has not seen.

    Doubly robust scores of unseen users, regressed on what is predicted of them (best linear predictor, Chernozhukov et
    al. 2018, arXiv 1712.04802): slope 1 if predictions are right, 0 if they say nothing of who differs from whom.

    Attributes:
        mean: Mean effect on all by doubly robust scores.
        slope: Of the scores on predictions.
        quarters: Mean of the scores in quarters of the prediction, the least first.
        clear: Share of units whose own 95 % interval, of an honest forest, leaves out zero. The forest takes
            user-months for independent, so it is too large where users have many.
    """

    mean: Estimate
    slope: Estimate
    quarters: tuple[Estimate, ...]
    clear: float

    @property
    def has_differences(self) -> bool:
        """Whether what the forest finds holds for unseen users: the slope's interval lies above 0."""
        return self.slope.lower > 0


def effects_by_group(
    units: pa.Table, experiment: MatchingExperiment, groupings: dict[str, pa.Array]
) -> list[GroupEffect]:
    """Effects within groups, each matched within itself.

    Args:
        units: What ``experiment.query()`` gives.
        experiment: What is asked.
        groupings: Grouping -> (n,) name of each unit's group; null is in none.
    """
    found = [
        _group_effect(units, experiment, grouping, groups, group)
        for grouping, groups in groupings.items()
        for group in sorted(pc.unique(groups).drop_null().to_pylist())
    ]
    adjusted = benjamini_hochberg([np.nan if one.effect is None else one.effect.p_value for one in found])
    differences = {
        grouping: _p_difference([one for one in found if one.grouping == grouping]) for grouping in groupings
    }
    return [
        replace(one, p_adjusted=float(p), p_difference=differences[one.grouping])
        for one, p in zip(found, adjusted, strict=True)
    ]


def _group_effect(
    units: pa.Table, experiment: MatchingExperiment, grouping: str, groups: pa.Array, group: str
) -> GroupEffect:
    inside = with_numbers(units.filter(pc.equal(groups, group)), (experiment.outcome, *experiment.covariates))
    try:
        compared = comparable(inside, experiment, experiment.outcome)
        result = analyse(compared.units, compared.columns, compared.design)
    except CannotMatchError as error:
        return GroupEffect(grouping, group, None, str(error), float("nan"))
    return GroupEffect(grouping, group, result.effect, "", result.largest_smd)


def _p_difference(found: list[GroupEffect]) -> float:
    from scipy import stats  # costs seconds, and definitions import this package

    balanced = [one.effect for one in found if one.effect is not None and one.largest_smd <= TARGET_SMD]
    known = [(effect.value, effect.standard_error) for effect in balanced]
    known = [(value, error) for value, error in known if error > 0]
    if len(known) < 2:
        return float("nan")
    values, weights = np.array([value for value, _ in known]), np.array([error for _, error in known]) ** -2.0
    q = float(np.sum(weights * (values - np.average(values, weights=weights)) ** 2))
    return float(stats.chi2.sf(q, len(known) - 1))


def calibrated_forest(
    units: pa.Table, experiment: MatchingExperiment, *, trees: int, seed: int
) -> tuple[Calibration | None, str]:
    """Two forests, each judged on the users of the other.

    Args:
        units: What ``experiment.query()`` gives.
        experiment: What is asked.
        trees: Trees of each forest; a multiple of 4.
        seed: Of halves and forests.

    Returns:
        The calibration, or None and the reason.
    """
    complete = with_numbers(units, (experiment.outcome, *experiment.covariates))
    treated = treated_of(complete)
    outcome = np.asarray(complete[experiment.outcome.name].to_numpy(), dtype=np.float64)
    names = experiment.columns.covariates
    covariates = np.column_stack([complete[name].to_numpy().astype(np.float64) for name in names])
    user = codes(complete[USER])
    users = int(user.max()) + 1 if len(user) else 0
    half = np.random.default_rng(seed).integers(0, 2, users)[user]
    for side, arm in ((0, treated), (0, ~treated), (1, treated), (1, ~treated)):
        inside = arm & (half == side)
        counts = int(inside.sum()), len(np.unique(user[inside]))
        if counts[0] < FEWEST_FOR_FOREST or counts[1] < FEWEST_USERS_FOR_FOREST:
            needs = f"{FEWEST_FOR_FOREST} and {FEWEST_USERS_FOR_FOREST}"
            return None, f"half of an arm has {counts[0]} user-months of {counts[1]} users; a forest needs {needs}"
    told = np.zeros((len(outcome), 3))
    for side in (0, 1):
        told[half == side] = _predict(covariates, treated, outcome, user, half != side, trees=trees, seed=seed + side)
    if not np.ptp(told[:, 0]) > 0:
        return None, "the forest predicts the same effect for everybody"
    return _calibration(told[:, 0], told[:, 1], float(told[:, 2].mean()), half, user), ""


def _predict(
    x: Floats,
    treated: Booleans,
    outcome: Floats,
    user: Integers,
    learn: Booleans,
    *,
    trees: int,
    seed: int,
) -> Floats:
    """(k, 3) of the k units not learnt from: predicted effect, doubly robust score, whether it is clear of 0."""
    from econml.dml import CausalForestDML
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.model_selection import StratifiedGroupKFold

    judge = ~learn
    leaf = max(10, int(learn.sum()) // 200)
    of_treatment = RandomForestClassifier(100, min_samples_leaf=leaf, random_state=seed, n_jobs=1)
    of_outcome = RandomForestRegressor(100, min_samples_leaf=leaf, random_state=seed, n_jobs=1)
    forest = CausalForestDML(
        model_y=of_outcome,
        model_t=of_treatment,
        discrete_treatment=True,
        cv=StratifiedGroupKFold(2),
        n_estimators=trees,
        min_samples_leaf=leaf,
        random_state=seed,
        n_jobs=1,
        inference=True,
    )
    forest.fit(outcome[learn], treated[learn].astype(int), X=x[learn], groups=user[learn])
    effect = forest.effect(x[judge]).ravel()
    lower, upper = (end.ravel() for end in forest.effect_interval(x[judge], alpha=0.05))
    chance = np.clip(of_treatment.fit(x[learn], treated[learn]).predict_proba(x[judge])[:, 1], 0.02, 0.98)
    expected = of_outcome.fit(x[learn], outcome[learn]).predict(x[judge])
    left = treated[judge] - chance
    residual = outcome[judge] - expected - left * effect
    scores = effect + left / (chance * (1 - chance)) * residual
    return np.column_stack([effect, scores, (lower > 0) | (upper < 0)])


def _calibration(predicted: Floats, scores: Floats, clear: float, half: Integers, user: Integers) -> Calibration:
    """Predictions are centred within halves, since each half has a forest of its own."""
    centred = predicted - np.where(half == 0, predicted[half == 0].mean(), predicted[half == 1].mean())
    rank = np.zeros(len(predicted), dtype=np.int64)
    for side in (0, 1):
        inside = np.flatnonzero(half == side)
        rank[inside[np.argsort(centred[inside], kind="stable")]] = QUARTERS * np.arange(len(inside)) // len(inside)
    mean = _mean(scores, user)
    spread = float(np.sum(centred**2))
    slope = float(centred @ scores) / spread
    residual = scores - mean.value - slope * centred
    error = clustered_error(centred * residual / spread, user)
    quarters = tuple(_mean(scores[rank == quarter], user[rank == quarter]) for quarter in range(QUARTERS))
    return Calibration(mean, estimate(slope, error, len(scores), "clustered by user"), quarters, clear)


def _mean(scores: Floats, user: Integers) -> Estimate:
    value = float(scores.mean())
    error = clustered_error((scores - value) / len(scores), user)
    return estimate(value, error, len(scores), "clustered by user")


def classes_of(units: pa.Table, classes: pa.Table) -> pa.Array:
    """Class of the user of each unit, null where there is none.

    Args:
        units: With ``user_id``.
        classes: ``user_id`` and ``class_name``.
    """
    place = pc.index_in(units[USER], classes[USER].combine_chunks())
    return pc.take(classes["class_name"].combine_chunks(), place.combine_chunks())


def cores_of(units: pa.Table, cores: pa.Table) -> pa.Array:
    """Third of the users of the month before that each unit's user was in, by core number; null for who was not there.

    Args:
        units: With ``user_id`` and ``event_month`` as YYYY-MM.
        cores: ``snapshot_month`` (date), ``user_id`` and ``core``.
    """
    month = _month_numbers(units[MONTH].to_numpy(zero_copy_only=False)) - 1
    dated = cores.filter(pc.is_valid(cores["snapshot_month"]))
    at = _month_numbers(dated["snapshot_month"].to_numpy(zero_copy_only=False))
    user, core = dated[USER].to_numpy(), dated["core"].to_numpy()
    names: list[str | None] = [None] * units.num_rows
    asked = units[USER].to_numpy()
    for one in np.unique(month):
        there = np.flatnonzero(at == one)
        there = there[np.argsort(user[there])]
        if not len(there):
            continue
        cuts = np.quantile(core[there], [1 / 3, 2 / 3])
        rows = np.flatnonzero(month == one)
        place = np.minimum(np.searchsorted(user[there], asked[rows]), len(there) - 1)
        for row, found in zip(rows, there[place], strict=True):
            if user[found] == asked[row]:
                names[row] = CORES[int(np.searchsorted(cuts, core[found], side="left"))]
    return pa.array(names, pa.string())


def _month_numbers(months: np.ndarray) -> Integers:
    return months.astype("datetime64[M]").astype(np.int64)
