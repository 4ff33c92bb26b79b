"""Classes of users: k-means on standardised log features, and for how many classes there is evidence.

Rule for the number of classes, k-means deciding. A number of classes is *sound* if it is stable (mean adjusted Rand
index of bootstrap refits at least 0.6) and beyond one cloud (silhouette at least three standard deviations above the
mean silhouette of cuts of one normal cloud with the same covariance). Going up from 2 through sound numbers, take the
first that the next one does not beat by more than its standard error, in what the silhouette exceeds that of the cloud
by; where none is sound, two classes.

The plain silhouette prefers two classes wherever users form a continuum, so it is not read alone: the comparison with
one cloud and the way up are those of the gap statistic (Tibshirani, Walther and Hastie 2001), with the reference of
SigClust (Liu et al. 2008). Stability is that of Fang and Wang (2012), as the adjusted Rand index (Hubert and Arabie
1985); 0.6 is the bound below which Hennig (2007) trusts no cluster, there of Jaccard's index.

Rules tried on a simulated community of 2,000 users, over seeds of the evidence: the largest silhouette (always 2), the
largest excess over the cloud among sound numbers (3 in four seeds of six, 2 and 7 in one each), and the one above (3 in
ten of ten; with half the clouds and fewer starts of k-means 3 in three of five, else 2).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.users_results import FEATURES, K_MEANS, MIXTURE
from assets.users.measures import numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Floats32 = NDArray[np.float32]
Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

STABLE = 0.6
BEYOND = 3.0
FEWEST_USERS = 50

_STARTS = 4
_FLOOR = 0.01
"""Least variance of a mixture's component along an axis, of 1: else it closes in on users who all have 0."""


@dataclass(frozen=True)
class ClassesConfig:
    """How classes are made.

    Attributes:
        most_classes: Largest number of classes tried; the smallest is 2.
        refits: Bootstrap samples for the stability of k-means; all their pairs are compared. The mixture, which
            decides nothing and costs more, has a quarter of them.
        clouds: Normal clouds for the reference of the silhouette, the same ones for all numbers of classes.
        evidence_users: Users on whom evidence is gathered, at most: silhouettes cost the square of their number.
        fit_users: Users on whom the centres of the classes are found, at most; all users are assigned.
        seed: Seed of all draws.
    """

    most_classes: int = 7
    refits: int = 12
    clouds: int = 24
    evidence_users: int = 2000
    fit_users: int = 100_000
    seed: int = 0


def standardised(users: pa.Table) -> Floats:
    """Features in log(1 + x), in standard deviations from the mean, shape (users, features).

    A feature that does not vary, or that is not known of everybody, is 0 for all and decides nothing.

    Args:
        users: One row per user with the columns of ``FEATURES``, none negative.
    """
    logs = np.column_stack([np.log1p(numbers(users, name)) for name in FEATURES])
    centred = logs - logs.mean(axis=0)
    spread = logs.std(axis=0)
    varies = spread > 1e-12  # false for nan
    return np.where(varies, np.divide(centred, spread, out=np.zeros_like(logs), where=varies), 0.0)


def still_features(users: pa.Table) -> list[str]:
    """Features that do not vary, or that are not known of everybody."""
    spread = standardised(users).std(axis=0)
    return [name for name, deviation in zip(FEATURES, spread, strict=True) if not deviation > 0]


def classify(points: Floats, classes: int, config: ClassesConfig) -> Ints:
    """Number of the class of each user by k-means, from 1, the largest class first; shape (users,).

    Raises:
        ValueError: There are fewer distinct users than classes.
    """
    if len(np.unique(points, axis=0)) < classes:
        raise ValueError(f"{len(points)} users are too much alike to be put into {classes} classes")
    with _one_thread():
        model = _fit(K_MEANS, points[_sample(len(points), config.fit_users, config.seed)], classes, config.seed)
        found = model.predict(points)
    sizes = np.bincount(found, minlength=classes)
    # Equal sizes keep an order that does not depend on the order of the fit.
    order = sorted(range(classes), key=lambda number: (-sizes[number], *model.cluster_centers_[number]))
    rank = np.empty(classes, dtype=np.int64)
    rank[order] = np.arange(1, classes + 1)
    return np.asarray(rank[found])


def evidence(points: Floats, config: ClassesConfig) -> list[Row]:
    """Rows of ``class_evidence``: both methods for every number of classes that users can be told apart into.

    Args:
        points: Standardised features, shape (users, features).
        config: How evidence is gathered.
    """
    sample = points[_sample(len(points), config.evidence_users, config.seed)]
    tried = range(2, min(config.most_classes, len(np.unique(sample, axis=0)) - 1) + 1)
    distances = _distances(sample)
    with _one_thread():
        clouds = _one_cloud(sample, tried, config)
        means = [
            _evidence_row(sample, distances, K_MEANS, k, config) | _beside(cloud)
            for k, cloud in zip(tried, clouds.T, strict=True)
        ]
        rows = [*means, *(_evidence_row(sample, distances, MIXTURE, k, config) for k in tried)]
    rows = [{**row, "is_beyond_one_cloud": _is_beyond(row)} for row in rows]
    chosen = choose(rows)
    return [{**row, "is_chosen": row["method"] == K_MEANS and row["classes"] == chosen} for row in rows]


def choose(rows: Rows) -> int:
    """Number of classes by the rule at the head of this file.

    >>> cloud = {"one_cloud_silhouette": 0.2, "one_cloud_sd": 0.01}
    >>> sound = {"method": "k_means", "stability": 0.9, "is_beyond_one_cloud": True, **cloud}
    >>> tried = [{**sound, "classes": k, "silhouette": s} for k, s in [(2, 0.3), (3, 0.4), (4, 0.405)]]
    >>> choose(tried), choose(tried[::2]), choose([])
    (3, 4, 2)
    """
    sound = sorted((row for row in rows if is_sound(row)), key=lambda row: row["classes"])
    for row, following in pairwise(sound):
        if _excess(row) >= _excess(following) - following["one_cloud_sd"]:
            return int(row["classes"])
    return int(sound[-1]["classes"]) if sound else 2


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether a row of the evidence is one of k-means that is stable and beyond one cloud."""
    return row["method"] == K_MEANS and row["stability"] >= STABLE and row["is_beyond_one_cloud"] is True


def _excess(row: Mapping[str, Any]) -> float:
    return float(row["silhouette"] - row["one_cloud_silhouette"])


def _evidence_row(points: Floats, distances: Floats32, method: str, classes: int, config: ClassesConfig) -> Row:
    model = _fit(method, points, classes, config.seed)
    found = model.predict(points)
    return {
        "method": method,
        "classes": classes,
        "silhouette": silhouette(distances, found),
        "one_cloud_silhouette": None,
        "one_cloud_sd": None,
        "bic": float(model.bic(points)) if method == MIXTURE else None,
        "stability": _stability(points, method, classes, config),
        "smallest_share": float(np.bincount(found, minlength=classes).min() / len(points)),
        "users": len(points),
    }


def _beside(clouds: Floats) -> Row:
    """Silhouettes of clouds, summed up; their standard deviation is that of one more cloud beside their mean."""
    deviation = clouds.std(ddof=1) * np.sqrt(1 + 1 / len(clouds))
    return {"one_cloud_silhouette": float(clouds.mean()), "one_cloud_sd": float(deviation)}


def _is_beyond(row: Row) -> bool | None:
    if row["one_cloud_silhouette"] is None or row["silhouette"] is None:
        return None
    return bool(_excess(row) > BEYOND * row["one_cloud_sd"])


def _stability(points: Floats, method: str, classes: int, config: ClassesConfig) -> float:
    """Mean adjusted Rand index over pairs of bootstrap refits, of the classes that all users get from each."""
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng((config.seed, classes))
    assigned = []
    for refit in range(config.refits if method == K_MEANS else max(2, config.refits // 4)):
        drawn = points[rng.integers(0, len(points), len(points))]
        assigned.append(_fit(method, drawn, classes, config.seed + refit).predict(points))
    return float(np.mean([adjusted_rand_score(one, other) for one, other in combinations(assigned, 2)]))


def _one_cloud(points: Floats, tried: Sequence[int], config: ClassesConfig) -> Floats:
    """Silhouettes of cuts of normal clouds with the covariance of the points, shape (clouds, numbers of classes)."""
    rng = np.random.default_rng((config.seed, 1))
    covariance = np.cov(points, rowvar=False)
    found = np.empty((config.clouds, len(tried)))
    for cloud in range(config.clouds):
        drawn = rng.multivariate_normal(np.zeros(points.shape[1]), covariance, len(points))
        distances = _distances(drawn)
        for position, classes in enumerate(tried):
            cut = _fit(K_MEANS, drawn, classes, config.seed + cloud).predict(drawn)
            # Classes that nobody falls into leave one cut, which is as close together as can be.
            found[cloud, position] = silhouette(distances, cut) or 0.0
    return found


def _distances(points: Floats) -> Floats32:
    """Euclidean distances, shape (users, users), in single precision: they are many, and only their means count."""
    squares = (points**2).sum(axis=1)
    between = squares[:, None] + squares - 2 * points @ points.T
    return np.sqrt(np.maximum(between, 0)).astype(np.float32)


def silhouette(distances: Floats32, found: Ints) -> float | None:
    """Mean silhouette (Rousseeuw 1987); a user who is alone in a class counts 0.

    Computed here because the same distances serve every number of classes.

    Args:
        distances: Between users, shape (users, users), 0 on the diagonal.
        found: Class of each user, shape (users,).

    Returns:
        The mean; None with fewer than two classes.
    """
    kinds, own = np.unique(found, return_inverse=True)
    if len(kinds) < 2:
        return None
    members = np.bincount(own)
    sums = (distances @ np.eye(len(kinds), dtype=np.float32)[own]).astype(np.float64)
    users = np.arange(len(own))
    within = sums[users, own] / np.maximum(members[own] - 1, 1)
    means = sums / members
    means[users, own] = np.inf
    nearest = means.min(axis=1)
    furthest = np.maximum(within, nearest)
    score = np.divide(nearest - within, furthest, out=np.zeros_like(within), where=furthest > 0)
    return float(np.where(members[own] > 1, score, 0.0).mean())


def _fit(method: str, points: Floats, classes: int, seed: int) -> Any:
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    with warnings.catch_warnings():
        # A bootstrap sample may hold fewer distinct users than classes; its stability then says so.
        warnings.simplefilter("ignore", ConvergenceWarning)
        if method == K_MEANS:
            return KMeans(classes, n_init=_STARTS, random_state=seed).fit(points)
        return GaussianMixture(classes, reg_covar=_FLOOR, random_state=seed).fit(points)


def _sample(users: int, most: int, seed: int) -> Ints:
    """Positions of at most so many users, ascending; all of them where they are few enough."""
    if users <= most:
        return np.arange(users)
    return np.sort(np.random.default_rng(seed).choice(users, most, replace=False))


def _one_thread() -> Any:
    """Sums of several threads come in any order, and threads wait for one another where others compute: so one thread.

    scikit-learn is imported first: only libraries that are loaded can be limited.
    """
    import sklearn.cluster
    import sklearn.mixture  # noqa: F401
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def said_of_evidence(rows: Rows) -> str:
    """For how many classes there is evidence, in a sentence."""
    chosen = next((row for row in rows if row["is_chosen"]), None)
    if chosen is None:
        return "nobody could be classified"
    beside = f"silhouette {chosen['silhouette']:.2f} beside {chosen['one_cloud_silhouette']:.2f} of one cloud"
    beside += f", stability {chosen['stability']:.2f}"
    if is_sound(chosen):
        return f"{chosen['classes']} classes, further apart than one cloud would be cut: {beside}"
    return f"No number of classes is stable and beyond one cloud; two are a cut through a continuum: {beside}"


def evidence_curves(rows: Rows) -> dict[str, dict[str, list[float | None]]]:
    """What the figure of the evidence draws, by number of classes; the shade is what cuts of one cloud give."""
    means = [row for row in rows if row["method"] == K_MEANS]
    mixtures = [row for row in rows if row["method"] == MIXTURE]

    def curve(found: Rows, column: str) -> dict[str, list[float | None]]:
        nothing: list[float | None] = [None] * len(found)
        return {
            "x": [row["classes"] for row in found],
            "y": [row[column] for row in found],
            "lower": nothing,
            "upper": nothing,
        }

    shade: dict[str, list[float | None]] = {
        end: [row["one_cloud_silhouette"] + side * BEYOND * row["one_cloud_sd"] for row in means]
        for end, side in (("lower", -1), ("upper", 1))
    }
    return {
        "silhouette": {**curve(means, "silhouette"), **shade},
        "stability": curve(means, "stability"),
        "BIC, mixture": curve(mixtures, "bic"),
    }


def broken_evidence(rows: Rows, classes: int) -> str:
    """What is wrong with the evidence; empty if one number of k-means classes is chosen and users fall into as many."""
    chosen = [row["classes"] for row in rows if row["is_chosen"] and row["method"] == K_MEANS]
    marked = sum(row["is_chosen"] for row in rows)
    if len(chosen) != 1 or marked != 1:
        return f"{len(chosen)} numbers of classes are chosen for k-means, {marked} in all"
    if chosen[0] != classes:
        return f"{chosen[0]} classes are chosen, users fall into {classes}"
    return "" if chosen[0] == choose(rows) else f"{chosen[0]} classes are chosen, the rule says {choose(rows)}"
