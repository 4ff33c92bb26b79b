"""One lake, two kinds of storage: the same body over a local disk and over a real S3 server."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake, LakeError
from assets.contracts.table import ContractViolation

MARCH = "2016-03"
MEGABYTE = 1 << 20


def photos(*ids: int, month: int = 3) -> pa.Table:
    rows = [
        {"photo_id": i, "user_id": 1, "uploaded_at": datetime(2016, month, 5, tzinfo=UTC), "is_public": True, "uri": ""}
        for i in ids
    ]
    return pa.Table.from_pylist(rows, schema=PHOTOS.schema)


@pytest.fixture(params=["local disk", "object storage"])
def lake(request, tmp_path) -> Lake:
    if request.param == "local disk":
        return Lake(str(tmp_path / "lake"))
    storage = request.getfixturevalue("object_storage")
    return Lake(storage.uri(f"{tmp_path.name}/lake"))


@pytest.fixture
def remote(object_storage, tmp_path) -> Lake:
    return Lake(object_storage.uri(f"{tmp_path.name}/lake"))


def test_partitions_are_staged_committed_read_replaced_and_dropped(lake):
    assert lake.partitions("photos") == []
    assert lake.read(PHOTOS).num_rows == 0
    staged = lake.stage(PHOTOS, MARCH, photos(2, 1))
    assert lake.read(PHOTOS).num_rows == 0
    assert lake.staged_dataset(PHOTOS, staged).count_rows() == 2
    lake.commit(staged, code_version="v1", inputs={"a": "1"})
    assert lake.is_current(PHOTOS, MARCH, code_version="v1", inputs={"a": "1"})
    dataset = lake.dataset(PHOTOS)
    lake.write(PHOTOS, MARCH, photos(3))
    lake.write(PHOTOS, "2016-04", photos(4, month=4))
    assert dataset.to_table()["photo_id"].to_pylist() == [1, 2]
    assert lake.read(PHOTOS)["photo_id"].to_pylist() == [3, 4]
    assert lake.scan(PHOTOS, ["2016-04"]).collect()["photo_id"].to_list() == [4]
    assert lake.partitions("photos") == [MARCH, "2016-04"]
    lake.drop("photos", MARCH)
    lake.drop("photos", MARCH)
    assert lake.partitions("photos") == ["2016-04"]


def test_bytes_are_the_same_wherever_they_are(lake, tmp_path):
    commit = lake.write(PHOTOS, MARCH, photos(*range(100)))
    assert commit == Lake(str(tmp_path / "other")).write(PHOTOS, MARCH, photos(*reversed(range(100))))
    assert lake.stage_stream(PHOTOS, MARCH, photos(*range(100)).to_batches(max_chunksize=9)).sha256 == commit.sha256


def test_contract_violations_write_nothing(lake):
    with pytest.raises(ContractViolation, match=r"photos\.photo_id: 1 rows are below the minimum 0"):
        lake.stage(PHOTOS, MARCH, photos(1, -1))
    assert lake.names("photos/data") == []


def test_zones_objects_and_vacuum(lake):
    zone = lake.zone("landed/one")
    zone.write(PHOTOS, MARCH, photos(1))
    assert lake.zones("landed") == ["one"]
    assert lake.partitions("photos") == []
    lake.write(PHOTOS, MARCH, photos(1))
    lake.write(PHOTOS, MARCH, photos(2))
    lake.put_bytes("parts/1", b"one")
    time.sleep(1.1)  # object storage keeps whole seconds
    assert lake.vacuum() == []
    assert [name.split("-")[0] for name in lake.vacuum(timedelta(0))] == ["photos/data/2016"]
    assert zone.read(PHOTOS).num_rows == lake.read(PHOTOS).num_rows == 1
    assert lake.get_bytes("parts/1") == b"one"
    assert lake.get_bytes("parts/2") is None
    lake.delete_below("parts")
    assert lake.names("parts") == []


def test_a_run_without_news_writes_no_object(object_storage, remote):
    remote.write(PHOTOS, MARCH, photos(1), inputs={"a": "1"})
    object_storage.requests.clear()
    remote.write(PHOTOS, MARCH, photos(1), inputs={"a": "1"})
    methods = [method for method, _ in object_storage.requests]
    assert methods
    assert set(methods) <= {"GET", "HEAD"}


def test_a_small_object_is_one_request(object_storage, remote):
    object_storage.requests.clear()
    remote.put_bytes("parts/1", b"one")
    assert [method for method, _ in object_storage.requests] == ["PUT"]


def test_duckdb_reads_the_committed_files(object_storage, remote):
    import duckdb

    from assets.dbt.object_storage import httpfs_extension

    remote.write(PHOTOS, MARCH, photos(1, 2))
    remote.write(PHOTOS, MARCH, photos(3))
    with duckdb.connect() as connection:
        connection.execute(f"load '{httpfs_extension()}'")
        connection.execute(
            f"create secret (type s3, key_id 'test', secret 'test', endpoint '{object_storage.endpoint}', "
            "use_ssl false, url_style 'path')"
        )
        rows = connection.execute("select photo_id from read_parquet($1)", [remote.files("photos")]).fetchall()
    assert rows == [(3,)]


def test_many_commits_are_read_at_once(object_storage, remote):
    months = [f"2016-{month:02}" for month in range(1, 13)]
    for number, month in enumerate(months, start=1):
        remote.write(PHOTOS, month, photos(number, month=number))
    assert [commit.partition for commit in remote.commits("photos")] == months
    assert remote.read(PHOTOS)["photo_id"].to_pylist() == list(range(1, 13))


def big(version: int) -> bytes:
    """Several parts of a multipart upload."""
    return bytes([version]) * (16 * MEGABYTE)


def test_a_part_that_fails_leaves_the_old_object(object_storage, remote):
    remote.put_bytes("weights", big(1))
    object_storage.requests.clear()
    object_storage.fails = lambda method, query: method == "PUT" and query.get("partNumber") == ["2"]
    with pytest.raises(OSError, match="weights"):
        remote.put_bytes("weights", big(2))
    assert any("partNumber=1" in path for _, path in object_storage.requests)
    assert remote.get_bytes("weights") == big(1)
    object_storage.fails = lambda method, query: False
    remote.put_bytes("weights", big(2))
    assert remote.get_bytes("weights") == big(2)


def test_an_upload_that_fails_commits_nothing(object_storage, remote):
    remote.write(PHOTOS, MARCH, photos(1))
    object_storage.fails = lambda method, query: method in {"PUT", "POST"}
    with pytest.raises(OSError, match="photos/data/2016-03"):
        remote.write(PHOTOS, MARCH, photos(2))
    object_storage.fails = lambda method, query: False
    assert remote.read(PHOTOS)["photo_id"].to_pylist() == [1]
    assert remote.write(PHOTOS, MARCH, photos(2)).rows == 1
    assert remote.read(PHOTOS)["photo_id"].to_pylist() == [2]


def test_half_a_data_file_is_not_mistaken_for_a_whole_one(lake):
    """Something other than the lake left half a file under the very name that is about to be used."""
    staged = lake.stage(PHOTOS, MARCH, photos(1))
    lake.put_bytes(staged.file, b"PAR1 half")
    with pytest.raises(LakeError, match="stage the partition again"):
        lake.commit(staged)
    lake.write(PHOTOS, MARCH, photos(1))
    assert lake.read(PHOTOS)["photo_id"].to_pylist() == [1]


UPLOAD = """
import signal, sys
from assets.contracts.lake import Lake
# Whoever runs the tests in the background may have them ignored.
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
lake = Lake(sys.argv[1])
print("uploading", flush=True)
lake.put_bytes("weights", bytes([2]) * int(sys.argv[2]))
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_an_upload_that_dies_midway_is_never_visible(object_storage, remote, ending):
    remote.put_bytes("weights", big(1))
    object_storage.requests.clear()
    object_storage.parts_may_pass.clear()
    command = [sys.executable, "-c", UPLOAD, remote.uri, str(len(big(2)))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)) as process:
        deadline = time.monotonic() + 60
        while not any("partNumber" in path for _, path in object_storage.requests):
            assert time.monotonic() < deadline, "the upload never began"
            time.sleep(0.01)
        process.send_signal(ending)
        if ending == signal.SIGINT:
            # Python looks at an interrupt when the upload, which runs in a thread of its own, has ended.
            object_storage.parts_may_pass.set()
        process.wait(60)
        object_storage.parts_may_pass.set()
    assert process.returncode != 0
    # An interrupt may come so late that the upload finishes first: then all of it is there.
    expected = [big(1), big(2)] if ending == signal.SIGINT else [big(1)]
    assert remote.get_bytes("weights") in expected


def test_a_bucket_that_is_not_there_is_named(object_storage):
    lake = Lake(object_storage.uri("x").replace("community", "elsewhere"))
    with pytest.raises(OSError, match="key 'x/a' in bucket 'elsewhere'"):
        lake.put_bytes("a", b"1")
