"""Runs jobs in this process for the command line: one process, visible progress, a result to act on.

What the Dagster UI and its daemon do with the same jobs is not repeated here; both write to the same
instance, so a run started here shows there with its whole history.
"""

import contextlib
import fcntl
import os
import shutil
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterEventType, DagsterInstance
from dagster._core.instance import InstanceRef

from assets.automation import changed_months_of
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.partitions import months
from assets.prerequisites import asked_span
from assets.step_output import StepOutput
from assets.stopping import run_until_stopped
from assets.telling import RunOutcome, Say, Teller

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_PROCESS_TAG = "beautyflow/process"
_LIVING = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def prepare_instance_folder(settings: Settings) -> Path:
    """Dagster's folder of this community, with the committed instance configuration in it."""
    folder = settings.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    committed = PROJECT_ROOT / "infra" / "dagster" / "dagster.yaml"
    target = folder / "dagster.yaml"
    if not target.exists() or target.read_bytes() != committed.read_bytes():
        shutil.copyfile(committed, target)
    return folder


@contextlib.contextmanager
def open_instance(settings: Settings) -> Iterator[DagsterInstance]:
    """The Dagster instance of this community; the first who opens it creates its databases."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    with (settings.dagster_home / "creation.lock").open("w") as lock:
        # Dagster fails on a table that another process creates at the same moment.
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = prepare_instance_folder(settings)
        kept = {"module": StepOutput.__module__, "class": "StepOutput", "config": {"base_dir": str(folder / "storage")}}
        instance = DagsterInstance.from_ref(InstanceRef.from_dir(str(folder), overrides={"compute_logs": kept}))
    with instance:
        yield instance


def known_months(instance: DagsterInstance) -> list[str]:
    """Months that have landed, in calendar order; ``undated`` last."""
    return sorted(instance.get_dynamic_partitions(months.name or ""))


def run_job(
    instance: DagsterInstance,
    definitions: dg.Definitions,
    job: str,
    span: tuple[str, str] | None,
    say: Say,
    steps: Mapping[str, Any] | None = None,
) -> RunOutcome:
    """Run one job in this process and tell what happens while it happens.

    Args:
        instance: Where the run is recorded.
        definitions: What to run.
        job: Name of a job in ``definitions``.
        span: First and last month of a partitioned job, both included; None for an unpartitioned one.
        say: Receives one line per event worth telling.
        steps: Step -> its configuration, where it is not the default.

    Raises:
        KeyboardInterrupt: The run was stopped, and is recorded so; it goes on until the process ends
            (`stopping.leave`).
    """
    configured = {name: {"config": config} for name, config in (steps or {}).items()}
    run_id = str(uuid4())
    tags = {_PROCESS_TAG: _process_name(os.getpid())}
    if span is not None:
        tags |= {_RANGE_START: span[0], _RANGE_END: span[1]}
    ray_steps = {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs() if "ray" in spec.kinds}
    teller = Teller(instance, run_id, say, ray_steps)

    def execute() -> bool:
        executed = definitions.resolve_job_def(job).execute_in_process(
            run_config={**_QUIET, "ops": configured},
            instance=instance,
            run_id=run_id,
            tags=tags,
            raise_on_error=False,
        )
        return executed.success

    # Only progress belongs on stdout; this is where Dagster takes what steps print from.
    with teller, Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            success = run_until_stopped(execute)
        except KeyboardInterrupt:
            _cancel(instance, run_id)
            raise
        finally:
            _keep_output(instance, run_id, f"{job}, run {run_id}")
    return teller.outcome(job, success)


def _cancel(instance: DagsterInstance, run_id: str) -> None:
    """Record that the run was stopped, and give back its pools, so that the next one need not wait."""
    if run := instance.get_run_by_id(run_id):
        instance.event_log_storage.free_concurrency_slots_for_run(run_id)
        instance.report_run_canceled(run, "Stopped by whoever started it.")


def steps_log(instance: DagsterInstance) -> Path:
    """Where steps' own output is kept, such as dbt's: a person follows the steps, and looks here when one fails."""
    return Path(instance.root_directory) / "steps.log"


def _keep_output(instance: DagsterInstance, run_id: str, title: str) -> None:
    manager = instance.compute_log_manager
    captured = instance.get_records_for_run(run_id, of_type=DagsterEventType.LOGS_CAPTURED).records
    with steps_log(instance).open("ab") as log:
        for record in captured:
            event = record.event_log_entry.get_dagster_event()
            key = manager.build_log_key_for_run(run_id, event.logs_captured_data.file_key)
            output = manager.get_log_data(key)
            for stream, text in (("stdout", output.stdout), ("stderr", output.stderr)):
                if text:
                    log.write(f"==== {title}: {stream} ====\n".encode() + text)


def release_dead_runs(instance: DagsterInstance) -> list[str]:
    """Mark runs of this command whose process was killed as failed, and give back the pools they held.

    The daemon does so for runs that it started itself; without this, the next run would wait for a pool forever.

    Returns:
        Identifiers of the runs that were released.
    """
    released = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_LIVING))):
        owner = run.tags.get(_PROCESS_TAG)
        if owner is not None and not _is_alive(owner):
            # In this order: whoever is killed in between leaves a run that the next one finds again.
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            instance.report_run_failed(run, "The process of this run was killed.")
            released.append(run.run_id)
    return released


def _process_name(pid: int) -> str:
    """Host, process number and start time: process numbers are used again, start times are not."""
    return f"{socket.gethostname()}/{pid}/{_start_time(pid)}"


def _start_time(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def _is_alive(name: str) -> bool:
    """Whether that very process runs; processes of other hosts count as alive, since nobody can tell."""
    host, pid, _ = name.rsplit("/", 2)
    return host != socket.gethostname() or _process_name(int(pid)) == name


def materialize_community(
    settings: Settings, job: str, wanted: str, say: Say, accept_volume: Collection[str] = ()
) -> RunOutcome:
    """Take in what landed, then run a job over the wanted months, all in this process.

    Args:
        settings: Which community.
        job: One of ``prerequisites.RUNNABLE_JOBS``.
        wanted: ``YYYY-MM``, ``YYYY-MM..YYYY-MM``, or empty for all months that landed.
        say: Receives progress, one line at a time.
        accept_volume: Months that are published although the number of their rows is implausible.

    Raises:
        ValueError: ``wanted`` is no month or range of months that has landed, or a month in ``accept_volume`` is none
            of those that the job makes.
        KeyboardInterrupt: The run was stopped; the caller must `stopping.leave`.
    """
    from assets.community.publishing import published_tables
    from assets.definitions import build_defs

    definitions = build_defs()
    with open_instance(settings) as instance:
        for run_id in release_dead_runs(instance):
            say(f"Run {run_id} was killed; its pools are free again")
        say("Taking in what has landed")
        landing = run_job(instance, definitions, "land_community", None, say)
        if not landing.success and not landing.assets:
            return landing  # nothing is on record of this intake, so nobody knows what changed
        if definitions.resolve_job_def(job).partitions_def is None:
            _require_made(accept_volume, [])
            say(f"Running {job}")
            return run_job(instance, definitions, job, None, say).after(landing)
        known = known_months(instance)
        span = span_of(wanted, known)
        _require_made(accept_volume, [month for month in known if span[0] <= month <= span[1]])
        accepting = {table.key: {"accept_volume": sorted(accept_volume)} for table in published_tables()}
        say(f"Making {span[0]} to {span[1]} ({job})")
        outcome = run_job(instance, definitions, job, span, say, accepting if accept_volume else None).after(landing)
        return replace(outcome, left=_left(_changed_months(instance), span, known))


def _changed_months(instance: DagsterInstance) -> list[str]:
    """Months that the last intake found changed."""
    event = instance.get_latest_materialization_event(dg.AssetKey("landing"))
    return changed_months_of(event.asset_materialization if event else None)


def _left(changed: Collection[str], span: tuple[str, str], known: Collection[str]) -> list[str]:
    """Months that changed, are there to be made, and are not in the span."""
    return sorted(month for month in changed if month in known and not span[0] <= month <= span[1])


def _require_made(accepted: Collection[str], made: Collection[str]) -> None:
    if missing := sorted(set(accepted) - set(made)):
        raise ValueError(f"the volume of {', '.join(missing)} cannot be accepted: it is no month that this run makes")


def span_of(wanted: str, known: list[str]) -> tuple[str, str]:
    """First and last month to make.

    >>> span_of("2016-01..2016-03", ["2015-12", "2016-01", "2016-02", "2016-03", "undated"])
    ('2016-01', '2016-03')

    Raises:
        ValueError: Nothing has landed, the months named have not, or they are no range.
    """
    if not known:
        raise ValueError("nothing has landed; run `beautyflow simulate` or `beautyflow import` first")
    if not wanted:
        return known[0], known[-1]
    first, last = asked_span(wanted)
    for month in (first, last):
        if month not in known:
            raise ValueError(f"month {month!r} has not landed; there is {known[0]} to {known[-1]}")
    return first, last
