import threading
import time
from dataclasses import replace
from types import SimpleNamespace

from dagster import DagsterEventType

from assets import telling
from assets.telling import RunOutcome, conclude


def test_conclude_of_success_counts_both_runs_and_names_checks_and_the_next_step(tmp_path):
    landing = RunOutcome("land_community", "a", True, [], [], ["landing.few_rows_are_rejected"], 1, 1)
    built = RunOutcome("build_community", "b", True, ["check x.y failed: z"], ["x.y"], [], 4, 9)
    lines = conclude(built.after(landing), tmp_path).splitlines()
    assert lines[0] == (
        "build_community succeeded: 5 steps, 10 assets made; "
        "1 check failed (x.y), 1 check warned (landing.few_rows_are_rejected)"
    )
    assert "beautyflow status" in lines[1]
    assert "beautyflow sql" in lines[1]


def test_conclude_of_failure_repeats_each_problem_in_one_line_and_says_what_to_do(tmp_path):
    problems = ["check users.ids_are_unique failed: 3 are not", "users failed: not published\nat all"]
    text = conclude(RunOutcome("build_community", "b", False, problems), tmp_path / "steps.log")
    assert text.splitlines()[:3] == [
        "build_community failed:",
        "  ! check users.ids_are_unique failed: 3 are not",
        "  ! users failed: not published",
    ]
    for told in ("did not run", "stays as it was", "import", "beautyflow validate", str(tmp_path / "steps.log")):
        assert told in text


def test_conclude_of_refused_months_says_that_all_else_was_made_and_repeats_what_to_do(tmp_path):
    problems = [
        "refused_months failed: 1 refused month: photos/2013-04 (x)\nadd the missing rows",
        "check a.b failed: c\nd",
        "check photos.user_id_is_in_users failed: False in 1 of 9 months",
    ]
    outcome = RunOutcome("build_community", "b", False, problems, ["a.b"], ["c.d"], 9, 9, ["refused_months"])
    lines = conclude(outcome, tmp_path).splitlines()
    assert lines[:4] == [
        "build_community made everything, but not from all that landed:",
        "  ! check a.b failed: c",
        "  ! 1 refused month: photos/2013-04 (x)",
        "add the missing rows",
    ]
    assert lines[4] == "Checks: 1 check failed (a.b), 1 check warned (c.d)"
    assert "did not run" not in "\n".join(lines)
    assert "did not run" in conclude(replace(outcome, failed_steps=["refused_months", "scores"]), tmp_path)


def test_conclude_of_a_source_that_could_not_be_read_says_what_was_made_all_the_same(tmp_path):
    landing = RunOutcome("land_community", "a", False, ["landing failed: [x] no"], [], [], 0, 1, ["landing"])
    outcome = RunOutcome("build_community", "b", True, [], [], [], 4, 9).after(landing)
    assert not outcome.success
    lines = conclude(outcome, tmp_path).splitlines()
    assert lines[:2] == ["build_community made everything, but not from all that landed:", "  ! [x] no"]


class _Log:
    """An event log of steps that start and end, read once."""

    def __init__(self, *events):
        self._events = [SimpleNamespace(event_log_entry=_entry(*event)) for event in events]

    def get_records_for_run(self, run_id, cursor):
        events, self._events = self._events, []
        return SimpleNamespace(cursor="read", records=events)


def _entry(step, kind):
    event = SimpleNamespace(step_key=step, event_type=kind, asset_key=None)
    return SimpleNamespace(dagster_event=event, step_key=step, timestamp=time.time())


def test_steps_that_are_long_silent_are_named_again_until_they_end(monkeypatch):
    monkeypatch.setattr(telling, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(telling, "_QUIET_SECONDS", 0.05)
    started, ended = DagsterEventType.STEP_START, DagsterEventType.STEP_SUCCESS
    said = []
    heard = threading.Event()

    def say(line):
        said.append(line)
        if "still at work" in line:
            heard.set()

    with telling.Teller(_Log(("slow", started), ("quick", started), ("quick", ended)), "run", say):
        assert heard.wait(20)
    assert said[:3] == ["  slow ...", "  quick ...", "  quick done in 0.0 s"]
    assert set(said[3:]) == {"    slow: still at work after 0 s"}
