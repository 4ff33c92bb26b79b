"""Runs jobs in this process for the command line: one process, visible progress, a result to act on.

What the Dagster UI and its daemon do with the same jobs is not repeated here; both write to the same
instance, so a run started here shows there with its whole history.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogEntry

from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.contracts.wording import counted, some_of
from assets.partitions import months
from assets.prerequisites import asked_span
from assets.stopping import run_until_stopped

Say = Callable[[str], None]

_RANGE_START = "dagster/asset_partition_range_start"
_RANGE_END = "dagster/asset_partition_range_end"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_POLL_SECONDS = 0.5
_NEXT = 'Next: `beautyflow status`, `beautyflow sql "select * from fct_user_beauty limit 5"`'
_PROCESS_TAG = "beautyflow/process"
_REFUSED = "refused_months"
"""The step that fails where months were refused, after everything else has been made."""
_LIVING = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Attributes:
        job: Name of the job.
        run_id: Identifier under which the UI shows it.
        success: Whether every step succeeded.
        problems: One text per failed step or failed check, with its message.
        failed_checks: Failed checks as ``asset.check``.
        warned_checks: Checks that warned as ``asset.check``.
        steps: Number of steps that ended well.
        assets: Number of assets that were made.
        failed_steps: Names of the steps that did not end well.
        left: Months that changed with what landed now and were not asked for.
    """

    job: str
    run_id: str
    success: bool
    problems: list[str]
    failed_checks: list[str] = field(default_factory=list)
    warned_checks: list[str] = field(default_factory=list)
    steps: int = 0
    assets: int = 0
    failed_steps: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def after(self, earlier: "RunOutcome") -> "RunOutcome":
        """This outcome, with what an earlier run of the same command did and found added."""
        return replace(
            self,
            problems=earlier.problems + self.problems,
            failed_checks=earlier.failed_checks + self.failed_checks,
            warned_checks=earlier.warned_checks + self.warned_checks,
            steps=earlier.steps + self.steps,
            assets=earlier.assets + self.assets,
            failed_steps=earlier.failed_steps + self.failed_steps,
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
        instance = DagsterInstance.from_config(str(prepare_instance_folder(settings)))
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
    teller = _Teller(instance, run_id, say, ray_steps)

    def execute() -> bool:
        executed = definitions.resolve_job_def(job).execute_in_process(
            run_config={**_QUIET, "ops": configured},
            instance=instance,
            run_id=run_id,
            tags=tags,
            raise_on_error=False,
        )
        return executed.success

    # Dagster captures what steps print and repeats it on stdout, where only progress belongs.
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


class _Teller:
    """Follows a run's event log from a thread and says what matters to a person."""

    def __init__(
        self, instance: DagsterInstance, run_id: str, say: Say, talkative: Collection[str] = frozenset()
    ) -> None:
        self.problems: list[str] = []
        self._instance = instance
        self._run_id = run_id
        self._say = say
        self._talkative = talkative
        self._cursor: str | None = None
        self._started: dict[str, float] = {}
        self._failed_checks: list[str] = []
        self._warned_checks: list[str] = []
        self._steps: set[str] = set()
        self._failed_steps: list[str] = []
        self._assets: set[dg.AssetKey] = set()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="run-progress", daemon=True)

    def __enter__(self) -> "_Teller":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._finished.set()
        self._thread.join()
        self._tell_news()

    def outcome(self, job: str, success: bool) -> RunOutcome:
        """What was told, once the run has ended."""
        return RunOutcome(
            job,
            self._run_id,
            success,
            self.problems,
            self._failed_checks,
            self._warned_checks,
            len(self._steps),
            len(self._assets),
            self._failed_steps,
        )

    def _follow(self) -> None:
        while not self._finished.wait(_POLL_SECONDS):
            self._tell_news()

    def _tell_news(self) -> None:
        news = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
        self._cursor = news.cursor
        for record in news.records:
            self._tell(record.event_log_entry)

    def _tell(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None and entry.step_key in self._talkative and _is_worth_telling(entry):
            self._say(f"    {entry.user_message}")
        if event is None or event.step_key is None:
            return
        step = event.step_key
        kind = event.event_type
        if kind == DagsterEventType.STEP_START:
            self._started[step] = entry.timestamp
            self._say(f"  {step} ...")
        elif kind == DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None:
            self._assets.add(event.asset_key)
        elif kind == DagsterEventType.STEP_SUCCESS:
            self._steps.add(step)
            self._say(f"  {step} done in {entry.timestamp - self._started.get(step, time.time()):.1f} s")
        elif kind == DagsterEventType.STEP_FAILURE:
            self._failed_steps.append(step)
            self._complain(f"{step} failed: {_root_message(event)}")
        elif kind == DagsterEventType.ASSET_CHECK_EVALUATION:
            self._judge(event.asset_check_evaluation_data)

    def _judge(self, evaluation: dg.AssetCheckEvaluation) -> None:
        if evaluation.passed:
            return
        check = f"{evaluation.asset_key.to_user_string()}.{evaluation.check_name}"
        message = evaluation.description or "see its page in the UI"
        if evaluation.severity == dg.AssetCheckSeverity.ERROR:
            self._failed_checks.append(check)
            self._complain(f"check {check} failed: {message}")
        else:
            self._warned_checks.append(check)
            self._say(f"  ? check {check} warns: {message}")

    def _complain(self, problem: str) -> None:
        self.problems.append(problem)
        self._say(f"  ! {problem}")


def _is_worth_telling(entry: EventLogEntry) -> bool:
    """What a step itself has to say, without the plumbing between Dagster and the processes it starts."""
    return int(entry.level) == logging.INFO and not entry.user_message.startswith("[pipes]")


def _root_message(event: dg.DagsterEvent) -> str:
    """The innermost error: what a person can act on, rather than the framework's wrapping."""
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    error = data.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "no message" if error is None else error.message.strip()


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
        if not landing.success:
            return landing
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
    landed = event.asset_materialization if event else None
    return list(landed.metadata["changed_months"].value) if landed else []  # type: ignore[call-overload]


def _left(changed: Collection[str], span: tuple[str, str], known: Collection[str]) -> list[str]:
    """Months that changed, are there to be made, and are not in the span."""
    return sorted(month for month in changed if month in known and not span[0] <= month <= span[1])


def _require_made(accepted: Collection[str], made: Collection[str]) -> None:
    if missing := sorted(set(accepted) - set(made)):
        raise ValueError(f"the volume of {', '.join(missing)} cannot be accepted: it is no month that this run makes")


def conclude(outcome: RunOutcome, log: Path) -> str:
    """What came of a command, and what to do next, as lines for a terminal.

    Args:
        outcome: How its run ended.
        log: What the steps printed.
    """
    if outcome.success:
        made = f"{counted(outcome.steps, 'step')}, {counted(outcome.assets, 'asset')} made"
        checks = f"{_judged(outcome.failed_checks, 'failed')}, {_judged(outcome.warned_checks, 'warned')}"
        return "\n".join([f"{outcome.job} succeeded: {made}; {checks}", *_tell_left(outcome), _NEXT])
    if outcome.failed_steps == [_REFUSED]:
        return _conclude_refused(outcome)
    return "\n".join(
        [
            f"{outcome.job} failed:",
            *(f"  ! {problem.splitlines()[0]}" for problem in outcome.problems),
            "Steps that need what failed did not run; what was published before stays as it was.",
            *_tell_left(outcome),
            "If rows are wrong (`beautyflow validate` names them): fix the files, import and materialize again.",
            f"If a step broke: what it printed is in {log}",
        ]
    )


def _tell_left(outcome: RunOutcome) -> list[str]:
    """What landed may have changed other months: a user who opts out leaves all of them only when they are made."""
    if not outcome.left:
        return []
    span = outcome.left[0] if len(outcome.left) == 1 else f"{outcome.left[0]}..{outcome.left[-1]}"
    them = f"`beautyflow materialize --job {outcome.job} --months {span}`"
    return [f"{some_of(outcome.left)} changed as well and keep what they held; to make them: {them}"]


def _conclude_refused(outcome: RunOutcome) -> str:
    """Everything was made, from the last good rows of the months that are named."""
    prefix = f"{_REFUSED} failed: "
    told = [
        problem.removeprefix(prefix) if problem.startswith(prefix) else problem.splitlines()[0]
        for problem in sorted(outcome.problems, key=lambda problem: problem.startswith(prefix))
    ]
    return "\n".join(
        [
            f"{outcome.job} made everything, but not from all that landed:",
            *(f"  ! {line}" for line in told),
            *_tell_left(outcome),
            _NEXT,
        ]
    )


def _judged(checks: list[str], verdict: str) -> str:
    names = f" ({', '.join(checks)})" if checks else ""
    return f"{counted(len(checks), 'check')} {verdict}{names}"


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
