import pytest

from assets.contracts.storage import LakeError, Storage


@pytest.fixture
def storage(tmp_path):
    return Storage(str(tmp_path / "root"))


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/lake", r"cannot open the lake 'ftp://host/lake': .*; use a folder or s3://bucket/prefix"),
        ("s3://", r"cannot open the lake 's3://'.*; use a folder or s3://bucket/prefix"),
    ],
)
def test_storage_refuses_what_is_no_lake(uri, message):
    with pytest.raises(LakeError, match=message):
        Storage(uri)


def test_relative_roots_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Storage("lake").location("a/b") == str(tmp_path / "lake" / "a" / "b")


def test_file_uris_are_local(tmp_path):
    storage = Storage(f"file://{tmp_path}/lake")
    storage.write("a", b"1")
    assert storage.is_local
    assert (tmp_path / "lake" / "a").read_bytes() == b"1"


def test_read_many_keeps_the_order_and_gives_none_for_what_is_not_there(storage):
    storage.write("x/a", b"1")
    storage.write("x/b", b"2")
    assert storage.read_many(["x/b", "x/nothing", "x/a"]) == [b"2", None, b"1"]
    assert storage.read("x/nothing") is None
    assert storage.size("x/nothing") is None
    assert storage.size("x/a") == 1


def test_objects_lists_files_and_folders_lists_folders(storage):
    for name in ("x/b", "x/a", "x/deep/c"):
        storage.write(name, b"")
    assert [stored.name for stored in storage.objects("x")] == ["x/a", "x/b"]
    assert [stored.name for stored in storage.objects("x", recursive=True)] == ["x/a", "x/b", "x/deep/c"]
    assert storage.folders("x") == ["deep"]
    assert storage.objects("nothing") == storage.folders("nothing") == []


def test_delete_of_nothing_is_no_error(storage):
    storage.write("a", b"1")
    storage.delete("a")
    storage.delete("a")
    assert storage.read("a") is None


def test_write_that_fails_leaves_what_was_there(storage, monkeypatch):
    storage.write("a", b"old")

    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("assets.contracts.storage.os.fsync", full_disk)
    with pytest.raises(OSError, match="no space left"):
        storage.write("a", b"new")
    assert storage.read("a") == b"old"


def test_publish_across_disks_stages_beside_the_target(storage, tmp_path, monkeypatch):
    """A rename is atomic on one disk only; a file from another disk is first copied to the target's."""
    source = tmp_path / "finished"
    source.write_bytes(b"new")
    storage.write("a", b"old")
    device = source.stat().st_dev
    original = type(source).stat

    def other_disk(path, **options):
        result = original(path, **options)
        return result if path != source else type(result)((*result[:2], device + 1, *result[3:10]))

    monkeypatch.setattr(type(source), "stat", other_disk)
    storage.publish(source, "a")
    assert storage.read("a") == b"new"
    assert source.exists()
    assert storage.objects(".staging") == []
