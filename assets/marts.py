"""The published warehouse as the assets that are computed from it see it: read-only, a query in and Arrow out.

Slices depend on marts by name (``deps=["fct_user_beauty"]``) and are told what they read by a digest of the rows, so
that a build that changed nothing of a mart makes nothing again that rests on it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class NoMarts(RuntimeError):
    """Nothing is published that could be read; the message says what to do."""


class Marts:
    """Tables of a published warehouse. Whoever reads has it open only meanwhile, so a new copy is seen by the next one.

    Attributes:
        path: The published copy.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, query: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a query over marts; times are in UTC.

        Args:
            query: SQL over tables of the warehouse. Its views of the lake are for ``Lake``, which knows object storage.
            parameters: Values of the ``?`` of the query, in order.

        Raises:
            NoMarts: Nothing is published yet.
        """
        with self._connection() as connection:
            return connection.execute(query, list(parameters)).to_arrow_table()

    def fingerprints(self, *tables: str) -> dict[str, str]:
        """What stands in each table, whatever the order of its rows: ``table`` -> number of rows and digest.

        Raises:
            NoMarts: Nothing is published yet.
        """
        with self._connection() as connection:
            return {
                table: "{}-{}".format(
                    *connection.execute(f'select count(*), sum(hash(t)) from "{table}" as t').fetchall()[0]  # noqa: S608
                )
                for table in tables
            }

    @contextmanager
    def _connection(self) -> "Iterator[DuckDBPyConnection]":
        import duckdb

        if not self.path.exists():
            raise NoMarts(f"nothing is published at {self.path} yet; make the asset `warehouse` first")
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute("set TimeZone = 'UTC'")
            yield connection
