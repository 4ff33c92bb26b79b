"""kill -9 of the whole `beautyflow materialize` at random moments: the next run waits for nobody and finishes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from assets.contracts.lake import Lake
from assets.contracts.registry import all_contracts
from assets.contracts.settings import PROJECT_ROOT, Settings, child_environment
from assets.dbt.query import run_query
from assets.landing.simulation import simulate_into
from assets.running import open_instance

pytestmark = pytest.mark.faults

COMMUNITY = {"users": 40, "months": 4, "last_month": "2016-03", "seed": 3, "images": False, "rated_photos": 10}
COMMAND = ("from assets.cli import main; main()", "materialize", "--job", "nightly_increment")
FIRST_LINE = "Taking in what has landed"
RELEASED = "was killed; its pools are free again"
MARTS = ("dim_users", "fct_community_monthly", "fct_user_beauty", "fct_user_beauty_monthly", "fct_user_recognition")
KILLS = 6
SEED = 11
DEADLOCK_SECONDS = 600  # a run takes about 40 s


@pytest.mark.timeout(2400)
def test_a_materialization_killed_at_random_moments_is_finished_by_the_next(tmp_path):
    landed, undisturbed, disturbed = (_home(tmp_path / name) for name in ("landed", "undisturbed", "disturbed"))
    simulate_into(landed, COMMUNITY, lambda line: None)
    for settings in (undisturbed, disturbed):
        shutil.copytree(landed.landing, settings.landing)
    seconds = _finish(undisturbed, tmp_path / "undisturbed.log")
    print(f"seed {SEED}, kills within {seconds:.1f} s of work")
    lives = random.Random(SEED)
    killed = sum(_kill(disturbed, lives.uniform(0, seconds), tmp_path / f"{kill}.log") for kill in range(KILLS))
    assert killed >= KILLS // 2

    # Whatever the last kill hit, one more run is enough; it leaves no run that seems alive and no slot taken.
    _finish(disturbed, tmp_path / "disturbed.log")
    released = sum(log.read_text().count(RELEASED) for log in tmp_path.glob("*.log"))
    assert released == _failed_runs(disturbed) > 0
    assert _slots_taken(disturbed) == 0
    assert _committed(disturbed) == _committed(undisturbed)
    assert len(_committed(disturbed)) > 20
    for mart in MARTS:
        assert _rows(disturbed, mart) == _rows(undisturbed, mart)


def _home(folder: Path) -> Settings:
    return Settings(folder, str(folder / "lake"))


def _start(settings: Settings, log: Path) -> subprocess.Popen[bytes]:
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", *COMMAND],
            cwd=PROJECT_ROOT,
            env=child_environment(settings, PYTHONUNBUFFERED="1"),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _finish(settings: Settings, log: Path) -> float:
    """Run to the end; seconds of it after loading the code."""
    with _start(settings, log) as process:
        try:
            _wait_for_first_line(process, log)
            started = time.monotonic()
            code = process.wait(DEADLOCK_SECONDS)
        finally:
            _kill_group(process)
    assert code == 0, log.read_text()
    return time.monotonic() - started


def _kill(settings: Settings, seconds: float, log: Path) -> bool:
    """Let a run work for so long and kill it with all its children; whether it was still running then."""
    with _start(settings, log) as process:
        _wait_for_first_line(process, log)
        time.sleep(seconds)
        running = process.poll() is None
        _kill_group(process)
    last = [line for line in log.read_text().splitlines() if line.startswith("  ")][-1:]
    print(f"killed after {seconds:.1f} s, running: {running}, last said: {last}")
    return running


def _wait_for_first_line(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + DEADLOCK_SECONDS
    while FIRST_LINE not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def _failed_runs(settings: Settings) -> int:
    """Runs that ended in failure, after checking that no run seems alive."""
    with open_instance(settings) as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert set(statuses) <= {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE}
    return statuses.count(dg.DagsterRunStatus.FAILURE)


def _slots_taken(settings: Settings) -> int:
    with open_instance(settings) as instance:
        storage = instance.event_log_storage
        pools = [storage.get_concurrency_info(name) for name in ("landing", "gpu", "warehouse")]
    return sum(pool.active_slot_count + pool.pending_step_count for pool in pools)


def _committed(settings: Settings) -> dict[str, str]:
    lake = Lake(settings.lake_uri)
    return {name: sha for key in all_contracts() for name, sha in lake.fingerprints(key).items()}


def _rows(settings: Settings, mart: str) -> list[tuple[object, ...]]:
    rows = run_query(settings, f"select * from {mart} order by all")[1]
    assert rows
    return rows
