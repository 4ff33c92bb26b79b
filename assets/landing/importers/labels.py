"""Mean opinion scores of photos in long form: any table with a photo, a mean and a number of opinions."""

from dataclasses import dataclass
from pathlib import Path

from assets.contracts.crowd import LABELS
from assets.landing.importers.casting import constant
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.table_files import load_table_file


@dataclass(frozen=True)
class LabelsOptions:
    """Names of columns in the file."""

    photo: str = option("photo_id", "Column with the photo's number.")
    mean: str = option("mean", "Column with the mean opinion, on the scale of the source.")
    n: str = option("n", "Column with the number of opinions.")
    histogram: str = option("", "Column with votes per level such as [1, 2, 3]; `histogram` is taken if it is there.")
    tags: str = option("", "Column with a list of tags; `tags` is taken if it is there.")


def read(path: Path, options: LabelsOptions, intake: Intake) -> None:
    """Load a file of labels; without a column ``source`` the source's name is that."""
    named = {
        "photo_id": options.photo,
        "mean": options.mean,
        "n": options.n,
        "histogram": options.histogram,
        "tags": options.tags,
    }
    columns = {column: name for column, name in named.items() if name}
    load_table_file(intake, LABELS, path, path.name, columns=columns, defaults={"source": constant(intake.name)})
    intake.workspace.reject_duplicates(LABELS.key)


FORMAT = Format(
    name="labels",
    help="Mean opinion scores of photos that landed from elsewhere, in long form.",
    expects="a CSV or Parquet file with columns photo_id, mean, n and, if there are several benchmarks, source",
    read=read,
    options=LabelsOptions,
)
