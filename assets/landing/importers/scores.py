"""Ready-made scores in long form: one row per photo, and model version if there are several."""

from dataclasses import dataclass
from pathlib import Path

from assets.contracts.beauty import SCORES
from assets.landing.importers.casting import constant
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.table_files import load_table_file


@dataclass(frozen=True)
class ScoresOptions:
    """Names of columns in the file."""

    photo: str = option("photo_id", "Column with the photo's number.")
    beauty: str = option("beauty", "Column with the score, from 0 to 1.")


def read(path: Path, options: ScoresOptions, intake: Intake) -> None:
    """Load a file of scores; without a column ``model_version`` the source's name is the version."""
    columns = {"photo_id": options.photo, "beauty": options.beauty}
    defaults = {"model_version": constant(intake.name), "preprocessing_hash": constant("")}
    load_table_file(intake, SCORES, path, path.name, columns=columns, defaults=defaults)
    intake.workspace.reject_duplicates(SCORES.key)


FORMAT = Format(
    name="scores",
    help="Ready-made beauty scores of photos, in long form.",
    expects="a CSV or Parquet file with columns photo_id, beauty and, if there are several models, model_version",
    read=read,
    options=ScoresOptions,
)
