import pytest

from assets.landing.importers import ImportFailure


def line(index, photo, votes=(0, 0, 0, 1, 2, 1, 0, 0, 0, 0), tags=(1, 22), challenge=1396):
    return " ".join(map(str, [index, photo, *votes, *tags, challenge]))


NAMES = {"tags.txt": "1 Abstract\n22 Black and White\n", "challenges.txt": "1396 Stars\n"}


def test_read_gives_labels_with_names_and_photos_with_images(importing, folder):
    text = f"{line(1, 953619)}\n{line(2, 7, tags=(0, 0), challenge=5)}\n"
    report = importing.run("ava", folder({"AVA.txt": text, **NAMES, "images/953619.jpg": b"j", "images/7.jpg": b"j"}))
    rows = importing.rows("labels")
    assert rows[0] | {"tags": None} == {
        "photo_id": 7, "source": "here", "mean": 5.0, "n": 4, "histogram": [0, 0, 0, 1, 2, 1, 0, 0, 0, 0], "tags": None
    }  # fmt: skip
    assert rows[0]["tags"] == ["challenge 5"]
    assert sorted(rows[1]["tags"]) == ["Abstract", "Black and White", "Stars"]
    assert [(row["photo_id"], row["uri"], row["user_id"]) for row in importing.rows("photos")] == [
        (7, "here/images/7.jpg", None),
        (953619, "here/images/953619.jpg", None),
    ]
    assert report.notes == ()


def test_read_rejects_a_photo_without_image_and_its_label(importing, folder):
    importing.run("ava", folder({"AVA.txt": f"{line(1, 3)}\n{line(2, 4)}\n", **NAMES, "images/3.jpg": b"jpg"}))
    assert [row["photo_id"] for row in importing.rows("labels")] == [3]
    assert importing.reasons("labels") == [(2, "photo_id", "no_image")]
    assert importing.reasons("photos") == [(2, "uri", "no_image")]
    assert importing.rejected("labels")[0]["detail"] == (
        "found a label of photo 4, expected a photo that has an image here"
    )


def test_read_without_images_lands_photos_without_image_and_says_so(importing, folder):
    report = importing.run("ava", folder({"AVA.txt": line(1, 3)}))
    assert [row["uri"] for row in importing.rows("photos")] == [""]
    assert sorted(importing.rows("labels")[0]["tags"]) == ["challenge 1396", "tag 1", "tag 22"]
    assert report.notes == (
        "there is no tags.txt: tags are called `tag <id>`",
        "there is no challenges.txt: challenges are called `challenge <id>`",
        "photos have no images: put them into a folder images, named by their image id",
    )


def test_read_rejects_bad_lines(importing, folder):
    lines = [
        line(1, 1),
        line(2, "x"),
        line(3, 1),
        line(4, 4, votes=(0,) * 10),
        line(5, 5, votes=(-1, *(2,) * 9)),
        line(6, 6, votes=("many", *(2,) * 9)),
        "7 8 9",
        line(8, 8, tags=("sky", 0)),
    ]
    importing.run("ava", folder({"AVA.txt": "\n".join(lines)}))
    assert importing.reasons("labels") == [
        (2, "photo_id", "not_an_integer"),
        (3, "source", "duplicate_key"),
        (4, "n", "no_votes"),
        (5, "votes_1", "out_of_range"),
        (6, "votes_1", "not_an_integer"),
        (7, None, "wrong_number_of_fields"),
        (8, "tag_1", "not_an_integer"),
    ]
    assert [row["photo_id"] for row in importing.rows("photos")] == [1]


def test_read_refuses_other_folders_and_files(importing, folder):
    path = folder({"a/readme.txt": "x", "b/AVA.txt": "1,2,3\n"})
    with pytest.raises(ImportFailure, match="there is no AVA.txt; expected a folder with AVA.txt"):
        importing.run("ava", path / "a")
    with pytest.raises(ImportFailure, match="line 1: the line has 1 field; expected 15 whole numbers: index, image id"):
        importing.run("ava", path / "b")
