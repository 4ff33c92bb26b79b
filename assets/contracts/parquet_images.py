"""Images in the rows of Parquet files, and who is to blame where they cannot be read: the file or its storage.

Arrow raises a plain ``OSError`` for both a lost connection and a page that does not decompress. So the bytes come
through a file that remembers whether the storage failed; every other error is the content's.
"""

import io
from collections.abc import Callable
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from assets.contracts.recent import Recent

IMAGE_COLUMNS = ("image", "content", "bytes", "image_bytes", "jpg")
"""Columns of a Parquet file in which images are looked for, before any other binary column."""

_CACHED_ROW_GROUPS = 4

Value = TypeVar("Value")


class BrokenContainer(Exception):
    """The bytes of a file arrived, and are no Parquet."""


class ParquetImages:
    """Images in the rows of one Parquet file; whole row groups are read, and the last few kept.

    Args:
        file: An open file of Arrow's, seekable.

    Raises:
        BrokenContainer: It is no Parquet file.
        KeyError: It has no column of images.
        OSError: The storage failed.
    """

    def __init__(self, file: Any) -> None:
        self._storage = _Storage(file)
        self._file = self._blaming(lambda: pq.ParquetFile(pa.PythonFile(self._storage, mode="r")))
        self._column = image_column(self._blaming(lambda: self._file.schema_arrow))
        self._starts = [0]
        for group in range(self._file.num_row_groups):
            self._starts.append(self._starts[-1] + self._file.metadata.row_group(group).num_rows)
        self._groups = Recent[int, pa.ChunkedArray | str](_CACHED_ROW_GROUPS, self._load)

    def read(self, row: str) -> bytes:
        """The image in a row, counted from 0.

        Raises:
            BrokenContainer: The row group cannot be decoded.
            KeyError: There is no such row, or it holds no image.
            OSError: The storage failed.
        """
        if not row.isdecimal() or int(row) >= self._starts[-1]:
            raise KeyError(f"no row {row!r} among {self._starts[-1]} rows")
        group = next(g for g, start in enumerate(self._starts[1:]) if int(row) < start)
        values = self._groups.get(group)
        if isinstance(values, str):
            raise BrokenContainer(values)
        value = values[int(row) - self._starts[group]].as_py()
        content: bytes | None = value.get("bytes") if isinstance(value, dict) else value
        if content is None:
            raise KeyError(f"row {row} holds no image")
        return content

    def _load(self, group: int) -> pa.ChunkedArray | str:
        """The images, or what is wrong with them: all photos of a broken row group ask for it."""
        try:
            return self._blaming(lambda: self._decoded(group))
        except BrokenContainer as error:
            return f"row group {group}: {error}"

    def _decoded(self, group: int) -> pa.ChunkedArray:
        images = self._file.read_row_group(group, columns=[self._column]).column(self._column)
        if len(images) != self._starts[group + 1] - self._starts[group]:
            raise ValueError(f"{len(images)} rows, {self._starts[group + 1] - self._starts[group]} promised")
        images.validate(full=True)
        return images

    def _blaming(self, read: Callable[[], Value]) -> Value:
        self._storage.failure = None
        try:
            return read()
        except (OSError, ValueError, NotImplementedError) as error:
            if self._storage.failure is not None:
                raise self._storage.failure from error
            raise BrokenContainer(str(error)) from error


class _Storage(io.RawIOBase):
    """A file of Arrow's that remembers the error of the storage below it."""

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        return self._answer(lambda: self._file.read(None if size is None or size < 0 else size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._answer(lambda: self._file.seek(offset, whence))

    def tell(self) -> int:
        return self._answer(lambda: self._file.tell())

    def _answer(self, ask: Callable[[], Value]) -> Value:
        try:
            return ask()
        except OSError as error:
            self.failure = error
            raise


def image_column(schema: pa.Schema) -> str:
    """Name of the column that holds images.

    Raises:
        KeyError: None, or several, could be it.
    """
    for name in IMAGE_COLUMNS:
        if name in schema.names:
            return name
    binary = [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
    if len(binary) != 1:
        raise KeyError(f"no image column; name one of {IMAGE_COLUMNS} among {schema.names}")
    return binary[0]
