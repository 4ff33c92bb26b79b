"""What must hold before a command starts, answered at once: nothing here loads Dagster or writes a byte."""

import re

from assets.contracts.lake import Lake
from assets.contracts.landed import LANDED
from assets.contracts.settings import Settings
from assets.contracts.table import UNDATED
from assets.landing.watching import source_folders

RUNNABLE_JOBS = ("build_community", "nightly_increment", "evaluate_beauty")
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
