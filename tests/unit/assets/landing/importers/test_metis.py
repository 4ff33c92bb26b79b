import pytest

from assets.landing.importers import ImportFailure


def pairs(importing):
    return [(row["follower_id"], row["followee_id"]) for row in importing.rows("edges")]


@pytest.mark.parametrize(
    "text",
    [
        "4 2\n2 3\n1\n1\n\n",
        "% comment\n4 2 0\n2 3 \n1\n% between\n1\n\n",
        "4 2 1\n2 9 3 9\n1 9\n1 9\n\n",
        "4 2 11\n5 2 9 3 9\n5 1 9\n5 1 9\n5\n",
        "4 2 110 2\n8 5 5 2 3\n8 5 5 1\n8 5 5 1\n8 5 5\n",
    ],
)
def test_read_takes_links_both_ways_and_lonely_users(importing, folder, text):
    importing.run("metis", folder({"a.graph": text}) / "a.graph")
    assert pairs(importing) == [(1, 2), (1, 3), (2, 1), (3, 1)]
    assert [row["user_id"] for row in importing.rows("users")] == [1, 2, 3, 4]


def test_read_rejects_bad_neighbours_by_line(importing, folder):
    report = importing.run("metis", folder({"a.graph": "3 2\n2 1 7 8\n1 x y\n2 02\n"}) / "a.graph")
    assert pairs(importing) == [(1, 2), (2, 1), (3, 2)]
    assert importing.reasons("edges") == [
        (2, "followee_id", "out_of_range"),
        (2, "followee_id", "self_follow"),
        (3, "followee_id", "not_an_integer"),
        (4, None, "duplicate_key"),
    ]
    assert (
        importing.rejected("edges")[0]["detail"]
        == "found neighbour 7, expected 1 to 3; found neighbour 8, expected 1 to 3"
    )
    assert report.notes == ("the header promises 2 links, so 4 directed ones; 3 are good",)
    assert report.tables["edges"].rejected == {
        "duplicate_key": 1,
        "not_an_integer": 1,
        "out_of_range": 1,
        "self_follow": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("% only\n", "line 1: there is no header; expected a first line with the numbers of nodes"),
        ("three nodes\n", "there is no header"),
        ("2 1 7\n2\n1\n", "line 1, column 'fmt': the format is '7'; expected up to three digits 0 or 1"),
        ("3 1\n2\n1\n", "there are 2 lines after the header; expected 3 lines, one per node"),
        ("1 1\n2\n1\n", "there are 2 lines after the header; expected 1 lines"),
        (b"1 1\n\xff\n", "line 2: the text is not UTF-8"),
    ],
)
def test_read_refuses_other_files(importing, folder, text, message):
    with pytest.raises(ImportFailure, match=message):
        importing.run("metis", folder({"a.graph": text}) / "a.graph")
    assert importing.zone.partitions("edges") == []
