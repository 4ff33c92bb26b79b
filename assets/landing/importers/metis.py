"""METIS graphs: line i after the header lists the neighbours of node i; every link stands in both lines."""

from pathlib import Path

from assets.contracts.community import EDGES
from assets.landing.importers.casting import Field
from assets.landing.importers.checking import Rule, Source
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake
from assets.landing.importers.nodes import derive_all_users
from assets.landing.importers.table_files import RULES
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, first_lines, lines_of

_HEADER_LINES = 1_000


def read(path: Path, options: object, intake: Intake) -> None:
    """Load a METIS graph; nodes are users with the numbers 1 to n, also those without any link.

    Raises:
        ImportFailure: The header is missing, or there are fewer or more lines than nodes.
    """
    line, header = _header(path)
    nodes, links = int(header[0]), int(header[1])
    skipped, step = _neighbour_positions(path, line, header[2:])
    intake.workspace.load(
        EDGES,
        _source(path, line, skipped, step, intake),
        {"follower_id": Field("node", "BIGINT"), "followee_id": Field("neighbour")},
        rules=[*RULES[EDGES.key], _known_neighbour(nodes)],
        many_per_line=True,
    )
    _refuse_wrong_line_count(path, nodes, intake)
    found = intake.workspace.accepted(EDGES.key)
    if found != 2 * links:
        intake.note(f"the header promises {links} links, so {2 * links} directed ones; {found} are good")
    derive_all_users(intake, nodes)


def _header(path: Path) -> tuple[int, list[str]]:
    for number, line in enumerate(first_lines(path, _HEADER_LINES), start=1):
        if not line.startswith("%"):
            fields = line.split()
            if not 2 <= len(fields) <= 4 or not all(field.isdecimal() for field in fields):
                break
            return number, fields
    raise ImportFailure(
        "there is no header", file=path, line=1, expected="a first line with the numbers of nodes and of links"
    )


def _neighbour_positions(path: Path, line: int, rest: list[str]) -> tuple[int, int]:
    """How many values stand before the neighbours, and how many belong to each: METIS manual, section 4.1."""
    kinds = (rest[0] if rest else "0").rjust(3, "0")
    if len(kinds) > 3 or set(kinds) - {"0", "1"}:
        raise ImportFailure(
            f"the format is {rest[0]!r}", file=path, line=line, column="fmt", expected="up to three digits 0 or 1"
        )
    has_size, has_weights, has_link_weights = (kind == "1" for kind in kinds)
    weights = (int(rest[1]) if len(rest) > 1 else 1) if has_weights else 0
    return int(has_size) + weights, 2 if has_link_weights else 1


def _source(path: Path, header: int, skipped: int, step: int, intake: Intake) -> Source:
    lines = intake.workspace.text_source(lines_of(path, keep_blank=True), path.name)
    intake.workspace.read_once(
        "metis_lines",
        f"SELECT {ROW}, row_number() OVER (ORDER BY {ROW}) AS node, "
        "regexp_split_to_array(trim(line, e' \\t\\r'), '\\s+') AS parts "
        f"FROM {lines.relation} WHERE {ROW} > {header} AND left(coalesce(line, ''), 1) <> '%'",
        lines,
    )
    relation = (
        f"(SELECT {ROW}, node, neighbour, struct_pack(node := node, neighbour := neighbour) AS {TEXT}, "
        f"CASE WHEN repetition > 1 AND number IS NOT NULL THEN 'duplicate_key' END AS {PROBLEM}, "
        f"'found neighbour ' || neighbour || ' again, expected each one once' AS {DETAIL} FROM (SELECT *, "
        "row_number() OVER (PARTITION BY node, number ORDER BY position) AS repetition FROM "
        "(SELECT *, TRY_CAST(neighbour AS BIGINT) AS number FROM "
        "(SELECT *, unnest(parts) AS neighbour, generate_subscripts(parts, 1) AS position FROM metis_lines "
        f"WHERE parts <> ['']) WHERE position > {skipped} AND (position - {skipped + 1}) % {step} = 0 "
        "AND neighbour <> '')))"
    )
    return Source(path.name, relation, {})


def _known_neighbour(nodes: int) -> Rule:
    return Rule(
        f"followee_id NOT BETWEEN 1 AND {nodes}",
        "out_of_range",
        "followee_id",
        f"'found neighbour ' || followee_id || ', expected 1 to {nodes}'",
    )


def _refuse_wrong_line_count(path: Path, nodes: int, intake: Intake) -> None:
    """Blank lines at the end are no nodes; others are nodes without links."""
    found = intake.workspace.execute("SELECT count(*), max(node) FILTER (WHERE parts <> ['']) FROM metis_lines")[0]
    if found[0] < nodes or (found[1] or 0) > nodes:
        raise ImportFailure(
            f"there are {found[0]} lines after the header",
            file=path,
            expected=f"{nodes} lines, one per node",
            remedy="Get the file again; lines without any neighbour must not be left out.",
        )


FORMAT = Format(
    name="metis",
    help="An undirected graph in METIS format.",
    expects="a METIS .graph file; importing it states consent for all users",
    read=read,
)
