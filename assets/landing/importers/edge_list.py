"""Edge lists of SNAP, KONECT and others: one link per line, with or without weight, rating and time.

The source of a link is the follower, its target the followee. Ratings that come with links become the
ready-made quality of the users who received them.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from assets.contracts.community import EDGES, USER_QUALITY
from assets.contracts.table import Column
from assets.landing.importers.casting import Field, literal
from assets.landing.importers.checking import Source, found_fields
from assets.landing.importers.edge_layout import BLANKS, Layout, guess_layout
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.table_files import RULES
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, lines_of

_RATING = Column("rating", pa.float64(), "Judgement of the target.", minimum=-1e9, maximum=1e9)
_COLUMN_OF_ROLE = {"source": "follower_id", "target": "followee_id", "time": "created_at", "rating": _RATING.name}


@dataclass(frozen=True)
class EdgeListOptions:
    """What an edge list does not always say of itself."""

    columns: str = option(
        "auto", "What the columns are: source, target, weight, rating, time, skip; `auto` reads it from the file."
    )
    undirected: bool = option(False, "Links have no direction: each becomes two, one either way.")


def read(path: Path, options: EdgeListOptions, intake: Intake) -> None:
    """Load an edge list.

    Raises:
        ImportFailure: The file is no edge list, or its layout is unclear.
    """
    layout = guess_layout(path, options.columns)
    for note in layout.notes:
        intake.note(note)
    undirected = options.undirected or layout.undirected
    rated = _RATING.name in layout.columns
    if undirected and rated:
        raise ImportFailure("ratings of undirected links have no receiver", file=path, expected="directed links")
    if "weight" in layout.columns:
        intake.note("weights do not land: links of the contract have none")
    source, values = _source(path, layout, intake)
    intake.workspace.load(EDGES, source, values, rules=RULES[EDGES.key], extra=(_RATING,) if rated else ())
    if undirected:
        mirror_links(intake)
    else:
        intake.workspace.reject_duplicates(EDGES.key)
    if rated:
        _derive_quality(intake)


def mirror_links(intake: Intake) -> None:
    """Let every undirected link land once in each direction, however often and which way round it stood."""
    pair = ["least(follower_id, followee_id)", "greatest(follower_id, followee_id)", "created_at"]
    intake.workspace.reject_duplicates(EDGES.key, pair)
    intake.workspace.derive(
        EDGES,
        "SELECT followee_id AS follower_id, follower_id AS followee_id, created_at, removed_at "
        "FROM rows_edges WHERE _reason IS NULL",
    )


def _source(path: Path, layout: Layout, intake: Intake) -> tuple[Source, dict[str, Field]]:
    """The lines that are links, split into parts; a line with another number of parts has a problem."""
    lines = intake.workspace.text_source(lines_of(path), path.name)
    width = len(layout.columns)
    header = "" if layout.header is None else f" AND {ROW} <> {layout.header}"
    relation = (
        f"(SELECT {ROW}, {TEXT}, parts, "
        f"coalesce({PROBLEM}, CASE WHEN len(parts) <> {width} THEN 'wrong_number_of_fields' END) AS {PROBLEM}, "
        f"coalesce({DETAIL}, {found_fields('parts', width)}) AS {DETAIL} "
        f"FROM (SELECT *, {_split_sql(layout.separator)} AS parts FROM {lines.relation} "
        f"WHERE (line IS NULL OR left(line, 1) NOT IN ('#', '%')){header}))"
    )
    values = {
        _COLUMN_OF_ROLE[role]: Field(f"parts[{position}]")
        for position, role in enumerate(layout.columns, start=1)
        if role in _COLUMN_OF_ROLE
    }
    return Source(path.name, relation, {}, lines.stream, has_text=True), values


def _split_sql(separator: str) -> str:
    """Parts of ``line``; plain splits where a regular expression is not needed, since it costs the most."""
    if separator != BLANKS:
        return f"string_split(line, {literal(separator)})"
    plain = [
        f"WHEN NOT contains(line, {other}) AND NOT contains(line, {sep} || {sep}) AND NOT starts_with(line, {sep}) "
        f"AND NOT ends_with(line, {sep}) THEN string_split(line, {sep})"
        for sep, other in (("e'\\t'", "' '"), ("' '", "e'\\t'"))
    ]
    return f"CASE {' '.join(plain)} ELSE regexp_split_to_array(trim(line, e' \\t\\r'), '\\s+') END"


def _derive_quality(intake: Intake) -> None:
    # Summed as decimals, because the order in which threads add floats would change the last digits.
    mean = "CAST(sum(CAST(rating AS DECIMAL(28, 9))) AS DOUBLE) / count(*)"
    intake.workspace.derive(
        USER_QUALITY,
        f'SELECT followee_id AS user_id, {literal(intake.name)} AS source, {mean} AS "value", count(*) AS n '
        "FROM rows_edges WHERE _reason IS NULL GROUP BY followee_id",
    )


FORMAT = Format(
    name="edge_list",
    help="Follow links, one per line: SNAP, KONECT or CSV, with or without rating and time.",
    expects="a text file with a source and a target user per line; importing it states consent for all users",
    read=read,
    options=EdgeListOptions,
)
