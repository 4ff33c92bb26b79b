from datetime import UTC, datetime

import pytest

from assets.landing.importers import import_source

ALL = 'consent = "all"'
EDGES = {"edges.csv": "follower_id,followee_id\n1,2\n1,3\n1,4\n"}


@pytest.mark.parametrize(
    ("row", "landed"),
    [
        ("2,31/12/2014,false", False),  # the time cannot be read
        ("2,2015-01-01,withdrawn", False),  # the consent cannot be read
        ("2,31/12/2014,withdrawn", False),
        ("2,2015-01-01,false,extra", False),  # the number of fields is wrong
        ("2,2015-01-01,", None),  # nothing is said, so nobody is made up either
        ("2,2015-01-01", None),
        ("2,soon,true", None),
    ],
)
def test_derive_users_never_makes_a_user_of_a_rejected_row_opted_in(importing, folder, row, landed):
    users = f"user_id,joined_at,opted_in\n1,2015-01-01,true\n{row}\n"
    report = importing.run("canonical", folder({**EDGES, "community.toml": ALL, "users.csv": users}))
    found = {row["user_id"]: row["opted_in"] for row in importing.rows("users")}
    assert found == {1: True, 3: True, 4: True} | ({} if landed is None else {2: landed})
    assert report.tables["users"].rejected_rows == 1
    assert ("rejected key landed as refused" in report.render()) == (landed is False)


REFUSALS = {
    "later_file": ("1,2015-01-01,true\n", "1,2015-01-01,false\n"),
    "earlier_file": ("1,2015-01-01,false\n", "1,2015-01-01,true\n"),
    "rejected": ("1,2015-01-01,true\n", "1,31/12/2014,no\n"),
    "unreadable": ("1,2015-01-01,true\n", "1,2015-01-01,withdrawn\n"),
    "malformed": ("1,2015-01-01,true\n", "1,2015-01-01,false,extra\n"),
    "thrice": ("1,2015-01-01,true\n", "1,2015-01-01,true\n1,2015-02-01,false\n1,2015-03-01,true\n"),
}


@pytest.mark.parametrize("case", REFUSALS)
@pytest.mark.parametrize(
    ("table", "header"), [("users", "user_id,joined_at,opted_in\n"), ("photos", "photo_id,uploaded_at,is_public\n")]
)
def test_honour_refusals_lets_one_row_of_a_key_decide(importing, folder, table, header, case):
    first, second = REFUSALS[case]
    files = {f"{table}/2015-01.csv": f"{header}{first}2,,true\n", f"{table}/2015-02.csv": f"{header}{second}"}
    report = importing.run("canonical", folder({**files, "community.toml": ALL}))
    flag = header.strip().rpartition(",")[2]
    assert {row[f"{table[:-1]}_id"]: row[flag] for row in importing.rows(table)} == {1: False, 2: True}
    assert ("landed with" in report.render()) == (case != "earlier_file")
    assert importing.run("canonical", importing.landing_root / "here").skipped


def test_honour_refusals_lets_a_refusal_land_whose_row_is_rejected(importing, folder):
    files = {
        "users.csv": "user_id,joined_at,opted_in\n1,2015-01-01,true\n-2,,false\nx,,false\n3,2015-01-02,no way\n",
        "photos.csv": "photo_id,user_id,uploaded_at,is_public\n5,1,2015-03-01,true\n6,one,2015-03-02,false\n"
        "7,one,2015-03-02,true\n8,1,2061-01-01,false\n",
    }
    report = importing.run("canonical", folder(files))
    assert [(row["user_id"], row["joined_at"], row["opted_in"]) for row in importing.rows("users")] == [
        (1, datetime(2015, 1, 1, tzinfo=UTC), True),
        (3, datetime(2015, 1, 2, tzinfo=UTC), False),
    ]
    photos = {row["photo_id"]: row for row in importing.rows("photos")}
    assert {number: photo["is_public"] for number, photo in photos.items()} == {5: True, 6: False, 8: False}
    assert (photos[6]["uploaded_at"], photos[8]["uploaded_at"]) == (datetime(2015, 3, 2, tzinfo=UTC), None)
    assert (photos[6]["user_id"], photos[6]["uri"]) == (None, "")
    assert (report.tables["users"].derived, report.tables["photos"].derived) == (1, 2)


def test_honour_refusals_works_within_its_memory(importing, folder):
    numbers = range(1, 200_001)
    users = [f"{number},{'true' if number % 2 else 'false'}" for number in numbers]
    again = [f"{number},{'false' if number % 3 == 0 else 'true'}" for number in numbers]
    header = "user_id,opted_in"
    path = folder({"users/a.csv": "\n".join([header, *users]), "users/b.csv": "\n".join([header, *again])})
    import_source(
        "canonical", path, name="here", lake=importing.lake, landing_root=importing.landing_root, memory_limit="96MB"
    )
    refused = sum(not row["opted_in"] for row in importing.rows("users"))
    assert refused == sum(number % 2 == 0 or number % 3 == 0 for number in numbers)
