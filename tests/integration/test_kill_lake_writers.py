"""kill -9 of plain writer processes at random moments: readers always have the last good state."""

import hashlib
import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

from assets.contracts.lake import Lake

WRITER_FILE = Path(__file__).with_name("lake_writer.py")
KILLS_PER_OPERATION = 12
VERSIONS_PER_LONGEST_LIFE = 3


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """What the writers write, to compare with."""
    spec = importlib.util.spec_from_file_location("lake_writer", WRITER_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def forks() -> Iterator[subprocess.Popen[str]]:
    """A process that forks writers, so that a writer costs milliseconds to start."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, str(WRITER_FILE)], text=True, env=environment, **pipes) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


@dataclass
class Victims:
    """Starts writers of one operation and kills them."""

    forks: subprocess.Popen[str]
    operation: str
    lake: Lake
    log: Path
    longest_life: float = 0.0

    def kill_one(self, version: int, life: Callable[[], object]) -> int:
        """Start a writer, kill it when ``life`` returns; returns how many versions it got acknowledged."""
        before = self._acknowledged()
        assert self.forks.stdin is not None
        assert self.forks.stdout is not None
        print(self.operation, self.lake.uri, version, self.log, file=self.forks.stdin, flush=True)
        child = int(self.forks.stdout.readline())
        life()
        os.kill(child, signal.SIGKILL)
        assert self.forks.stdout.readline() == "ended\n"
        return self._acknowledged() - before

    def wait_for_versions(self) -> None:
        """Return once the writer has finished a few versions; the time that takes is the longest life of others."""
        started = time.monotonic()
        enough = self._acknowledged() + VERSIONS_PER_LONGEST_LIFE
        deadline = time.monotonic() + 60
        while self._acknowledged() < enough:
            assert time.monotonic() < deadline, "the writer finishes nothing"
            time.sleep(0.001)
        self.longest_life = time.monotonic() - started

    def _acknowledged(self) -> int:
        return self.log.stat().st_size if self.log.exists() else 0


def committed_version(lake: Lake, writer: ModuleType) -> int:
    """The one version that readers see, after checking that they see all of it."""
    commit = lake.commit_of("states", writer.PARTITION)
    assert commit is not None
    assert hashlib.sha256(Path(lake.location(commit.file)).read_bytes()).hexdigest() == commit.sha256
    table = lake.read(writer.STATES)
    versions = set(table["version"].to_pylist())
    assert len(versions) == 1
    version: int = versions.pop()
    assert table.num_rows == writer.rows_of(version).num_rows == commit.rows
    return version


def object_version(lake: Lake, writer: ModuleType) -> int:
    content = lake.get_bytes("objects/state")
    assert content is not None
    version = len(content) - 200_000
    assert content == writer.bytes_of(version)
    return version


@pytest.mark.parametrize("operation", ["write", "stream", "stage", "put"])
def test_readers_have_the_last_good_state_after_every_kill(operation, forks, writer, tmp_path):
    lake, lives = Lake(str(tmp_path / "lake")), random.Random(operation)
    victims = Victims(forks, operation, lake, tmp_path / "log")
    lake.write(writer.STATES, writer.PARTITION, writer.rows_of(0))
    lake.put_bytes("objects/state", writer.bytes_of(0))
    version = interrupted = 0
    for kill in range(KILLS_PER_OPERATION):
        # The first writer lives long enough to show how fast this machine is, the others a random part of that.
        life = victims.wait_for_versions if kill == 0 else partial(time.sleep, lives.uniform(0, victims.longest_life))
        acknowledged = victims.kill_one(version + 1, life)
        seen = object_version(lake, writer) if operation == "put" else committed_version(lake, writer)
        # What was acknowledged counts; the write that was under way happened as a whole, or not at all.
        assert seen in ({0} if operation == "stage" else {version + acknowledged, version + acknowledged + 1})
        interrupted += bool(litter(lake)) or seen > version + acknowledged
        version = seen
    assert interrupted, "no writer was killed in the middle of anything"
    the_next_run_completes_and_vacuum_cleans_up(lake, writer, version + 1)


def litter(lake: Lake) -> list[Path]:
    """Files that count for nothing: unfinished ones, and finished ones that no commit names."""
    counted = {Path(lake.location(commit.file)) for commit in lake.commits("states")}
    files = {path for path in Path(lake.uri).rglob("*") if path.is_file()}
    return sorted(p for p in files - counted if ".staging" in p.parts or p.suffix == ".parquet")


def the_next_run_completes_and_vacuum_cleans_up(lake: Lake, writer: ModuleType, version: int) -> None:
    writer.write_rows(lake, version)
    assert committed_version(lake, writer) == version
    lake.vacuum(timedelta(0))
    assert litter(lake) == []
    assert committed_version(lake, writer) == version
