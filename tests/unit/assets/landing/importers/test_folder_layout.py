import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.landing.importers import ImportFailure

ALL = 'consent = "all"'
USERS_CSV = "user_id,opted_in\n1,true\n"


def parquet(**columns):
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


def test_lay_out_takes_endings_in_any_case_and_files_at_any_depth(importing, folder):
    events = "user_id,photo_id,created_at\n1,{},2016-05-01\n"
    path = folder(
        {
            "community.toml": ALL,
            "favorites.CSV": events.format(1),
            "photos/2015/01.csv": "photo_id,is_public\n1,true\n",
            "photos/2015/02.PARQUET": parquet(photo_id=[2], is_public=[True]),
            "photos/03.Csv.GZ": gzip.compress(b"photo_id,is_public\n3,true\n"),
            "photos/2015/.hidden.csv": "photo_id\n4\n",
        }
    )
    importing.run("canonical", path)
    assert [row["photo_id"] for row in importing.rows("photos")] == [1, 2, 3]
    assert [row["photo_id"] for row in importing.rows("favorites")] == [1]


def test_lay_out_tells_of_everything_that_is_no_table(importing, folder):
    names = [
        "README.md",
        "edges.csv.part",
        "photos/README",
        "photos/draft.tmp/1.csv",
        "raw/export.csv",
        "x.csv.d/a.jpg",
    ]
    files = {"community.toml": ALL, "photos/1.csv": "photo_id\n1\n", "12.jpg": b"jpg", ".git/a.csv": "x"}
    path = folder({**files, **dict.fromkeys(names, "x")})
    (path / "photos" / "linked").symlink_to(path / "raw")
    notes = importing.run("canonical", path).notes
    assert notes[0] == (
        "not read as tables: README.md, edges.csv.part, photos/README, photos/draft.tmp, photos/linked and 2 others"
    )


@pytest.mark.parametrize(
    "name",
    [
        "edges.txt",
        "blocks.csv.xz",
        "favorites.xlsx",
        "Edges.json",
        "photos/2015.csv.xz",
        "photos/2015/01.txt",
        "photos/a.zip",
    ],
)
def test_lay_out_refuses_what_looks_like_a_table_and_keeps_what_had_landed(importing, folder, name):
    users = {"users.csv": USERS_CSV, "community.toml": ALL}
    importing.run("canonical", folder({**users, "blocks.csv": "user_id,blocked_user_id\n1,2\n"}))
    (importing.landing_root / "here" / "blocks.csv").unlink()
    path = folder({name: b"x"})
    with pytest.raises(ImportFailure, match=f"{name}: this looks like the table .* Write it as CSV or Parquet, or put"):
        importing.run("canonical", path)
    assert len(importing.rows("blocks")) == 1


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"favourites.csv.xz": "x"}, "'favourites' is no table; expected one of .*favorites.* put a dot"),
        ({"Users.csv": USERS_CSV}, "'Users' is no table; expected one of .*users.* Rename it"),
        ({"images.csv": "photo_id\n"}, "'images' is no table"),
        ({"photo/2015/01.csv": "x"}, "'photo' is no table; .* Did you mean 'photos'[?] Rename it"),
        ({"Photos/01.parquet": "x"}, "'Photos' is no table; .* Did you mean 'photos'[?] Rename it"),
        ({"users.csv": USERS_CSV, "community.yaml": ALL}, "expected community.toml. Rename it to community.toml"),
        ({"users.csv": USERS_CSV, "Community.toml": ALL}, "expected community.toml. Rename it to community.toml"),
    ],
)
def test_lay_out_refuses_names_that_nothing_has(importing, folder, files, message):
    with pytest.raises(ImportFailure, match=message):
        importing.run("canonical", folder(files))
