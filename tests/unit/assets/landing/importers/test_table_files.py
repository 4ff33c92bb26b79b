import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.landing.importers import ImportFailure

USERS = "user_id,joined_at,opted_in\n1,2015-01-01,true\n"
ALL = 'consent = "all"'


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("upload_time", "did you mean 'upload_time'? Rename it to uploaded_at, and import again"),
        ("hat", "if it has another name, rename it to uploaded_at, and import again"),
    ],
)
def test_a_file_without_the_column_that_dates_its_rows_is_warned_of(importing, folder, header, advice):
    path = folder({"users.csv": USERS, "photos.csv": f"photo_id,is_public,{header}\n1,true,2015-02-03\n"})
    report = importing.run("canonical", path)
    assert report.warnings == (f"photos.csv has no column 'uploaded_at', so its rows have no month; {advice}",)
    assert f"  warning: {report.warnings[0]}" in report.render().splitlines()
    assert "  photos: 1 row, undated, 0 in quarantine" in report.render().splitlines()
    assert importing.run("canonical", path).warnings == report.warnings


def test_files_with_the_column_that_dates_their_rows_are_not_warned_of(importing, folder):
    scores, raters = "photo_id,beauty\n1,0.5\n", "rater_id\n1\n"
    path = folder({"users.csv": USERS, "scores.csv": scores, "raters.csv": raters})
    report = importing.run("canonical", path)
    assert (report.landed_rows, report.warnings) == (3, ())


def test_a_format_with_an_option_for_the_column_is_told_of_it(importing, folder):
    path = folder({"r.csv": "photo_id,rater_id,rating,answer_time\n1,2,3,2015-01-01\n"}) / "r.csv"
    (warning,) = importing.run("crowd_ratings", path).warnings
    assert warning.endswith("did you mean 'answer_time'? Say -o rated_at=answer_time")
    assert importing.run("crowd_ratings", path, rated_at="answer_time").warnings == ()


@pytest.mark.parametrize("name", ["optin", "opted-in", "Opt In", "consent", "consent_given"])
def test_a_column_that_nearly_has_its_name_is_suggested_before_anything_else(importing, folder, name):
    with pytest.raises(ImportFailure) as caught:
        importing.run("canonical", folder({"users.csv": f"user_id,{name}\n1,true\n"}))
    assert caught.value.remedy == (
        f"Did you mean {name!r}? Then rename it to opted_in. Otherwise add the column, or state it for everyone with "
        'consent = "all" in community.toml.'
    )


def parquet_of(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


EXPECTED = "a time such as 2015-12-31, 2015-12-31T23:00:00Z or 2015-12-31 23:00:00-08:00, or seconds since 1970"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("users.csv", b"user_id,joined_at\n1,1420070400000\n2,1420070400\n"),
        ("users.parquet", parquet_of(user_id=[1, 2], joined_at=[1420070400000, 1420070400])),
    ],
)
def test_the_reason_of_milliseconds_says_so(importing, folder, name, content):
    importing.run("canonical", folder({name: content, "community.toml": ALL}))
    (row,) = importing.rejected("users")
    assert (row["reason"], row["column"]) == ("not_a_timestamp", "joined_at")
    assert row["detail"] == (
        f"found 1420070400000 (this looks like milliseconds since 1970: divide by 1,000), expected {EXPECTED}"
    )


def test_every_format_says_what_a_time_looks_like(importing, folder):
    links = folder({"links.csv": "source,target,time\n1,2,1420070400000\n1,3,1420070400\n"}) / "links.csv"
    importing.run("edge_list", links)
    (row,) = importing.rejected("edges")
    assert "looks like milliseconds" in row["detail"]


def test_the_number_of_fields_reads_naturally(importing, folder):
    path = folder({"users.csv": "user_id,opted_in\n1,true\n2\n"})
    importing.run("canonical", path)
    assert importing.rejected("users")[0]["detail"] == "found 1 field, expected 2"


def test_found_fields_of_a_link_reads_naturally(importing, folder):
    links = folder({"links.txt": "1 2\n3\n4 5 6\n"}) / "links.txt"
    importing.run("edge_list", links)
    assert [row["detail"] for row in importing.rejected("edges")] == [
        "found 1 field, expected 2",
        "found 3 fields, expected 2",
    ]


def test_the_document_of_a_source_says_which_files_a_table_was_read_from(importing, folder):
    from assets.contracts.landed import source_document

    files = {"users/b.csv": USERS, "users/a.csv": "user_id,opted_in\n2,true\n", "raters.csv": "rater_id\n"}
    importing.run("canonical", folder(files))
    document = source_document(importing.zone)
    assert {key: table["files"] for key, table in document["tables"].items()} == {
        "raters": ["raters.csv"],
        "users": ["users/a.csv", "users/b.csv"],
    }
