import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.contracts.lake import Lake, LakeError
from assets.contracts.table import Column, ContractViolation

MARCH = "2016-03"
AT_ONCE = timedelta(0)


def stamps(lake: Lake) -> dict[str, tuple[int, bytes]]:
    """Modification time and content of every file of a lake."""
    files = [path for path in Path(lake.uri).rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def data_files(lake: Lake) -> list[str]:
    return sorted(path.name for path in Path(lake.uri).rglob("*.parquet"))


def test_stage_is_invisible_until_commit(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1))
    staged = lake.stage(visits, MARCH, make_visits(2, 3))
    assert lake.read(visits)["user_id"].to_pylist() == [1]
    assert lake.staged_dataset(visits, staged).to_table()["user_id"].to_pylist() == [2, 3]
    lake.commit(staged)
    assert lake.read(visits)["user_id"].to_pylist() == [2, 3]


def test_stage_of_a_new_partition_shows_no_partition(lake, visits, make_visits):
    lake.stage(visits, MARCH, make_visits(1))
    assert lake.partitions("visits") == []
    assert lake.read(visits).num_rows == 0
    assert lake.files("visits") == []


def test_stage_sorts_by_primary_key(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(9, 2, 5))
    assert lake.read(visits)["user_id"].to_pylist() == [2, 5, 9]


def test_stage_of_a_bad_row_writes_nothing(lake, visits, make_visits):
    with pytest.raises(ContractViolation, match="visits.user_id: 1 rows are below the minimum 0"):
        lake.stage(visits, MARCH, make_visits(1, -1))
    assert data_files(lake) == []


def test_stage_of_rows_of_another_month_writes_nothing(lake, visits, make_visits):
    with pytest.raises(ContractViolation, match="visits.visited_at: 1 rows are outside of the partition 2016-04"):
        lake.stage(visits, "2016-04", make_visits(1))
    assert data_files(lake) == []


@pytest.mark.parametrize("partition", ["", "../up", "a/b", ".hidden", "with space"])
def test_stage_refuses_names_that_are_no_file_names(lake, visits, make_visits, partition):
    with pytest.raises(LakeError, match="cannot name a table, zone or partition"):
        lake.stage(visits, partition, make_visits(1))


def test_write_again_changes_no_byte_and_no_time(lake, visits, make_visits):
    inputs = {"other/2016-03": "abc"}
    first = lake.write(visits, MARCH, make_visits(1, 2), code_version="v1", inputs=inputs)
    before = stamps(lake)
    assert lake.write(visits, MARCH, make_visits(2, 1), code_version="v1", inputs=inputs) == first
    assert stamps(lake) == before
    assert len(before) == 2


def test_write_in_another_lake_gives_the_same_bytes(tmp_path, visits, make_visits):
    commits = [Lake(str(tmp_path / name)).write(visits, MARCH, make_visits(1, 2)) for name in ("a", "b")]
    assert commits[0] == commits[1]


def test_stage_stream_gives_the_bytes_of_stage(lake, visits, make_visits):
    rows = make_visits(*range(1000))
    whole = lake.stage(visits, MARCH, rows)
    assert lake.stage_stream(visits, MARCH, rows.to_batches(max_chunksize=7)) == whole


def test_stage_stream_that_fails_writes_nothing(lake, visits, make_visits):
    def batches():
        yield from make_visits(1).to_batches()
        raise RuntimeError("source went away")

    with pytest.raises(RuntimeError, match="source went away"):
        lake.stage_stream(visits, MARCH, batches())
    with pytest.raises(ContractViolation, match="do not strictly increase"):
        lake.stage_stream(visits, MARCH, [b for u in (2, 1) for b in make_visits(u).to_batches()])
    assert stamps(lake) == {}


def test_stage_stream_holds_one_row_group_in_memory(lake, visits, make_visits, monkeypatch):
    monkeypatch.setattr("assets.contracts.parquet.ROW_GROUP_ROWS", 5_000)
    base = make_visits(*range(5_000))
    peaks = {}
    for groups in (4, 16):
        start = pa.total_allocated_bytes()
        peaks[groups] = 0

        def batches(groups=groups, start=start):
            for number in range(groups):
                users = pa.array(range(number * 5_000, (number + 1) * 5_000), pa.int64())
                yield from base.set_column(0, visits.schema.field("user_id"), users).to_batches()
                peaks[groups] = max(peaks[groups], pa.total_allocated_bytes() - start)

        assert lake.stage_stream(visits, MARCH, batches()).rows == groups * 5_000
    assert peaks[4] > 0
    assert peaks[16] < 4 * base.nbytes


def test_commit_records_where_rows_came_from(lake, visits, make_visits):
    commit = lake.write(visits, MARCH, make_visits(1), code_version="v1", inputs={"b": "2", "a": "1"})
    assert lake.commit_of("visits", MARCH) == commit
    assert (commit.rows, commit.schema, list(commit.inputs)) == (1, visits.fingerprint, ["a", "b"])
    assert lake.fingerprints("visits") == {"visits/2016-03": commit.sha256}


def test_one_text_is_not_taken_for_a_sequence_of_partitions(lake):
    with pytest.raises(TypeError, match="partitions of visits are a sequence of names, not the text 'users'"):
        lake.fingerprints("visits", "users")


def test_commit_with_other_inputs_replaces_the_pointer_and_keeps_the_data(lake, visits, make_visits):
    first = lake.write(visits, MARCH, make_visits(1), inputs={"a": "1"})
    data = Path(lake.files("visits")[0])
    written = data.stat().st_mtime_ns
    second = lake.write(visits, MARCH, make_visits(1), inputs={"a": "2"})
    assert second.file == first.file
    assert data.stat().st_mtime_ns == written
    assert lake.commit_of("visits", MARCH) == second


def test_commit_of_a_vacuumed_stage_asks_to_stage_again(lake, visits, make_visits):
    staged = lake.stage(visits, MARCH, make_visits(1))
    lake.vacuum(AT_ONCE)
    with pytest.raises(LakeError, match=r"staged file visits/data/2016-03-\w+.parquet is gone .*; stage the partition"):
        lake.commit(staged)
    assert lake.partitions("visits") == []


def test_is_current_compares_code_and_inputs(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1), code_version="v1", inputs={"a": "1"})
    assert lake.is_current(visits, MARCH, code_version="v1", inputs={"a": "1"})
    assert not lake.is_current(visits, MARCH, code_version="v2", inputs={"a": "1"})
    assert not lake.is_current(visits, MARCH, code_version="v1", inputs={"a": "2"})
    assert not lake.is_current(visits, MARCH, code_version="v1", inputs={})
    assert not lake.is_current(visits, "2016-04", code_version="v1", inputs={"a": "1"})


def test_is_current_compares_the_schema(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1), code_version="v1", inputs={"a": "1"})
    wider = replace(visits, columns=(*visits.columns, Column("note", pa.string(), "Said of it.", nullable=True)))
    assert not lake.is_current(wider, MARCH, code_version="v1", inputs={"a": "1"})
    described = replace(visits, description="The same columns in other words.")
    assert lake.is_current(described, MARCH, code_version="v1", inputs={"a": "1"})


def test_partitions_are_sorted_with_undated_last(lake, visits, make_visits):
    undated = make_visits(1).set_column(
        2, visits.schema.field("visited_at"), pa.array([None], pa.timestamp("us", "UTC"))
    )
    april = make_visits(1).set_column(
        2, visits.schema.field("visited_at"), pa.array([datetime(2016, 4, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    )
    lake.write(visits, "undated", undated)
    lake.write(visits, "2016-04", april)
    lake.write(visits, MARCH, make_visits(1))
    assert lake.partitions("visits") == [MARCH, "2016-04", "undated"]
    assert lake.read(visits, ["undated"])["visited_at"].to_pylist() == [None]
    assert lake.read(visits).num_rows == 3


def test_read_takes_partitions_columns_and_what_is_not_there(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1))
    assert lake.read(visits, [MARCH, "1999-01"], ["user_id"]).to_pydict() == {"user_id": [1]}
    assert lake.read(visits, ["1999-01"]).schema == visits.schema
    assert lake.scan(visits).collect().height == 1


def test_reader_keeps_its_rows_while_they_are_replaced(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1))
    dataset = lake.dataset(visits)
    lake.write(visits, MARCH, make_visits(2, 3))
    assert dataset.to_table()["user_id"].to_pylist() == [1]
    assert lake.vacuum() == []
    assert dataset.to_table()["user_id"].to_pylist() == [1]


def test_drop_forgets_and_vacuum_removes(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1))
    lake.drop("visits", MARCH)
    lake.drop("visits", MARCH)
    assert lake.partitions("visits") == []
    assert lake.commit_of("visits", MARCH) is None
    assert data_files(lake) != []
    lake.vacuum(AT_ONCE)
    assert stamps(lake) == {}


def test_drop_of_nothing_leaves_nothing(lake):
    lake.drop("visits", MARCH)
    assert stamps(lake) == {}


def age(path: Path, days: float) -> None:
    moment = time.time() - days * 86_400
    os.utime(path, (moment, moment))


def test_vacuum_clock_starts_when_a_file_is_replaced_not_when_it_was_written(lake, visits, make_visits):
    """A file may be years old and have lost its commit a second ago, under the eyes of a reader."""
    lake.write(visits, MARCH, make_visits(1))
    old_file = Path(lake.files("visits")[0])
    age(old_file, days=900)
    lake.write(visits, MARCH, make_visits(2))
    assert lake.vacuum() == []
    age(Path(lake.location("visits/commits/2016-03.json")), days=2)
    assert lake.vacuum() == [f"visits/data/{old_file.name}"]
    assert lake.read(visits)["user_id"].to_pylist() == [2]


def test_vacuum_clock_starts_when_a_partition_is_dropped(lake, visits, make_visits):
    lake.write(visits, MARCH, make_visits(1))
    dataset = lake.dataset(visits)
    age(Path(lake.files("visits")[0]), days=900)
    lake.drop("visits", MARCH)
    assert lake.vacuum() == []
    assert dataset.to_table().num_rows == 1
    age(Path(lake.location("visits/commits/2016-03.dropped")), days=2)
    assert len(lake.vacuum()) == 2
    assert stamps(lake) == {}


def test_stage_renews_an_old_file_that_no_commit_names(lake, visits, make_visits):
    """Rows that were replaced long ago come back: vacuum must not take the file before it is committed."""
    first = lake.write(visits, MARCH, make_visits(1))
    lake.write(visits, MARCH, make_visits(2))
    for path in Path(lake.uri).rglob("2016-03*"):
        age(path, days=900)
    staged = lake.stage(visits, MARCH, make_visits(1))
    assert staged.file == first.file
    assert lake.vacuum() == []
    lake.commit(staged)
    assert lake.read(visits)["user_id"].to_pylist() == [1]


def test_vacuum_sees_zones_and_their_commits_apart(lake, visits, make_visits):
    zone = lake.zone("landed/one")
    zone.write(visits, MARCH, make_visits(1))
    lake.write(visits, MARCH, make_visits(1))
    lake.write(visits, MARCH, make_visits(2))
    (Path(zone.uri) / ".staging" / "left").mkdir(parents=True)
    (Path(zone.uri) / ".staging" / "left" / "rows.parquet").write_bytes(b"half")
    doomed = lake.vacuum(AT_ONCE)
    assert len(doomed) == 2
    assert doomed[0] == "landed/one/.staging/left/rows.parquet"
    assert doomed[1].startswith("visits/data/2016-03-")
    assert zone.read(visits)["user_id"].to_pylist() == [1]
    assert lake.read(visits)["user_id"].to_pylist() == [2]


def test_vacuum_leaves_what_was_committed_while_it_looked(lake, visits, make_visits, monkeypatch):
    lake.write(visits, MARCH, make_visits(1))
    lake.write(visits, MARCH, make_visits(2))
    look = Lake._forgotten_data

    def look_and_be_overtaken(self, *arguments):
        doomed = look(self, *arguments)
        assert doomed, "nothing was forgotten, so this test would prove nothing"
        lake.write(visits, MARCH, make_visits(1))
        return doomed

    monkeypatch.setattr(Lake, "_forgotten_data", look_and_be_overtaken)
    assert lake.vacuum(AT_ONCE) == []
    assert lake.read(visits)["user_id"].to_pylist() == [1]


def test_vacuum_takes_parts_that_nobody_took_up(lake):
    for name in (".parts/job/old.parquet", ".parts/job/new.parquet"):
        lake.put_bytes(name, b"part")
    age(Path(lake.location(".parts/job/old.parquet")), days=2)
    assert lake.vacuum() == [".parts/job/old.parquet"]


def test_vacuum_leaves_other_objects_alone(lake):
    lake.put_bytes("beauty_model/weights/a.safetensors", b"weights")
    assert lake.vacuum(AT_ONCE) == []
    assert lake.get_bytes("beauty_model/weights/a.safetensors") == b"weights"


def test_zones_are_lakes_of_their_own(lake, visits, make_visits):
    lake.zone("landed/b").write(visits, MARCH, make_visits(1))
    lake.zone("landed/a").write(visits, MARCH, make_visits(2))
    assert lake.zones("landed") == ["a", "b"]
    assert lake.zones("nothing") == []
    assert lake.partitions("visits") == []
    with pytest.raises(LakeError, match=r"'\.\.' cannot name"):
        lake.zone("landed/../x")


def test_objects_come_and_go(lake):
    lake.put_bytes("parts/x/1", b"one")
    lake.put_bytes("parts/x/1", b"uno")
    lake.put_bytes("parts/y", b"two")
    assert lake.get_bytes("parts/x/1") == b"uno"
    assert lake.get_bytes("parts/none") is None
    assert lake.names("parts") == ["parts/y"]
    lake.delete_below("parts")
    lake.delete_below("parts")
    assert lake.names("parts/x") == []


VALUES = st.tuples(
    st.integers(0, 2**63 - 1),
    st.none() | st.text(st.characters(codec="utf-8"), max_size=5),
    st.datetimes(datetime(2016, 3, 1), datetime(2016, 3, 31, 23, 59, 59)),  # noqa: DTZ001 zone is added below
    st.none() | st.floats(0, 1),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(VALUES, max_size=30, unique_by=lambda row: row[:2]), size=st.integers(1, 40))
def test_rows_come_back_as_they_went_in(tmp_path_factory, visits, rows, size):
    lake = Lake(str(tmp_path_factory.mktemp("lake")))
    records = [
        {"user_id": u, "place": p, "visited_at": t.replace(tzinfo=UTC), "liking": value} for u, p, t, value in rows
    ]
    table = pa.Table.from_pylist(records, schema=visits.schema)
    commit = lake.write(visits, MARCH, table)
    back = lake.read(visits)
    assert back.equals(table.sort_by([("user_id", "ascending"), ("place", "ascending")]))
    assert lake.stage_stream(visits, MARCH, back.to_batches(max_chunksize=size)).sha256 == commit.sha256


WRITER = """
import sys
from datetime import UTC, datetime
import pyarrow as pa
from assets.contracts.lake import Lake
sys.path.insert(0, sys.argv[3])
from conftest import VISITS
lake, rows = Lake(sys.argv[1]), int(sys.argv[2])
moment = datetime(2016, 3, 5, tzinfo=UTC)
for round in range(25):
    users = [{"user_id": u, "place": str(rows), "visited_at": moment, "liking": round / 100} for u in range(rows)]
    lake.write(VISITS, "2016-03", pa.Table.from_pylist(users, schema=VISITS.schema))
"""


def test_two_writers_of_one_partition_never_tear_a_read(lake, visits, make_visits):
    """Two processes replace the same month again and again; every read is the whole of one write."""
    lake.write(visits, MARCH, make_visits(0, place="1", liking=0.0))
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", WRITER, lake.uri]
    writers = [subprocess.Popen([*command, rows, here]) for rows in ("300", "500")]
    seen = set()
    try:
        while any(writer.poll() is None for writer in writers):
            table = lake.read(visits)
            places, likings = set(table["place"].to_pylist()), set(table["liking"].to_pylist())
            assert len(places) == len(likings) == 1
            assert table.num_rows == int(next(iter(places)))
            seen.add((next(iter(places)), next(iter(likings))))
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(seen) > 10
    lake.vacuum(AT_ONCE)
    assert len(data_files(lake)) == 1
