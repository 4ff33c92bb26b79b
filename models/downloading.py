"""One file over HTTP or from disk: streamed to a temporary name, resumed, verified, then renamed."""

import fcntl
import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

_CHUNK = 2**20
_ATTEMPTS = 5
_TIMEOUT_S = 60.0
_RANGE_NOT_SATISFIABLE = 416

Progress = Callable[[int, int | None], None]
"""Called with bytes received and bytes in total, which a server need not tell."""


class DownloadError(ValueError):
    """A file that did not arrive as it should; the message says what is kept and what to do."""


class _Interrupted(Exception):
    """The connection ended before the file did."""


def fetch(
    url: str,
    target: Path,
    sha256: str,
    *,
    inspect: Callable[[Path], None] = lambda file: None,
    progress: Progress = lambda received, total: None,
) -> Path:
    """Download a file, unless it is there already.

    What arrived of an interrupted download stays beside ``target`` and the next call goes on from there, where the
    server can send a part (RFC 9110, Range). What has the wrong hash or does not pass ``inspect`` is deleted.

    Args:
        url: ``https``, ``http`` or ``file``.
        target: Where the file goes; it appears under this name only when it is complete and verified.
        sha256: Hexadecimal hash that it must have.
        inspect: Looks at the verified file before it gets its name; raises to refuse it.
        progress: Called as bytes arrive.

    Returns:
        ``target``.

    Raises:
        DownloadError: The address cannot be read, the connection broke too often, or the hash is wrong.
    """
    if urlsplit(url).scheme not in ("https", "http", "file"):
        raise DownloadError(f"{url} is no https, http or file address")
    if target.exists():
        _verify(target, sha256, f"{target} is there already with another hash; delete it to download it again")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{sha256[:12]}.part")
    with _alone(part):
        _receive_all(url, part, progress)
        try:
            _verify(part, sha256, f"{url} gave a file with another hash; nothing was kept")
            inspect(part)
        except ValueError:
            part.unlink()
            raise
        part.replace(target)
    return target


@contextmanager
def _alone(part: Path) -> Iterator[None]:
    """One download of a file at a time: two would write into each other's part."""
    with part.open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DownloadError(f"{part.name} is being downloaded by another process; wait for it") from error
        yield


def _receive_all(url: str, part: Path, progress: Progress) -> None:
    """Receive until the file is complete; a try that brought nothing new counts against the limit."""
    failures, trouble = 0, ""
    while failures < _ATTEMPTS:
        before = part.stat().st_size
        try:
            _receive(url, part, progress)
        except (_Interrupted, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            trouble = str(error) or type(error).__name__
        except urllib.error.HTTPError as error:
            if error.code == _RANGE_NOT_SATISFIABLE:
                return  # There is nothing after what is here; the hash tells whether it is the file.
            raise DownloadError(f"{url} answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            trouble = str(error.reason)
        else:
            return
        failures = 0 if part.stat().st_size > before else failures + 1
    raise DownloadError(
        f"{url} broke off {_ATTEMPTS} times in a row ({trouble}); {part.stat().st_size:,} bytes are kept, "
        "the same command goes on from there"
    )


def _receive(url: str, part: Path, progress: Progress) -> None:
    have = part.stat().st_size
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (fetch lets https, http and file through)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
        resumed = (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-")
        start = have if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        with part.open("r+b") as stream:
            stream.seek(start)
            stream.truncate()
            received = _copy(response, stream, start, total, progress)
    if total is not None and received < total:
        raise _Interrupted(f"{received:,} of {total:,} bytes arrived")


def _copy(source: BinaryIO, stream: BinaryIO, start: int, total: int | None, progress: Progress) -> int:
    received = start
    while chunk := source.read(_CHUNK):
        stream.write(chunk)
        received += len(chunk)
        progress(received, total)
    return received


def _verify(file: Path, sha256: str, complaint: str) -> None:
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256.lower():
        raise DownloadError(f"{complaint}; expected sha256 {sha256}, found {found}")
