import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import psutil
import pytest

from assets.contracts.settings import PROJECT_ROOT, Settings, child_environment
from assets.resources import RayJobs
from assets.running import open_instance, run_job, steps_log
from assets.telling import RunOutcome
from tests.integration.failing_job import FailingRequest


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with open_instance(Settings(tmp_path, str(tmp_path / "lake"))) as opened:
        yield opened


Run = Callable[[str], tuple[RunOutcome, int]]


@pytest.fixture
def run(instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the job in a way to fail; how the run ended, and how often the job was started."""

    def run_it(way: str) -> tuple[RunOutcome, int]:
        # Processes inherit the real stderr, which Dagster captures, not the one of this test.
        with capfd.disabled():
            return _run(instance, way)

    return run_it


def _run(instance: dg.DagsterInstance, way: str) -> tuple[RunOutcome, int]:
    retries = dg.RetryPolicy(max_retries=1)

    @dg.asset(retry_policy=retries, kinds={"ray"})
    def scored(context: dg.AssetExecutionContext, ray_jobs: RayJobs) -> dg.MaterializeResult:
        request = FailingRequest(lake_uri="l", media_root="m", way=way)
        return dg.MaterializeResult(metadata=dict(ray_jobs.run(context, request)))

    job = dg.define_asset_job("all_of_it", selection="*")
    definitions = dg.Definitions(
        [scored], jobs=[job], resources={"ray_jobs": RayJobs()}, executor=dg.in_process_executor
    )
    said: list[str] = []
    outcome = run_job(instance, definitions, "all_of_it", None, said.append)
    return outcome, sum("about to fail" in line for line in said)


def test_error_that_lasts_is_told_in_its_own_words_and_not_met_again(run, instance):
    outcome, starts = run("task")
    assert outcome.problems == ["scored failed: tests.integration.failing_job: photo.jpg: no such column"]
    assert starts == 1
    assert "a long remote traceback" in steps_log(instance).read_text()


def test_error_of_the_machine_is_met_again(run):
    outcome, starts = run("disk")
    (problem,) = outcome.problems
    assert "OSError: [Errno 28] No space left on device" in problem
    assert starts == 2


def test_job_that_ends_without_a_word_leaves_its_output_in_the_log(run, instance):
    outcome, starts = run("silence")
    assert not outcome.success
    assert starts == 2
    assert "the end" in steps_log(instance).read_text()


_PATIENT = """
import subprocess, sys, time
from pathlib import Path
import dagster as dg
from assets import running, stopping
from assets.contracts.settings import Settings

home = Path(sys.argv[1])

@dg.asset(retry_policy=dg.RetryPolicy(max_retries=5, delay=60), pool="gpu")
def patient() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (home / "child.pid").write_text(str(child.pid))
    if child.wait():
        raise RuntimeError("the child is gone")

definitions = dg.Definitions([patient], jobs=[dg.define_asset_job("j", selection="*")], executor=dg.in_process_executor)
try:
    with running.open_instance(Settings(home, str(home / "lake"))) as instance:
        running.run_job(instance, definitions, "j", None, lambda line: None)
except KeyboardInterrupt:
    stopping.leave(130)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_run_that_is_stopped_ends_with_its_processes_and_gives_back_its_pool(tmp_path: Path, how: signal.Signals):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    process = subprocess.Popen(
        [sys.executable, "-c", _PATIENT, str(tmp_path)],
        cwd=PROJECT_ROOT,
        env=child_environment(settings),
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    marker = tmp_path / "child.pid"
    while not (marker.exists() and marker.read_text()) and process.poll() is None:
        time.sleep(0.1)
    child = psutil.Process(int(marker.read_text()))
    # As a terminal does: to the processes that the run has started, too.
    os.killpg(process.pid, how)
    _, complaint = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in complaint.decode()
    psutil.wait_procs([child], timeout=60)
    assert not child.is_running()
    with open_instance(settings) as instance:
        (run,) = instance.get_runs()
        assert run.status == dg.DagsterRunStatus.CANCELED
        assert instance.event_log_storage.get_concurrency_info("gpu").active_slot_count == 0
