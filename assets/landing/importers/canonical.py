"""The canonical folder: one CSV or Parquet file, or a folder of them, per table of the contract.

::

    community.toml              keys of COMMUNITY_KEYS; it may be absent
    users.csv  edges.parquet    a table as one file
    photos/2013/04.parquet ...  a table as many files, at any depth
    images/12.jpg  images.tar   images, where photos have no column ``uri``

Any table may be absent. Columns have the names of the contract; nullable ones may be absent.
"""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from assets.contracts.community import PHOTOS, USERS
from assets.contracts.table import TableContract
from assets.contracts.wording import counted
from assets.landing.importers.casting import Field, constant
from assets.landing.importers.checking import CONSENT_FLAGS
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.folder_layout import COMMUNITY_FILE, lay_out
from assets.landing.importers.format import (
    CONSENT_ELSEWHERE,
    CONSENT_IN_USERS,
    CONSENT_OF_ALL,
    Format,
    Intake,
    landing_tables,
)
from assets.landing.importers.images import image_places, keep_images_by_photo_id, keep_named_images
from assets.landing.importers.table_files import load_table_file, warn_of_missing_time

COMMUNITY_KEYS = ("name", "consent", "notes")

_CONSENTS = (CONSENT_IN_USERS, CONSENT_ELSEWHERE, CONSENT_OF_ALL)
_SHOWN_NAMES = 5


def read(path: Path, options: object, intake: Intake) -> None:
    """Load every table of a canonical folder.

    Raises:
        ImportFailure: It is no folder, holds no table, an unknown or an unreadable one, or does not say who consented.
    """
    if not path.is_dir():
        raise ImportFailure("this is no folder", file=path, expected=FORMAT.expects)
    tables = _tables_of(path, intake)
    intake.consent = _consent(path, has_users=USERS.key in tables)
    for key, files in tables.items():
        contract = landing_tables()[key]
        defaults = column_defaults(contract, intake.name, intake.consent)
        with_uri = False
        for file in files:
            source = load_table_file(
                intake, contract, file, str(file.relative_to(path)), defaults=defaults, remedies=_remedies(contract)
            )
            warn_of_missing_time(intake, contract, source, str(file.relative_to(path)))
            with_uri |= "uri" in source.fields
        intake.workspace.reject_duplicates(contract.key)
        if contract.key == PHOTOS.key:
            _find_images(path, intake, with_uri=with_uri)


def _tables_of(path: Path, intake: Intake) -> dict[str, list[Path]]:
    layout = lay_out(path)
    if not layout.tables:
        raise ImportFailure("no table was found", file=path, expected=FORMAT.expects)
    if layout.ignored:
        shown, more = layout.ignored[:_SHOWN_NAMES], len(layout.ignored) - _SHOWN_NAMES
        rest = f" and {counted(more, 'other')}" if more > 0 else ""
        intake.note(f"not read as tables: {', '.join(shown)}{rest}")
    return layout.tables


def _consent(path: Path, *, has_users: bool) -> str:
    file = path / COMMUNITY_FILE
    stated = _community(file).get("consent", CONSENT_IN_USERS)
    if stated not in _CONSENTS:
        raise ImportFailure(
            f"consent is {stated!r}",
            file=file,
            column="consent",
            expected=f"one of {', '.join(_CONSENTS)}",
        )
    if stated == CONSENT_IN_USERS and not has_users:
        raise ImportFailure(
            "there is no users table to say who agreed to be studied",
            file=file,
            column="consent",
            expected="a users table with the column opted_in, or consent for all",
            remedy=f'If all agreed, or the data are public for research, write consent = "{CONSENT_OF_ALL}" to '
            f'{COMMUNITY_FILE}; if the users of other sources say it, "{CONSENT_ELSEWHERE}".',
        )
    return str(stated)


def _community(file: Path) -> dict[str, Any]:
    """What a community says of itself; nothing where it has no file."""
    if not file.exists():
        return {}
    try:
        stated = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ImportFailure(f"cannot be read: {error}", file=file, expected="TOML in UTF-8") from error
    for key in stated:
        if key not in COMMUNITY_KEYS:
            near = difflib.get_close_matches(key, COMMUNITY_KEYS, n=1)
            raise ImportFailure(
                f"there is no key {key!r}",
                file=file,
                expected=f"only the keys {', '.join(COMMUNITY_KEYS)}",
                remedy=f"Did you mean {near[0]!r}?" if near else "",
            )
    return stated


def _remedies(contract: TableContract) -> dict[str, str]:
    column = CONSENT_FLAGS.get(contract.key)
    if column is None:
        return {}
    return {column: f'Add the column, or state it for everyone with consent = "{CONSENT_OF_ALL}" in {COMMUNITY_FILE}.'}


def column_defaults(contract: TableContract, name: str, consent: str) -> dict[str, Field]:
    """What a required column is where the file leaves it out, because it can be only that.

    Args:
        contract: The table.
        name: Name of the source.
        consent: What the community states, ``users_table`` or ``all``.
    """
    defaults = {
        "photos": {"uri": constant("")},
        "crowd_ratings": {"is_gold": constant(False)},
        "labels": {"source": constant(name)},
        "user_quality": {"source": constant(name)},
        "scores": {"model_version": constant(name), "preprocessing_hash": constant("")},
    }.get(contract.key, {})
    if consent == CONSENT_OF_ALL and contract.key in CONSENT_FLAGS:
        defaults |= {CONSENT_FLAGS[contract.key]: constant(True)}
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
