"""From a path to the zone ``landed/<source>``: the one way in for every format."""

import dataclasses
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from assets.contracts.lake import Lake, LakeError
from assets.contracts.landed import landed_source, source_document
from assets.contracts.provenance import code_version_of
from assets.contracts.wording import counted
from assets.landing.importers.casting import EARLIEST
from assets.landing.importers.consent import derive_users, honour_refusals
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import CONSENT_OF_ALL, Format, Intake, format_called
from assets.landing.importers.landing_zone import is_whole, publish, stage_everything
from assets.landing.importers.report import ImportReport, report_from_dict
from assets.landing.importers.workspace import Workspace

MEMORY_LIMIT = "512MB"
"""What DuckDB may hold; the rest spills to disk."""

GRACE = timedelta(days=1)
"""How far an event may lie after the delivery: times without a zone are taken for UTC, and clocks differ."""

_CODE = ("assets.landing.importers", "assets.landing.file_names", "assets.contracts")
_SHOWN_CHARACTERS = 300


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
    all, though files have rows or rows had landed, is refused. Events more than a day after the delivery are
    rejected. The delivery is the newest modification time of the files, so that the same files give the same rows on
    any day; where that is before 1990 or ahead, it is the first import of these files. Nothing happens when the files
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
        survey = _survey([path, *_paths_in(values)])
        identity = _identity(chosen, path, values, landing_root, survey.fingerprint)
        earlier = source_document(zone)
        if earlier is not None and earlier["identity"] == identity and is_whole(zone, earlier):
            return report_from_dict(name, source_format, earlier)
        _refuse_other_format(zone, name, chosen, path, earlier)
        delivered_at = _delivered_at(survey, earlier)
        with closing(Workspace(folder, memory_limit, delivered_at + GRACE)) as workspace:
            intake = Intake(name, landing_root, workspace, tuple(o.name for o in chosen.option_list()))
            chosen.read(path, values, intake)
            _refuse_nothing(workspace, name, zone, chosen, path, earlier)
            if intake.consent == CONSENT_OF_ALL:
                derive_users(workspace)
            honour_refusals(intake)
            return _land(zone, intake, chosen, identity, delivered_at)


def _land(zone: Lake, intake: Intake, chosen: Format, identity: dict[str, Any], delivered_at: datetime) -> ImportReport:
    staged, tables = stage_everything(zone, intake.workspace, intake.name)
    report = ImportReport(intake.name, chosen.name, False, tables, tuple(intake.notes), tuple(intake.warnings))
    document = {
        "identity": identity,
        "delivered_at": delivered_at.isoformat(),
        "consent": intake.consent,
        "name": intake.name,
        **report.to_dict(),
    }
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
            problem += f", and {counted(had_landed, 'row')} of the source {name!r} would be lost"
        remedy = "Correct the files"
        remedy += f", or delete {zone.location('')} if the source is to go." if had_landed else "."
        raise ImportFailure(problem, file=path, expected=chosen.expects, remedy=remedy)


def _rejections_of(workspace: Workspace, key: str, name: str) -> str:
    """Reasons with their counts, and the first rejected row."""
    counts = ", ".join(f"{reason} {rows:,}" for reason, rows in workspace.rejected_counts(key).items())
    first = next(workspace.rejected_batches(key, name)).slice(0, 1).to_pylist()[0]
    return f"{key}: {counts}, first {first['file']} row {first['row']}: {first['detail'][:_SHOWN_CHARACTERS]}"


@dataclasses.dataclass(frozen=True)
class _Survey:
    """What is known of files without opening them.

    Attributes:
        fingerprint: Digest of names, sizes and modification times.
        newest: The last modification, in seconds since 1970.
    """

    fingerprint: str
    newest: float


def _delivered_at(survey: _Survey, earlier: dict[str, Any] | None) -> datetime:
    """When the files were last modified; where that is no time at which anybody delivers, when they first came in."""
    now = datetime.now(UTC)
    if datetime.fromisoformat(f"{EARLIEST}T00:00:00+00:00").timestamp() <= survey.newest <= now.timestamp():
        return datetime.fromtimestamp(survey.newest, UTC)
    if earlier is not None and earlier["identity"]["fingerprint"] == survey.fingerprint and "delivered_at" in earlier:
        return datetime.fromisoformat(earlier["delivered_at"])
    return now


def _paths_in(options: Any) -> list[Path]:
    values = [getattr(options, field.name) for field in dataclasses.fields(options)]
    return [value for value in values if isinstance(value, Path)]


def _identity(chosen: Format, path: Path, options: Any, landing_root: Path, fingerprint: str) -> dict[str, Any]:
    """Everything the outcome depends on."""
    values = {name: str(v) if isinstance(v, Path) else v for name, v in dataclasses.asdict(options).items()}
    return {
        "format": chosen.name,
        "path": str(path.absolute()),
        "landing_root": str(landing_root.absolute()),
        "options": values,
        "fingerprint": fingerprint,
        "code_version": code_version_of(*_CODE),
    }


def _survey(paths: list[Path]) -> _Survey:
    """Look at files, and at all files in folders.

    Raises:
        ImportFailure: A file or folder may not be looked at, or is a link to nowhere.
    """
    digest, newest = hashlib.sha256(), 0.0
    try:
        for path in paths:
            for file in _files_in(path):
                status = file.stat()
                newest = max(newest, status.st_mtime)
                digest.update(f"{file.relative_to(path)} {status.st_size} {status.st_mtime_ns}\n".encode())
    except OSError as error:
        raise ImportFailure(
            f"cannot be looked at: {error.strerror}", file=error.filename, remedy="Correct it, or take it away."
        ) from error
    return _Survey(digest.hexdigest()[:16], newest)


def _files_in(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield from [path] if path.exists() else []
        return
    for folder, subfolders, names in os.walk(path, onerror=_raise):
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _raise(error: OSError) -> None:
    raise error


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
