"""Crowd ratings in long form: one row per photo and rater."""

from dataclasses import dataclass
from pathlib import Path

from assets.contracts.crowd import CROWD_RATINGS
from assets.landing.importers.casting import constant
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.table_files import load_table_file, warn_of_missing_time


@dataclass(frozen=True)
class CrowdRatingsOptions:
    """Names of columns in the file."""

    photo: str = option("photo_id", "Column with the photo's number.")
    rater: str = option("rater_id", "Column with the rater's number.")
    rating: str = option("rating", "Column with the answer, a whole number from 1 upwards.")
    rated_at: str = option("", "Column with the time of the answer; `rated_at` is taken if it is there.")
    duration_ms: str = option("", "Column with milliseconds taken to answer; `duration_ms` is taken if it is there.")


def read(path: Path, options: CrowdRatingsOptions, intake: Intake) -> None:
    """Load a file of ratings; without a column ``is_gold`` no photo was a gold question."""
    named = {
        "photo_id": options.photo,
        "rater_id": options.rater,
        "rating": options.rating,
        "rated_at": options.rated_at,
        "duration_ms": options.duration_ms,
    }
    columns = {column: name for column, name in named.items() if name}
    source = load_table_file(
        intake, CROWD_RATINGS, path, path.name, columns=columns, defaults={"is_gold": constant(False)}
    )
    if not options.rated_at:
        warn_of_missing_time(intake, CROWD_RATINGS, source, path.name)
    intake.workspace.reject_duplicates(CROWD_RATINGS.key)


FORMAT = Format(
    name="crowd_ratings",
    help="Ratings of photos by people, in long form.",
    expects="a CSV or Parquet file with one row per photo and rater",
    read=read,
    options=CrowdRatingsOptions,
)
