"""Files and objects below one root: atomic replacement, listing, deletion. Knows nothing of tables.

A local folder and object storage differ in three ways only, and all three are handled here: how a finished
file gets its name (rename, or one upload that is complete or nothing), how a location is written down, and
how costly one small read is.
"""

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from pyarrow import fs as pafs

STAGING = ".staging"
_CONCURRENT_READS = 16


class LakeError(RuntimeError):
    """The lake does not hold what was asked for, or its root cannot be used."""


@dataclass(frozen=True)
class StoredObject:
    """One file or object.

    Attributes:
        name: Name relative to the root.
        modified_at: When it was written last, in UTC.
    """

    name: str
    modified_at: datetime


class Storage:
    """Everything below one root.

    Args:
        uri: A folder, or an object-storage URI that ``pyarrow.fs`` understands.

    Raises:
        LakeError: The URI names no usable filesystem.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.filesystem, self._root = _open_filesystem(uri)

    @property
    def is_local(self) -> bool:
        """Whether the root is a folder of this machine."""
        return isinstance(self.filesystem, pafs.LocalFileSystem)

    def path(self, name: str) -> str:
        """Path of an object as ``filesystem`` takes it."""
        return f"{self._root}/{name}" if name else self._root

    def location(self, name: str) -> str:
        """Absolute path, or URI without options."""
        return self.path(name) if self.is_local else f"{self.uri.partition('://')[0]}://{self.path(name)}"

    def size(self, name: str) -> int | None:
        """Bytes of one object, or None if it does not exist."""
        info = self.filesystem.get_file_info(self.path(name))
        return info.size if info.type == pafs.FileType.File else None

    def modified_at(self, name: str) -> datetime | None:
        """When one object was last written, or None if it does not exist."""
        info = self.filesystem.get_file_info(self.path(name))
        return info.mtime if info.type == pafs.FileType.File else None

    def read(self, name: str) -> bytes | None:
        """Content of one object, or None if it does not exist."""
        try:
            with self.filesystem.open_input_stream(self.path(name)) as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def read_many(self, names: Sequence[str]) -> list[bytes | None]:
        """Contents in the order of the names; on object storage many requests are under way at once."""
        if self.is_local or len(names) < 2:
            return [self.read(name) for name in names]
        with ThreadPoolExecutor(min(len(names), _CONCURRENT_READS)) as pool:
            return list(pool.map(self.read, names))

    def write(self, name: str, content: bytes) -> None:
        """Write one object in one atomic step, replacing it if it exists."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "object"
            path.write_bytes(content)
            self.publish(path, name)

    def publish(self, path: Path, name: str) -> None:
        """Give a finished local file its name; readers see all of it or nothing.

        The file at ``path`` is used up where the root is local.
        """
        if self.is_local:
            self._rename_into_place(path, Path(self.path(name)))
            return
        # Arrow completes an upload when its stream is closed, also by an exception, and would publish half an
        # object. Threads other than the main one are never interrupted between opening and closing.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(self._upload, path, self.path(name)).result()

    @contextmanager
    def staging_folder(self) -> Iterator[Path]:
        """A local folder for work in progress, on the same disk as a local root."""
        base = None
        if self.is_local:
            base = Path(self.path(STAGING))
            base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def objects(self, prefix: str, *, recursive: bool = False) -> list[StoredObject]:
        """Objects below a prefix, sorted by name; a prefix without objects gives an empty list."""
        found = [
            StoredObject(info.path.removeprefix(self._root + "/"), info.mtime)
            for info in self._list(prefix, recursive)
            if info.type == pafs.FileType.File
        ]
        return sorted(found, key=lambda stored: stored.name)

    def folders(self, prefix: str) -> list[str]:
        """Last parts of the names of the folders directly below a prefix, sorted."""
        infos = self._list(prefix, recursive=False)
        return sorted(info.base_name for info in infos if info.type == pafs.FileType.Directory)

    def delete(self, name: str) -> None:
        """Delete one object; what is not there is no error."""
        try:
            self.filesystem.delete_file(self.path(name))
        except FileNotFoundError:
            return

    def _list(self, prefix: str, recursive: bool) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self.path(prefix), allow_not_found=True, recursive=recursive)
        return self.filesystem.get_file_info(selector)

    def _upload(self, path: Path, target: str) -> None:
        # Mapped before the upload begins: a file that cannot be read publishes nothing. A part that the server
        # refuses makes `write` or `close` raise, and the upload is then never completed.
        content = pa.memory_map(str(path)).read_buffer() if path.stat().st_size else b""
        stream = self.filesystem.open_output_stream(target)
        stream.write(content)
        stream.close()

    def _rename_into_place(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.stat().st_dev != target.parent.stat().st_dev:
            staging = Path(self.path(STAGING))
            staging.mkdir(parents=True, exist_ok=True)
            path = Path(shutil.copyfile(path, staging / uuid.uuid4().hex))
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        path.replace(target)
        _fsync_folder(target.parent)


def shown(uri: str) -> str:
    """A URI as logs may show it.

    >>> shown("s3://key:secret@bucket/lake?region=eu-west-1")
    's3://bucket/lake?region=eu-west-1'
    """
    return re.sub(r"(?<=://)[^/@]*@", "", uri)


def _open_filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).expanduser().absolute())
    try:
        filesystem, root = pafs.FileSystem.from_uri(_with_single_put(uri))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise LakeError(f"cannot open the lake {shown(uri)!r}: {error}; use a folder or s3://bucket/prefix") from error
    if not root:
        raise LakeError(f"cannot open the lake {shown(uri)!r}: it names no bucket; use a folder or s3://bucket/prefix")
    return filesystem, root.rstrip("/")


def _with_single_put(uri: str) -> str:
    """Let small objects travel in one request instead of the three of a multipart upload."""
    if not uri.startswith("s3://") or "allow_delayed_open" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}allow_delayed_open=true"


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
