"""What must hold before a command starts, answered at once: nothing here loads Dagster or leaves anything behind."""

import os
import re
import socket
import tempfile
from collections.abc import Collection
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.landed import LANDED
from assets.contracts.settings import Settings
from assets.contracts.table import UNDATED
from assets.landing.watching import source_folders

RUNNABLE_JOBS = ("build_community", "nightly_increment", "evaluate_beauty", "pretrain_objects")
"""Jobs that a person may choose; their names are repeated here because asking Dagster for them takes seconds."""

_MONTH = rf"(?:\d{{4}}-(?:0[1-9]|1[0-2])|{UNDATED})"
_SPAN = re.compile(rf"(?P<first>{_MONTH})(?:\.\.(?P<last>{_MONTH}))?")


def require_community(settings: Settings) -> None:
    """Refuse a home folder that does not exist; a lake that lies elsewhere is a community without one.

    Raises:
        ValueError: There is no community.
    """
    if not settings.home.is_dir() and settings.lake_uri == str(settings.home / "lake"):
        raise ValueError(
            f"there is no community in {settings.home}; run `beautyflow simulate` or `beautyflow import`, "
            "or name another folder with --home"
        )


def require_writable(settings: Settings) -> None:
    """Refuse a home folder, or a lake in a folder elsewhere, that can be neither made nor written.

    Raises:
        ValueError: Something that is no folder stands there, or the system does not let us write.
    """
    _try_to_write(settings.home, "name another folder with --home")
    if "://" not in settings.lake_uri:
        _try_to_write(Path(settings.lake_uri), "name another folder with BEAUTYFLOW_LAKE or --home")


def _try_to_write(folder: Path, remedy: str) -> None:
    nearest = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not nearest.is_dir():
        raise ValueError(f"{folder} cannot be written: {nearest} is no folder; {remedy}")
    try:
        # By trial, because permissions do not tell of a file system that takes nothing.
        tempfile.TemporaryDirectory(prefix=".trial-", dir=nearest).cleanup()
    except OSError as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}; {remedy}, or allow it") from error


def require_port(port: int) -> None:
    """Refuse a port on which something listens already, on this machine alone or for everybody, or that is not ours.

    Raises:
        ValueError: The port cannot be opened.
    """
    for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 (closed again at once)
        with socket.socket() as trial:
            # Connections of a server that has just ended do not count, as they do not for the server itself.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((address, port))
            except OSError as error:
                raise ValueError(
                    f"port {port} cannot be opened: {error.strerror}; choose another with --port"
                ) from error


def require_runnable(settings: Settings, months: str, job: str, accept_volume: Collection[str]) -> None:
    """Refuse what can be seen to be impossible before Dagster is loaded, which takes seconds.

    Raises:
        ValueError: There is no such job, a month is no month, or nothing has landed.
    """
    require_job(job)
    for asked in (months, *accept_volume):
        if asked:
            asked_span(asked)
    require_landed(settings)


def require_landed(settings: Settings) -> None:
    """Refuse a community to which nothing was brought.

    Raises:
        ValueError: No folder waits for its intake, and no source was taken in.
    """
    if not source_folders(settings.landing) and not Lake(settings.lake_uri).zones(LANDED):
        raise ValueError("nothing has landed; run `beautyflow simulate` or `beautyflow import` first")


def require_job(job: str) -> None:
    """Refuse a job that people do not run by hand.

    Raises:
        ValueError: The name is none of ``RUNNABLE_JOBS``.
    """
    if job not in RUNNABLE_JOBS:
        raise ValueError(f"there is no job {job!r}; choose one of {', '.join(RUNNABLE_JOBS)}")


def asked_span(wanted: str) -> tuple[str, str]:
    """First and last month of what a person wrote.

    >>> asked_span("2016-01..2016-03"), asked_span("2016-01")
    (('2016-01', '2016-03'), ('2016-01', '2016-01'))

    Raises:
        ValueError: It is no month and no range of months, or the range ends before it begins.
    """
    found = _SPAN.fullmatch(wanted)
    if found is None:
        raise ValueError(f"{wanted!r} names no months; months are YYYY-MM or YYYY-MM..YYYY-MM, or {UNDATED}")
    first, last = found["first"], found["last"] or found["first"]
    if last < first:
        raise ValueError(f"{wanted!r}: the range ends before it begins")
    return first, last
