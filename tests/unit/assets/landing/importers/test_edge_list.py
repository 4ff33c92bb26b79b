import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.contracts.community import EDGES
from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.landing.importers import ImportFailure, import_source


def pairs(importing):
    return [(row["follower_id"], row["followee_id"]) for row in importing.rows("edges")]


def seconds(importing):
    return [None if row["created_at"] is None else row["created_at"].timestamp() for row in importing.rows("edges")]


@pytest.mark.parametrize(
    "text",
    [
        "# Directed graph\n# FromNodeId\tToNodeId\n1\t2\n2\t3\n",
        "d nw\n1\t2\n2\t3\n",
        "1 2\n2 3\n",
        "  1   2 \r\n2\t 3\t\r\n",
        "1,2\n2,3",
        "source;target\n1;2\n2;3\n",
        "% asym unweighted\n% 2 3 3\n1 2\n% comment\n2 3\n",
        "1 2 5\n2 3 0.5\n",
        "target,source,since\n2,1,x\n3,2,y\n",
    ],
)
def test_read_takes_many_layouts(importing, folder, text):
    importing.run("edge_list", folder({"graph.txt": text}) / "graph.txt")
    assert pairs(importing) == [(1, 2), (2, 3)]
    assert seconds(importing) == [None, None]
    assert importing.zone.partitions("quarantine") == []


@pytest.mark.parametrize(
    "text",
    [
        "1 2 1456826400\n2 3 1456826401.5\n",
        "% asym weighted\n1 2 7\t1456826400\n2 3 1\t1456826401.5\n",
        "#source,#target,#rating,#timestamp\n1,2,9,1456826400\n2,3,-4,1456826401.5\n",
    ],
)
def test_read_takes_times(importing, folder, text):
    report = importing.run("edge_list", folder({"graph.txt": text}) / "graph.txt")
    assert seconds(importing) == [1_456_826_400, 1_456_826_401.5]
    assert report.tables["edges"].months == ("2016-03",)


def test_read_makes_ratings_the_quality_of_their_receivers(importing, folder):
    text = "source,target,rating\n1,2,9\n3,2,-4\n2,1,0.5\n2,2,10\n1,2,8\n4,2,much\n"
    report = importing.run("edge_list", folder({"otc.csv": text}) / "otc.csv")
    assert importing.rows("user_quality") == [
        {"user_id": 1, "source": "here", "value": 0.5, "n": 1},
        {"user_id": 2, "source": "here", "value": 2.5, "n": 2},
    ]
    assert report.tables["user_quality"].derived == 2
    assert importing.reasons("edges") == [
        (5, "followee_id", "self_follow"),
        (6, "created_at", "duplicate_key"),
        (7, "rating", "not_a_number"),
    ]


def test_read_mirrors_undirected_links_once(importing, folder):
    path = folder({"graph.txt": "1 2\n2 1\n3 1\n3 3\n"}) / "graph.txt"
    report = importing.run("edge_list", path, undirected="true")
    assert pairs(importing) == [(1, 2), (1, 3), (2, 1), (3, 1)]
    assert report.tables["edges"].derived == 2
    assert importing.reasons("edges") == [(2, "created_at", "duplicate_key"), (4, "followee_id", "self_follow")]


def test_read_believes_konect_that_links_are_undirected(importing, folder):
    importing.run("edge_list", folder({"out.graph": "% sym unweighted\n1 2\n"}) / "out.graph")
    assert pairs(importing) == [(1, 2), (2, 1)]


def test_read_takes_columns_as_told(importing, folder):
    path = folder({"graph.txt": "x 1456826400 2 1\n"}) / "graph.txt"
    with pytest.raises(ImportFailure, match="no line looks like a link"):
        importing.run("edge_list", path)
    path = folder({"graph.txt": "5 1456826400 2 1\n"}) / "graph.txt"
    importing.run("edge_list", path, columns="skip,time,target,source")
    assert (pairs(importing), seconds(importing)) == ([(1, 2)], [1_456_826_400])


def test_read_rejects_each_bad_line(importing, folder):
    text = "1 2\n1\n1 2 3\n1.5 2\nx y\n-1 2\n1 2\n3 3\n1 \x01 2\n99999999999999999999 1\n"
    importing.run("edge_list", folder({"graph.txt": text}) / "graph.txt")
    assert importing.reasons("edges") == [
        (2, None, "wrong_number_of_fields"),
        (3, None, "wrong_number_of_fields"),
        (4, "follower_id", "not_an_integer"),
        (5, "follower_id", "not_an_integer"),
        (6, "follower_id", "out_of_range"),
        (7, "created_at", "duplicate_key"),
        (8, "followee_id", "self_follow"),
        (9, None, "wrong_number_of_fields"),
        (10, "follower_id", "not_an_integer"),
    ]
    details = {row["row"]: row["detail"] for row in importing.rejected("edges")}
    assert details[3] == "found 3 fields, expected 2"
    assert details[8] == "found 3 following themselves, expected two different users"
    assert [row["text"] for row in importing.rejected("edges")][:2] == ["1", "1 2 3"]


def test_read_notes_what_it_guessed(importing, folder):
    report = importing.run("edge_list", folder({"graph.txt": "from to how\n1 2 3\n"}) / "graph.txt")
    assert report.notes == (
        "columns were taken from line 1: source, target, skip",
        "line 1 ('from to how') was taken for a header",
    )
    report = importing.run("edge_list", folder({"graph.txt": "1 2 3\n"}) / "graph.txt")
    assert report.notes == (
        "the third column was taken for a weight",
        "weights do not land: links of the contract have none",
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "graph.txt: the file is empty"),
        ("# nothing\n", {}, "graph.txt: there is no link; expected lines with two whole numbers"),
        ("words only\nmore words\n", {}, "line 1: no line looks like a link, the first one is 'words only'"),
        ("% bip unweighted\n1 2\n", {}, "line 1: this network is bipartite.*favorites.csv"),
        ("1 2 3 4 5\n", {}, "line 1: the line has 5 columns without a name; expected 2 to 4 columns. Say what"),
        ("1 2\n", {"columns": "source,goal"}, "the option columns is 'source,goal'; expected source and target"),
        ("1 2\n", {"columns": "source,source,target"}, "the option columns is"),
        ("source,target,rating\n1,2,3\n", {"undirected": "true"}, "ratings of undirected links have no receiver"),
        (b"1 2\n\xff 3\n", {}, "line 2: the text is not UTF-8"),
        (b"1 2\n" * 400_000 + b"\xff 3\n", {}, "line 400001: the text is not UTF-8"),
    ],
)
def test_read_refuses_other_files(importing, folder, text, options, message):
    with pytest.raises(ImportFailure, match=message):
        importing.run("edge_list", folder({"graph.txt": text}) / "graph.txt", **options)
    assert importing.zone.partitions("edges") == []


def test_read_refuses_a_folder(importing, folder):
    with pytest.raises(ImportFailure, match="this is no file; expected a text file"):
        importing.run("edge_list", folder({"graph.txt": "1 2\n"}))


FIELD = st.sampled_from(["0", "1", "2", "3", "-1", "1.0", "2.5", "x", "", "99999999999999999999", "#1", '"', "é"])
LINE = st.lists(FIELD, min_size=1, max_size=4).map("\t".join)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINE, max_size=30))
def test_every_line_lands_or_is_quarantined(lines):
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "graph.txt"
        path.write_text("\n".join(["7\t8", *lines]), encoding="utf-8")
        lake = Lake(f"{home}/lake")
        report = import_source("edge_list", path, name="here", lake=lake, landing_root=Path(home))
        zone = lake.zone("landed/here")
        rows = 1 + sum(bool(line.strip()) and not line.startswith("#") for line in lines)
        assert report.landed_rows - report.tables["users"].landed + report.rejected_rows == rows
        assert zone.read(EDGES).num_rows + zone.read(QUARANTINE).num_rows == rows
