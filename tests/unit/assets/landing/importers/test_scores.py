import pytest

from assets.landing.importers import ImportFailure


def test_read_names_the_model_after_the_source(importing, folder):
    importing.run("scores", folder({"s.csv": "photo_id,beauty\n1,0.5\n2,1\n"}) / "s.csv")
    row = importing.rows("scores")[0]
    assert (row["photo_id"], row["model_version"], row["beauty"]) == (1, "here", 0.5)


def test_read_takes_many_models_and_other_names(importing, folder):
    text = "image,model_version,score\n1,a,0.5\n1,b,0.25\n1,a,0.75\n2,,0.5\n3,a,1.5\n4,a,nan\n5,a,high\n"
    importing.run("scores", folder({"s.csv": text}) / "s.csv", photo="image", beauty="score")
    assert [(r["model_version"], r["beauty"]) for r in importing.rows("scores")] == [("a", 0.5), ("b", 0.25)]
    assert importing.reasons("scores") == [
        (4, "model_version", "duplicate_key"),
        (5, "model_version", "null_in_required_column"),
        (6, "beauty", "out_of_range"),
        (7, "beauty", "null_in_required_column"),
        (8, "beauty", "not_a_number"),
    ]


def test_read_refuses_a_file_without_its_columns(importing, folder):
    path = folder({"s.csv": "photo_id,score\n1,0.5\n", "s.xls": "x"})
    with pytest.raises(
        ImportFailure,
        match=r"s.csv, line 1, column 'beauty': there is no column 'beauty' for scores.beauty; .* expected columns "
        r"photo_id, beauty; optional ones are model_version, .* or name it with an option \(photo, beauty\).$",
    ):
        importing.run("scores", path / "s.csv")
    with pytest.raises(ImportFailure, match=r"s.xls: this is neither CSV nor Parquet; expected a name that ends in"):
        importing.run("scores", path / "s.xls")
