import io
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.landing.importers import ImportFailure, import_source

ALL = 'name = "Small"\nconsent = "all"\n'
USERS_CSV = "user_id,joined_at,opted_in\n1,2015-01-02T03:04:05Z,true\n2,,false\n"


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def tar(names):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"jpg"))
    return buffer.getvalue()


def test_read_lands_typed_months(importing, folder):
    path = folder(
        {
            "users.csv": USERS_CSV,
            "edges.csv": "follower_id,followee_id,created_at\n2,1,2016-02-29 23:59:59+01:00\n1,2,1456790400.5\n1,3,\n",
        }
    )
    report = importing.run("canonical", path)
    assert report.tables["users"].months == ("2015-01", "undated")
    assert report.tables["edges"].months == ("2016-02", "2016-03", "undated")
    assert report.rejected_rows == 0
    assert importing.rows("users")[0] == {
        "user_id": 1,
        "joined_at": datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC),
        "opted_in": True,
        "is_pro": None,
    }
    created = {(row["follower_id"], row["followee_id"]): row["created_at"] for row in importing.rows("edges")}
    assert created[2, 1] == datetime(2016, 2, 29, 22, 59, 59, tzinfo=UTC)
    assert created[1, 2] == datetime(2016, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)


def test_read_takes_typed_parquet_and_folders_of_files(importing, folder):
    moment = datetime(2016, 5, 1, tzinfo=UTC)
    path = folder(
        {
            "community.toml": ALL,
            "favorites/a.parquet": parquet(user_id=[1, 2], photo_id=[10, 10], created_at=[moment, None]),
            "favorites/b.parquet": parquet(
                user_id=pa.array([1.0, 3.5, None]), photo_id=["10", "11", "12"], created_at=[1462060800, 5, 5]
            ),
            "labels.parquet": parquet(
                photo_id=[1], mean=[4.5], n=pa.array([2], pa.int32()), histogram=[[0, 2]], tags=[["a,b", "c"]]
            ),
        }
    )
    report = importing.run("canonical", path)
    assert report.tables["favorites"].landed == 2
    assert report.tables["favorites"].rejected == {
        "duplicate_key": 1,
        "not_an_integer": 1,
        "null_in_required_column": 1,
    }
    assert [(r["file"], r["row"], r["reason"]) for r in importing.rejected("favorites")] == [
        ("favorites/b.parquet", 1, "duplicate_key"),
        ("favorites/b.parquet", 2, "not_an_integer"),
        ("favorites/b.parquet", 3, "null_in_required_column"),
    ]
    assert importing.rejected("favorites")[1]["text"] == '{"user_id":3.5,"photo_id":"11","created_at":5}'
    assert importing.rejected("favorites")[0]["detail"] == (
        "found user_id = 1, photo_id = 10 again, first in favorites/a.parquet row 1, expected one row per key"
    )
    assert importing.rows("labels") == [
        {"photo_id": 1, "source": "here", "mean": 4.5, "n": 2, "histogram": [0, 2], "tags": ["a,b", "c"]}
    ]
    assert [row["user_id"] for row in importing.rows("users")] == [1, 2]


def test_read_rejects_each_bad_row_with_its_reason(importing, folder):
    path = folder(
        {
            "users.csv": "user_id,joined_at,opted_in\n"
            "1,2015-01-01,yes\n"  # 2
            "x,2015-01-01,true\n"  # 3
            "3,soon,true\n"  # 4
            "4,2015-01-01,perhaps\n"  # 5
            ",2015-01-01,true\n"  # 6
            "-6,2015-01-01,true\n"  # 7
            "7,1970-01-01,true\n"  # 8
            "8,2015-01-01\n"  # 9
            "1,2016-01-01,false\n"  # 10
            "\n"
            "9,2015-02-31,true\n",  # 12
            "edges.csv": "follower_id,followee_id\n1,1\n1,2\n",
            "blocks.csv": "user_id,blocked_user_id\n5,5\n",
        }
    )
    report = importing.run("canonical", path)
    assert importing.reasons("users") == [
        (3, "user_id", "not_an_integer"),
        (4, "joined_at", "not_a_timestamp"),
        (5, "opted_in", "not_a_boolean"),
        (6, "user_id", "null_in_required_column"),
        (7, "user_id", "out_of_range"),
        (8, "joined_at", "out_of_range"),
        (9, None, "wrong_number_of_fields"),
        (10, "user_id", "duplicate_key"),
        (12, "joined_at", "not_a_timestamp"),
    ]
    by_row = {row["row"]: row for row in importing.rejected("users")}
    assert by_row[3]["detail"] == "found x, expected a whole number"
    assert by_row[7]["detail"] == "found -6, expected at least 0"
    assert by_row[8]["detail"] == "found 1970-01-01, expected a time in 1990..2099"
    assert by_row[9]["detail"] == "found 2 fields, expected 3"
    assert by_row[9]["text"] == "8,2015-01-01"
    assert by_row[6]["detail"] == "found nothing, expected a whole number"
    assert by_row[5]["text"] == "4,2015-01-01,perhaps"
    assert importing.reasons("edges") == [(2, "followee_id", "self_follow")]
    assert importing.reasons("blocks") == [(2, "blocked_user_id", "self_block")]
    assert [(row["user_id"], row["opted_in"]) for row in importing.rows("users")] == [(1, False), (4, False)]
    assert (report.tables["users"].landed, report.tables["users"].derived) == (2, 1)


def test_read_counts_lines_below_quoted_line_breaks(importing, folder):
    path = folder(
        {
            "community.toml": ALL,
            "photos.csv": 'photo_id,category\n1,"two\nlines"\n2,x,y\nz,"a\n\nb"\nw,c\n',
        }
    )
    importing.run("canonical", path)
    assert importing.reasons("photos") == [
        (4, None, "wrong_number_of_fields"),
        (5, "photo_id", "not_an_integer"),
        (8, "photo_id", "not_an_integer"),
    ]
    assert importing.rows("photos")[0]["category"] == "two\nlines"


def test_read_derives_users_only_where_consent_is_for_all(importing, folder):
    path = folder({"community.toml": ALL, "users.csv": USERS_CSV, "edges.csv": "follower_id,followee_id\n1,7\n8,1\n"})
    report = importing.run("canonical", path)
    assert report.tables["users"].derived == 2
    assert [(row["user_id"], row["opted_in"]) for row in importing.rows("users")] == [
        (1, True),
        (2, False),
        (7, True),
        (8, True),
    ]


def test_read_takes_a_delivery_of_events_whose_users_stand_in_another_source(importing, folder):
    delivery = {"edges.csv": "follower_id,followee_id\n1,7\n", "community.toml": 'consent = "other_sources"'}
    report = importing.run("canonical", folder(delivery))
    assert {key: table.landed for key, table in report.tables.items()} == {"edges": 1}


def test_read_finds_images_by_photo_id(importing, folder):
    path = folder(
        {
            "community.toml": ALL,
            "photos.csv": "photo_id\n1\n2\n3\n4\n",
            "images/1.jpg": b"jpg",
            "images/notes.txt": b"no image",
            "images/shard.tar": tar(["deep/2.png", "readme.txt"]),
            "images/rows.parquet": parquet(photo_id=[9, 3], bytes=[b"a", b"b"]),
        }
    )
    importing.run("canonical", path)
    assert {row["photo_id"]: row["uri"] for row in importing.rows("photos")} == {
        1: "here/images/1.jpg",
        2: "here/images/shard.tar#deep/2.png",
        3: "here/images/rows.parquet#1",
    }
    assert importing.reasons("photos") == [(5, "uri", "no_image")]
    assert importing.rejected("photos")[0]["detail"] == (
        "found no image of photo 4, expected one that is named by its id"
    )


def test_read_checks_the_images_that_photos_name(importing, folder, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "7.jpg"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(b"jpg")
    path = folder(
        {
            "community.toml": ALL,
            "photos.csv": "photo_id,uri\n1,img/a.jpg\n2,img/b.jpg\n3,s.tar#x.jpg\n4,s.tar#y.jpg\n5,r.parquet#1\n"
            f"6,r.parquet#2\n7,{elsewhere}\n8,\n9,s3://bucket/9.jpg\n10,here/img/a.jpg\n11,gone.tar#1\n12,top.jpg\n",
            "img/a.jpg": b"jpg",
            "top.jpg": b"jpg",
            "s.tar": tar(["x.jpg"]),
            "images_of_photos/none": b"",
        }
    )
    (path / "r.parquet").write_bytes(parquet(bytes=[b"a", b"b"]))
    (path / "r.parquet").rename(path / ".r.parquet")
    (path / "img" / "r.parquet").write_bytes(parquet(bytes=[b"a", b"b"]))
    text = (path / "photos.csv").read_text().replace("r.parquet#", "img/r.parquet#")
    (path / "photos.csv").write_text(text)
    importing.run("canonical", path)
    assert {row["photo_id"]: row["uri"] for row in importing.rows("photos")} == {
        1: "here/img/a.jpg",
        3: "here/s.tar#x.jpg",
        5: "here/img/r.parquet#1",
        7: str(elsewhere),
        8: "",
        9: "s3://bucket/9.jpg",
        10: "here/img/a.jpg",
        12: "here/top.jpg",
    }
    assert importing.reasons("photos") == [(row, "uri", "no_image") for row in (3, 5, 7, 12)]


def test_read_leaves_uri_empty_without_any_images(importing, folder):
    path = folder({"community.toml": ALL, "photos.csv": "photo_id\n1\n"})
    report = importing.run("canonical", path)
    assert importing.rows("photos")[0]["uri"] == ""
    assert report.notes == ("photos have no images: there is neither a column uri nor an images folder",)


def test_read_tells_of_ignored_columns(importing, folder):
    path = folder({"community.toml": ALL, "raters.csv": "rater_id;shoe_size;hat\n1;42;x\n"})
    assert importing.run("canonical", path).notes == ("raters.csv: ignored the columns shoe_size, hat",)


def test_read_takes_a_header_without_rows(importing, folder):
    report = importing.run("canonical", folder({"community.toml": ALL, "raters.csv": "rater_id\n"}))
    assert report.tables["raters"].landed == 0


@pytest.mark.parametrize("rows", ["7,x,y\n", "7,x,y", "\n\n7,x,y\n8,x,y\n"])
def test_read_keeps_rejected_rows_of_a_file_without_any_good_one(importing, folder, rows):
    files = {"users.csv": USERS_CSV, "raters.csv": f"rater_id,country\n{rows}"}
    report = importing.run("canonical", folder(files))
    assert report.tables["raters"].rejected == {"wrong_number_of_fields": rows.count("x")}
    assert importing.rejected("raters")[0]["row"] == 2 + rows.index("7")


def test_read_takes_compressed_text(importing, folder):
    import gzip

    path = folder({"community.toml": ALL, "raters.csv.gz": gzip.compress(b"rater_id,country\n5,NZ\n")})
    importing.run("canonical", path)
    assert importing.rows("raters") == [{"rater_id": 5, "country": "NZ", "track_record": None}]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": "x"}, "no table was found"),
        ({"favourites.csv": "x\n"}, "'favourites' is no table; expected one of .*favorites.* put a dot"),
        ({"users.csv": USERS_CSV, "users.parquet": b"PAR1"}, "the table users is here twice"),
        ({"edges.csv": "follower_id,followee_id\n1,2\n"}, 'no users table .* write consent = "all" to community.toml'),
        (
            {"users.csv": USERS_CSV, "community.toml": 'consent = "maybe"'},
            "consent is 'maybe'; expected one of users_table, other_sources, all",
        ),
        (
            {"users.csv": USERS_CSV, "community.toml": "consent = "},
            r"community.toml: cannot be read: Invalid value .*; expected TOML",
        ),
        (
            {"users.csv": USERS_CSV, "community.toml": 'conset = "all"'},
            r"community.toml: there is no key 'conset'; expected only the keys name, consent, notes. "
            "Did you mean 'consent'[?]$",
        ),
        (
            {"users.csv": USERS_CSV, "community.toml": "x = 1"},
            r"community.toml: there is no key 'x'; expected only the keys name, consent, notes$",
        ),
        (
            {"users.csv": "user_id,joined_at\n1,\n"},
            "users.csv, line 1, column 'opted_in': there is no column .*; expected columns user_id, opted_in; "
            "optional ones are joined_at, is_pro. Add the column, or state it for everyone with "
            'consent = "all" in community.toml.$',
        ),
        (
            {"users.csv": USERS_CSV, "raters.csv": "rater\n1\n"},
            r"raters.csv, line 1, column 'rater_id': .* optional ones are country, track_record. "
            "Did you mean 'rater'[?] Rename the column in the file.$",
        ),
        ({"users.csv": "user_id,user_id\n"}, r"users.csv, line 1: the name 'user_id' stands twice"),
        ({"users.csv": "user_id,User_ID\n"}, r"users.csv, line 1: the name 'User_ID' stands twice"),
        ({"users.csv": "user_id,_row\n"}, r"users.csv, line 1: the name '_row' stands twice or is reserved"),
        ({"users.csv": "user_id,,opted_in\n"}, r"users.csv, line 1: column 2 has no name"),
        ({"users.csv": ""}, "users.csv: the file is empty"),
        ({"users.csv": b"user_id,opted_in\n1,true\n2,\xff\n"}, r"users.csv, line 3: the text is not UTF-8.*iconv"),
        ({"users.parquet": b"no parquet"}, "users.parquet: cannot be read as Parquet"),
        ({"users.csv.gz": b"no gzip"}, "users.csv.gz: cannot be read"),
    ],
)
def test_read_refuses_unusable_folders(importing, folder, files, message):
    with pytest.raises(ImportFailure, match=f"(?s){message}"):
        importing.run("canonical", folder(files))
    assert importing.zone.partitions("users") == []


def test_read_names_the_line_of_bad_text_far_down(importing, folder):
    lines = [b"user_id,opted_in"] + [b"%d,true" % i for i in range(200_000)]
    lines[150_000] = b"\xe9,true"
    with pytest.raises(ImportFailure, match=r"users.csv, line 150001: the text is not UTF-8"):
        importing.run("canonical", folder({"users.csv": b"\n".join(lines)}))


def test_read_refuses_a_row_without_end(importing, folder, monkeypatch):
    monkeypatch.setattr("assets.landing.importers.text_files.BLOCK_BYTES", 1 << 12)
    text = 'rater_id,country\n1,"' + "x\n" * 10_000
    with pytest.raises(ImportFailure, match=r"a row is longer than .* double quote that is opened and never closed"):
        importing.run("canonical", folder({"community.toml": ALL, "raters.csv": text}))


def test_read_refuses_images_that_are_no_archive(importing, folder):
    files = {"community.toml": ALL, "photos.csv": "photo_id\n1\n"}
    with pytest.raises(ImportFailure, match=r"images.tar: cannot be read as tar"):
        importing.run("canonical", folder({**files, "images.tar": b"no tar at all" * 100}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no parquet", "images.parquet: cannot be read as Parquet"),
        (parquet(a=[1]), "images.parquet: there are the columns a; expected columns photo_id, bytes"),
    ],
)
def test_read_refuses_images_that_are_no_parquet(importing, folder, content, message):
    files = {"community.toml": ALL, "photos.csv": "photo_id\n1\n", "images.parquet": content}
    with pytest.raises(ImportFailure, match=message):
        importing.run("canonical", folder(files))


def test_read_refuses_a_file_for_a_folder(importing, folder):
    with pytest.raises(ImportFailure, match="this is no folder; expected a folder with tables"):
        importing.run("canonical", folder({"users.csv": USERS_CSV}) / "users.csv")


USER_ID = st.sampled_from(["1", "2", "3", "-1", "1.5", "x", "", " 4 ", "5.0", '"6"'])
JOINED_AT = st.sampled_from(["", "2015-01-02", "2015-13-02", "1456826400", "12", "2015-01-02T03:04:05+01:00", "soon"])
OPTED_IN = st.sampled_from(["true", "false", "1", "perhaps", "", "true,extra"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(USER_ID, JOINED_AT, OPTED_IN).map(",".join), max_size=30))
def test_every_row_lands_or_is_quarantined(lines):
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "landing"
        path.mkdir()
        (path / "users.csv").write_text("\n".join(["user_id,joined_at,opted_in", "9,,true", *lines]))
        lake = Lake(f"{home}/lake")
        report = import_source("canonical", path, name="here", lake=lake, landing_root=path)
        zone = lake.zone("landed/here")
        rows = 1 + sum(any(line.split(",")) for line in lines)
        landed, rejected = zone.read(USERS).num_rows, zone.read(QUARANTINE).num_rows
        assert landed - report.tables["users"].derived + rejected == rows
        assert (report.landed_rows, report.rejected_rows) == (landed, rejected)
