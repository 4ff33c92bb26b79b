"""Bytes of photos: files, members of tar shards, rows of Parquet files; on disk or on object storage.

What the bytes hold is the business of those who decode them. A photo's ``uri`` is ``file``, ``shard.tar#member`` or
``file.parquet#row`` (row from 0), relative to the media root or absolute. Readers are safe to share between threads,
and ``storage_order`` puts requests in the order in which they lie in their container, so that shards are read from
front to back.
"""

import errno
import io
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyarrow import fs as pafs

from assets.contracts.parquet_images import BrokenContainer, ParquetImages
from assets.contracts.recent import Recent

_CONTAINERS = (".tar", ".parquet")
_OPEN_CONTAINERS = 32
_ATTEMPTS = 3
_PAUSE_S = 0.5
_REMOTE_BUFFER = 1 << 20
_NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.ELOOP)

Value = TypeVar("Value")


class PhotoUnreadable(Exception):
    """A photo whose bytes cannot be had, whoever asks; the storage itself answered.

    Attributes:
        reason: ``missing``, ``unreadable`` or ``unreadable_container``.
        detail: What was found, in words.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class MediaRootMissing(RuntimeError):
    """The folder of all photos is not there, as when a disk is not mounted."""


class PhotoFiles:
    """Reads the bytes of photos.

    Args:
        media_root: Folder or object-storage URI that relative photo URIs start from.
    """

    def __init__(self, media_root: str) -> None:
        self._media_root = media_root
        self._tars = Recent[str, dict[str, tuple[int, int]]](_OPEN_CONTAINERS, self._index_tar)
        self._files = Recent[str, Any](_OPEN_CONTAINERS, self._open)
        self._parquets = Recent[str, ParquetImages](_OPEN_CONTAINERS, self._open_parquet)

    def read(self, uri: str) -> bytes:
        """Bytes of one photo.

        Raises:
            PhotoUnreadable: ``missing`` if file, member or row does not exist; ``unreadable`` if it may not be
                read; ``unreadable_container`` if the tar or Parquet file around it is broken.
            MediaRootMissing: The folder that relative photo URIs start from is not there; no photo is to blame.
            OSError: The storage failed three times in a row; this is no fault of the photo.
        """
        container, inner = split_uri(uri)
        try:
            return _patiently(lambda: self._read(container, inner))
        except (FileNotFoundError, NotADirectoryError, KeyError) as error:
            self._require_media_root(uri)
            raise PhotoUnreadable("missing", f"{uri}: {_words(error)}") from error
        except (tarfile.TarError, BrokenContainer) as error:
            raise PhotoUnreadable("unreadable_container", f"{uri}: {_words(error)}") from error
        except (PermissionError, IsADirectoryError, ValueError) as error:
            raise PhotoUnreadable("unreadable", f"{uri}: {_words(error)}") from error
        except OSError as error:
            if error.errno not in _NO_SUCH_NAME:
                raise
            raise PhotoUnreadable("missing", f"{uri}: {_words(error)}") from error

    def _require_media_root(self, uri: str) -> None:
        relative = "://" not in uri and not uri.startswith("/")
        if relative and "://" not in self._media_root and not Path(self._media_root).is_dir():
            raise MediaRootMissing(
                f"the media root {self._media_root} is not there on this machine, so {uri} cannot be read; "
                "mount it, or keep photos where every node can read them"
            )

    def storage_order(self, uris: Sequence[str]) -> list[int]:
        """Positions of ``uris`` in the order of their container and their place in it.

        Photos that do not exist come in some fixed order too; reading them says what is wrong.
        """
        return sorted(range(len(uris)), key=lambda i: (*self._place(uris[i]), i))

    def _place(self, uri: str) -> tuple[str, int]:
        container, inner = split_uri(uri)
        if not inner:
            return uri, 0
        if container.endswith(".parquet"):
            return container, int(inner) if inner.isdecimal() else 0
        try:
            return container, _patiently(lambda: self._tars.get(container)).get(inner, (0, 0))[0]
        except (OSError, ValueError, tarfile.TarError):
            return container, 0

    def _read(self, container: str, inner: str) -> bytes:
        if not inner:
            filesystem, path = self._locate(container)
            if isinstance(filesystem, pafs.LocalFileSystem):
                return Path(path).read_bytes()
            with filesystem.open_input_stream(path) as stream:
                return stream.read()
        if container.endswith(".parquet"):
            return self._parquets.get(container).read(inner)
        index = self._tars.get(container)
        if inner not in index:
            raise KeyError(f"no member {inner!r} among {len(index)} members")
        offset, size = index[inner]
        content: bytes = self._files.get(container).read_at(size, offset)
        return content

    def _locate(self, name: str) -> tuple[pafs.FileSystem, str]:
        return locate(self._media_root, name)

    def _open(self, container: str) -> Any:
        filesystem, path = self._locate(container)
        return filesystem.open_input_file(path)

    def _index_tar(self, container: str) -> dict[str, tuple[int, int]]:
        """Member -> (offset, size) from one pass over the headers."""
        buffered = io.BufferedReader(self._open(container), _REMOTE_BUFFER)
        with tarfile.open(fileobj=buffered, mode="r:") as archive:
            return {m.name.removeprefix("./"): (m.offset_data, m.size) for m in archive if m.isfile()}

    def _open_parquet(self, container: str) -> ParquetImages:
        return ParquetImages(self._open(container))


def split_uri(uri: str) -> tuple[str, str]:
    """Container and what is inside it; a ``#`` in the name of a plain file stays part of the name.

    >>> split_uri("a/2013-04.tar#12.jpg"), split_uri("a/odd#name.jpg")
    (('a/2013-04.tar', '12.jpg'), ('a/odd#name.jpg', ''))
    """
    for suffix in _CONTAINERS:
        head, separator, inner = uri.partition(f"{suffix}#")
        if separator:
            return head + suffix, inner
    return uri, ""


def locate(media_root: str, name: str) -> tuple[pafs.FileSystem, str]:
    """Filesystem and path of a file that is absolute, a URI, or relative to the media root."""
    if "://" in name:
        filesystem, path = pafs.FileSystem.from_uri(name)
        return filesystem, path
    if name.startswith("/") or "://" not in media_root:
        return pafs.LocalFileSystem(), str(Path(media_root) / name)
    filesystem, root = pafs.FileSystem.from_uri(media_root)
    return filesystem, f"{root.rstrip('/')}/{name}"


def _patiently(read: Callable[[], Value]) -> Value:
    """Try again when storage fails; not when it answers that there is nothing, or nothing for us."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError, pa.ArrowInvalid):
            raise
        except OSError as error:
            if attempt == _ATTEMPTS or error.errno in _NO_SUCH_NAME:
                raise
            time.sleep(_PAUSE_S * attempt)
    raise AssertionError("unreachable")


def _words(error: Exception) -> str:
    return str(error.args[0]) if isinstance(error, KeyError) else str(error)
