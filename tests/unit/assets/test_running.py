import multiprocessing
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.dagster_run import DagsterRun

from assets import running
from assets.contracts.settings import Settings
from assets.running import (
    known_months,
    materialize_community,
    open_instance,
    release_dead_runs,
    run_job,
    span_of,
    steps_log,
)
from assets.telling import RunOutcome, conclude

KNOWN = ["2015-12", "2016-01", "2016-02", "undated"]
STATUS = dg.DagsterRunStatus


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance as the command opens it, with its pools and on disk."""
    with open_instance(Settings(tmp_path, str(tmp_path / "lake"))) as opened:
        yield opened


# ---- span_of ----


def test_span_of_nothing_named_is_all_that_landed():
    assert span_of("", KNOWN) == ("2015-12", "undated")


def test_span_of_one_month_and_of_a_range():
    assert span_of("2016-01", KNOWN) == ("2016-01", "2016-01")
    assert span_of("2016-01..undated", KNOWN) == ("2016-01", "undated")


@pytest.mark.parametrize(("wanted", "missing"), [("2016-03", "2016-03"), ("2015-12..2016-04", "2016-04")])
def test_span_of_a_month_that_has_not_landed_names_it(wanted, missing):
    with pytest.raises(ValueError, match=f"^month '{missing}' has not landed; there is 2015-12 to undated$"):
        span_of(wanted, KNOWN)


def test_span_of_a_range_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="the range ends before it begins"):
        span_of("2016-02..2015-12", KNOWN)


def test_span_of_a_community_without_months_says_what_to_do():
    with pytest.raises(ValueError, match="^nothing has landed; run `beautyflow simulate` or `beautyflow import`"):
        span_of("", [])


# ---- release_dead_runs ----


def _start_run(instance: dg.DagsterInstance, process: str | None) -> DagsterRun:
    """A started run that holds the only slot of a pool named after it."""
    tags = {} if process is None else {"beautyflow/process": process}
    run = DagsterRun("some_job", status=STATUS.STARTED, tags=tags)
    instance.add_run(run)
    instance.event_log_storage.initialize_concurrency_limit_to_default(run.run_id)
    assert instance.event_log_storage.claim_concurrency_slot(run.run_id, run.run_id, "step").is_claimed
    return run


def _status(instance: dg.DagsterInstance, run: DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def _holds_its_pool(instance: dg.DagsterInstance, run: DagsterRun) -> bool:
    return instance.event_log_storage.get_concurrency_info(run.run_id).active_slot_count == 1


def _ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


def test_release_dead_runs_frees_what_a_dead_process_held(instance):
    run = _start_run(instance, f"{socket.gethostname()}/{_ended_process()}/1.5")
    assert _holds_its_pool(instance, run)
    assert release_dead_runs(instance) == [run.run_id]
    assert _status(instance, run) == STATUS.FAILURE
    assert not _holds_its_pool(instance, run)
    assert release_dead_runs(instance) == []


def test_release_dead_runs_ends_a_run_that_was_killed_before_it_started(instance):
    tags = {"beautyflow/process": f"{socket.gethostname()}/{_ended_process()}/1.5"}
    run = DagsterRun("some_job", status=STATUS.NOT_STARTED, tags=tags)
    instance.add_run(run)
    assert release_dead_runs(instance) == [run.run_id]
    assert _status(instance, run) == STATUS.FAILURE


def test_release_dead_runs_is_not_fooled_by_a_process_number_used_again(instance):
    run = _start_run(instance, f"{socket.gethostname()}/{os.getpid()}/1.5")
    assert release_dead_runs(instance) == [run.run_id]


@pytest.mark.parametrize("process", [None, "another-host/1/1.5"])
def test_release_dead_runs_leaves_runs_of_the_daemon_and_of_other_hosts(instance, process):
    run = _start_run(instance, process)
    assert release_dead_runs(instance) == []
    assert _status(instance, run) == STATUS.STARTED
    assert _holds_its_pool(instance, run)


def test_release_dead_runs_leaves_a_run_that_is_under_way(instance):
    released: list[list[str]] = []

    @dg.op(pool="warehouse")
    def look() -> None:
        released.append(release_dead_runs(instance))

    @dg.job
    def looking() -> None:
        look()

    outcome = run_job(instance, dg.Definitions(jobs=[looking]), "looking", None, lambda line: None)
    assert outcome.success
    assert released == [[]]


# ---- run_job ----


@dg.asset(
    kinds={"ray"},
    check_specs=[dg.AssetCheckSpec("is_full", asset="pond"), dg.AssetCheckSpec("is_blue", asset="pond")],
)
def pond(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Warns of one thing and fails at another."""
    context.log.info("the water is let in")
    context.log.debug("nobody needs to know")
    print("gurgle")  # what a step prints is for its log
    checks = [
        dg.AssetCheckResult(passed=False, check_name="is_blue", severity=dg.AssetCheckSeverity.WARN),
        dg.AssetCheckResult(passed=False, check_name="is_full", description="half a metre is missing"),
    ]
    return dg.MaterializeResult(check_results=checks)


@dg.asset(deps=[pond])
def fish(context: dg.AssetExecutionContext) -> None:
    """Fails with an error that was raised because of another; runs no Ray job, so its log is not told."""
    context.log.info("bubbles")
    try:
        int("no oxygen")
    except ValueError as error:
        raise RuntimeError("the fish are unwell") from error


@dg.asset
def refusal() -> None:
    """Fails with a message for people."""
    raise dg.Failure("bring a bucket")


def _told(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition) -> tuple[bool, list[str], list[str]]:
    """Success, problems, and what was said without times."""
    said: list[str] = []
    job = dg.define_asset_job("all_of_it", selection="*")
    definitions = dg.Definitions(list(assets), jobs=[job], executor=dg.in_process_executor)
    outcome = run_job(instance, definitions, "all_of_it", None, said.append)
    assert instance.get_run_by_id(outcome.run_id) is not None
    return outcome.success, outcome.problems, [line.partition(" in ")[0] for line in said]


def test_run_job_says_what_happens_in_order(instance, capsys):
    success, problems, said = _told(instance, pond)
    assert success
    assert problems == ["check pond.is_full failed: half a metre is missing"]
    assert said[:2] == ["  pond ...", "    the water is let in"]
    assert said[-1] == "  pond done"
    assert "  ? check pond.is_blue warns: see its page" in said
    assert "  ! check pond.is_full failed: half a metre is missing" in said
    assert not [line for line in said if "nobody" in line]
    assert capsys.readouterr().out == ""
    assert "gurgle" in steps_log(instance).read_text()


def test_run_job_tells_the_innermost_error(instance):
    success, problems, said = _told(instance, pond, fish)
    assert not [line for line in said if "bubbles" in line]
    assert not success
    assert problems[-1] == "fish failed: ValueError: invalid literal for int() with base 10: 'no oxygen'"
    assert said[-1] == f"  ! {problems[-1]}"


def test_run_job_tells_a_failure_in_its_own_words(instance):
    assert _told(instance, refusal) == (
        False,
        ["refusal failed: bring a bucket"],
        ["  refusal ...", "  ! refusal failed: bring a bucket"],
    )


class Depth(dg.Config):
    metres: int = 1


@dg.asset
def well(config: Depth) -> dg.MaterializeResult:
    """Tells how it was configured."""
    return dg.MaterializeResult(metadata={"metres": config.metres})


def test_run_job_configures_steps(instance):
    definitions = dg.Definitions(
        [well], jobs=[dg.define_asset_job("all_of_it", selection="*")], executor=dg.in_process_executor
    )
    outcome = run_job(instance, definitions, "all_of_it", None, lambda line: None, {"well": {"metres": 7}})
    assert outcome.success
    event = instance.get_latest_materialization_event(dg.AssetKey("well"))
    assert event.asset_materialization.metadata["metres"].value == 7


def test_run_job_names_failed_steps(instance):
    job = dg.define_asset_job("all_of_it", selection="*")
    definitions = dg.Definitions([refusal, well], jobs=[job], executor=dg.in_process_executor)
    outcome = run_job(instance, definitions, "all_of_it", None, lambda line: None)
    assert (outcome.failed_steps, outcome.steps) == (["refusal"], 1)


def test_run_job_counts_what_was_made_and_names_checks(instance):
    job = dg.define_asset_job("all_of_it", selection="*")
    definitions = dg.Definitions([pond], jobs=[job], executor=dg.in_process_executor)
    outcome = run_job(instance, definitions, "all_of_it", None, lambda line: None)
    assert (outcome.steps, outcome.assets) == (1, 1)
    assert outcome.failed_checks == ["pond.is_full"]
    assert outcome.warned_checks == ["pond.is_blue"]


# ---- materialize_community ----


def test_materialize_community_tells_every_table_which_volumes_are_accepted(tmp_path, monkeypatch):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    told = {}

    def run(instance, definitions, job, span, say, steps=None):
        if job == "land_community":
            instance.add_dynamic_partitions("months", KNOWN)
        told[job] = steps
        return RunOutcome(job, "a", True, [])

    monkeypatch.setattr(running, "run_job", run)
    materialize_community(settings, "nightly_increment", "2016-01..2016-02", lambda line: None, ["2016-02"])
    assert told["land_community"] is None
    assert {"users", "photos", "edges"} < set(told["nightly_increment"])
    assert all(step == {"accept_volume": ["2016-02"]} for step in told["nightly_increment"].values())
    with pytest.raises(ValueError, match=r"the volume of 2015-12 cannot be accepted"):
        materialize_community(settings, "nightly_increment", "2016-01..2016-02", lambda line: None, ["2015-12"])
    materialize_community(settings, "nightly_increment", "", lambda line: None)
    assert told["nightly_increment"] is None


@pytest.mark.parametrize(("recorded", "goes_on"), [(1, True), (0, False)])
def test_materialize_community_goes_on_without_a_source_that_cannot_be_read(tmp_path, monkeypatch, recorded, goes_on):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    ran = []

    def run(instance, definitions, job, span, say, steps=None):
        ran.append(job)
        if job != "land_community":
            return RunOutcome(job, "b", True, [], steps=3)
        instance.add_dynamic_partitions("months", KNOWN)
        return RunOutcome(job, "a", False, ["landing failed: no"], assets=recorded, failed_steps=["landing"])

    monkeypatch.setattr(running, "run_job", run)
    outcome = materialize_community(settings, "nightly_increment", "", lambda line: None)
    assert (ran, outcome.success) == (["land_community", *["nightly_increment"][:goes_on]], False)
    assert outcome.problems == ["landing failed: no"]


def test_materialize_community_names_months_that_changed_and_were_not_asked_for(tmp_path, monkeypatch):
    settings = Settings(tmp_path, str(tmp_path / "lake"))

    def run(instance, definitions, job, span, say, steps=None):
        if job == "land_community":
            instance.add_dynamic_partitions("months", KNOWN)
            changed = ["2015-11", "2015-12", "2016-02", "undated"]
            instance.report_runless_asset_event(
                dg.AssetMaterialization("landing", metadata={"changed_months": changed})
            )
        return RunOutcome(job, "a", True, [])

    monkeypatch.setattr(running, "run_job", run)
    outcome = materialize_community(settings, "nightly_increment", "2016-01..2016-02", lambda line: None)
    # Of 2015-11 nothing has landed any more; it is no partition.
    assert outcome.left == ["2015-12", "undated"]
    told = conclude(outcome, tmp_path)
    assert "2015-12, undated changed as well and keep what they held" in told
    assert "`beautyflow materialize --job nightly_increment --months 2015-12..undated`" in told
    assert materialize_community(settings, "nightly_increment", "", lambda line: None).left == []


# ---- the instance ----


def test_known_months_are_in_calendar_order(instance):
    instance.add_dynamic_partitions("months", ["undated", "2016-02", "2015-12"])
    assert known_months(instance) == ["2015-12", "2016-02", "undated"]


def _open_and_count_runs(settings: Settings) -> None:
    with open_instance(settings) as opened:
        sys.exit(len(opened.get_runs()))


def test_open_instance_by_several_processes_at_once_creates_it_once(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_open_and_count_runs, args=[settings]) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]
