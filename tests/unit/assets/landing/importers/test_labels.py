import pytest

from assets.landing.importers import ImportFailure


def test_read_names_the_benchmark_after_the_source(importing, folder):
    importing.run("labels", folder({"l.csv": "photo_id,mean,n\n1,5.5,20\n2,7,3\n"}) / "l.csv")
    assert importing.rows("labels")[0] == {
        "photo_id": 1, "source": "here", "mean": 5.5, "n": 20, "histogram": None, "tags": None
    }  # fmt: skip


def test_read_takes_other_names_and_rejects_bad_rows(importing, folder):
    text = "img;mos;votes;source;h;about\n1;5;3;a;[1, 2];[sky]\n1;6;3;a;;\n2;high;3;a;;\n3;5;-1;a;;\n4;5;1;;;\n"
    text += "5;5;1;a;x;\n"
    options = {"photo": "img", "mean": "mos", "n": "votes", "histogram": "h", "tags": "about"}
    importing.run("labels", folder({"l.csv": text}) / "l.csv", **options)
    row = importing.rows("labels")[0]
    assert (row["source"], row["histogram"], row["tags"]) == ("a", [1, 2], ["sky"])
    assert importing.reasons("labels") == [
        (3, "source", "duplicate_key"),
        (4, "mean", "not_a_number"),
        (5, "n", "out_of_range"),
        (6, "source", "null_in_required_column"),
        (7, "histogram", "not_a_list"),
    ]


def test_read_refuses_a_file_without_its_columns(importing, folder):
    path = folder({"l.csv": "photo_id,score,n\n1,0.5,2\n"})
    with pytest.raises(
        ImportFailure,
        match=r"l.csv, line 1, column 'mean': there is no column 'mean' for labels.mean; .* or name it with an option "
        r"\(photo, mean, n, histogram, tags\).$",
    ):
        importing.run("labels", path / "l.csv")
