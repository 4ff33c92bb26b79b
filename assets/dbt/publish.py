"""The published warehouse: a read-only copy for people, swapped in by rename after each successful build.

DuckDB lets one process write or many read, and even read-only readers fail while a writer has the file
open. People read the copy, so they never meet the writer's lock and never see half a build; whoever has
the old copy open keeps reading it.
"""

import os
import shutil
from pathlib import Path

import duckdb

from assets.contracts.settings import Settings
from assets.dbt.object_storage import connect_storage


class PublicationFailure(RuntimeError):
    """The warehouse cannot be copied or opened; the message says what to do."""


def publish_warehouse(settings: Settings) -> Path:
    """Replace the published copy by the present warehouse, in one step.

    Raises:
        PublicationFailure: There is no warehouse, or somebody is writing to it.
    """
    if not settings.warehouse.exists():
        raise PublicationFailure(f"there is no warehouse at {settings.warehouse}; run `beautyflow materialize`")
    published = settings.published_warehouse
    published.parent.mkdir(exist_ok=True)
    staged = published.with_name(f"{published.name}.{os.getpid()}.tmp")
    try:
        _copy_consistently(settings.warehouse, staged)
        staged.replace(published)
    finally:
        staged.unlink(missing_ok=True)
    _flush(published.parent)
    return published


def connect_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the published copy, read-only, with times in UTC and access to the lake's views.

    Raises:
        PublicationFailure: Nothing was published yet.
    """
    path = settings.published_warehouse
    if not path.exists():
        raise PublicationFailure(f"nothing is published at {path} yet; run `beautyflow materialize` first")
    connection = duckdb.connect(str(path), read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    connect_storage(connection, settings)
    return connection


def _copy_consistently(source: Path, target: Path) -> None:
    # The writer's lock is held while copying, so nobody writes meanwhile; opening replays what a killed
    # writer had committed, and the checkpoint moves it from the log into the file that is copied.
    try:
        connection = duckdb.connect(str(source))
    except duckdb.IOException as error:
        raise PublicationFailure(f"{source} is in use by another writer; wait for its run to end: {error}") from error
    with connection:
        connection.execute("force checkpoint")
        shutil.copyfile(source, target)
    _flush(target)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
