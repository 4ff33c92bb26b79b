"""Which files of a canonical folder are which table, and what is left aside: told from names alone.

Nothing that might be a table is left aside: what looks like one and cannot be read is refused, because an import
without it would take away what had landed of it. Hidden files are the way to keep something out.
"""

import difflib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.landing.file_names import is_image, is_unfinished
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import landing_tables
from assets.landing.importers.table_files import SUFFIXES

COMMUNITY_FILE = "community.toml"

_IMAGES = "images"
_SHARDS = (".tar", ".parquet")
_TABLE_ENDINGS = frozenset({"csv", "tsv", "parquet"})
_TEXT_ENDINGS = frozenset({"dat", "json", "jsonl", "ndjson", "psv", "sql", "tab", "txt"})
_BINARY_ENDINGS = frozenset({"arrow", "avro", "db", "feather", "ods", "orc", "sqlite", "xls", "xlsx"})
_PACKED_ENDINGS = frozenset({"7z", "bz2", "gz", "lz4", "lzma", "rar", "tar", "tgz", "xz", "zip", "zst"})
_DATA_ENDINGS = _TABLE_ENDINGS | _TEXT_ENDINGS | _BINARY_ENDINGS | _PACKED_ENDINGS
_LIKENESS = 0.8
_HIDING = "put a dot before its name to have it ignored"


@dataclass(frozen=True)
class FolderLayout:
    """The files of a canonical folder.

    Attributes:
        tables: Table -> its files, in the order of their names.
        ignored: What is no table, below the folder; hidden files, single images and the folder of images are not told.
    """

    tables: dict[str, list[Path]]
    ignored: list[str]


def lay_out(path: Path) -> FolderLayout:
    """Tell the files of a canonical folder apart.

    Raises:
        ImportFailure: Something looks like a table and cannot be read as one, or a table is there twice.
    """
    layout = FolderLayout({}, [])
    for entry in sorted(path.iterdir()):
        if entry.name.startswith(".") or entry.name == COMMUNITY_FILE or _holds_images(entry):
            continue
        files = [] if is_unfinished(entry.name) else _files_of_table(entry, layout.ignored)
        if not files:
            layout.ignored.extend([] if is_image(entry.name) else [entry.name])
            continue
        key = _key_of(entry)
        if key in layout.tables:
            raise ImportFailure(f"the table {key} is here twice", file=entry, expected="one file or folder per table")
        layout.tables[key] = files
    return layout


def _files_of_table(entry: Path, ignored: list[str]) -> list[Path]:
    """Files of the table that an entry is; empty if it is none."""
    return _files_below(entry, ignored) if entry.is_dir() else _file_itself(entry)


def _file_itself(entry: Path) -> list[Path]:
    key, known = _key_of(entry), landing_tables()
    if is_readable(entry.name):
        if key not in known:
            raise _no_table(entry, key)
        return [entry]
    if key.lower() in known:
        raise _unreadable(entry, key.lower())
    if key.lower() == COMMUNITY_FILE.partition(".")[0]:
        remedy = f"Rename it to {COMMUNITY_FILE}, or {_HIDING}."
        raise ImportFailure("nothing of this name is read", file=entry, expected=COMMUNITY_FILE, remedy=remedy)
    if _endings(entry.name) & _TABLE_ENDINGS:
        raise _no_table(entry, key)
    return []


def _files_below(entry: Path, ignored: list[str]) -> list[Path]:
    key = _key_of(entry)
    if key not in landing_tables():
        _refuse_misnamed(entry, key)
        return []
    files = []
    for file in _visible_files(entry):
        if is_readable(file.name) and not is_unfinished(file.name):
            files.append(file)
        elif not is_unfinished(file.name) and _endings(file.name) & _DATA_ENDINGS:
            raise _unreadable(file, key)
        else:
            ignored.append(str(file.relative_to(entry.parent)))
    return sorted(files)


def is_readable(name: str) -> bool:
    """Whether a file can be read as a table, by its ending in any case.

    >>> is_readable("users.CSV"), is_readable("users.csv.gz"), is_readable("users.csv.xz")
    (True, True, False)
    """
    return name.lower().endswith(SUFFIXES)


def _refuse_misnamed(entry: Path, key: str) -> None:
    """A folder whose name is nearly that of a table, and that holds tables, is one that somebody misspelt."""
    near = difflib.get_close_matches(key.lower(), landing_tables(), n=1, cutoff=_LIKENESS)
    if near and any(_endings(file.name) & _TABLE_ENDINGS for file in _visible_files(entry)):
        raise _no_table(entry, key, f"Did you mean {near[0]!r}? ")


def _no_table(entry: Path, key: str, guess: str = "") -> ImportFailure:
    expected = f"one of {', '.join(landing_tables())}"
    return ImportFailure(
        f"{key!r} is no table", file=entry, expected=expected, remedy=f"{guess}Rename it, or {_HIDING}."
    )


def _unreadable(file: Path, key: str) -> ImportFailure:
    return ImportFailure(
        f"this looks like the table {key}, but cannot be read as one",
        file=file,
        expected=f"a name that ends in {', '.join(SUFFIXES)}",
        remedy=f"Write it as CSV or Parquet, or {_HIDING}.",
    )


def _visible_files(folder: Path) -> Iterator[Path]:
    """Files at any depth but hidden ones; folders that are links or unfinished are not entered, and count as files."""
    for place, subfolders, names in os.walk(folder):
        shut = [name for name in subfolders if is_unfinished(name) or os.path.islink(os.path.join(place, name))]
        subfolders[:] = sorted(set(subfolders) - set(shut))
        yield from (Path(place, name) for name in sorted([*names, *shut]) if not name.startswith("."))


def _holds_images(entry: Path) -> bool:
    """Whether photos may have their images here: ``images/``, ``images.tar``, ``images-2013/``, ``images2.parquet``."""
    return entry.name.startswith(_IMAGES) and (entry.is_dir() or entry.name.lower().endswith(_SHARDS))


def _key_of(entry: Path) -> str:
    return entry.name.partition(".")[0]


def _endings(name: str) -> set[str]:
    return set(name.lower().split(".")[1:])
