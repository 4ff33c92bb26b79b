import pytest

from assets.landing.importers import ImportFailure


def test_read_takes_mapped_columns(importing, folder):
    path = folder(
        {"r.tsv": "img\twho\tstars\twhen\tgold\n7\t1\t5\t2020-01-02\tx\n7\t2\t0\t2020-01-02\tx\n7\t1\t4\t\tx\n"}
    )
    report = importing.run("crowd_ratings", path / "r.tsv", photo="img", rater="who", rating="stars", rated_at="when")
    assert importing.rows("crowd_ratings")[0] | {"rated_at": None} == {
        "photo_id": 7,
        "rater_id": 1,
        "rating": 5,
        "rated_at": None,
        "duration_ms": None,
        "is_gold": False,
        "gold_rating": None,
    }
    assert importing.reasons("crowd_ratings") == [(3, "rating", "out_of_range"), (4, "rater_id", "duplicate_key")]
    assert report.notes == ("r.tsv: ignored the columns gold",)
    assert report.tables["crowd_ratings"].months == ("2020-01",)


def test_read_refuses_a_column_that_was_named_and_is_not_there(importing, folder):
    path = folder({"r.csv": "photo_id,rater_id,rating\n1,1,1\n"})
    with pytest.raises(
        ImportFailure, match=r"no column 'when' for crowd_ratings.rated_at; there are photo_id, rater_id"
    ):
        importing.run("crowd_ratings", path / "r.csv", rated_at="when")
