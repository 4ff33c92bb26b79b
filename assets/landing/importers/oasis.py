"""OASIS photographs with the beauty ratings of Brielmann and Pelli (2019).

The set has 900 photographs; where a folder holds fewer, ratings of the others end in quarantine.
Nobody knows the photographers or the times, so photos have neither owner nor month.
"""

from pathlib import Path

from assets.contracts.community import PHOTOS
from assets.contracts.crowd import CROWD_RATINGS
from assets.landing.importers.casting import Field, constant, identifier
from assets.landing.importers.checking import Rule
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake
from assets.landing.importers.images import keep_named_images
from assets.landing.importers.table_files import bind_columns, load_table_file, open_table_file

IMAGES = "img"


def read(path: Path, options: object, intake: Intake) -> None:
    """Load photos, then ratings; ratings of photos that did not land are rejected as ``no_image``."""
    for name in ("index.csv", "ratings_long.csv", IMAGES):
        if not (path / name).exists():
            raise ImportFailure(f"there is no {name}", file=path, expected=FORMAT.expects)
    _load_photos(path, intake)
    columns = {"photo_id": "item", "rater_id": "subj", "rating": "beauty"}
    ratings = path / "ratings_long.csv"
    load_table_file(
        intake, CROWD_RATINGS, ratings, ratings.name, columns=columns, defaults={"is_gold": constant(False)}
    )
    intake.workspace.reject_duplicates(CROWD_RATINGS.key)
    without_photo = Rule(
        "photo_id NOT IN (SELECT photo_id FROM rows_photos WHERE _reason IS NULL)",
        "no_image",
        "photo_id",
        "'found a rating of photo ' || photo_id || ', expected a photo that has an image here'",
    )
    intake.workspace.reject(CROWD_RATINGS.key, without_photo)


def _load_photos(path: Path, intake: Intake) -> None:
    index = path / "index.csv"
    source = open_table_file(intake, index, index.name)
    values = bind_columns(
        intake,
        PHOTOS,
        source,
        index,
        {"photo_id": "item", "uri": "file", "category": "category"},
        {"is_public": constant(True)},
        {},
    )
    values["uri"] = Field(f"'{IMAGES}/' || {identifier('file')}")
    intake.workspace.load(PHOTOS, source, values)
    intake.workspace.reject_duplicates(PHOTOS.key)
    keep_named_images(intake, path)


FORMAT = Format(
    name="oasis",
    help="OASIS photographs with individual beauty ratings.",
    expects=f"a folder with index.csv (item, file, category), ratings_long.csv (subj, item, beauty) and {IMAGES}/",
    read=read,
)
