"""Metadata of YFCC100M (Thomee et al. 2016): one photo or video per line, separated by tabs.

The first release has 23 fields, later ones put a line number before them and a hash after the photo's
number (25 fields). The user's NSID, which looks like ``39019111@N00``, tells which; all other fields lie
at fixed distances from it. User numbers are ``39019111 * 100 + 0``: the two numbers of the NSID side by
side, so that no two users collide and the NSID can be read back. Free text (title, description, tags)
is URL-encoded and has no place in the contract, so it does not land.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from assets.contracts.community import PHOTOS
from assets.contracts.wording import counted
from assets.landing.importers.casting import Field, constant
from assets.landing.importers.checking import Source, found_fields
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.images import keep_images_by_photo_id
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, first_lines, lines_of

_NSID = r"(0|[1-9][0-9]{0,15})@N([0-9]{2})"
_UPLOADED_AFTER_NSID = 3
_MARKER_AFTER_NSID = 21
_FIELDS = (23, 24, 25)
_SAMPLE_LINES = 100


@dataclass(frozen=True)
class Yfcc100mOptions:
    """Where the images are, if they are anywhere."""

    images: Path | None = option(  # noqa: RUF009 - option() is dataclasses.field()
        None, "Folder, tar file or Parquet file with images named by the photo's number; without it photos have none."
    )


def read(path: Path, options: Yfcc100mOptions, intake: Intake) -> None:
    """Load the photos of a metadata file; videos and what is neither end in quarantine.

    Raises:
        ImportFailure: No line has 23 to 25 fields with an NSID, or the images are not there.
    """
    if options.images is not None and not options.images.exists():
        raise ImportFailure("there is nothing here", file=options.images, expected="a folder or shard of images")
    width, photo, nsid = _layout(path)
    source = _source(path, width, nsid, intake)
    values = {
        "photo_id": Field(f"parts[{photo}]"),
        "user_id": Field(f"regexp_extract(nsid, '{_NSID}', 1) || regexp_extract(nsid, '{_NSID}', 2)"),
        "uploaded_at": Field(f"parts[{nsid + _UPLOADED_AFTER_NSID}]"),
        "is_public": constant(True),
        "uri": constant(""),
    }
    intake.workspace.load(PHOTOS, source, values)
    intake.workspace.reject_duplicates(PHOTOS.key)
    if options.images is None:
        intake.note("photos have no images: say where they are with the option images")
    else:
        keep_images_by_photo_id(intake, [options.images])


def _layout(path: Path) -> tuple[int, int, int]:
    """Number of fields, and the positions of the photo's number and of the NSID, from 1."""
    lines = first_lines(path, _SAMPLE_LINES)
    for line in lines:
        fields = line.split("\t")
        if len(fields) in _FIELDS:
            for position, field in enumerate(fields[1:4], start=2):
                if re.fullmatch(_NSID, field):
                    photo = position - 1 if fields[position - 2].isdecimal() else position - 2
                    return len(fields), photo, position
    raise ImportFailure(
        f"no line looks like YFCC100M; the first one has {counted(len(lines[0].split(chr(9))), 'field')}",
        file=path,
        line=1,
        expected="23 fields (25 with line number and hash), separated by tabs, with an NSID such as 39019111@N00",
    )


def _source(path: Path, width: int, nsid: int, intake: Intake) -> Source:
    lines = intake.workspace.text_source(lines_of(path), path.name)
    marker = f"trim(parts[{nsid + _MARKER_AFTER_NSID}])"
    problem = (
        f"CASE WHEN len(parts) <> {width} THEN 'wrong_number_of_fields' "
        f"WHEN {marker} = '1' THEN 'video' WHEN {marker} <> '0' THEN 'not_a_marker' "
        f"WHEN NOT regexp_full_match(nsid, '{_NSID}') THEN 'not_an_nsid' END"
    )
    detail = (
        f"CASE WHEN len(parts) <> {width} THEN {found_fields('parts', width)} "
        f"WHEN {marker} = '1' THEN 'found a video, expected a photo' "
        f"WHEN {marker} <> '0' THEN 'found marker ' || {marker} || ', expected 0 for a photo or 1 for a video' "
        "ELSE 'found user ' || nsid || ', expected an NSID such as 39019111@N00' END"
    )
    relation = (
        f"(SELECT {ROW}, {TEXT}, parts, nsid, coalesce({PROBLEM}, {problem}) AS {PROBLEM}, "
        f"coalesce({DETAIL}, {detail}) AS {DETAIL} FROM (SELECT *, parts[{nsid}] AS nsid FROM "
        f"(SELECT *, string_split(line, e'\\t') AS parts FROM {lines.relation})))"
    )
    return Source(path.name, relation, {}, lines.stream, has_text=True)


FORMAT = Format(
    name="yfcc100m",
    help="Metadata of YFCC100M, with images if they are at hand.",
    expects="a text file with 23 or 25 fields per line, separated by tabs; .bz2 and .gz are read as they are",
    read=read,
    options=Yfcc100mOptions,
)
