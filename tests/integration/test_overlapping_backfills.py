"""Two backfills over overlapping months at the same time, each a process of its own, on one community.

They share the lake, the Dagster instance with its pools, and the one writer of the warehouse; they meet
at the landing zone, at every month that both make, and at dbt.
"""

import shutil
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from assets.community.audit import audit_months
from assets.community.publishing import publish, stage_months
from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.registry import all_contracts
from assets.contracts.settings import PROJECT_ROOT, Settings, child_environment
from assets.dbt.query import run_query
from assets.landing.intake import import_folders
from assets.landing.simulation import simulate_into
from assets.running import materialize_community, open_instance

pytestmark = pytest.mark.alone

COMMUNITY = {"users": 40, "months": 4, "last_month": "2016-03", "seed": 3, "images": False, "rated_photos": 10}
PUBLISHED_BEFORE = "2015-12"
RANGES = ("2015-12..2016-02", "2016-01..undated")
DEADLOCK_SECONDS = 300  # a run takes about 20 s
MARTS = ("dim_users", "fct_community_monthly", "fct_user_beauty", "fct_user_beauty_monthly", "fct_user_recognition")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home where a community has landed and nothing else has happened."""
    home = tmp_path_factory.mktemp("landed")
    settings = Settings(home, str(home / "lake"))
    simulate_into(settings, COMMUNITY, lambda line: None)
    return settings


@pytest.fixture(scope="module")
def sequential(landed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What one undisturbed run over all months makes of it."""
    settings = _copy_of(landed, tmp_path_factory.mktemp("sequential"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEAUTYFLOW_HOME", str(settings.home))
        patch.setenv("BEAUTYFLOW_LAKE", settings.lake_uri)
        outcome = materialize_community(settings, "nightly_increment", "", lambda line: None)
    assert outcome.success, outcome.problems
    return settings


@pytest.fixture(scope="module")
def overlapping(landed: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """What two runs over overlapping months make of it, started at the same moment.

    The first month is published before, because later months refer to its users and photos.
    """
    settings = _copy_of(landed, tmp_path_factory.mktemp("overlapping"))
    _publish(settings, PUBLISHED_BEFORE)
    with ExitStack() as stack:
        logs = [settings.home / f"backfill-{number}.log" for number in range(len(RANGES))]
        runs = [stack.enter_context(_backfill(settings, months, log)) for months, log in zip(RANGES, logs, strict=True)]
        try:
            codes = [run.wait(DEADLOCK_SECONDS) for run in runs]
        finally:
            for run in runs:
                run.kill()
    assert codes == [0, 0], "\n".join(log.read_text() for log in logs)
    return settings


def _copy_of(landed: Settings, home: Path) -> Settings:
    shutil.copytree(landed.landing, home / "landing")
    return Settings(home, str(home / "lake"))


def _publish(settings: Settings, month: str) -> None:
    lake = Lake(settings.lake_uri)
    import_folders(lake, settings.landing)
    for contract in (USERS, PHOTOS):
        staged = stage_months(lake, contract, [month])
        findings = audit_months(lake, contract, staged)
        publish(lake, staged[0], findings.get(month, []))


def _backfill(settings: Settings, months: str, log: Path) -> subprocess.Popen[bytes]:
    command = ["from assets.cli import main; main()", "materialize", "--job", "nightly_increment", "--months", months]
    with log.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-c", *command],
            cwd=PROJECT_ROOT,
            env=child_environment(settings),
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def committed(settings: Settings) -> dict[str, str]:
    """``table/partition`` -> sha256 of the rows that readers see."""
    lake = Lake(settings.lake_uri)
    return {name: sha for key in all_contracts() for name, sha in lake.fingerprints(key).items()}


def test_both_runs_overlap_and_succeed(overlapping):
    with open_instance(overlapping) as instance:
        records = instance.get_run_records(dg.RunsFilter(job_name="nightly_increment"))
    assert {record.dagster_run.status for record in records} == {dg.DagsterRunStatus.SUCCESS}
    assert max(record.start_time for record in records) < min(record.end_time for record in records)


def test_every_partition_is_that_of_a_sequential_run(overlapping, sequential):
    partitions = committed(sequential)
    assert {key.partition("/")[0] for key in partitions} >= {"users", "photos", "edges", "favorites", SCORES.key}
    assert len(partitions) > 20
    assert committed(overlapping) == partitions


@pytest.mark.parametrize("mart", MARTS)
def test_marts_are_those_of_a_sequential_run(mart, overlapping, sequential):
    query = f"select * from {mart} order by all"
    rows = run_query(sequential, query)
    assert rows[1]
    assert run_query(overlapping, query) == rows


def test_nothing_is_left_over(overlapping):
    lake = Lake(overlapping.lake_uri)
    files = _files(overlapping.home)
    assert [path for path in files if path.suffix == ".tmp"] == []
    assert {path.suffix for path in files if ".staging" in path.parts} <= {".lock"}
    with open_instance(overlapping) as instance:
        for pool in ("gpu", "warehouse"):
            info = instance.event_log_storage.get_concurrency_info(pool)
            assert (info.slot_count, info.active_slot_count, info.pending_step_count) == (1, 0, 0)
        months = instance.get_dynamic_partitions("months")
    assert list(months) == sorted(set(months))
    # A table over all months is replaced where one run made it before the other had published its months.
    lake.vacuum(timedelta(0))
    counted = {Path(name) for key in all_contracts() for name in lake.files(key)}
    data = {path for path in _files(overlapping.home) if path.match(f"{overlapping.lake_uri}/*/data/*.parquet")}
    assert data == counted


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}
