import pytest

from assets.landing.importers import ImportFailure

FILES = {
    "index.csv": "item,file,category\n1,a.jpg,Scene\n2,b.jpg,Object\nx,c.jpg,Scene\n",
    "ratings_long.csv": "subj,item,beauty\n1,1,7\n1,2,3\n2,1,0\n1,9,4\n1,1,6\n",
    "img/a.jpg": b"jpg",
}


def test_read_quarantines_what_has_no_image(importing, folder):
    importing.run("oasis", folder(FILES))
    photos = importing.rows("photos")
    assert [(r["photo_id"], r["user_id"], r["category"], r["uri"]) for r in photos] == [
        (1, None, "Scene", "here/img/a.jpg")
    ]
    assert importing.reasons("photos") == [(3, "uri", "no_image"), (4, "photo_id", "not_an_integer")]
    assert [(r["photo_id"], r["rater_id"], r["rating"]) for r in importing.rows("crowd_ratings")] == [(1, 1, 7)]
    assert importing.reasons("crowd_ratings") == [
        (3, "photo_id", "no_image"),
        (4, "rating", "out_of_range"),
        (5, "photo_id", "no_image"),
        (6, "rater_id", "duplicate_key"),
    ]
    assert importing.rejected("crowd_ratings")[0]["detail"] == (
        "found a rating of photo 2, expected a photo that has an image here"
    )


@pytest.mark.parametrize("absent", ["index.csv", "ratings_long.csv", "img/a.jpg"])
def test_read_refuses_an_incomplete_folder(importing, folder, absent):
    path = folder({name: content for name, content in FILES.items() if name != absent})
    with pytest.raises(
        ImportFailure, match=f"there is no {absent.partition('/')[0]}; expected a folder with index.csv"
    ):
        importing.run("oasis", path)
