import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import sys, time
from pathlib import Path
from ray_jobs import parent_process
{before}
file = Path(sys.argv[1])
while True:
    with file.open("a") as ticks:
        ticks.write(".")
    time.sleep(0.02)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
BY_KERNEL = "parent_process.end_with_parent()"
BY_THREAD = f"parent_process._asks_the_kernel = lambda: False\n{BY_KERNEL}"
THROUGH_PIPES = """
import os
from dagster_pipes import PipesEnvVarParamsLoader
from assets.contracts.requests import ScorePhotos
from ray_jobs import entry
PipesEnvVarParamsLoader.is_dagster_pipes_process = lambda self: True
class Opened(Exception): pass
def opened(): raise Opened
import dagster_pipes
dagster_pipes.open_dagster_pipes = opened
try:
    entry.main(lambda request, report: {}, ScorePhotos)
except Opened:
    pass
"""


def size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def wait_until(condition, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def family(tmp_path):
    """Starts a parent whose child writes a file for ever; what is left is killed through the child's group."""
    started = []

    def start(before: str) -> tuple[subprocess.Popen[bytes], Path]:
        file = tmp_path / "ticks"
        command = [sys.executable, "-c", PARENT, CHILD.format(before=before), str(file)]
        parent = subprocess.Popen(command, cwd=ROOT, process_group=0)
        started.append(parent)
        assert wait_until(lambda: size(file) > 0)
        return parent, file

    yield start
    for parent in started:
        parent.kill()
        parent.wait()
        subprocess.run(["kill", "-9", "--", f"-{parent.pid}"], stderr=subprocess.DEVNULL, check=False)


def stops(file: Path) -> bool:
    """Whether nothing has been written for a second, within some seconds."""
    for _ in range(5):
        before = size(file)
        time.sleep(1.0)
        if size(file) == before:
            return True
    return False


@pytest.mark.parametrize("before", [BY_KERNEL, BY_THREAD, THROUGH_PIPES], ids=["kernel", "thread", "pipes"])
def test_end_with_parent_stops_the_child_of_a_killed_parent(family, before):
    parent, file = family(before)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert stops(file)


def test_a_child_without_it_goes_on_writing(family):
    parent, file = family("")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    before = size(file)
    assert wait_until(lambda: size(file) > before + 10)


def test_end_with_parent_lets_the_child_of_a_living_parent_be(family):
    _, file = family(BY_KERNEL)
    before = size(file)
    assert wait_until(lambda: size(file) > before + 10)
