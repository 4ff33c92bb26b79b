"""Waiting for Dagster: follow a run or a backfill to its end, and say in words how it failed.

Standard library only. The questions themselves live in ``dagster_client.py``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from dagster_client import Backfill, DagsterClient, DagsterUnreachable, Run

RUN_UNDER_WAY = frozenset({"QUEUED", "NOT_STARTED", "MANAGED", "STARTING", "STARTED", "SUSPENDED"})
BACKFILL_UNDER_WAY = frozenset({"REQUESTED", "CANCELING", "FAILING"})

_RETRY_DECIDED_TAG = "dagster/will_retry"
_RETRY_RUN_TAG = "dagster/auto_retry_run_id"
_MOST_RUNS_TOLD = 5
_MOST_FAILURES_TOLD = 20

State = TypeVar("State", Run, Backfill)


@dataclass(frozen=True)
class Patience:
    """How a wait is paced.

    Attributes:
        poll_s: Seconds between two looks at most; the first looks come closer together, for short runs.
        unreachable_s: Seconds without any answer, as while the webserver restarts, before giving up.
        sleep: Replaced in tests.
        clock: Monotonic seconds; replaced in tests.
    """

    poll_s: float = 10.0
    unreachable_s: float = 300.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def is_under_way(run: Run) -> bool:
    """Whether the run, or the retry that Dagster has promised for it, still has to end."""
    return run.status in RUN_UNDER_WAY or (run.status == "FAILURE" and run.tags.get(_RETRY_DECIDED_TAG) == "true")


def wait_for_run(client: DagsterClient, run_id: str, patience: Patience, on_change: Callable[[Run], None]) -> Run:
    """Wait until a run has ended, following Dagster's own retries of it.

    Args:
        client: Where to ask.
        run_id: First run to wait for.
        patience: Pace.
        on_change: Called with each new state, so that the caller can log it and knows which run to stop.

    Returns:
        The last run of the chain, which is not always the one asked for.

    Raises:
        DagsterUnreachable: No answer came for ``patience.unreachable_s``.
        DagsterRefused: The run is gone.
    """
    run = _wait(partial(_settled, client, run_id, patience), _run_has_ended, patience, on_change)
    while is_under_way(run):
        retry_id = run.tags[_RETRY_RUN_TAG]
        run = _wait(partial(_settled, client, retry_id, patience), _run_has_ended, patience, on_change)
    return run


def wait_for_backfill(
    client: DagsterClient, backfill_id: str, patience: Patience, on_change: Callable[[Backfill], None]
) -> Backfill:
    """Wait until a backfill has ended.

    Raises:
        DagsterUnreachable: No answer came for ``patience.unreachable_s``.
        DagsterRefused: The backfill is gone.
    """
    return _wait(
        lambda: client.backfill(backfill_id), lambda state: state.status not in BACKFILL_UNDER_WAY, patience, on_change
    )


def describe_run_failure(client: DagsterClient, run: Run, what: str) -> str:
    """Why a run did not succeed, in Dagster's own words."""
    lines = [f"Dagster run {run.run_id} of {what} ended as {run.status}", *_told(client.failures(run.run_id))]
    return "\n".join([*lines, f"see {client.url.rstrip('/')}/runs/{run.run_id}"])


def describe_backfill_failure(client: DagsterClient, backfill: Backfill, what: str) -> str:
    """Why a backfill did not succeed, in Dagster's own words, with its first failed runs."""
    lines = [f"Dagster backfill {backfill.backfill_id} of {what} ended as {backfill.status}"]
    lines += _told([backfill.error] if backfill.error else [])
    failed = [run_id for run_id, status in backfill.runs.items() if status == "FAILURE"]
    for run_id in failed[:_MOST_RUNS_TOLD]:
        lines += [f"run {run_id}:", *_told(client.failures(run_id))]
    if len(failed) > _MOST_RUNS_TOLD:
        lines.append(f"and {len(failed) - _MOST_RUNS_TOLD} more failed runs")
    return "\n".join([*lines, f"see {client.url.rstrip('/')}/runs/b/{backfill.backfill_id}"])


def _wait(
    look: Callable[[], State],
    has_ended: Callable[[State], bool],
    patience: Patience,
    on_change: Callable[[State], None],
) -> State:
    began_at, last_seen = patience.clock(), None
    last_answer_at = began_at
    while True:
        try:
            state = look()
        except DagsterUnreachable:
            if patience.clock() - last_answer_at > patience.unreachable_s:
                raise
        else:
            last_answer_at = patience.clock()
            if last_seen is None or state.status != last_seen:
                on_change(state)
            if has_ended(state):
                return state
            last_seen = state.status
        patience.sleep(min(patience.poll_s, 1.0 + 0.1 * (patience.clock() - began_at)))


def _settled(client: DagsterClient, run_id: str, patience: Patience) -> Run:
    """State of a run; Dagster decides on a retry a moment after the failure, so a fresh failure is looked at twice."""
    run = client.run(run_id)
    if run.status == "FAILURE" and _RETRY_DECIDED_TAG not in run.tags:
        patience.sleep(min(patience.poll_s, 2.0))
        run = client.run(run_id)
    return run


def _run_has_ended(run: Run) -> bool:
    """A failed run that Dagster will retry has ended for us when its successor has a name."""
    if is_under_way(run):
        return run.status == "FAILURE" and _RETRY_RUN_TAG in run.tags
    return run.status != "CANCELING"


def _told(failures: list[str]) -> list[str]:
    more = [f"and {len(failures) - _MOST_FAILURES_TOLD} more"] if len(failures) > _MOST_FAILURES_TOLD else []
    return [f"  {line}" for line in [*failures[:_MOST_FAILURES_TOLD], *more]]
