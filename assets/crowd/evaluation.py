"""How well predictors agree with people, over all photos and within strata, with intervals.

Scores lie in [0, 1], references on scales of their own. Rank statistics need no common scale. For labels on a scale
from ``low`` to ``high`` a score b stands for the mean ``low + b (high - low)``:

- *accuracy at the midpoint*: share of photos on whose side of the middle of the scale score and label agree. AVA is
  often cut at 5 and not at its midpoint 5.5: ``cuts`` sets that;
- *EMD*: mean over levels of the absolute difference of cumulative shares, as reported by Talebi and Milanfar (2018,
  "NIMA", equation 1 with r = 1), averaged over photos. A scalar says nothing of spread, so it becomes the binomial
  distribution with its mean: ``histogram level - 1 ~ Binomial(levels - 1, b)``;
- *residual*, by tag: label minus the least-squares line of labels on predictions over all photos. Above 0, people like
  photos of the tag more than the predictor says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.beauty import BEAUTY_MODELS
from assets.contracts.crowd_results import BEAUTY_EVALUATION
from assets.contracts.lake import Lake
from assets.contracts.wording import counted
from assets.crowd.predictors import (
    FAVORITES_PER_FOLLOWER,
    RATINGS,
    RAW_FAVORITES,
    Predictor,
    Reference,
    load_evaluation,
)
from assets.statistics.concordance import concordance, mean_interval
from assets.statistics.intervals import Interval

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]

ALL = "all"
_RANK_STATISTICS = ("spearman", "kendall_tau_b", "pairwise_accuracy", "pearson")


@dataclass(frozen=True)
class EvaluationConfig:
    """How predictors are compared with people.

    Attributes:
        minimum_photos: Photos with reference and prediction that a predictor needs to be evaluated at all, and a
            stratum to have values.
        level: Nominal coverage of intervals.
        resamples: Bootstrap resamples.
        seed: Seed; the same tables give the same intervals.
        scales: Source of labels -> lowest and highest mean; by default 1 and the number of levels of its histograms.
        cuts: Source of labels -> mean above which a photo is beautiful; by default the middle of the scale.
    """

    minimum_photos: int = 20
    level: float = 0.95
    resamples: int = 1000
    seed: int = 0
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    cuts: Mapping[str, float] = field(default_factory=dict)


def evaluate_beauty(lake: Lake, config: EvaluationConfig | None = None, model_version: str = "") -> pa.Table:
    """Compare every predictor with every reference.

    Args:
        lake: The lake; photo ratings, labels, scores and what strata and favorites come from are read.
        config: How.
        model_version: The one version to evaluate, beside favorites; empty means all.

    Returns:
        Rows of ``BEAUTY_EVALUATION``; none without references.

    Raises:
        ValueError: No photo that people judged has a score of the version asked for.
    """
    config = config or EvaluationConfig()
    references, predictors = load_evaluation(lake)
    if model_version:
        predictors = _only(predictors, model_version)
    rows = [
        row for predictor in predictors for reference in references for row in _compare(predictor, reference, config)
    ]
    return BEAUTY_EVALUATION.conform(pa.Table.from_pylist(rows, schema=BEAUTY_EVALUATION.schema))


def _only(predictors: list[Predictor], version: str) -> list[Predictor]:
    versions = [predictor.name for predictor in predictors if predictor.is_score]
    if version not in versions:
        raise ValueError(
            f"no photo that people judged has a score of model version {version!r}; there are scores of "
            f"{', '.join(versions) or 'none'}"
        )
    return [predictor for predictor in predictors if predictor.name == version or not predictor.is_score]


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    cut: float


def _compare(predictor: Predictor, reference: Reference, config: EvaluationConfig) -> Iterator[dict[str, Any]]:
    """Rows of one predictor and one reference; none where too few photos have both."""
    import polars as pl

    joined = reference.rows.join(predictor.rows, "photo_id", how="left", maintain_order="left")
    learnt = pl.Series(list(predictor.learnt_from), dtype=pl.Int64)
    joined = joined.with_columns(
        left_out=pl.col("prediction").is_not_null() & pl.col("photo_id").is_in(learnt.implode())
    )
    if joined["prediction"].count() < config.minimum_photos:
        return
    names = {"predictor": predictor.name, "reference": reference.name}
    scale = _scale(reference, config) if predictor.is_score else None
    for kind, stratum, part in _strata(joined):
        used = part.filter(pl.col("prediction").is_not_null() & ~pl.col("left_out"))
        missing = part["prediction"].null_count() + (reference.without_image if kind == ALL else 0)
        counts = {"missing_photos": missing, "left_out_photos": int(part["left_out"].sum())}
        for statistic, found in _statistics(used, reference, scale, config).items():
            yield names | _row(kind, stratum, statistic, found) | counts
    if reference.name != RATINGS:
        for tag, found, counts in _residuals(joined, config):
            yield names | _row("tag", tag, "residual", found) | counts


def _row(kind: str, stratum: str, statistic: str, found: Interval) -> dict[str, Any]:
    ends = {end: getattr(found, end) for end in ("value", "lower", "upper")}
    return {
        "stratum_kind": kind,
        "stratum": stratum,
        "statistic": statistic,
        **{end: None if np.isnan(value) else value for end, value in ends.items()},
        "level": found.level,
        "photos": found.n,
    }


def _strata(joined: "pl.DataFrame") -> "Iterator[tuple[str, str, pl.DataFrame]]":
    """Kind and name of each stratum with its photos; a kind that does not divide photos is left out."""
    import polars as pl

    yield ALL, ALL, joined
    for kind in ("popularity_bucket", "category"):
        known = joined.filter(pl.col(kind).is_not_null())
        if known[kind].n_unique() < 2:
            continue
        for (name,), part in sorted(known.group_by(kind, maintain_order=True), key=lambda group: str(group[0])):
            yield kind, str(name), part


def _statistics(
    used: "pl.DataFrame", reference: Reference, scale: _Scale | None, config: EvaluationConfig
) -> dict[str, Interval]:
    import polars as pl

    prediction, truth = used["prediction"].to_numpy(), used["reference"].to_numpy()
    settings: dict[str, Any] = {"level": config.level, "resamples": config.resamples, "seed": config.seed}
    enough = used.height >= config.minimum_photos
    unknown = Interval(float("nan"), float("nan"), float("nan"), used.height, config.level)
    found = concordance(prediction, truth, **settings) if enough else dict.fromkeys(_RANK_STATISTICS, unknown)
    if scale is not None and reference.name != RATINGS:
        placed = scale.low + prediction * (scale.high - scale.low)
        right = ((placed > scale.cut) == (truth > scale.cut)).astype(np.float64)
        found["accuracy_at_midpoint"] = mean_interval(right, **settings) if enough else unknown
        voted = used.filter(pl.col("histogram").list.sum() > 0)
        if voted.height:
            few = Interval(float("nan"), float("nan"), float("nan"), voted.height, config.level)
            is_enough = voted.height >= config.minimum_photos
            found["emd"] = mean_interval(_emd(voted), **settings) if is_enough else few
    return found


def _scale(reference: Reference, config: EvaluationConfig) -> _Scale | None:
    """Scale of a source of labels; None where neither histograms nor the configuration tell."""
    levels = max((len(votes) for votes in reference.rows["histogram"].drop_nulls().to_list()), default=0)
    if reference.name in config.scales:
        low, high = config.scales[reference.name]
    elif levels > 1:
        low, high = 1.0, float(levels)
    else:
        return None
    return _Scale(low, high, config.cuts.get(reference.name, (low + high) / 2))


def _emd(voted: "pl.DataFrame") -> Floats:
    """Earth mover's distance of each photo's votes from the binomial distribution of its score."""
    from scipy import stats  # costs seconds, and definitions import this module

    lists = voted["histogram"].to_list()
    distance = np.empty(len(lists))
    lengths = np.array([len(votes) for votes in lists])
    score = voted["prediction"].to_numpy()
    for levels in np.unique(lengths):
        chosen = lengths == levels
        votes = np.array([lists[i] for i in np.flatnonzero(chosen)], dtype=np.float64)
        given = np.cumsum(votes, axis=1) / votes.sum(axis=1, keepdims=True)
        predicted = stats.binom.cdf(np.arange(levels), levels - 1, score[chosen][:, None])
        distance[chosen] = np.abs(given - predicted).mean(axis=1)
    return distance


def _residuals(joined: "pl.DataFrame", config: EvaluationConfig) -> Iterator[tuple[str, Interval, dict[str, int]]]:
    """Mean residual of the photos of each tag that has enough of them, with missing and left-out photos."""
    import polars as pl

    has_both = pl.col("prediction").is_not_null() & ~pl.col("left_out")
    used = joined.filter(has_both)
    x, y = used["prediction"].to_numpy(), used["reference"].to_numpy()
    if used.height < config.minimum_photos or np.ptp(x) == 0:
        return
    slope = float(np.cov(x, y, ddof=0)[0, 1] / x.var())
    intercept = float(y.mean() - slope * x.mean())
    residual = pl.when(has_both).then(pl.col("reference") - intercept - slope * pl.col("prediction"))
    tagged = joined.with_columns(residual=residual).explode("tags").filter(pl.col("tags").is_not_null())
    for (tag,), part in sorted(tagged.group_by("tags", maintain_order=True), key=lambda group: str(group[0])):
        values = part["residual"].drop_nulls().to_numpy()
        if len(values) >= config.minimum_photos:
            found = mean_interval(values, level=config.level, resamples=config.resamples, seed=config.seed)
            missing = {
                "missing_photos": part["prediction"].null_count(),
                "left_out_photos": int(part["left_out"].sum()),
            }
            yield str(tag), found, missing


def judged_versions(lake: Lake, evaluation: pa.Table) -> set[str]:
    """Versions that speak for the platform: the newest model of ours where it was evaluated, else all ready-made ones.

    Args:
        lake: The lake; models are read.
        evaluation: Rows of ``BEAUTY_EVALUATION``.
    """
    evaluated = set(evaluation["predictor"].to_pylist()) - {RAW_FAVORITES, FAVORITES_PER_FOLLOWER}
    models = lake.read(BEAUTY_MODELS, columns=["model_version", "sequence"]).sort_by([("sequence", "descending")])
    ours = models["model_version"].to_pylist()
    return {ours[0]} & evaluated if ours else evaluated


def evaluation_report(lake: Lake, model_version: str = "", config: EvaluationConfig | None = None) -> str:
    """The evaluation as a person reads it: a line per predictor, reference, stratum and statistic.

    Args:
        lake: The lake.
        model_version: The one version to evaluate, beside favorites; empty means all.
        config: How.

    Raises:
        ValueError: There is nothing to compare, or the version has no score.
    """
    rows = evaluate_beauty(lake, config, model_version).to_pylist()
    if not rows:
        needed = (config or EvaluationConfig()).minimum_photos
        raise ValueError(
            f"fewer than {needed} photos have both a score and what people say of them; land crowd ratings or labels, "
            "and run `beautyflow materialize`"
        )
    known = [row for row in rows if row["value"] is not None]
    titles = ("predictor", "reference", "stratum", "statistic", "value", "lower", "upper", "photos", "missing")
    lines = [titles, *(_line(row) for row in known)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    return "\n".join([*(line.rstrip() for line in shown), *_notes(rows, len(rows) - len(known), config)])


def _notes(rows: Sequence[Mapping[str, Any]], unknown: int, config: EvaluationConfig | None) -> Iterator[str]:
    if left_out := max(row["left_out_photos"] for row in rows):
        yield f"{left_out:,} photos are left out, because models learnt from them"
    if unknown:
        needed = (config or EvaluationConfig()).minimum_photos
        yield f"{counted(unknown, 'line')} without a value are not shown: fewer than {needed} photos, or nothing varies"


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = ("" if row[end] is None else f"{row[end]:.3f}" for end in ("value", "lower", "upper"))
    stratum = ALL if row["stratum_kind"] == ALL else f"{row['stratum_kind']} {row['stratum']}"
    counts = (f"{row['photos']:,}", f"{row['missing_photos']:,}")
    return (row["predictor"], row["reference"], stratum, row["statistic"], *numbers, *counts)
