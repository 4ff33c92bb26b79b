"""Writers of a lake that are killed in `test_kill_lake_writers.py`.

Imports once, then forks one writer per line of standard input: ``<operation> <lake> <first version> <log>``.
It answers with the writer's process id, and waits for the writer's end before it takes the next line.
A writer replaces the same partition or object for ever, with version after version, and notes in the log,
one byte each, every version that was acknowledged to it.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from assets.contracts.lake import Lake
from assets.contracts.table import UTC_TIMESTAMP, Column, TableContract

PARTITION = "2016-03"
STATES = TableContract(
    key="states",
    description="Rows that all carry the version that wrote them.",
    grain="one row per number",
    columns=(
        Column("number", pa.int64(), "Row number."),
        Column("version", pa.int64(), "Version that wrote the row."),
        Column("written_at", UTC_TIMESTAMP, "A moment in March 2016."),
        Column("ballast", pa.string(), "Something that does not compress to nothing."),
    ),
    primary_key=("number",),
    event_time="written_at",
)


def rows_of(version: int) -> pa.Table:
    """The whole of one version: its number of rows depends on it."""
    count = 2_000 + 100 * (version % 7)
    return pa.table(
        {
            "number": pa.array(range(count), pa.int64()),
            "version": pa.array([version] * count, pa.int64()),
            "written_at": pa.array([datetime(2016, 3, 5, tzinfo=UTC)] * count, UTC_TIMESTAMP),
            "ballast": [str(hash((version, number))) for number in range(count)],
        },
        schema=STATES.schema,
    )


def bytes_of(version: int) -> bytes:
    """The whole of one version of a plain object."""
    return bytes([version % 256]) * (200_000 + version)


def write_rows(lake: Lake, version: int) -> None:
    lake.write(STATES, PARTITION, rows_of(version))


def stream_rows(lake: Lake, version: int) -> None:
    batches = rows_of(version).to_batches(max_chunksize=100)
    lake.commit(lake.stage_stream(STATES, PARTITION, batches))


def stage_only(lake: Lake, version: int) -> None:
    lake.stage(STATES, PARTITION, rows_of(version))


def put_object(lake: Lake, version: int) -> None:
    lake.put_bytes("objects/state", bytes_of(version))


OPERATIONS: dict[str, Callable[[Lake, int], None]] = {
    "write": write_rows,
    "stream": stream_rows,
    "stage": stage_only,
    "put": put_object,
}


def write_for_ever(operation: str, lake: Lake, version: int, log: Path) -> None:
    """Version after version, until somebody kills this process."""
    with log.open("ab", buffering=0) as acknowledged:
        while True:
            OPERATIONS[operation](lake, version)
            acknowledged.write(b"+")
            version += 1


def main() -> None:
    """Serve forks until standard input ends."""
    for line in sys.stdin:
        operation, uri, version, log = line.split()
        child = os.fork()
        if child == 0:
            write_for_ever(operation, Lake(uri), int(version), Path(log))
        print(child, flush=True)
        os.waitpid(child, 0)
        print("ended", flush=True)


if __name__ == "__main__":
    main()
