import os
from pathlib import Path

import pytest

from assets.landing.watching import landing_fingerprint, source_folders


def test_landing_fingerprint_is_empty_without_files(tmp_path: Path) -> None:
    assert landing_fingerprint(tmp_path / "absent") == ""
    (tmp_path / "source").mkdir()
    assert landing_fingerprint(tmp_path) == ""


def test_landing_fingerprint_changes_with_content_size_and_time(tmp_path: Path) -> None:
    file = tmp_path / "source" / "users.csv"
    file.parent.mkdir()
    file.write_text("user_id\n1\n")
    first = landing_fingerprint(tmp_path)
    assert landing_fingerprint(tmp_path) == first
    file.write_text("user_id\n1\n2\n")
    second = landing_fingerprint(tmp_path)
    os.utime(file, ns=(1, 1))
    assert len({first, second, landing_fingerprint(tmp_path)}) == 3


def test_landing_fingerprint_ignores_unfinished_files(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("x")
    before = landing_fingerprint(tmp_path)
    (tmp_path / "photos.csv.part").write_text("x")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "file").write_text("x")
    assert landing_fingerprint(tmp_path) == before


def test_landing_fingerprint_sees_images_come_go_and_be_replaced(tmp_path: Path) -> None:
    images = tmp_path / "source" / "images" / "00"
    images.mkdir(parents=True)
    seen = [landing_fingerprint(tmp_path)]
    for step in ("1.jpg", "2", "3.jpg.part"):
        (images / step).write_text("x")
        seen.append(landing_fingerprint(tmp_path))
    (images / "3.jpg.part").replace(images / "1.jpg")
    seen.append(landing_fingerprint(tmp_path))
    (images / "2").unlink()
    seen.append(landing_fingerprint(tmp_path))
    assert seen[0] == ""
    assert len(set(seen)) == len(seen)
    assert landing_fingerprint(tmp_path) == seen[-1]


def test_landing_fingerprint_sees_shards_of_images_grow(tmp_path: Path) -> None:
    shard = tmp_path / "source" / "images" / "0001.tar"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"half")
    (shard.parent / "1.jpg").write_bytes(b"x")
    os.utime(shard.parent, (1, 1))
    before = landing_fingerprint(tmp_path)
    with shard.open("ab") as file:
        file.write(b" and half")
    assert landing_fingerprint(tmp_path) != before


def test_landing_fingerprint_looks_at_no_image_of_a_folder_at_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = tmp_path / "source" / "images"
    images.mkdir(parents=True)
    (tmp_path / "source" / "photos.csv").write_text("photo_id\n1\n")
    for number in range(100):
        (images / f"{number}.jpg").write_bytes(b"x")
    for folder in (images, images.parent, tmp_path):
        os.utime(folder, (1, 1))
    before = landing_fingerprint(tmp_path)
    looked_at: list[str] = []
    look = os.stat

    def counted(path: str) -> os.stat_result:
        looked_at.append(os.path.basename(path))
        return look(path)

    monkeypatch.setattr(os, "stat", counted)
    monkeypatch.setattr(os, "scandir", None)
    assert landing_fingerprint(tmp_path) == before
    assert looked_at == [tmp_path.name, "source", "photos.csv", "images"]


def test_landing_fingerprint_lists_a_folder_again_that_had_just_changed(tmp_path: Path) -> None:
    images = tmp_path / "source" / "images"
    images.mkdir(parents=True)
    (images / "1.jpg").write_bytes(b"x")
    now = images.stat().st_mtime_ns
    before = landing_fingerprint(tmp_path)
    (images / "2.jpg").write_bytes(b"x")
    os.utime(images, ns=(now, now))  # as if both had come in one tick of the clock
    assert landing_fingerprint(tmp_path) != before


def test_landing_fingerprint_survives_links_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "users.csv").symlink_to(tmp_path / "absent")
    assert landing_fingerprint(tmp_path)


def test_source_folders_are_sorted_and_finished(tmp_path: Path) -> None:
    for name in ("b", "a", ".staging", "c.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.csv").write_text("x")
    assert [folder.name for folder in source_folders(tmp_path)] == ["a", "b"]
