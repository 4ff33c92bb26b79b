import bz2
from datetime import UTC, datetime

import pytest

from assets.landing.importers import ImportFailure


def line(photo, nsid="39019111@N00", uploaded="1331840483", marker="0", *, release=23):
    rest = ["Jane+Doe", "2012-02-16 09:56:37.0", uploaded, "Canon", "My%20title", "", "a,b", "", "-81.8", "24.5", "12"]
    rest += [
        "https://page",
        "https://image",
        "Attribution",
        "https://licence",
        "7205",
        "8",
        "abc",
        "def",
        "jpg",
        marker,
    ]
    before = {
        23: [photo, nsid],
        24: ["17", photo, nsid],
        25: ["17", photo, "4e2f7a26a1dfbf165a7e30bdabf7e72a", nsid],
        124: [photo, "4e2f7a26a1dfbf165a7e30bdabf7e72a", nsid],
    }[release]
    return "\t".join([*before, *rest])


@pytest.mark.parametrize("release", [23, 24, 25, 124])
def test_read_takes_photos_of_all_releases(importing, folder, release):
    text = line("6185218911", release=release) + "\n" + line("5", nsid="1@N07", release=release) + "\n"
    report = importing.run("yfcc100m", folder({"yfcc.txt": text}) / "yfcc.txt")
    assert importing.rows("photos")[1] == {
        "photo_id": 6_185_218_911,
        "user_id": 3_901_911_100,
        "uploaded_at": datetime(2012, 3, 15, 19, 41, 23, tzinfo=UTC),
        "is_public": True,
        "uri": "",
        "category": None,
        "deleted_at": None,
    }
    assert [row["user_id"] for row in importing.rows("users")] == [107, 3_901_911_100]
    assert report.notes == ("photos have no images: say where they are with the option images",)


def test_read_rejects_videos_and_bad_lines(importing, folder):
    lines = [
        line("1"),
        line("2", marker="1"),
        line("3", marker="9"),
        line("4", nsid="jane"),
        line("5", nsid="039@N00"),
        line("6", uploaded="yesterday"),
        line("x"),
        line("1"),
        "8\t9",
        line("9", uploaded="12"),
    ]
    report = importing.run("yfcc100m", folder({"yfcc.txt": "\n".join(lines)}) / "yfcc.txt")
    assert importing.reasons("photos") == [
        (2, None, "video"),
        (3, None, "not_a_marker"),
        (4, None, "not_an_nsid"),
        (5, None, "not_an_nsid"),
        (6, "uploaded_at", "not_a_timestamp"),
        (7, "photo_id", "not_an_integer"),
        (8, "photo_id", "duplicate_key"),
        (9, None, "wrong_number_of_fields"),
        (10, "uploaded_at", "out_of_range"),
    ]
    details = {row["row"]: row["detail"] for row in importing.rejected("photos")}
    assert details[3] == "found marker 9, expected 0 for a photo or 1 for a video"
    assert details[4] == "found user jane, expected an NSID such as 39019111@N00"
    assert report.tables["photos"].landed == 1


def test_read_takes_compressed_files_and_images(importing, folder):
    path = folder({"yfcc.txt.bz2": bz2.compress(f"{line('1')}\n{line('2')}\n".encode()), "img/aa/1.jpg": b"jpg"})
    importing.run("yfcc100m", path / "yfcc.txt.bz2", images=str(path / "img"))
    assert [row["uri"] for row in importing.rows("photos")] == ["here/img/aa/1.jpg"]
    assert importing.reasons("photos") == [(2, "uri", "no_image")]


def test_read_sees_new_images(importing, folder):
    path = folder({"yfcc.txt": f"{line('1')}\n{line('2')}\n", "img/1.jpg": b"jpg"})
    importing.run("yfcc100m", path / "yfcc.txt", images=str(path / "img"))
    folder({"img/2.jpg": b"jpg"})
    assert not importing.run("yfcc100m", path / "yfcc.txt", images=str(path / "img")).skipped
    assert len(importing.rows("photos")) == 2


def test_read_refuses_other_files(importing, folder):
    path = folder({"a.txt": "1\t2\n", "yfcc.txt": line("1")})
    with pytest.raises(
        ImportFailure, match="line 1: no line looks like YFCC100M; the first one has 2 fields; expected 23"
    ):
        importing.run("yfcc100m", path / "a.txt")
    with pytest.raises(ImportFailure, match="gone: there is nothing here; expected a folder or shard of images"):
        importing.run("yfcc100m", path / "yfcc.txt", images=str(path / "gone"))
