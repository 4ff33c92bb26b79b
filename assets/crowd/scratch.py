"""A DuckDB that lives for one piece of work and spills to a temporary folder instead of filling memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


@contextmanager
def scratch_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database in UTC; what does not fit in memory goes to a folder that is deleted at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="beautyflow-duckdb-") as folder,
        duckdb.connect(config={"temp_directory": folder}) as connection,
    ):
        connection.execute("set TimeZone = 'UTC'")
        yield connection
