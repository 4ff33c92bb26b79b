import os
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from assets.contracts.lake import Lake
from assets.contracts.landed import source_document
from assets.landing.importers import ImportFailure, import_source, pipeline


def files_of(lake_root):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in lake_root.rglob("*") if path.is_file()}


def without_locks(files):
    return {path: content for path, content in files.items() if path.suffix != ".lock"}


@pytest.fixture
def graph(folder):
    def write(text, name="graph.txt"):
        return folder({name: text}) / name

    return write


def test_import_source_does_nothing_when_nothing_changed(importing, graph):
    path = graph("1 2 1456826400\nx 2 1456826400\n")
    first = importing.run("edge_list", path)
    before = without_locks(files_of(importing.home / "lake"))
    again = importing.run("edge_list", path)
    assert (first.skipped, again.skipped) == (False, True)
    assert again.tables == first.tables
    assert again.notes == first.notes
    assert without_locks(files_of(importing.home / "lake")) == before
    assert "unchanged since the last import; nothing done" in again.render()


def test_import_source_replaces_what_it_imported(importing, graph):
    importing.run("edge_list", graph("1 2 1456826400\n1 3 1459504800\nx 2 1456826400\n"))
    assert importing.zone.partitions("edges") == ["2016-03", "2016-04"]
    kept = importing.zone.commit_of("edges", "2016-03")
    path = graph("1 2 1456826400\n1 4 1462096800\n")
    assert not importing.run("edge_list", path).skipped
    assert importing.zone.partitions("edges") == ["2016-03", "2016-05"]
    assert importing.zone.partitions("quarantine") == []
    assert importing.zone.commit_of("edges", "2016-03") == kept


def test_import_source_drops_tables_that_vanished(importing, folder):
    users = "user_id,opted_in\n1,true\n"
    path = folder({"users.csv": users, "blocks.csv": "user_id,blocked_user_id\n1,2\n"})
    importing.run("canonical", path)
    (path / "blocks.csv").unlink()
    importing.run("canonical", path)
    assert importing.zone.partitions("blocks") == []
    assert importing.zone.partitions("users") == ["undated"]


@pytest.mark.parametrize("change", ["options", "time"])
def test_import_source_imports_again_when_anything_changed(importing, graph, change):
    path = graph("1 2\n2 1\n")
    importing.run("edge_list", path)
    if change == "time":
        os.utime(path, ns=(1, 1))
    options = {"undirected": "true"} if change == "options" else {}
    assert not importing.run("edge_list", path, **options).skipped


def test_import_source_refuses_another_format_under_a_name(importing, graph):
    importing.run("edge_list", graph("1 2\n"))
    before = without_locks(files_of(importing.home / "lake"))
    path = graph("2 1\n2\n1\n")
    with pytest.raises(
        ImportFailure, match="imported as edge_list before, not as metis; .* or delete /.*/landed/here if"
    ):
        importing.run("metis", path)
    assert without_locks(files_of(importing.home / "lake")) == before
    shutil.rmtree(importing.home / "lake" / "landed" / "here")
    assert importing.run("metis", path).landed_rows > 0


def test_import_source_refuses_to_lose_all_rows(importing, folder):
    users = "user_id,opted_in\n"
    importing.run("canonical", folder({"users.csv": f"{users}1,true\n"}))
    before = without_locks(files_of(importing.home / "lake"))
    with pytest.raises(
        ImportFailure,
        match="no row can be used .users: not_a_boolean 1, not_an_integer 1, first users.csv row 2: "
        "found x, expected a whole number., and 1 row of the source 'here' would be lost; .* or delete /.*/here if",
    ):
        importing.run("canonical", folder({"users.csv": f"{users}x,true\n2,perhaps\n"}))
    with pytest.raises(ImportFailure, match="the tables are empty.*would be lost"):
        importing.run("canonical", folder({"users.csv": users}))
    assert without_locks(files_of(importing.home / "lake")) == before


def test_import_source_refuses_a_first_import_without_a_usable_row(importing, folder):
    with pytest.raises(ImportFailure, match=r"no row can be used \(users: not_a_boolean 1, .*Correct the files.$"):
        importing.run("canonical", folder({"users.csv": "user_id,opted_in\n1,perhaps\n"}))
    assert source_document(importing.zone) is None


def test_import_source_imports_again_when_the_lake_lost_a_partition(importing, graph):
    path = graph("1 2\n")
    importing.run("edge_list", path)
    importing.zone.drop("edges", "undated")
    assert not importing.run("edge_list", path).skipped
    assert importing.zone.partitions("edges") == ["undated"]


def test_import_source_leaves_the_lake_alone_when_it_fails(importing, graph):
    importing.run("edge_list", graph("1 2\n"))
    before = without_locks(files_of(importing.home / "lake"))
    with pytest.raises(ImportFailure):
        importing.run("edge_list", graph(b"1 2\n" * 3_000 + b"\xff 3\n"))
    assert without_locks(files_of(importing.home / "lake")) == before


def test_import_source_keeps_a_document_of_what_it_did(importing, graph):
    importing.run("edge_list", graph("1 2\nx 3\n"))
    document = source_document(importing.zone)
    assert document is not None
    assert (document["name"], document["consent"]) == ("here", "all")
    assert document["identity"]["format"] == "edge_list"
    assert document["identity"]["options"] == {"columns": "auto", "undirected": False}
    assert document["tables"]["edges"] == {
        "landed": 1,
        "rejected": {"not_an_integer": 1},
        "months": ["undated"],
        "derived": 0,
        "undated": 1,
        "files": ["graph.txt"],
    }
    assert sorted(document["partitions"]) == ["edges/undated", "quarantine/edges", "users/undated"]


@pytest.mark.parametrize(
    ("table", "header", "row"),
    [
        ("photos", "photo_id,is_public,uploaded_at", "{},true,{}"),
        ("photos", "photo_id,is_public,deleted_at", "{},true,{}"),
        ("edges", "follower_id,followee_id,created_at", "0,{},{}"),
        ("group_memberships", "user_id,group_id,left_at", "1,{},{}"),
        ("users", "user_id,opted_in,joined_at", "{},true,{}"),
    ],
)
def test_import_source_rejects_events_after_the_delivery(importing, folder, table, header, row):
    moments = ["2016-05-02T11:59:59Z", "2016-05-02T12:00:00Z", "2016-05-02T12:00:01Z", "2061-01-01", ""]
    rows = [row.format(number, moment) for number, moment in enumerate(moments, start=1)]
    path = folder({f"{table}.csv": "\n".join([header, *rows]), "community.toml": 'consent = "all"'})
    delivered = datetime(2016, 5, 1, 12, tzinfo=UTC).timestamp()
    for file in path.iterdir():
        os.utime(file, (delivered, delivered))
    importing.run("canonical", path)
    last = header.rpartition(",")[2]
    assert importing.reasons(table) == [(4, last, "in_the_future"), (5, last, "in_the_future")]
    assert importing.rejected(table)[1]["detail"] == (
        "found 2061-01-01 00:00:00 UTC, expected a time until 2016-05-02 12:00:00 UTC, a day after the delivery"
    )
    assert len(importing.rows(table)) == 3
    document = source_document(importing.zone)
    assert document is not None
    assert document["delivered_at"] == "2016-05-01T12:00:00+00:00"


def test_import_source_takes_scores_of_a_month_that_is_still_open(importing, folder):
    path = folder({"scores.csv": "photo_id,beauty,scored_at\n1,0.5,2061-01-01\n"}) / "scores.csv"
    assert importing.run("scores", path).rejected_rows == 0


@pytest.mark.parametrize("moment", [0, 4_000_000_000])
def test_import_source_goes_by_the_first_import_where_files_have_no_usable_time(importing, graph, moment, monkeypatch):
    now = int(time.time())
    path = graph(f"1 2 1456826400\n1 3 {now + 3 * 86_400}\n")
    os.utime(path, (moment, moment))
    first = importing.run("edge_list", path)
    assert first.tables["edges"].rejected == {"in_the_future": 1}
    before = files_of(importing.zone_folder)
    monkeypatch.setattr(pipeline, "datetime", _later(days=30))
    assert importing.run("edge_list", path).skipped
    monkeypatch.setattr(pipeline, "code_version_of", lambda *modules: "another")
    assert not importing.run("edge_list", path).skipped
    rows = {name: content for name, (content, _) in files_of(importing.zone_folder).items() if "data" in name.parts}
    assert rows == {name: content for name, (content, _) in before.items() if "data" in name.parts}
    path.write_text(path.read_text() + "\n")
    os.utime(path, (moment, moment))
    assert importing.run("edge_list", path).rejected_rows == 0


def _later(days):
    class Later(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=days)

    return Later


def test_import_source_refuses_files_that_cannot_be_looked_at(importing, folder):
    path = folder({"users.csv": "user_id,opted_in\n1,true\n"})
    (path / "photos.csv").symlink_to(path / "absent")
    with pytest.raises(ImportFailure, match="photos.csv: cannot be looked at: No such file"):
        importing.run("canonical", path)


def test_import_source_cleans_up_its_work(importing, graph):
    importing.run("edge_list", graph("1 2\n"))
    assert [path.suffix for path in (importing.home / "lake" / ".staging").iterdir()] == [".lock"]


def test_import_source_stores_absolute_uris_outside_the_landing_folder(importing, tmp_path):
    path = tmp_path / "elsewhere"
    path.mkdir()
    (path / "community.toml").write_text('consent = "all"')
    (path / "photos.csv").write_text("photo_id\n1\n")
    (path / "images").mkdir()
    (path / "images" / "1.jpg").write_bytes(b"jpg")
    importing.run("canonical", path)
    assert importing.rows("photos")[0]["uri"] == str(path / "images" / "1.jpg")


def test_two_imports_of_one_source_wait_for_one_another(importing, graph):
    path = graph("".join(f"{i} {i + 1}\n" for i in range(1, 5_000)))
    reports = []
    threads = [threading.Thread(target=lambda: reports.append(importing.run("edge_list", path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.skipped for report in reports) == [False, True]
    assert len(importing.rows("edges")) == 4_999


@pytest.mark.parametrize(
    ("source_format", "name", "file", "message"),
    [
        ("gml", "here", "graph.txt", "there is no format 'gml'; expected one of .*canonical, crowd_ratings, edge_list"),
        ("edge_list", "a/../b", "graph.txt", "a source cannot be called 'a/../b'"),
        ("edge_list", "here", "gone.txt", "gone.txt: there is nothing here; expected a text file .* Check the path"),
    ],
)
def test_import_source_refuses_unknown_formats_names_and_paths(importing, graph, source_format, name, file, message):
    path = graph("1 2\n").with_name(file)
    with pytest.raises(ImportFailure, match=message):
        import_source(
            source_format, path, name=name, lake=Lake(str(importing.home)), landing_root=importing.landing_root
        )
