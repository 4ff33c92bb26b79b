"""AVA (Murray, Marchesotti and Perronnin 2012): photos with ten vote counts, two semantic tags and a challenge.

``AVA.txt`` has 15 whole numbers per line, separated by spaces: index, image id, votes for 1 to 10, two tag ids (0 for
none) and a challenge id. ``tags.txt`` and ``challenges.txt`` name ids, one ``<id> <name>`` per line; where they are
absent, tags are called ``tag <id>`` and ``challenge <id>``. Images are ``images/<image id>.jpg``.

A label refers to a photo, so the label of a photo whose image is not there is rejected with it, as ``no_image``; the
evaluation counts it as missing. A folder without images at all lands labels and photos without image: scores may come
from elsewhere. Nobody knows photographers or times, so photos have neither owner nor month.
"""

from pathlib import Path

import pyarrow as pa

from assets.contracts.community import PHOTOS
from assets.contracts.crowd import LABELS
from assets.contracts.table import Column
from assets.contracts.wording import counted
from assets.landing.importers.casting import Field, constant, field_of, identifier
from assets.landing.importers.checking import Rule, Source, found_fields
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake
from assets.landing.importers.images import image_places, keep_images_by_photo_id
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, first_lines, lines_of

VOTES, TAGS, CHALLENGES = "AVA.txt", "tags.txt", "challenges.txt"
LEVELS = 10
_FIELDS = ("index", "image_id", *(f"votes_{level}" for level in range(1, LEVELS + 1)), "tag_1", "tag_2", "challenge")
_COUNTS = tuple(Column(name, pa.int64(), f"Field {name} of {VOTES}.", minimum=0) for name in _FIELDS[2:])


def read(path: Path, options: object, intake: Intake) -> None:
    """Load votes as labels, and a photo for each.

    Raises:
        ImportFailure: There is no ``AVA.txt``, or its first line is none of AVA's.
    """
    votes = path / VOTES
    if not votes.is_file():
        raise ImportFailure(f"there is no {VOTES}", file=path, expected=FORMAT.expects)
    _refuse_another_layout(votes)
    names = {kind: _load_names(path / file, kind, intake) for file, kind in ((TAGS, "tag"), (CHALLENGES, "challenge"))}
    _load_labels(_split_lines(votes, intake), names, intake)
    _load_photos(path, intake)


def _refuse_another_layout(votes: Path) -> None:
    fields = len(first_lines(votes, 1)[0].split())
    if fields != len(_FIELDS):
        raise ImportFailure(
            f"the line has {counted(fields, 'field')}",
            file=votes,
            line=1,
            expected="15 whole numbers: index, image id, ten vote counts, two tag ids and a challenge id",
        )


def _split_lines(votes: Path, intake: Intake) -> Source:
    """The lines of ``AVA.txt`` with a column per field."""
    lines = intake.workspace.text_source(lines_of(votes), votes.name)
    fields = ", ".join(f"parts[{i}] AS {identifier(name)}" for i, name in enumerate(_FIELDS, start=1))
    wrong = f"len(parts) <> {len(_FIELDS)}"
    relation = (
        f"(SELECT {ROW}, {TEXT}, {fields}, "
        f"coalesce({PROBLEM}, CASE WHEN {wrong} THEN 'wrong_number_of_fields' END) AS {PROBLEM}, "
        f"coalesce({DETAIL}, CASE WHEN {wrong} THEN {found_fields('parts', len(_FIELDS))} END) "
        f"AS {DETAIL} FROM (SELECT *, regexp_split_to_array(trim(line), '\\s+') AS parts FROM {lines.relation}))"
    )
    return Source(votes.name, relation, dict.fromkeys(_FIELDS, "VARCHAR"), lines.stream, has_text=True)


def _load_labels(source: Source, names: dict[str, str], intake: Intake) -> None:
    counts = [f"TRY_CAST({identifier(f'votes_{level}')} AS BIGINT)" for level in range(1, LEVELS + 1)]
    number = " + ".join(counts)
    total = " + ".join(f"{level} * {count}" for level, count in enumerate(counts, start=1))
    tags = [names["tag"].format(id=identifier("tag_1")), names["tag"].format(id=identifier("tag_2"))]
    tags.append(names["challenge"].format(id=identifier("challenge")))
    values = {
        "photo_id": field_of("image_id"),
        "source": constant(intake.name),
        "mean": Field(f"coalesce(({total}) / nullif({number}, 0), 0)", "DOUBLE"),
        "n": Field(f"coalesce({number}, 0)", "BIGINT"),
        "histogram": Field(f"[{', '.join(counts)}]", "BIGINT[]"),
        "tags": Field(f"list_distinct(list_filter([{', '.join(tags)}], tag -> tag IS NOT NULL))", "VARCHAR[]"),
        **{name: field_of(name) for name in _FIELDS[2:]},
    }
    nobody = Rule("n = 0", "no_votes", "n", "'found no votes, expected at least one'")
    intake.workspace.load(LABELS, source, values, rules=(nobody,), extra=_COUNTS)
    intake.workspace.reject_duplicates(LABELS.key)


def _load_names(path: Path, kind: str, intake: Intake) -> str:
    """SQL of the name of an id, with ``{id}`` for the id; null for 0."""
    unnamed = f"'{kind} ' || trim({{id}})"
    name = unnamed
    if path.is_file():
        pairs = [line.split(maxsplit=1) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
        known = {pair[0]: pair[1].strip() for pair in pairs if len(pair) == 2 and pair[0].isdecimal()}
        schema = pa.schema([("id", pa.string()), ("name", pa.string())])
        table = pa.Table.from_arrays([pa.array(list(known)), pa.array(list(known.values()))], schema=schema)
        intake.workspace.add_arrow(f"{kind}_names", table)
        name = f"coalesce((SELECT name FROM {kind}_names WHERE id = trim({{id}})), {unnamed})"
    else:
        intake.note(f"there is no {path.name}: {kind}s are called `{kind} <id>`")
    return f"CASE WHEN trim({{id}}) <> '0' THEN {name} END"


def _load_photos(path: Path, intake: Intake) -> None:
    """A photo per label; both are rejected where images are at hand and the photo's is not."""
    photos = intake.workspace.execute(f"SELECT photo_id, _seq FROM rows_{LABELS.key} WHERE _reason IS NULL")
    schema = pa.schema([("photo_id", pa.int64()), (ROW, pa.int64())])
    rows = [pa.array([photo for photo, _ in photos], pa.int64()), pa.array([seq for _, seq in photos], pa.int64())]
    source = intake.workspace.arrow_source(pa.Table.from_arrays(rows, schema=schema), VOTES)
    values = {"photo_id": field_of("photo_id", "BIGINT"), "is_public": constant(True), "uri": constant("")}
    intake.workspace.load(PHOTOS, source, values)
    places = image_places(path)
    if not places:
        intake.note("photos have no images: put them into a folder images, named by their image id")
        return
    keep_images_by_photo_id(intake, places)
    without_photo = Rule(
        "photo_id NOT IN (SELECT photo_id FROM rows_photos WHERE _reason IS NULL)",
        "no_image",
        "photo_id",
        "'found a label of photo ' || photo_id || ', expected a photo that has an image here'",
    )
    intake.workspace.reject(LABELS.key, without_photo)


FORMAT = Format(
    name="ava",
    help="AVA: photos with ten vote counts, tags and challenges.",
    expects=f"a folder with {VOTES}, and if they are at hand {TAGS}, {CHALLENGES} and images named by image id",
    read=read,
)
