"""An importer that is killed at random moments: whole partitions remain, and the next run completes."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa

from assets.contracts.community import EDGES
from assets.contracts.lake import Lake
from assets.contracts.landed import source_document
from assets.contracts.registry import all_contracts
from assets.landing.importers import import_source
from assets.landing.importers.landing_zone import is_whole

KILLS = 10
MONTHS = 36
ROWS = 6_000
FIRST_SECOND = 1_420_070_400
LAST_SECOND = 4_102_444_799
"""End of 2099, the last time that is one."""

# Waits for a line before it starts, so that the moment of the kill counts from the import, not from Python's start.
WRITER = """
import sys
from pathlib import Path
from assets.contracts.lake import Lake
from assets.landing.importers import import_source
home = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
import_source("edge_list", home / "edges.txt", name="here", lake=Lake(str(home / "lake")), landing_root=home)
print("done", flush=True)
"""

State = dict[tuple[str, str], pa.Table]


def write_version(home: Path, version: int) -> None:
    """Links that differ from version to version in every month; some lines are broken, and some lie ahead."""
    chosen = random.Random(version)
    month = 30 * 86_400
    lines = [
        f"{chosen.randrange(500)} {chosen.randrange(500)} {FIRST_SECOND + chosen.randrange(MONTHS * month)}"
        for _ in range(ROWS)
    ]
    lines += [f"broken {version} {number}" for number in range(version)]
    lines += [f"1 2 {LAST_SECOND}", f"1 3 {int(time.time()) + (version + 1) * 86_400}"]
    (home / "edges.txt").write_text("\n".join(lines))


def start_writer(home: Path) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdin is not None
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()
    return writer


def state_of(zone: Lake) -> State:
    """Every committed partition, read through to the last row and checked against its contract."""
    state: State = {}
    for key, contract in all_contracts().items():
        for partition in zone.partitions(key):
            state[key, partition] = zone.read(contract, [partition])
            contract.validate(state[key, partition])
    return state


def uninterrupted(home: Path) -> State:
    """What an import of the present version gives in a lake of its own."""
    lake = Lake(str(home / "expected"))
    import_source("edge_list", home / "edges.txt", name="here", lake=lake, landing_root=home)
    return state_of(lake.zone("landed/here"))


def test_killed_importers_leave_whole_partitions_and_the_next_run_completes(tmp_path: Path) -> None:
    zone = Lake(str(tmp_path / "lake")).zone("landed/here")
    write_version(tmp_path, 1)
    started = time.monotonic()
    with start_writer(tmp_path) as writer:
        assert writer.wait() == 0
    duration = time.monotonic() - started
    moments = random.Random(7)
    before, interrupted = state_of(zone), 0
    assert len(zone.partitions(EDGES.key)) == MONTHS
    for version in range(2, 2 + KILLS):
        write_version(tmp_path, version)
        with start_writer(tmp_path) as writer:
            time.sleep(moments.uniform(0.0, 0.6 * duration))
            writer.send_signal(signal.SIGKILL)
            interrupted += writer.wait() == -signal.SIGKILL
        found, document = state_of(zone), source_document(zone)
        assert document is not None
        whole = is_whole(zone, document)
        report = import_source(
            "edge_list", tmp_path / "edges.txt", name="here", lake=Lake(str(tmp_path / "lake")), landing_root=tmp_path
        )
        assert report.tables["edges"].rejected["in_the_future"] == 2
        assert report.rejected_rows >= version
        after = state_of(zone)
        for name, rows in found.items():
            assert rows in (before.get(name), after.get(name)), f"{name} is neither the old nor the new partition"
        assert found in (before, after) or not whole
        before = after
    assert before == uninterrupted(tmp_path)
    assert interrupted >= KILLS // 2, "most writers finished before they were killed; make the import larger"
