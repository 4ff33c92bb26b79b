"""The layout of an edge list, read from its first lines: separator, columns, header, direction.

SNAP writes comments with ``#`` and separates by tabs or blanks, KONECT writes comments with ``%`` whose
first one says whether links are directed, others write CSV. What cannot be read from the file can be
said with an option.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assets.contracts.wording import counted
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.text_files import first_lines

SAMPLE_LINES = 2_000
BLANKS = "whitespace"
SKIPPED = "skip"
_ROLES = ("source", "target", "weight", "rating", "time", SKIPPED)
_BY_POSITION = {2: (), 4: ("weight", "time")}
_EARLIEST_TIME = 631_152_000  # 1990-01-01: weights are smaller, times are not
_NAMED = {
    "source": ("source", "src", "from", "fromnodeid", "follower", "followerid"),
    "target": ("target", "dst", "destination", "to", "tonodeid", "followee", "followeeid"),
    "weight": ("weight",),
    "rating": ("rating",),
    "time": ("time", "timestamp", "unixts", "createdat", "t"),
}
_ROLE_OF_NAME = {name: role for role, names in _NAMED.items() for name in names}


@dataclass(frozen=True)
class Layout:
    """How the lines of an edge list are to be read.

    Attributes:
        separator: ``,``, ``;`` or ``whitespace``.
        columns: Role of each field: ``source``, ``target``, ``weight``, ``rating``, ``time`` or ``skip``.
        header: Line of the header row, or None.
        undirected: Whether the file says that links have no direction.
        notes: Guesses that a person should know of.
    """

    separator: str
    columns: tuple[str, ...]
    header: int | None
    undirected: bool
    notes: tuple[str, ...]


def guess_layout(path: Path, columns: str) -> Layout:
    """Read the layout from the first lines of a file.

    Args:
        path: The edge list.
        columns: ``auto``, or roles separated by commas.

    Raises:
        ImportFailure: No line looks like a link, the network is bipartite, or the columns are unclear.
    """
    lines = first_lines(path, SAMPLE_LINES)
    comments = [line.lstrip("#% ") for line in lines if is_comment(line)]
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line.strip() and not is_comment(line)]
    kind = comments[0].split()[0] if lines[0].startswith("%") and comments[0].split() else ""
    if kind == "bip":
        raise ImportFailure(
            "this network is bipartite",
            file=path,
            line=1,
            expected="links between users",
            remedy="Write links from users to items as favorites.csv into a canonical folder.",
        )
    header, data = _split_header(path, rows)
    separator = next((s for s in ",;" if s in data[0][1]), BLANKS)
    names = _names_before(data[0][0], lines, separator)
    roles, notes = _roles(path, columns, [split_line(line, separator) for _, line in data], names, data[0][0])
    if header is not None:
        notes.append(f"line {header[0]} ({header[1].strip()!r}) was taken for a header")
    return Layout(separator, roles, None if header is None else header[0], kind == "sym", tuple(notes))


def is_comment(line: str) -> bool:
    """Whether a line is a comment.

    >>> is_comment("# FromNodeId"), is_comment("% sym"), is_comment("1 2")
    (True, True, False)
    """
    return line.startswith(("#", "%"))


def split_line(line: str, separator: str) -> list[str]:
    r"""Fields of a line.

    >>> split_line("1,2", ","), split_line(" 1\t2  3", BLANKS)
    (['1', '2'], ['1', '2', '3'])
    """
    return line.split() if separator == BLANKS else [field.strip() for field in line.split(separator)]


Line = tuple[int, str]


def _split_header(path: Path, rows: Sequence[Line]) -> tuple[Line | None, Sequence[Line]]:
    """The header row, if there is one, and the others; a row without any number is a header."""
    if not rows:
        raise ImportFailure("there is no link", file=path, expected="lines with two whole numbers")
    header = None if re.search(r"(^|[\s,;])[+-]?\d", rows[0][1]) else rows[0]
    data = rows if header is None else rows[1:]
    if not any(re.match(r"\s*\d+\s*[\s,;]\s*\d+", line) for _, line in data):
        raise ImportFailure(
            f"no line looks like a link, the first one is {rows[0][1][:80]!r}",
            file=path,
            line=rows[0][0],
            expected="lines with two whole numbers, separated by blanks, tabs, commas or semicolons",
        )
    return header, data


def _names_before(first_row: int, lines: Sequence[str], separator: str) -> list[str]:
    """Words of the line before the first row: a header or the last comment often names the columns."""
    words = split_line(lines[first_row - 2].lstrip("#% "), separator) if first_row > 1 else []
    return [re.sub(r"[^a-z]", "", word.lower()) for word in words]


def _roles(
    path: Path, columns: str, rows: Sequence[list[str]], names: Sequence[str], line: int
) -> tuple[tuple[str, ...], list[str]]:
    width = len(rows[0])
    if columns != "auto":
        return _given_roles(columns), []
    named = tuple(_ROLE_OF_NAME.get(name, SKIPPED) for name in names)
    if len(named) == width and named.count("source") == named.count("target") == 1:
        return named, [f"columns were taken from line {line - 1}: {', '.join(named)}"]
    if width == 3:
        third = "time" if all(_is_time(row[2]) for row in rows if len(row) == 3) else "weight"
        return ("source", "target", third), [f"the third column was taken for a {third}"]
    if width not in _BY_POSITION:
        raise ImportFailure(
            f"the line has {counted(width, 'column')} without a name",
            file=path,
            line=line,
            expected="2 to 4 columns",
            remedy="Say what they are with the option columns, for example columns=source,target,skip,time,skip.",
        )
    rest = _BY_POSITION[width]
    return ("source", "target", *rest), [f"the other columns were taken for {', '.join(rest)}"] if rest else []


def _given_roles(columns: str) -> tuple[str, ...]:
    roles = tuple(role.strip() for role in columns.split(","))
    unknown = [role for role in roles if role not in _ROLES]
    named = [role for role in roles if role != SKIPPED]
    if unknown or len(named) != len(set(named)) or not {"source", "target"} <= set(named):
        raise ImportFailure(
            f"the option columns is {columns!r}",
            expected=f"source and target once each, beside others of {', '.join(_ROLES)}, separated by commas",
        )
    return roles


def _is_time(text: str) -> bool:
    try:
        return float(text) >= _EARLIEST_TIME
    except ValueError:
        return False
