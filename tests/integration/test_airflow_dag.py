"""Airflow's DAGs against a real Dagster: webserver, daemon, queue and run workers, over HTTP."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster_client import DagsterClient, DagsterRefused, DagsterUnreachable, Job

PROJECT_ROOT = Path(__file__).resolve().parents[2]
AIRFLOW_PYTHON = PROJECT_ROOT / ".venv-airflow" / "bin" / "python"
MONTHS = ["2016-02", "2016-03", "2016-04"]  # the stand-in code location fails for 2016-04
NIGHTLY = Job("nightly_increment")

DAEMON = """
from dagster._daemon import cli, controller

controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
cli.main()
"""
"""Dagster's daemon, which takes a backfill one step further every 30 seconds, and here every 2: no setting says so."""


@dataclass(frozen=True)
class RunningDagster:
    home: Path
    port: int

    def runs_for(self, month: str) -> list[dg.DagsterRun]:
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return list(instance.get_runs(dg.RunsFilter(tags={"dagster/partition": month})))

    def backfills_from(self, month: str) -> list[dg.DagsterRun]:
        """Runs of backfills over a range of months that begins with this one."""
        with dg.DagsterInstance.from_config(str(self.home)) as instance:
            return list(instance.get_runs(dg.RunsFilter(tags={"dagster/asset_partition_range_start": month})))


@pytest.fixture(scope="module")
def airflow_environment() -> Path:
    """Airflow's own interpreter; absent it is a skip on a laptop and a failure where CI promised it."""
    if AIRFLOW_PYTHON.exists():
        return AIRFLOW_PYTHON
    reason = "no Airflow in .venv-airflow; infra/airflow/README.md says how to install it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def dagster(airflow_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDagster]:
    """The committed instance configuration, serving a code location with the real names and no work."""
    home = tmp_path_factory.mktemp("dagster_home")
    shutil.copy(PROJECT_ROOT / "infra" / "dagster" / "dagster.yaml", home / "dagster.yaml")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.add_dynamic_partitions("months", MONTHS)
    running = RunningDagster(home, _free_port())
    workspace = home / "workspace.yaml"
    location = Path(__file__).with_name("stand_in_code_location.py")
    workspace.write_text(
        f"load_from:\n  - python_file:\n      relative_path: {location}\n      location_name: beautyflow\n"
    )
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    webserver = ["-m", "dagster_webserver", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(running.port)]
    daemon = ["-c", DAEMON, "run", "-w", str(workspace)]
    with ExitStack() as stack:
        for name, arguments in (("webserver", webserver), ("daemon", daemon)):
            stack.enter_context(_process([sys.executable, *arguments], environment, home / f"{name}.log"))
        _wait_until_it_answers(DagsterClient(f"http://127.0.0.1:{running.port}"), home)
        yield running


@pytest.fixture(scope="module")
def airflow_home(airflow_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated Airflow database."""
    home = tmp_path_factory.mktemp("airflow_home")
    _airflow(home, 0, "db", "migrate")
    return home


@dataclass(frozen=True)
class Night:
    """One `airflow dags test` of the nightly DAG, and the Dagster run that came of it."""

    output: str
    run: dg.DagsterRun

    @property
    def airflow_run_id(self) -> str:
        return self.run.tags["airflow/task"].split("/")[1]


@pytest.fixture(scope="module")
def night(dagster: RunningDagster, airflow_home: Path) -> Night:
    # The interval of 5 March started on 3 March, so the month is March.
    result = _airflow(airflow_home, dagster.port, "dags", "test", "nightly_increment", "2016-03-05")
    assert result.returncode == 0, result.stdout
    (run,) = dagster.runs_for("2016-03")
    return Night(result.stdout, run)


def test_nightly_increment_runs_the_month_of_the_data_interval(night: Night) -> None:
    assert night.run.status == dg.DagsterRunStatus.SUCCESS
    assert night.run.job_name == "nightly_increment"
    assert night.run.tags["airflow/task"].startswith("nightly_increment/manual__")
    assert f"Dagster run {night.run.run_id} is SUCCESS" in night.output


def test_nightly_increment_makes_months_again_that_the_landing_changed(dagster: RunningDagster, night: Night) -> None:
    assert "2016-02" not in night.run.tags.values()
    (again,) = dagster.backfills_from("2016-02")
    assert again.status == dg.DagsterRunStatus.SUCCESS
    assert "is COMPLETED_SUCCESS" in night.output


def test_nightly_increment_fails_with_the_message_of_dagster(dagster: RunningDagster, airflow_home: Path) -> None:
    result = _airflow(airflow_home, dagster.port, "dags", "test", "nightly_increment", "2016-04-20")

    assert result.returncode != 0
    assert "step scores: ValueError: no photo of 2016-04 could be decoded" in result.stdout
    # Dagster retries its runs; Airflow must not run a failed one again.
    assert [run.status for run in dagster.runs_for("2016-04")] == [dg.DagsterRunStatus.FAILURE]


@pytest.fixture
def left_behind(dagster: RunningDagster, night: Night) -> Iterator[str]:
    """What an earlier try leaves when its worker dies: a run under way that carries the task's identity."""
    release = dagster.home / "release"
    tags = {
        "airflow/task": night.run.tags["airflow/task"],
        "dagster/partition": "2016-03",
        "stand_in/wait_for_file": str(release),
    }
    yield DagsterClient(f"http://127.0.0.1:{dagster.port}").launch_run(NIGHTLY, tags)
    release.unlink(missing_ok=True)


def test_nightly_increment_takes_up_the_run_of_an_earlier_try(
    dagster: RunningDagster, airflow_home: Path, night: Night, left_behind: str
) -> None:
    before = {run.run_id for run in dagster.runs_for("2016-03")}
    again = ("tasks", "test", "nightly_increment", "run_nightly_increment", night.airflow_run_id)
    with _background(airflow_home, dagster.port, *again) as (_, output):
        _wait_for_text(output, f"Taking up Dagster run {left_behind}")
        (dagster.home / "release").touch()
        _wait_for_text(output, f"Dagster run {left_behind} is SUCCESS")

    assert {run.run_id for run in dagster.runs_for("2016-03")} == before


def test_nightly_increment_stops_the_run_when_it_is_killed(
    dagster: RunningDagster, airflow_home: Path, night: Night, left_behind: str
) -> None:
    again = ("tasks", "test", "nightly_increment", "run_nightly_increment", night.airflow_run_id)
    with _background(airflow_home, dagster.port, *again) as (process, output):
        _wait_for_text(output, f"Dagster run {left_behind} is STARTED")
        process.send_signal(signal.SIGTERM)
        _wait_for_text(output, f"Dagster run {left_behind} of nightly_increment for 2016-03 ended as CANCELED")

    statuses = {run.run_id: run.status for run in dagster.runs_for("2016-03")}
    assert statuses[left_behind] == dg.DagsterRunStatus.CANCELED


def test_backfill_months_materializes_the_months_that_landed(dagster: RunningDagster, airflow_home: Path) -> None:
    conf = '{"first_month": "2015-01", "last_month": "2016-03"}'
    result = _airflow(airflow_home, dagster.port, "dags", "test", "backfill_months", "--conf", conf)

    assert result.returncode == 0, result.stdout
    assert "of 2 months: nightly_increment for 2015-01 to 2016-03" in result.stdout
    (backfill_id,) = set(re.findall(r"Dagster backfill (\w+) is COMPLETED_SUCCESS", result.stdout))
    with dg.DagsterInstance.from_config(str(dagster.home)) as instance:
        runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill_id}))
        made = instance.get_materialized_partitions(dg.AssetKey("scores"))
    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS]  # one run for all months
    assert made == {"2016-02", "2016-03"}


def _airflow(home: Path, dagster_port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(PROJECT_ROOT / "infra" / "airflow" / "airflow.sh"), *arguments]
    return subprocess.run(
        command,
        env=_airflow_variables(home, dagster_port),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
        check=False,
    )


def _airflow_variables(home: Path, dagster_port: int) -> dict[str, str]:
    return {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_DAGSTER_DEFAULT": f"http://127.0.0.1:{dagster_port}",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
        "COLUMNS": "400",
    }


@contextmanager
def _background(home: Path, dagster_port: int, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    output = home / "background.log"
    command = [str(PROJECT_ROOT / "infra" / "airflow" / "airflow.sh"), *arguments]
    with _process(command, _airflow_variables(home, dagster_port), output) as process:
        yield process, output


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process group that is gone afterwards, whatever happened: servers start children of their own."""
    with log.open("w") as output:
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield process
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    for ending, patience_s in ((signal.SIGINT, 15), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, ending)
            process.wait(patience_s)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _wait_until_it_answers(client: DagsterClient, home: Path) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        try:
            assert client.partition_keys(NIGHTLY) == MONTHS
        except (DagsterUnreachable, DagsterRefused):
            time.sleep(0.5)
        else:
            return
    logs = "\n".join(path.read_text() for path in home.glob("*.log"))
    pytest.fail(f"Dagster did not answer in time:\n{logs}")


def _wait_for_text(path: Path, text: str) -> None:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if text in path.read_text():
            return
        time.sleep(0.3)
    pytest.fail(f"{text!r} did not appear in:\n{path.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
