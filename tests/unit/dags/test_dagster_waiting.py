from typing import Any

import pytest
from dagster_client import Backfill, DagsterClient, DagsterUnreachable, Run
from dagster_waiting import (
    Patience,
    describe_backfill_failure,
    describe_run_failure,
    is_under_way,
    wait_for_backfill,
    wait_for_run,
)


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, **how: float) -> Patience:
        return Patience(sleep=self.sleep, clock=lambda: self.now, **how)


def _run(run_id: str, status: str, **tags: str) -> dict[str, Any]:
    listed = [{"key": f"dagster/{key}", "value": value} for key, value in tags.items()]
    return {"runOrError": {"__typename": "Run", "runId": run_id, "status": status, "tags": listed}}


def _wait(url: str, patience: Patience) -> tuple[Run, list[str]]:
    seen: list[str] = []
    run = wait_for_run(DagsterClient(url), "r1", patience, lambda run: seen.append(f"{run.run_id} {run.status}"))
    return run, seen


def test_wait_for_run_tells_each_new_status_once(webserver: Any) -> None:
    webserver.will_answer(*(_run("r1", status) for status in ("QUEUED", "QUEUED", "STARTED", "SUCCESS")))

    run, seen = _wait(webserver.url, Clock().patience())

    assert run.status == "SUCCESS"
    assert seen == ["r1 QUEUED", "r1 STARTED", "r1 SUCCESS"]


def test_wait_for_run_looks_often_at_first_and_every_poll_s_later(webserver: Any) -> None:
    clock = Clock()
    webserver.will_answer(*[_run("r1", "STARTED")] * 30, _run("r1", "SUCCESS"))

    _wait(webserver.url, clock.patience(poll_s=10.0))

    assert clock.slept[0] == 1.0
    assert clock.slept[-1] == 10.0
    assert clock.slept == sorted(clock.slept)


def test_wait_for_run_follows_the_retry_that_dagster_starts(webserver: Any) -> None:
    webserver.will_answer(
        _run("r1", "FAILURE", will_retry="true"),
        _run("r1", "FAILURE", will_retry="true", auto_retry_run_id="r2"),
        _run("r2", "STARTED"),
        _run("r2", "SUCCESS"),
    )

    run, seen = _wait(webserver.url, Clock().patience())

    assert run.run_id == "r2"
    assert seen == ["r1 FAILURE", "r2 STARTED", "r2 SUCCESS"]


def test_wait_for_run_looks_twice_at_a_failure_because_the_retry_is_decided_after_it(webserver: Any) -> None:
    webserver.will_answer(
        _run("r1", "FAILURE"),
        _run("r1", "FAILURE", will_retry="true", auto_retry_run_id="r2"),
        _run("r2", "SUCCESS"),
    )

    assert _wait(webserver.url, Clock().patience())[0].run_id == "r2"


def test_wait_for_run_ends_with_a_failure_that_is_not_retried(webserver: Any) -> None:
    webserver.will_answer(_run("r1", "FAILURE", will_retry="false"))

    assert _wait(webserver.url, Clock().patience())[0].status == "FAILURE"


def test_wait_for_run_waits_until_a_cancellation_is_complete(webserver: Any) -> None:
    webserver.will_answer(_run("r1", "CANCELING"), _run("r1", "CANCELED"))

    assert _wait(webserver.url, Clock().patience())[0].status == "CANCELED"


def test_wait_for_run_outlives_a_restart_of_the_webserver(webserver: Any) -> None:
    webserver.will_answer(_run("r1", "STARTED"), (502, b""), (502, b""), _run("r1", "SUCCESS"))

    assert _wait(webserver.url, Clock().patience())[0].status == "SUCCESS"


def test_wait_for_run_gives_up_when_nothing_answers_for_too_long(webserver: Any) -> None:
    clock = Clock()
    webserver.will_answer(*[(502, b"down")] * 4)

    with pytest.raises(DagsterUnreachable, match="502"):
        _wait(webserver.url, clock.patience(poll_s=1.0, unreachable_s=2.5))

    assert clock.now == 3.0


def test_wait_for_backfill_waits_until_it_is_complete(webserver: Any) -> None:
    def answer(status: str) -> dict[str, Any]:
        fields: dict[str, Any] = {"id": "b1", "status": status, "tags": [], "error": None, "runs": []}
        return {"partitionBackfillOrError": {"__typename": "PartitionBackfill", **fields}}

    webserver.will_answer(*(answer(status) for status in ("REQUESTED", "CANCELING", "CANCELED")))
    seen: list[str] = []

    end = wait_for_backfill(
        DagsterClient(webserver.url), "b1", Clock().patience(), lambda state: seen.append(state.status)
    )

    assert end == Backfill("b1", "CANCELED", {}, {}, "")
    assert seen == ["REQUESTED", "CANCELING", "CANCELED"]


@pytest.mark.parametrize(
    ("status", "tags", "under_way"),
    [
        ("QUEUED", {}, True),
        ("STARTED", {}, True),
        ("FAILURE", {"dagster/will_retry": "true"}, True),
        ("FAILURE", {"dagster/will_retry": "false"}, False),
        ("CANCELING", {}, False),
        ("SUCCESS", {}, False),
    ],
)
def test_is_under_way_counts_promised_retries_and_not_what_is_being_stopped(
    status: str, tags: dict[str, str], under_way: bool
) -> None:
    assert is_under_way(Run("r1", status, tags)) is under_way


def _page(*messages: str) -> dict[str, Any]:
    errors = [{"className": "ValueError", "message": f"ValueError: {message}", "causes": []} for message in messages]
    events = [{"__typename": "ExecutionStepFailureEvent", "stepKey": "s", "error": error} for error in errors]
    return {"logsForRun": {"__typename": "EventConnection", "events": events, "cursor": "c", "hasMore": False}}


def test_describe_run_failure_says_what_failed_why_and_where_to_look(webserver: Any) -> None:
    webserver.will_answer(_page("bad"))

    told = describe_run_failure(DagsterClient(webserver.url), Run("r1", "FAILURE", {}), "nightly for 2016-03")

    assert told.splitlines() == [
        "Dagster run r1 of nightly for 2016-03 ended as FAILURE",
        "  step s: ValueError: bad",
        f"see {webserver.url}/runs/r1",
    ]


def test_describe_run_failure_counts_what_it_leaves_out(webserver: Any) -> None:
    webserver.will_answer(_page(*(str(number) for number in range(23))))

    told = describe_run_failure(DagsterClient(webserver.url), Run("r1", "FAILURE", {}), "nightly").splitlines()

    assert len(told) == 1 + 20 + 1 + 1
    assert told[-2] == "  and 3 more"


def test_describe_backfill_failure_tells_the_failures_of_its_failed_runs(webserver: Any) -> None:
    webserver.will_answer(_page("bad"))
    backfill = Backfill("b1", "COMPLETED_FAILED", {}, {"r1": "SUCCESS", "r2": "FAILURE"}, "")

    told = describe_backfill_failure(DagsterClient(webserver.url), backfill, "nightly for 2016-01 to 2016-03")

    assert told.splitlines() == [
        "Dagster backfill b1 of nightly for 2016-01 to 2016-03 ended as COMPLETED_FAILED",
        "run r2:",
        "  step s: ValueError: bad",
        f"see {webserver.url}/runs/b/b1",
    ]
