"""How far raters agree: coefficients of agreement and reliability for any number of ratings per photo.

Every coefficient but two is a function of sums over photos, so a bootstrap over photos is one matrix product per
block of resamples, and hundreds of thousands of ratings take seconds.

Sources: Fleiss (1971) and Conger (1980) in the form of Gwet, *Handbook of Inter-Rater Reliability* (4th edition 2014),
chapters 2 and 5, which admits missing ratings; Krippendorff, *Content Analysis* (4th edition 2018), chapter 12; Shrout
and Fleiss (1979) for ICC(1,k); Cronbach (1951) with the interval of Feldt (1965).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assets.statistics.intervals import Interval, percentile_ends

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_CELLS = 1 << 20
"""Numbers per array of resamples by photos: bounds memory at some 8 MiB for each of a dozen arrays."""

_SPLITS = 200
_COMMON_PHOTOS = 3
"""Two raters who share fewer photos than this say nothing of their covariance."""


@dataclass(frozen=True)
class Ratings:
    """Ratings in long form, numbered: one row per photo and rater.

    Attributes:
        photo: Photo of each rating, from 0, shape (ratings,).
        rater: Rater of each rating, from 0, shape (ratings,).
        level: Position of each rating among ``values``, shape (ratings,).
        values: The answers there are, ascending, shape (levels,).
    """

    photo: Ints
    rater: Ints
    level: Ints
    values: Floats

    @classmethod
    def of(cls, photo: ArrayLike, rater: ArrayLike, rating: ArrayLike) -> "Ratings":
        """Number photos, raters and answers.

        Raises:
            ValueError: Lengths differ, or somebody rated a photo twice.
        """
        photos, raters, ratings = (np.asarray(values) for values in (photo, rater, rating))
        if not len(photos) == len(raters) == len(ratings):
            raise ValueError(f"need one photo and rater per rating, found {len(photos)}, {len(raters)}, {len(ratings)}")
        photo_number, rater_number = (np.unique(v, return_inverse=True)[1] for v in (photos, raters))
        if len(np.unique(photo_number * (rater_number.max(initial=0) + 1) + rater_number)) != len(ratings):
            raise ValueError("a rater may rate a photo once only; take out repeated ratings first")
        values, level = np.unique(ratings, return_inverse=True)
        return cls(photo_number, rater_number, level, values.astype(np.float64))

    @property
    def photos(self) -> int:
        """Number of photos."""
        return int(self.photo.max()) + 1 if len(self.photo) else 0

    @cached_property
    def counts(self) -> Floats:
        """Ratings by photo and answer, shape (photos, levels)."""
        levels = len(self.values)
        flat = np.bincount(self.photo * levels + self.level, minlength=self.photos * levels)
        return flat.reshape(self.photos, levels).astype(np.float64)


def agreement(ratings: Ratings, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> dict[str, Interval]:
    """All coefficients with intervals: bootstrap over photos (percentile), Feldt's for Cronbach's alpha.

    Args:
        ratings: The ratings; photos with one rating count where a coefficient can use them.
        level: Nominal coverage.
        resamples: Bootstrap resamples.
        seed: Seed; the same arguments give the same intervals.

    Returns:
        Name -> interval, whose ``n`` counts photos. A coefficient is NaN where it is not defined: nobody shares a
        photo, or all answers are the same. Conger's kappa comes without an interval, since it is one of raters.
    """
    found = _from_sums(ratings, level, resamples, seed)
    found["conger_kappa"] = Interval(conger_kappa(ratings), float("nan"), float("nan"), ratings.photos, level)
    found["cronbach_alpha"] = cronbach_alpha(ratings, level=level)
    found["split_half"] = split_half(ratings, level=level, resamples=resamples, seed=seed)
    return dict(sorted(found.items()))


def conger_kappa(ratings: Ratings) -> float:
    """Conger's kappa: chance agreement from each rater's own use of the answers (Gwet 2014, section 2.4)."""
    levels = len(ratings.values)
    raters = int(ratings.rater.max()) + 1 if len(ratings.rater) else 0
    if raters < 2:
        return float("nan")
    used = np.bincount(ratings.rater * levels + ratings.level, minlength=raters * levels).reshape(raters, levels)
    shares = used / used.sum(axis=1, keepdims=True)
    chance = float((shares.mean(axis=0) ** 2 - shares.var(axis=0, ddof=1) / raters).sum())
    observed = float(_whole(ratings).percent_agreement[0])
    return float(_beyond_chance(observed, chance))


def cronbach_alpha(ratings: Ratings, *, level: float = 0.95) -> Interval:
    """Cronbach's alpha of the mean of as many raters as a photo has on average.

    From mean variance and mean covariance of raters, over the pairs of raters who share at least three photos; with
    every rater on every photo this is the textbook value. Interval: Feldt (1965).
    """
    from scipy import sparse, stats  # cost seconds, and definitions import this module

    n = ratings.photos
    nothing = Interval(float("nan"), float("nan"), float("nan"), n, level)
    if not n:
        return nothing
    shape = (n, int(ratings.rater.max()) + 1)
    position = (ratings.photo, ratings.rater)
    # Centred, so that sums of products keep their digits.
    score = ratings.values[ratings.level] - ratings.values[ratings.level].mean()
    # 1 is added so that an answer of 0 keeps its place in the sparse pattern; it is taken away below.
    there = sparse.csr_matrix((np.ones(len(score)), position), shape=shape)
    given = sparse.csr_matrix((score, position), shape=shape)
    common = (there.T @ there).tocoo()
    enough = common.data >= _COMMON_PHOTOS
    first, second = (np.asarray(v[enough], dtype=np.int64) for v in (common.row, common.col))
    shared = common.data[enough]
    own = first == second
    if own.all() or not own.any():
        return nothing
    products = _picked(given.T @ given, first, second)
    sums_first, sums_second = _picked(given.T @ there, first, second), _picked(there.T @ given, first, second)
    covariance = (products - sums_first * sums_second / shared) / (shared - 1)
    variance, between = covariance[own].mean(), covariance[~own].mean()
    k = len(score) / n
    spread = variance + (k - 1) * between
    if spread <= 0 or k <= 1 or n < 2:
        return nothing
    alpha = k * between / spread
    degrees = (n - 1, (n - 1) * (k - 1))
    low, high = (stats.f.ppf((1 + sign * level) / 2, *degrees) for sign in (1, -1))
    return Interval(float(alpha), float(1 - (1 - alpha) * low), float(1 - (1 - alpha) * high), n, level)


def _picked(matrix: Any, row: Ints, column: Ints) -> Floats:
    return np.asarray(matrix.tocsr()[row, column], dtype=np.float64).ravel()


def split_half(ratings: Ratings, *, level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """Pearson correlation of photos' mean ratings by two random halves of the raters, uncorrected for length.

    The value is the mean over 200 splits. The bootstrap draws photos; its resamples are spread evenly over the splits.
    """
    from scipy import sparse  # costs seconds, and definitions import this module

    rng = np.random.default_rng(seed)
    n = ratings.photos
    if not n:
        return Interval(float("nan"), float("nan"), float("nan"), 0, level)
    raters = int(ratings.rater.max()) + 1
    # Centred, so that sums of squares keep their digits.
    score = ratings.values[ratings.level] - ratings.values[ratings.level].mean()
    position, shape = (ratings.photo, ratings.rater), (n, raters)
    given, there = (sparse.csr_matrix((v, position), shape=shape) for v in (score, np.ones(len(score))))
    ones = np.ones(raters)
    total, number = given @ ones, there @ ones
    values, drawn = [], []
    for turn in range(_SPLITS):
        half = (rng.permutation(raters) < raters // 2).astype(np.float64)
        halves = _half_means(total, number, given @ half, there @ half)
        values.append(_correlations(halves, np.ones((1, n))))
        own = _portions(len(range(turn, resamples, _SPLITS)), _block(n))
        drawn += [_correlations(halves, _resampled(rng, n, rows)) for rows in own]
    return Interval(_mean_of_defined(values), *percentile_ends(np.concatenate([np.empty(0), *drawn]), level), n, level)


def _half_means(total: Floats, number: Floats, half_total: Floats, half_number: Floats) -> Floats:
    """Whether both halves have rated a photo, and its mean rating by either, shape (photos, 3); zeros where not."""
    both = (half_number > 0) & (half_number < number)
    first = np.divide(half_total, half_number, out=np.zeros(len(total)), where=both)
    second = np.divide(total - half_total, number - half_number, out=np.zeros(len(total)), where=both)
    return np.column_stack([both, first, second])


def _correlations(halves: Floats, weights: Floats) -> Floats:
    """Correlation of the two means for each row of weights (how often a photo counts), shape (rows,)."""
    _, first, second = halves.T
    moments = np.column_stack([halves, first**2, second**2, first * second])
    n, a, b, aa, bb, ab = (weights @ moments).T
    return _ratio(ab - _ratio(a * b, n), np.sqrt((aa - _ratio(a * a, n)) * (bb - _ratio(b * b, n))))


def _mean_of_defined(values: list[Floats]) -> float:
    together = np.concatenate(values)
    defined = together[~np.isnan(together)]
    return float(defined.mean()) if len(defined) else float("nan")


def _block(photos: int) -> int:
    """Resamples to take at once."""
    return max(1, min(64, _CELLS // photos))


def _portions(number: int, block: int) -> list[int]:
    """A number in portions of at most a block.

    >>> _portions(5, 2)
    [2, 2, 1]
    """
    return [min(block, number - start) for start in range(0, number, block)]


def _resampled(rng: np.random.Generator, photos: int, rows: int) -> Floats:
    """How often each photo stands in each bootstrap resample, shape (rows, photos)."""
    picks = rng.integers(0, photos, (rows, photos)) + photos * np.arange(rows)[:, None]
    return np.bincount(picks.ravel(), minlength=rows * photos).reshape(rows, photos).astype(np.float64)


# ---- coefficients that are functions of sums over photos ----


class _PhotoValues:
    """What each photo adds to the sums behind the coefficients; computed once, then weighted by every resample.

    Args:
        ratings: The ratings.
    """

    def __init__(self, ratings: Ratings) -> None:
        counts = ratings.counts
        self.values = ratings.values
        number = counts.sum(axis=1)
        several = number >= 2
        pairs = np.where(several, number * (number - 1), 1.0)
        kept = counts * several[:, None]
        per_other = 1 / np.maximum(number - 1, 1)
        # Krippendorff's coincidences, without pairs of a rating with itself.
        products = kept[:, :, None] * kept[:, None, :] * per_other[:, None, None]
        levels = np.arange(counts.shape[1])
        products[:, levels, levels] -= kept * per_other[:, None]
        totals = counts @ self.values
        parts = {
            "rated": number >= 1,
            "paired": several,
            "agreeing": (kept * (counts - 1)).sum(axis=1) / pairs,
            "use": counts / np.maximum(number, 1)[:, None],
            "pairable": kept,
            "coincidences": products.reshape(len(counts), -1),
            "number": number,
            "total": totals,
            "square": counts @ self.values**2,
            "between": totals**2 / np.maximum(number, 1),
        }
        widths = [part.shape[1] if part.ndim == 2 else 1 for part in parts.values()]
        ends = np.cumsum(widths)
        self._columns = {name: slice(end - w, end) for name, end, w in zip(parts, ends, widths, strict=True)}
        self._matrix = np.column_stack(list(parts.values())).astype(np.float64)

    def sums(self, weights: Floats) -> dict[str, Floats]:
        """Name -> weighted sums over photos, shape (rows, width of the part), for weights of shape (rows, photos)."""
        summed = weights @ self._matrix
        return {name: summed[:, columns] for name, columns in self._columns.items()}


class _Sums:
    """Weighted sums over photos; every attribute has one number per row of weights, shape (rows, ...)."""

    def __init__(self, photos: _PhotoValues, weights: Floats) -> None:
        sums = photos.sums(weights)
        levels = len(photos.values)
        self.values = photos.values
        self.percent_agreement = _ratio(sums["agreeing"], sums["paired"])[:, 0]
        self.use = _ratio(sums["use"], sums["rated"])
        self.pairable = sums["pairable"]
        self.coincidences = sums["coincidences"].reshape(len(weights), levels, levels)
        n, number, between = sums["rated"][:, 0], sums["number"][:, 0], sums["between"][:, 0]
        grand = _ratio(sums["total"][:, 0] ** 2, number)
        self.mean_square_between = _ratio(between - grand, n - 1)
        self.mean_square_within = _ratio(sums["square"][:, 0] - between, number - n)


def _whole(ratings: Ratings) -> _Sums:
    return _Sums(_PhotoValues(ratings), np.ones((1, ratings.photos)))


def _percent_agreement(sums: _Sums) -> Floats:
    return sums.percent_agreement


def _fleiss_kappa(sums: _Sums) -> Floats:
    return _beyond_chance(sums.percent_agreement, (sums.use**2).sum(axis=1))


def _gwet_ac1(sums: _Sums) -> Floats:
    levels = len(sums.values)
    if levels < 2:
        return np.full(len(sums.use), np.nan)
    return _beyond_chance(sums.percent_agreement, (sums.use * (1 - sums.use)).sum(axis=1) / (levels - 1))


def _krippendorff(sums: _Sums, distance: Floats) -> Floats:
    """1 - observed / expected disagreement; ``distance`` has shape (rows, levels, levels)."""
    number = sums.pairable.sum(axis=1)
    observed = _ratio((sums.coincidences * distance).sum(axis=(1, 2)), number)
    chance = (sums.pairable[:, :, None] * sums.pairable[:, None, :] * distance).sum(axis=(1, 2))
    expected = _ratio(chance, number * (number - 1))
    return np.asarray(1 - _ratio(observed, expected))


def _krippendorff_nominal(sums: _Sums) -> Floats:
    levels = len(sums.values)
    return _krippendorff(sums, np.broadcast_to(1 - np.eye(levels), (len(sums.use), levels, levels)))


def _krippendorff_interval(sums: _Sums) -> Floats:
    distance = (sums.values[:, None] - sums.values[None, :]) ** 2
    return _krippendorff(sums, np.broadcast_to(distance, (len(sums.use), *distance.shape)))


def _krippendorff_ordinal(sums: _Sums) -> Floats:
    """Ordinal distances are squared differences of mid-ranks among all pairable ratings."""
    ranks = np.cumsum(sums.pairable, axis=1) - sums.pairable / 2
    return _krippendorff(sums, (ranks[:, :, None] - ranks[:, None, :]) ** 2)


def _icc_1_k(sums: _Sums) -> Floats:
    return np.asarray(1 - _ratio(sums.mean_square_within, sums.mean_square_between))


_COEFFICIENTS: dict[str, Callable[[_Sums], Floats]] = {
    "percent_agreement": _percent_agreement,
    "fleiss_kappa": _fleiss_kappa,
    "gwet_ac1": _gwet_ac1,
    "krippendorff_nominal": _krippendorff_nominal,
    "krippendorff_ordinal": _krippendorff_ordinal,
    "krippendorff_interval": _krippendorff_interval,
    "icc_1_k": _icc_1_k,
}


def _from_sums(ratings: Ratings, level: float, resamples: int, seed: int) -> dict[str, Interval]:
    n = ratings.photos
    if not n:
        return {name: Interval(float("nan"), float("nan"), float("nan"), 0, level) for name in _COEFFICIENTS}
    photos = _PhotoValues(ratings)
    whole = _Sums(photos, np.ones((1, n)))
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Floats]] = {name: [] for name in _COEFFICIENTS}
    for rows in _portions(resamples, _block(n)):
        sums = _Sums(photos, _resampled(rng, n, rows))
        for name, coefficient in _COEFFICIENTS.items():
            drawn[name].append(coefficient(sums))
    found = {}
    for name, coefficient in _COEFFICIENTS.items():
        ends = percentile_ends(np.concatenate([np.empty(0), *drawn[name]]), level)
        found[name] = Interval(float(coefficient(whole)[0]), *ends, n, level)
    return found


def _ratio(above: Any, below: Any) -> Floats:
    """Quotient that is NaN where nothing is divided by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.asarray(above, dtype=np.float64) / np.asarray(below, dtype=np.float64)
    return np.where(np.isfinite(quotient), quotient, np.nan)


def _beyond_chance(observed: Any, chance: Any) -> Any:
    return _ratio(np.subtract(observed, chance), np.subtract(1, chance))
