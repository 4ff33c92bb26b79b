"""The canonical folder: one CSV or Parquet file, or a folder of them, per table of the contract.

::

    community.toml              name = "...", consent = "users_table" or "all", notes = "..."
    users.csv  edges.parquet    a table as one file
    photos/2013-04.parquet ...  a table as many files
    images/12.jpg  images.tar   images, where photos have no column ``uri``

Any table may be absent. Columns have the names of the contract; nullable ones may be absent.
"""

import tomllib
from pathlib import Path

from assets.contracts.community import PHOTOS, USERS
from assets.contracts.table import TableContract
from assets.landing.importers.casting import Field, constant
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import CONSENT_IN_USERS, CONSENT_OF_ALL, Format, Intake, landing_tables
from assets.landing.importers.images import image_places, keep_images_by_photo_id, keep_named_images
from assets.landing.importers.table_files import SUFFIXES, load_table_file

COMMUNITY_FILE = "community.toml"


def read(path: Path, options: object, intake: Intake) -> None:
    """Load every table of a canonical folder.

    Raises:
        ImportFailure: It is no folder, holds no table or an unknown one, or does not say who consented.
    """
    if not path.is_dir():
        raise ImportFailure("this is no folder", file=path, expected=FORMAT.expects)
    tables = _files_by_table(path, intake)
    intake.consent = _consent(path, has_users=USERS.key in tables)
    for contract, files in tables.values():
        with_uri = False
        for file in files:
            source = load_table_file(
                intake, contract, file, str(file.relative_to(path)), defaults=_defaults(contract, intake)
            )
            with_uri |= "uri" in source.fields
        intake.workspace.reject_duplicates(contract.key)
        if contract.key == PHOTOS.key:
            _find_images(path, intake, with_uri=with_uri)


def _files_by_table(path: Path, intake: Intake) -> dict[str, tuple[TableContract, list[Path]]]:
    known = landing_tables()
    tables: dict[str, tuple[TableContract, list[Path]]] = {}
    for entry in sorted(path.iterdir()):
        files = _table_files(entry)
        if not files or entry.name.startswith("images"):
            continue
        key = entry.name.partition(".")[0]
        if key not in known and entry.is_dir():
            intake.note(f"ignored the folder {entry.name}, which is no table")
            continue
        if key not in known:
            raise ImportFailure(
                f"{key!r} is no table",
                file=entry,
                expected=f"one of {', '.join(known)}",
                remedy="Rename it, or put a dot before its name to have it ignored.",
            )
        if key in tables:
            raise ImportFailure(f"the table {key} is here twice", file=entry, expected="one file or folder per table")
        tables[key] = (known[key], files)
    if not tables:
        raise ImportFailure("no table was found", file=path, expected=FORMAT.expects)
    return tables


def _table_files(entry: Path) -> list[Path]:
    if entry.name.startswith("."):
        return []
    if entry.is_dir():
        return sorted(f for f in entry.iterdir() if f.name.endswith(SUFFIXES) and not f.name.startswith("."))
    return [entry] if entry.name.endswith(SUFFIXES) else []


def _consent(path: Path, *, has_users: bool) -> str:
    file = path / COMMUNITY_FILE
    if not file.exists():
        stated = CONSENT_IN_USERS
    else:
        try:
            stated = tomllib.loads(file.read_text(encoding="utf-8")).get("consent", CONSENT_IN_USERS)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ImportFailure(f"cannot be read: {error}", file=file, expected="TOML in UTF-8") from error
    if stated not in (CONSENT_IN_USERS, CONSENT_OF_ALL):
        raise ImportFailure(
            f"consent is {stated!r}",
            file=file,
            column="consent",
            expected=f"{CONSENT_IN_USERS!r} or {CONSENT_OF_ALL!r}",
        )
    if stated == CONSENT_IN_USERS and not has_users:
        raise ImportFailure(
            "there is no users table to say who agreed to be studied",
            file=file,
            column="consent",
            expected="a users table with the column opted_in, or consent for all",
            remedy=f'If all agreed, or the data are public for research, write consent = "all" to {COMMUNITY_FILE}.',
        )
    return str(stated)


def _defaults(contract: TableContract, intake: Intake) -> dict[str, Field]:
    """What a required column is where the file leaves it out, because it can be only that."""
    defaults = {
        "photos": {"uri": constant("")},
        "crowd_ratings": {"is_gold": constant(False)},
        "labels": {"source": constant(intake.name)},
        "user_quality": {"source": constant(intake.name)},
        "scores": {"model_version": constant(intake.name), "preprocessing_hash": constant("")},
    }.get(contract.key, {})
    if intake.consent == CONSENT_OF_ALL:
        stated = {"users": "opted_in", "photos": "is_public"}.get(contract.key)
        defaults |= {stated: constant(True)} if stated else {}
    return defaults


def _find_images(path: Path, intake: Intake, *, with_uri: bool) -> None:
    places = image_places(path)
    if with_uri:
        keep_named_images(intake, path)
    elif places:
        keep_images_by_photo_id(intake, places)
    else:
        intake.note("photos have no images: there is neither a column uri nor an images folder")


FORMAT = Format(
    name="canonical",
    help="A folder with one CSV or Parquet file (or a folder of them) per table.",
    expects=f"a folder with tables such as users.csv, photos.parquet or edges/*.parquet, and {COMMUNITY_FILE}",
    read=read,
)
