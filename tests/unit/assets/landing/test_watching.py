import os
from pathlib import Path

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


def test_source_folders_are_sorted_and_finished(tmp_path: Path) -> None:
    for name in ("b", "a", ".staging", "c.tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.csv").write_text("x")
    assert [folder.name for folder in source_folders(tmp_path)] == ["a", "b"]
