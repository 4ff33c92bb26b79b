"""Whose answers count: what is known of each rater, and every reason to leave the answers out.

Nothing is dropped: answers stay in ``crowd_ratings``, and a rater whose answers do not count has a reason in words.
A criterion judges only those it has enough to judge by. Raters with fewer answers or gold questions than its minimum
stay: answers at random do least harm where there are few of them, and few honest answers often look random.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.crowd import CROWD_RATINGS, RATERS
from assets.contracts.crowd_results import RATER_QUALITY
from assets.contracts.lake import Lake
from assets.statistics.rank import spearman

if TYPE_CHECKING:
    import polars as pl

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class QualityConfig:
    """When answers count.

    Attributes:
        minimum_track_record: Least share of past work accepted; None asks nothing. Raters without a record stay.
        countries: Countries that raters may come from; empty asks nothing. Raters without a country stay.
        gold_tolerance: Levels that an answer to a gold question may be off. Beauty has no exact answer: of two careful
            people one is often a level off.
        minimum_gold_questions: Gold questions that a rater must have answered to be judged by them.
        minimum_gold_accuracy: Least share of gold questions within the tolerance. Answers at random on five levels are
            right half of the time with a tolerance of one.
        minimum_duration_ms: Least median time to answer. Seeing, judging and pressing a key takes a person about a
            second.
        minimum_ratings: Photos, rated by others too, that a rater must have rated to be judged by agreement.
        minimum_agreement: Least Spearman correlation with the mean of the others. Answers at random stay below 0.2 with
            a probability of 80 % on 20 photos and of 95 % on 70; people's taste differs, so more would punish taste.
    """

    minimum_track_record: float | None = None
    countries: tuple[str, ...] = ()
    gold_tolerance: int = 1
    minimum_gold_questions: int = 5
    minimum_gold_accuracy: float = 0.6
    minimum_duration_ms: float = 1000.0
    minimum_ratings: int = 20
    minimum_agreement: float = 0.2


def judge_raters(lake: Lake, config: QualityConfig | None = None) -> pa.Table:
    """Judge everyone who rated a published photo.

    Args:
        lake: The lake; crowd ratings and raters are read.
        config: When answers count.

    Returns:
        Rows of ``RATER_QUALITY``; none without ratings.
    """
    import polars as pl

    config = config or QualityConfig()
    ratings = pl.DataFrame(lake.read(CROWD_RATINGS))
    raters = pl.DataFrame(lake.read(RATERS, columns=["rater_id", "country", "track_record"]))
    rows = measure_raters(ratings, raters, config).to_dicts()
    for row in rows:
        reasons = _reasons(row, config)
        row["is_accepted"] = not reasons
        row["reason"] = "; ".join(reasons) or None
        del row["agreement_photos"]
    return RATER_QUALITY.conform(pa.Table.from_pylist(rows, schema=RATER_QUALITY.schema))


def measure_raters(ratings: "pl.DataFrame", raters: "pl.DataFrame", config: QualityConfig) -> "pl.DataFrame":
    """What is known of each rater.

    Args:
        ratings: Columns of ``CROWD_RATINGS``.
        raters: ``rater_id``, ``country`` and ``track_record``; a rater may be absent.
        config: The tolerance for gold questions.

    Returns:
        The measured columns of ``RATER_QUALITY`` and ``agreement_photos``, the photos behind the agreement.
    """
    import polars as pl

    known_answer = pl.col("is_gold") & pl.col("gold_rating").is_not_null()
    close = (pl.col("rating") - pl.col("gold_rating")).abs() <= config.gold_tolerance
    measured = (
        ratings.group_by("rater_id")
        .agg(
            ratings=(~pl.col("is_gold")).sum(),
            gold_questions=known_answer.sum(),
            gold_accuracy=close.filter(known_answer).mean(),
            median_duration_ms=pl.col("duration_ms").median(),
        )
        .sort("rater_id")
    )
    agreement = _agreement_with_rest(ratings.filter(~pl.col("is_gold")))
    return measured.join(agreement, "rater_id", how="left", maintain_order="left").join(
        raters, "rater_id", how="left", maintain_order="left"
    )


def too_few_to_judge(quality: pa.Table, config: QualityConfig | None = None) -> int:
    """Accepted raters who have too few answers to be judged by agreement, and too few gold questions as well."""
    import polars as pl

    config = config or QualityConfig()
    rows = pl.DataFrame(quality)
    unjudged = (pl.col("ratings") < config.minimum_ratings) & (pl.col("gold_questions") < config.minimum_gold_questions)
    return rows.filter(unjudged & pl.col("is_accepted")).height


def agreement_histogram(quality: pa.Table) -> tuple[list[float], list[int]]:
    """Edges of tenths from -1 to 1, and raters with that agreement with the rest."""
    known = quality["agreement_with_rest"].drop_null().to_numpy()
    counts, edges = np.histogram(known, bins=20, range=(-1, 1))
    return edges.tolist(), counts.tolist()


def _agreement_with_rest(ratings: "pl.DataFrame") -> "pl.DataFrame":
    """Spearman correlation of each rater with the leave-one-out mean, and the photos behind it."""
    import polars as pl

    others = pl.len().over("photo_id") - 1
    rest = (pl.col("rating").sum().over("photo_id") - pl.col("rating")) / others
    shared = ratings.with_columns(others=others, rest=rest).filter(pl.col("others") >= 1).sort("rater_id", "photo_id")
    found: dict[str, list[Any]] = {"rater_id": [], "agreement_with_rest": [], "agreement_photos": []}
    for (rater,), own in shared.group_by("rater_id", maintain_order=True):
        correlation = spearman(own["rating"].to_numpy(), own["rest"].to_numpy())
        found["rater_id"].append(rater)
        found["agreement_with_rest"].append(None if np.isnan(correlation) else min(1.0, max(-1.0, correlation)))
        found["agreement_photos"].append(own.height)
    schema = {"rater_id": pl.Int64, "agreement_with_rest": pl.Float64, "agreement_photos": pl.Int64}
    return pl.DataFrame(found, schema=schema)


def _reasons(rater: dict[str, Any], config: QualityConfig) -> list[str]:
    """Everything that speaks against a rater, in words."""
    found = [_eligibility(rater, config), _gold(rater, config), _speed(rater, config), _dissent(rater, config)]
    return [reason for reasons in found for reason in reasons]


def _eligibility(rater: dict[str, Any], config: QualityConfig) -> list[str]:
    record, country, least = rater["track_record"], rater["country"], config.minimum_track_record
    found = []
    if least is not None and record is not None and record < least:
        found.append(f"track record {record:.2f}, below {least:.2f}")
    if config.countries and country is not None and country not in config.countries:
        found.append(f"country {country}, not among {', '.join(config.countries)}")
    return found


def _gold(rater: dict[str, Any], config: QualityConfig) -> list[str]:
    questions, accuracy = rater["gold_questions"], rater["gold_accuracy"]
    if questions < max(1, config.minimum_gold_questions) or accuracy >= config.minimum_gold_accuracy:
        return []
    return [
        f"{round(accuracy * questions)} of {questions} gold questions answered within {config.gold_tolerance} "
        f"of the known answer, below {config.minimum_gold_accuracy:.0%}"
    ]


def _speed(rater: dict[str, Any], config: QualityConfig) -> list[str]:
    median = rater["median_duration_ms"]
    if median is None or median >= config.minimum_duration_ms:
        return []
    return [f"median answer in {median:,.0f} ms, below {config.minimum_duration_ms:,.0f} ms"]


def _dissent(rater: dict[str, Any], config: QualityConfig) -> list[str]:
    """Too little agreement; somebody who gives one answer to everything agrees with nobody."""
    photos, agreement = rater["agreement_photos"] or 0, rater["agreement_with_rest"]
    if photos < max(2, config.minimum_ratings):
        return []
    if agreement is None:
        return [f"no variation to compare over {photos} photos: the same answer to all"]
    if agreement >= config.minimum_agreement:
        return []
    return [f"correlation {agreement:.2f} with the others over {photos} photos, below {config.minimum_agreement:.2f}"]
