import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs as pafs

from assets.contracts import photo_files
from assets.contracts.photo_files import MediaRootMissing, PhotoFiles, PhotoUnreadable, locate, split_uri


@pytest.fixture
def media(tmp_path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a#1.jpg").write_bytes(b"plain")
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for number in range(20):
            member = tarfile.TarInfo(f"{19 - number}.jpg")
            member.size = 600 + number
            archive.addfile(member, io.BytesIO(bytes([number]) * member.size))
    images = pa.table({"name": ["x"] * 5, "image": pa.array([b"0", b"1", None, b"3", b"4"], pa.binary())})
    pq.write_table(images, tmp_path / "images.parquet", row_group_size=2)
    nested = pa.array([{"bytes": b"nested", "path": "p"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    pq.write_table(pa.table({"image": nested}), tmp_path / "nested.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("files/a#1.jpg", b"plain"),
        ("shard.tar#19.jpg", bytes(600)),
        ("shard.tar#0.jpg", bytes([19]) * 619),
        ("images.parquet#0", b"0"),
        ("images.parquet#4", b"4"),
        ("nested.parquet#0", b"nested"),
    ],
)
def test_read_finds_every_form(media, uri, content):
    assert PhotoFiles(str(media)).read(uri) == content
    assert PhotoFiles("/nowhere").read(str(media / uri)) == content


@pytest.mark.parametrize(
    ("uri", "detail"),
    [
        ("files/none.jpg", "No such file"),
        ("files/a#1.jpg/deeper", "Not a directory"),
        ("none.tar#1.jpg", "No such file|none.tar"),
        ("shard.tar#77.jpg", "no member '77.jpg' among 20 members"),
        ("images.parquet#5", "no row '5' among 5 rows"),
        ("images.parquet#x", "no row 'x'"),
        ("images.parquet#2", "row 2 holds no image"),
    ],
)
def test_read_says_what_is_missing(media, uri, detail):
    with pytest.raises(PhotoUnreadable, match=detail) as caught:
        PhotoFiles(str(media)).read(uri)
    assert caught.value.reason == "missing"


@pytest.mark.parametrize(
    ("uri", "reason"), [("n" * 300, "missing"), ("a\0b.jpg", "unreadable"), ("images.parquet#²", "missing")]
)
def test_read_blames_the_photo_for_names_that_no_file_can_have(media, uri, reason):
    with pytest.raises(PhotoUnreadable) as caught:
        PhotoFiles(str(media)).read(uri)
    assert caught.value.reason == reason
    assert PhotoFiles(str(media)).storage_order([uri]) == [0]


def test_read_calls_broken_containers_unreadable(media):
    (media / "broken.tar").write_bytes(b"no tar" * 500)
    (media / "broken.parquet").write_bytes(b"no parquet")
    for uri in ("broken.tar#1", "broken.parquet#1"):
        with pytest.raises(PhotoUnreadable) as caught:
            PhotoFiles(str(media)).read(uri)
        assert caught.value.reason == "unreadable_container"
    with pytest.raises(PhotoUnreadable) as caught:
        PhotoFiles(str(media)).read("files")
    assert caught.value.reason == "unreadable"


def write_shard(file, rows: int = 6) -> bytes:
    """Two images in each row group, in pages that are compressed; returns the bytes of the file."""
    images = pa.array([bytes([row]) * 4_000 for row in range(rows)], pa.binary())
    pq.write_table(pa.table({"image": images}), file, row_group_size=2, use_dictionary=False, compression="zstd")
    return file.read_bytes()


def read_all(source: PhotoFiles, rows: int = 6) -> list[str]:
    """For each row ``ok`` or the reason why not."""
    outcomes = []
    for row in range(rows):
        try:
            assert source.read(f"shard.parquet#{row}") == bytes([row]) * 4_000
            outcomes.append("ok")
        except PhotoUnreadable as error:
            outcomes.append(error.reason)
    return outcomes


def test_read_blames_each_photo_of_a_truncated_shard(tmp_path):
    content = write_shard(tmp_path / "shard.parquet")
    # The second cut leaves the footer whole, as a copy that skipped a block does: its pages are out of reach.
    for cut in (content[: len(content) // 2], content[:4] + content[-int.from_bytes(content[-8:-4], "little") - 8 :]):
        (tmp_path / "shard.parquet").write_bytes(cut)
        assert read_all(PhotoFiles(str(tmp_path))) == ["unreadable_container"] * 6


def test_read_blames_only_the_photos_of_a_row_group_with_garbage(tmp_path, monkeypatch):
    content = write_shard(tmp_path / "shard.parquet")
    group = pq.ParquetFile(tmp_path / "shard.parquet").metadata.row_group(1).column(0)
    start, size = group.data_page_offset, group.total_compressed_size
    (tmp_path / "shard.parquet").write_bytes(content[:start] + b"\xff" * size + content[start + size :])
    monkeypatch.setattr(photo_files, "_PAUSE_S", 60)  # no second attempt: it would wait a minute
    broken = ["unreadable_container"] * 2
    assert read_all(PhotoFiles(str(tmp_path))) == ["ok", "ok", *broken, "ok", "ok"]


class FailingFile:
    """A shard on a storage that loses the connection for some reads."""

    def __init__(self, content: bytes, failures: list[OSError]) -> None:
        self._file = io.BytesIO(content)
        self.failures = failures
        self.seek, self.tell = self._file.seek, self._file.tell

    def read(self, size: int | None) -> bytes:
        if self.failures:
            raise self.failures.pop()
        return self._file.read(size)


@pytest.mark.parametrize("opened", [True, False], ids=["reading a row group", "opening"])
def test_read_tries_a_shard_again_when_storage_fails(tmp_path, monkeypatch, opened):
    monkeypatch.setattr(photo_files, "_PAUSE_S", 0)
    file = FailingFile(write_shard(tmp_path / "shard.parquet"), [])
    monkeypatch.setattr(PhotoFiles, "_open", lambda self, container: file)
    source = PhotoFiles(str(tmp_path))
    if opened:
        source.read("shard.parquet#0")
    file.failures += [OSError("connection reset")] * 2
    assert source.read("shard.parquet#4") == bytes([4]) * 4_000
    file.failures += [OSError("connection reset")] * 3
    with pytest.raises(OSError, match="connection reset"):
        source.read("shard.parquet#2")
    assert source.read("shard.parquet#2") == bytes([2]) * 4_000


def test_read_does_not_blame_the_photo_when_storage_fails(media, monkeypatch):
    monkeypatch.setattr(photo_files, "_PAUSE_S", 0)
    attempts = []

    def fail(self, container, inner):
        attempts.append(container)
        raise OSError("connection reset")

    monkeypatch.setattr(PhotoFiles, "_read", fail)
    with pytest.raises(OSError, match="connection reset"):
        PhotoFiles(str(media)).read("files/a#1.jpg")
    assert len(attempts) == 3


def test_storage_order_reads_shards_from_front_to_back(media):
    uris = ["shard.tar#0.jpg", "images.parquet#3", "shard.tar#19.jpg", "files/a#1.jpg", "images.parquet#1", "no.tar#1"]
    ordered = [uris[i] for i in PhotoFiles(str(media)).storage_order(uris)]
    assert ordered == [
        "files/a#1.jpg",
        "images.parquet#1",
        "images.parquet#3",
        "no.tar#1",
        "shard.tar#19.jpg",
        "shard.tar#0.jpg",
    ]


def test_locate_keeps_to_the_filesystem_of_the_media_root():
    filesystem, path = locate("s3://bucket/landing?endpoint_override=http://127.0.0.1:9&region=x", "sim/1.jpg")
    assert isinstance(filesystem, pafs.S3FileSystem)
    assert path == "bucket/landing/sim/1.jpg"
    assert isinstance(locate("s3://bucket/landing?region=x", "/abs/1.jpg")[0], pafs.LocalFileSystem)


def test_split_uri_takes_the_first_container():
    assert split_uri("a.tar#b.parquet#1") == ("a.tar", "b.parquet#1")


def test_read_blames_no_photo_for_a_media_root_that_is_not_there(tmp_path):
    source = PhotoFiles(str(tmp_path / "unmounted"))
    for uri in ("a.jpg", "shard.tar#a.jpg", "images.parquet#0"):
        with pytest.raises(MediaRootMissing, match="unmounted is not there on this machine"):
            source.read(uri)
    with pytest.raises(PhotoUnreadable, match="missing"):
        source.read(str(tmp_path / "absent.jpg"))
