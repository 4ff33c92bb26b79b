import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import fs as pafs

from models.decoding import UnscorablePhoto
from ray_jobs import photo_source
from ray_jobs.photo_source import PhotoSource, locate, split_uri


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
    assert PhotoSource(str(media)).read(uri) == content
    assert PhotoSource("/nowhere").read(str(media / uri)) == content


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
    with pytest.raises(UnscorablePhoto, match=detail) as caught:
        PhotoSource(str(media)).read(uri)
    assert caught.value.reason == "missing"


@pytest.mark.parametrize(
    ("uri", "reason"), [("n" * 300, "missing"), ("a\0b.jpg", "unreadable"), ("images.parquet#²", "missing")]
)
def test_read_blames_the_photo_for_names_that_no_file_can_have(media, uri, reason):
    with pytest.raises(UnscorablePhoto) as caught:
        PhotoSource(str(media)).read(uri)
    assert caught.value.reason == reason
    assert PhotoSource(str(media)).storage_order([uri]) == [0]


def test_read_calls_broken_containers_unreadable(media):
    (media / "broken.tar").write_bytes(b"no tar" * 500)
    (media / "broken.parquet").write_bytes(b"no parquet")
    for uri in ("broken.tar#1", "broken.parquet#1", "files"):
        with pytest.raises(UnscorablePhoto) as caught:
            PhotoSource(str(media)).read(uri)
        assert caught.value.reason == "unreadable"


def test_read_does_not_blame_the_photo_when_storage_fails(media, monkeypatch):
    monkeypatch.setattr(photo_source, "_PAUSE_S", 0)
    attempts = []

    def fail(self, container, inner):
        attempts.append(container)
        raise OSError("connection reset")

    monkeypatch.setattr(PhotoSource, "_read", fail)
    with pytest.raises(OSError, match="connection reset"):
        PhotoSource(str(media)).read("files/a#1.jpg")
    assert len(attempts) == 3


def test_storage_order_reads_shards_from_front_to_back(media):
    uris = ["shard.tar#0.jpg", "images.parquet#3", "shard.tar#19.jpg", "files/a#1.jpg", "images.parquet#1", "no.tar#1"]
    ordered = [uris[i] for i in PhotoSource(str(media)).storage_order(uris)]
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
