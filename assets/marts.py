"""The published warehouse as the assets that are computed from it see it: read-only, a query in and Arrow out.

Slices depend on marts by name (``deps=["fct_user_beauty"]``) and are told what they read by a digest of the rows that a
query answers with, so that a build that changed none of these makes nothing again that rests on them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyarrow.dataset import Dataset


class NoMarts(RuntimeError):
    """Nothing is published that could be read; the message says what to do."""


class Marts:
    """Tables of a published warehouse. Whoever reads has it open only meanwhile, so a new copy is seen by the next one.

    Attributes:
        path: The published copy.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(
        self, query: str, parameters: Sequence[Any] = (), tables: "Mapping[str, pa.Table | Dataset] | None" = None
    ) -> pa.Table:
        """Rows of a query over marts; times are in UTC.

        Args:
            query: SQL over tables of the warehouse. Its views of the lake are for ``Lake``, which knows object storage.
            parameters: Values of the ``?`` of the query, in order.
            tables: Further tables, by the names that the query knows them by.

        Raises:
            NoMarts: Nothing is published yet.
        """
        with self._connection() as connection:
            for name, table in (tables or {}).items():
                connection.register(name, table)
            return connection.execute(query, list(parameters)).to_arrow_table()

    def fingerprint_of(self, query: str, parameters: Sequence[Any] = ()) -> str:
        """What a query answers with, whatever the order of the rows: their number and digest.

        Rows and columns that the query leaves out do not count, so what is fingerprinted should be what is read.

        Args:
            query: As for ``read``; one statement.
            parameters: As for ``read``.

        Raises:
            NoMarts: Nothing is published yet.
        """
        with self._connection() as connection:
            rows, digest = connection.execute(
                f"select count(*), sum(hash(answer)) from ({query}) as answer",  # noqa: S608
                list(parameters),
            ).fetchall()[0]
        return f"{rows}-{digest}"

    @contextmanager
    def _connection(self) -> "Iterator[DuckDBPyConnection]":
        import duckdb

        if not self.path.exists():
            raise NoMarts(f"nothing is published at {self.path} yet; make the asset `warehouse` first")
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection
