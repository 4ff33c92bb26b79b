"""How far raters agree, as a table: all of them, and those whose answers count."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.contracts.crowd_results import CROWD_AGREEMENT
from assets.contracts.lake import Lake
from assets.crowd.photo_ratings import accepted_ratings
from assets.statistics.agreement import Ratings, agreement
from assets.statistics.undefined import defined

if TYPE_CHECKING:
    import polars as pl

ALL, ACCEPTED = "all", "accepted"


@dataclass(frozen=True)
class AgreementConfig:
    """How intervals are made.

    Attributes:
        level: Nominal coverage.
        resamples: Bootstrap resamples.
        seed: Seed; the same ratings give the same intervals.
    """

    level: float = 0.95
    resamples: int = 1000
    seed: int = 0


def measure_agreement(lake: Lake, config: AgreementConfig | None = None) -> pa.Table:
    """All coefficients of agreement, for all raters and for accepted ones.

    Args:
        lake: The lake; crowd ratings and rater quality are read.
        config: How intervals are made.

    Returns:
        Rows of ``CROWD_AGREEMENT``; none without ratings.

    Raises:
        ValueError: Somebody rated a photo twice.
    """
    config = config or AgreementConfig()
    ratings = accepted_ratings(lake)
    rows = _rows(ALL, ratings, config) + _rows(ACCEPTED, ratings.filter("is_accepted"), config)
    return CROWD_AGREEMENT.conform(pa.Table.from_pylist(rows, schema=CROWD_AGREEMENT.schema))


def _rows(counted: str, ratings: "pl.DataFrame", config: AgreementConfig) -> list[dict[str, Any]]:
    if not ratings.height:
        return []
    columns = (ratings[name].to_numpy() for name in ("photo_id", "rater_id", "rating"))
    found = agreement(Ratings.of(*columns), level=config.level, resamples=config.resamples, seed=config.seed)
    sizes = {
        "photos": ratings["photo_id"].n_unique(),
        "ratings": ratings.height,
        "raters": ratings["rater_id"].n_unique(),
    }
    return [
        {"raters_counted": counted, "coefficient": name, "level": config.level, **sizes}
        | {end: defined(getattr(interval, end)) for end in ("value", "lower", "upper")}
        for name, interval in found.items()
    ]
