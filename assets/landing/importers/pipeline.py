"""From a path to the zone ``landed/<source>``: the one way in for every format."""

import dataclasses
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from assets.contracts.community import USERS
from assets.contracts.lake import Lake, LakeError
from assets.contracts.landed import landed_source, source_document
from assets.contracts.provenance import code_version_of
from assets.landing.importers.casting import identifier
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import CONSENT_OF_ALL, Format, Intake, format_called
from assets.landing.importers.landing_zone import is_whole, publish, stage_everything
from assets.landing.importers.report import ImportReport, report_from_dict
from assets.landing.importers.workspace import Workspace

MEMORY_LIMIT = "512MB"
"""What DuckDB may hold; the rest spills to disk."""

_SHOWN_CHARACTERS = 200


def import_source(
    source_format: str,
    path: Path,
    *,
    name: str,
    lake: Lake,
    landing_root: Path,
    options: Any = None,
    memory_limit: str = MEMORY_LIMIT,
) -> ImportReport:
    """Read a file or folder and replace the source ``name`` in the lake with what it holds.

    Rows that break the contract go to the quarantine with their reason; an import that would land none at
    all, though files have rows or rows had landed, is refused. Nothing happens when the files
    (by name, size and modification time), the options and the code are those of the last import. Two
    imports of one source wait for one another.

    Args:
        source_format: Name of a format, see ``list_formats``.
        path: What to read.
        name: What to call the source; letters, digits, ``_``, ``.``, ``=`` and ``-``.
        lake: The lake; rows go to its zone ``landed/<name>``.
        landing_root: Folder that photo URIs are stored relative to, where images lie below it.
        options: Instance of the format's ``options``; its defaults if None.
        memory_limit: What DuckDB may hold in memory.

    Raises:
        ImportFailure: The path, the name or a file is unusable, no row can be used, or the source has another
            format; the lake is as it was.
    """
    chosen = format_called(source_format)
    if not path.exists():
        raise ImportFailure("there is nothing here", file=path, expected=chosen.expects, remedy="Check the path.")
    values = chosen.options() if options is None else options
    zone = _zone(lake, name)
    with _work_folder(lake, name) as folder:
        identity = _identity(chosen, path, values, landing_root)
        earlier = source_document(zone)
        if earlier is not None and earlier["identity"] == identity and is_whole(zone, earlier):
            return report_from_dict(name, source_format, earlier)
        _refuse_other_format(zone, name, chosen, path, earlier)
        with closing(Workspace(folder, memory_limit)) as workspace:
            intake = Intake(name, landing_root, workspace, tuple(o.name for o in chosen.option_list()))
            chosen.read(path, values, intake)
            if intake.consent == CONSENT_OF_ALL:
                _derive_users(workspace)
            _refuse_nothing(workspace, name, zone, chosen, path, earlier)
            return _land(zone, intake, chosen, identity)


def _land(zone: Lake, intake: Intake, chosen: Format, identity: dict[str, Any]) -> ImportReport:
    staged, tables = stage_everything(zone, intake.workspace, intake.name)
    report = ImportReport(intake.name, chosen.name, False, tables, tuple(intake.notes))
    document = {"identity": identity, "consent": intake.consent, "name": intake.name, **report.to_dict()}
    publish(zone, staged, document, identity["code_version"])
    return report


def _refuse_other_format(zone: Lake, name: str, chosen: Format, path: Path, earlier: dict[str, Any] | None) -> None:
    """Two files that share a name by mistake would replace one another."""
    if earlier is not None and earlier["identity"]["format"] != chosen.name:
        raise ImportFailure(
            f"the source {name!r} was imported as {earlier['identity']['format']} before, not as {chosen.name}",
            file=path,
            expected="one format per source",
            remedy=f"Choose another name, or delete {zone.location('')} if the source is to be replaced.",
        )


def _refuse_nothing(
    workspace: Workspace, name: str, zone: Lake, chosen: Format, path: Path, earlier: dict[str, Any] | None
) -> None:
    """Files without a usable row are wrong files, and no reason to lose what landed; empty ones may be meant."""
    if workspace.lands_a_row():
        return
    had_landed = 0 if earlier is None else sum(table["landed"] for table in earlier["tables"].values())
    rejections = [_rejections_of(workspace, key, name) for key in workspace.tables if workspace.rejected_counts(key)]
    if rejections or had_landed:
        problem = f"no row can be used ({'; '.join(rejections) or 'the tables are empty'})"
        if had_landed:
            problem += f", and {had_landed:,} rows of the source {name!r} would be lost"
        remedy = "Correct the files"
        remedy += f", or delete {zone.location('')} if the source is to go." if had_landed else "."
        raise ImportFailure(problem, file=path, expected=chosen.expects, remedy=remedy)


def _rejections_of(workspace: Workspace, key: str, name: str) -> str:
    """Reasons with their counts, and the first rejected row."""
    counts = ", ".join(f"{reason} {rows:,}" for reason, rows in workspace.rejected_counts(key).items())
    first = next(workspace.rejected_batches(key, name)).slice(0, 1).to_pylist()[0]
    return f"{key}: {counts}, first {first['file']} row {first['row']}: {first['detail'][:_SHOWN_CHARACTERS]}"


def _derive_users(workspace: Workspace) -> None:
    """Let every user that some accepted row names be a user, since consent is stated for all."""
    seen = [
        f"SELECT {identifier(reference.column)} AS user_id FROM ({select})"
        for table in workspace.tables.values()
        for reference in table.contract.references
        if reference.to_table == USERS.key
        for select in table.selects
    ]
    if not seen:
        return
    listed = workspace.tables.get(USERS.key)
    known = " UNION ALL ".join(f"SELECT user_id FROM ({select})" for select in listed.selects) if listed else ""
    missing = f"SELECT DISTINCT user_id FROM ({' UNION ALL '.join(seen)}) WHERE user_id IS NOT NULL"
    if known:
        missing = f"{missing} EXCEPT ({known})"
    workspace.derive(
        USERS,
        "SELECT user_id, CAST(NULL AS TIMESTAMP) AS joined_at, true AS opted_in, CAST(NULL AS BOOLEAN) AS is_pro "
        f"FROM ({missing})",
    )


def _identity(chosen: Format, path: Path, options: Any, landing_root: Path) -> dict[str, Any]:
    """Everything the outcome depends on."""
    values = {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(options).items()}
    extra = [getattr(options, f.name) for f in dataclasses.fields(options)]
    return {
        "format": chosen.name,
        "path": str(path.absolute()),
        "landing_root": str(landing_root.absolute()),
        "options": values,
        "fingerprint": _fingerprint([path, *(value for value in extra if isinstance(value, Path))]),
        "code_version": code_version_of("assets.landing.importers", "assets.contracts"),
    }


def _fingerprint(paths: list[Path]) -> str:
    """Digest of names, sizes and modification times of files, and of all files in folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in _files_in(path):
            status = file.stat()
            digest.update(f"{file.relative_to(path)} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _files_in(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield from [path] if path.exists() else []
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _zone(lake: Lake, name: str) -> Lake:
    try:
        return landed_source(lake, name)
    except LakeError as error:
        raise ImportFailure(f"a source cannot be called {name!r}: {error}") from error


@contextmanager
def _work_folder(lake: Lake, name: str) -> Iterator[Path]:
    """An empty folder that only one import of this source holds at a time.

    On a local lake it lies where the lake's ``vacuum`` looks for abandoned staging. What an import left
    that was killed is deleted by the next one.
    """
    place = lake.location(".staging")
    digest = hashlib.sha256(f"{lake.uri} {name}".encode()).hexdigest()[:8]
    parent = Path(tempfile.gettempdir()) if "://" in place else Path(place)
    parent.mkdir(parents=True, exist_ok=True)
    folder = parent / f"import-{digest}"
    with (parent / f"import-{digest}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
