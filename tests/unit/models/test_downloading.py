import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from models import downloading
from models.downloading import DownloadError, fetch

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000).astype(np.uint8).tobytes()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves ``CONTENT``.

    Attributes:
        ranges: The Range header of each request, None without one.
        cut_after: Bytes after which the connection is closed, one entry per request; then it stays open.
        knows_ranges: Whether it sends parts.
        status: Answer to everything, if not 0.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.ranges: list[str | None] = []
        self.cut_after: list[int] = []
        self.knows_ranges = True
        self.status = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.server.status:
            self.send_error(self.server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.knows_ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        cut = self.server.cut_after.pop(0) if self.server.cut_after else len(CONTENT)
        self.wfile.write(CONTENT[start : start + cut])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@contextmanager
def serving() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, args=(0.05,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.part"))


def test_fetch_downloads_once_and_leaves_nothing_else(server, tmp_path):
    seen = []
    target = tmp_path / "deep" / "w.bin"
    for _ in range(2):
        assert (
            fetch(server.url, target, SHA256, progress=lambda received, total: seen.append((received, total))) == target
        )
    assert target.read_bytes() == CONTENT
    assert server.ranges == [None]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert list(target.parent.iterdir()) == [target]


def test_fetch_goes_on_where_the_connection_was_cut(server, tmp_path):
    server.cut_after = [100_000, 50_000]
    fetch(server.url, tmp_path / "w.bin", SHA256)
    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]


def test_fetch_gives_up_keeps_what_came_and_goes_on_next_time(server, tmp_path):
    server.cut_after = [100_000] + [0] * downloading._ATTEMPTS
    with pytest.raises(DownloadError, match="broke off 5 times in a row .*; 100,000 bytes are kept, the same command"):
        fetch(server.url, tmp_path / "w.bin", SHA256)
    assert not (tmp_path / "w.bin").exists()
    assert parts(tmp_path)[0].read_bytes() == CONTENT[:100_000]
    server.ranges.clear()
    fetch(server.url, tmp_path / "w.bin", SHA256)
    assert server.ranges == ["bytes=100000-"]
    assert (tmp_path / "w.bin").read_bytes() == CONTENT


def test_fetch_starts_anew_where_the_server_knows_no_ranges(server, tmp_path):
    server.knows_ranges = False
    server.cut_after = [100_000]
    fetch(server.url, tmp_path / "w.bin", SHA256)
    assert server.ranges == [None, "bytes=100000-"]
    assert (tmp_path / "w.bin").read_bytes() == CONTENT


def test_fetch_finishes_a_download_that_was_complete_but_not_renamed(server, tmp_path):
    (tmp_path / f".w.bin.{SHA256[:12]}.part").write_bytes(CONTENT)
    fetch(server.url, tmp_path / "w.bin", SHA256)
    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    assert parts(tmp_path) == []


def test_fetch_keeps_nothing_of_a_file_with_another_hash(server, tmp_path):
    wrong = "0" * 64
    with pytest.raises(DownloadError, match=f"nothing was kept; expected sha256 {wrong}, found {SHA256}"):
        fetch(server.url, tmp_path / "w.bin", wrong)
    assert list(tmp_path.iterdir()) == []


def test_fetch_keeps_nothing_of_a_file_that_is_refused(server, tmp_path):
    def refuse(file: Path) -> None:
        assert file.read_bytes() == CONTENT
        raise ValueError("it bites")

    with pytest.raises(ValueError, match="it bites"):
        fetch(server.url, tmp_path / "w.bin", SHA256, inspect=refuse)
    assert list(tmp_path.iterdir()) == []


def test_fetch_leaves_a_file_that_is_there_with_another_hash(server, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="is there already with another hash; delete it"):
        fetch(server.url, tmp_path / "w.bin", SHA256)
    assert (tmp_path / "w.bin").read_bytes() == b"mine"
    assert server.ranges == []


def test_fetch_says_what_the_server_answered(server, tmp_path):
    server.status = 404
    with pytest.raises(DownloadError, match="answered 404 Not Found"):
        fetch(server.url, tmp_path / "w.bin", SHA256)
    assert len(server.ranges) == 1


def test_fetch_says_that_nobody_answers(tmp_path):
    with serving() as gone:
        url = gone.url
    with pytest.raises(DownloadError, match="broke off 5 times in a row .*refused"):
        fetch(url, tmp_path / "w.bin", SHA256)


def test_fetch_reads_files_and_nothing_but_known_schemes(tmp_path):
    (tmp_path / "source").write_bytes(CONTENT)
    fetch((tmp_path / "source").as_uri(), tmp_path / "w.bin", SHA256.upper())
    assert (tmp_path / "w.bin").read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="is no https, http or file address"):
        fetch("ftp://127.0.0.1/w", tmp_path / "x.bin", SHA256)


def test_fetch_waits_for_no_other_process(server, tmp_path):
    with (
        downloading._alone(tmp_path / f".w.bin.{SHA256[:12]}.part"),
        pytest.raises(DownloadError, match="is being downloaded by another process"),
    ):
        fetch(server.url, tmp_path / "w.bin", SHA256)
