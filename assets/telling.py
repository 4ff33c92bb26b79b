"""Tells a person what a run does while it does it, and what came of it.

The run's event log is followed, not the run: the same events are what the UI shows.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterInstance, EventLogEntry

from assets.contracts.wording import counted, some_of

Say = Callable[[str], None]

_POLL_SECONDS = 0.5
_QUIET_SECONDS = 60.0
"""After so long without a word, the steps at work are named again."""
_NEXT = 'Next: `beautyflow status`, `beautyflow sql "select * from fct_user_beauty limit 5"`'
_REFUSED = "refused_months"
"""The step that fails where months were refused, after everything else has been made."""
_CHECK = "check "
_LANDING = "landing"
"""The step that fails where some source could not be imported, after the others have been."""


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
            success=earlier.success and self.success,
            problems=earlier.problems + self.problems,
            failed_checks=earlier.failed_checks + self.failed_checks,
            warned_checks=earlier.warned_checks + self.warned_checks,
            steps=earlier.steps + self.steps,
            assets=earlier.assets + self.assets,
            failed_steps=earlier.failed_steps + self.failed_steps,
        )


class Teller:
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
        self._spoke_at = time.monotonic()
        self._failed_checks: list[str] = []
        self._warned_checks: list[str] = []
        self._steps: set[str] = set()
        self._failed_steps: list[str] = []
        self._assets: set[dg.AssetKey] = set()
        self._finished = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="run-progress", daemon=True)

    def __enter__(self) -> "Teller":
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
            if time.monotonic() - self._spoke_at >= _QUIET_SECONDS:
                self._tell_who_works()

    def _tell_who_works(self) -> None:
        for step, started in self._started.items():
            self._speak(f"    {step}: still at work after {time.time() - started:.0f} s")

    def _speak(self, line: str) -> None:
        self._spoke_at = time.monotonic()
        self._say(line)

    def _tell_news(self) -> None:
        news = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
        self._cursor = news.cursor
        for record in news.records:
            self._tell(record.event_log_entry)

    def _tell(self, entry: EventLogEntry) -> None:
        event = entry.dagster_event
        if event is None and entry.step_key in self._talkative and _is_worth_telling(entry):
            self._speak(f"    {entry.user_message}")
        if event is None or event.step_key is None:
            return
        step = event.step_key
        kind = event.event_type
        if kind == DagsterEventType.STEP_START:
            self._started[step] = entry.timestamp
            self._speak(f"  {step} ...")
        elif kind == DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None:
            self._assets.add(event.asset_key)
        elif kind == DagsterEventType.STEP_SUCCESS:
            self._steps.add(step)
            self._speak(f"  {step} done in {entry.timestamp - self._started.pop(step, time.time()):.1f} s")
        elif kind == DagsterEventType.STEP_FAILURE:
            self._started.pop(step, None)
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
            self._speak(f"  ? check {check} warns: {message}")

    def _complain(self, problem: str) -> None:
        self.problems.append(problem)
        self._speak(f"  ! {problem}")


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


def conclude(outcome: RunOutcome, log: Path) -> str:
    """What came of a command, and what to do next, as lines for a terminal.

    Args:
        outcome: How its run ended.
        log: What the steps printed.
    """
    if outcome.success:
        made = f"{counted(outcome.steps, 'step')}, {counted(outcome.assets, 'asset')} made"
        return "\n".join([f"{outcome.job} succeeded: {made}; {_judged_all(outcome)}", *_tell_left(outcome), _NEXT])
    if outcome.steps and set(outcome.failed_steps) <= {_REFUSED, _LANDING}:
        return _conclude_partial(outcome)
    return "\n".join(
        [
            f"{outcome.job} failed:",
            *(f"  ! {problem.splitlines()[0]}" for problem in outcome.problems),
            f"Checks: {_judged_all(outcome)}",
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


def _conclude_partial(outcome: RunOutcome) -> str:
    """Everything was made, from the last good rows of what is named; checks of refused months say nothing more."""
    failures = [problem for problem in outcome.problems if not problem.startswith(_CHECK)]
    named = "\n".join(failures)
    checks = [
        problem.splitlines()[0]
        for problem in outcome.problems
        if problem.startswith(_CHECK) and f"{problem.removeprefix(_CHECK).split('.')[0]}/" not in named
    ]
    told = [problem.removeprefix(f"{_REFUSED} failed: ").removeprefix(f"{_LANDING} failed: ") for problem in failures]
    return "\n".join(
        [
            f"{outcome.job} made everything, but not from all that landed:",
            *(f"  ! {problem}" for problem in [*checks, *told]),
            f"Checks: {_judged_all(outcome)}",
            *_tell_left(outcome),
            _NEXT,
        ]
    )


def _judged_all(outcome: RunOutcome) -> str:
    return f"{_judged(outcome.failed_checks, 'failed')}, {_judged(outcome.warned_checks, 'warned')}"


def _judged(checks: list[str], verdict: str) -> str:
    names = f" ({', '.join(checks)})" if checks else ""
    return f"{counted(len(checks), 'check')} {verdict}{names}"
