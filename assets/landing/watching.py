"""What lies in the landing folder, told apart by names, sizes and modification times only."""

import hashlib
import os
from pathlib import Path


def landing_fingerprint(landing: Path) -> str:
    """Digest of every file below the landing folder; empty while there is none.

    Hidden files and files that end in ``.tmp`` or ``.part`` are taken for unfinished and left out.
    """
    digest = hashlib.sha256()
    files = 0
    for folder, subfolders, names in os.walk(landing):
        subfolders[:] = sorted(name for name in subfolders if not _is_unfinished(name))
        for name in sorted(name for name in names if not _is_unfinished(name)):
            status = os.stat(os.path.join(folder, name))
            digest.update(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}\n".encode())
            files += 1
    return digest.hexdigest()[:16] if files else ""


def source_folders(landing: Path) -> list[Path]:
    """Folders of the sources that have landed, sorted by name."""
    if not landing.is_dir():
        return []
    return sorted(path for path in landing.iterdir() if path.is_dir() and not _is_unfinished(path.name))


def _is_unfinished(name: str) -> bool:
    return name.startswith(".") or name.endswith((".tmp", ".part"))
