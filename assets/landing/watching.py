"""What lies in the landing folder, told apart by names, sizes and modification times only.

The landing sensor looks every minute, and a folder may hold millions of images, so single images are not looked at: the
modification time of their folder tells that one came, went or was replaced. A folder is listed again only when its
modification time has changed; everything else in it, such as tables and shards of images, is looked at each time.

What this cannot see: an image whose bytes change in place, and an image that is still being copied when its folder has
been at rest from one look to the next. An import compares every file, so the next one takes such a change in.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assets.landing.file_names import is_image, is_unfinished

_SETTLED_NS = 2_000_000_000
"""A folder that changed less than this before it was listed may change again within one tick of its clock."""


@dataclass(frozen=True)
class _Listing:
    """Entries of one folder, without unfinished ones.

    Attributes:
        modified_ns: Modification time of the folder.
        is_settled: Whether the folder had been at rest when it was listed, so that an equal time means equal entries.
        subfolders: Its folders, sorted.
        watched: Its files that are looked at one by one, sorted.
        images: How many single images it holds.
    """

    modified_ns: int
    is_settled: bool
    subfolders: tuple[str, ...]
    watched: tuple[str, ...]
    images: int


_LISTINGS: dict[str, dict[str, _Listing]] = {}
"""Landing folder -> folders below it as they were listed last, for as long as this process lives."""


def landing_fingerprint(landing: Path) -> str:
    """Digest of what lies below the landing folder; empty while there is no file.

    Hidden files and files that end in ``.tmp`` or ``.part`` are taken for unfinished and left out. What a process
    remembers of earlier looks saves time and changes no digest.
    """
    digest = hashlib.sha256()
    files = 0
    known = _LISTINGS.get(str(landing), {})
    found: dict[str, _Listing] = {}
    for folder, listing in _listings(str(landing), known):
        found[folder] = listing
        files += len(listing.watched) + listing.images
        if listing.images:
            digest.update(f"{folder} {listing.images} {listing.modified_ns}\n".encode())
        for name in listing.watched:
            digest.update(f"{folder}/{name} {_size_and_time(os.path.join(folder, name))}\n".encode())
    _LISTINGS[str(landing)] = found
    return digest.hexdigest()[:16] if files else ""


def source_folders(landing: Path) -> list[Path]:
    """Folders of the sources that have landed, sorted by name."""
    if not landing.is_dir():
        return []
    return sorted(path for path in landing.iterdir() if path.is_dir() and not is_unfinished(path.name))


def _listings(folder: str, known: dict[str, _Listing]) -> Iterator[tuple[str, _Listing]]:
    """A folder and all below it, top down."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        try:
            listing = _listed(folder, known.get(folder))
        except (FileNotFoundError, NotADirectoryError):  # It went while the others were looked at, or never was.
            continue
        yield folder, listing
        waiting += [os.path.join(folder, name) for name in reversed(listing.subfolders)]


def _listed(folder: str, known: _Listing | None) -> _Listing:
    """The entries of a folder, from the last look where it has not changed since."""
    modified_ns = os.stat(folder).st_mtime_ns
    if known is not None and known.is_settled and known.modified_ns == modified_ns:
        return known
    is_settled = modified_ns < time.time_ns() - _SETTLED_NS
    subfolders, watched, images = [], [], 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_unfinished(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(entry.name)
            elif is_image(entry.name):
                images += 1
            else:
                watched.append(entry.name)
    return _Listing(modified_ns, is_settled, tuple(sorted(subfolders)), tuple(sorted(watched)), images)


def _size_and_time(path: str) -> str:
    try:
        status = os.stat(path)
    except FileNotFoundError:  # A link to nowhere, or it went while the others were looked at.
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"
