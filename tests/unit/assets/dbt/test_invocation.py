"""dbt does not outlive whoever reads what it says."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from assets.dbt import invocation

ENDLESS = "import time\nprint('at work', flush=True)\nwhile True: time.sleep(1)"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ENDLESS


@pytest.fixture
def stream(monkeypatch):
    """Streams a process in the place of dbt; its second event cannot be understood."""
    started = []

    def streamed(code):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        started.append(process)

        def events():
            yield process.stdout.readline()
            raise KeyError("model.that.nobody.knows")

        run = SimpleNamespace(run=lambda **_: SimpleNamespace(process=process, stream=events))
        chosen = SimpleNamespace(
            indirect_selection=None, dbt_project=None, selection_args=[], manifest={}, dagster_dbt_translator=None
        )
        monkeypatch.setattr(invocation, "DbtCliInvocation", run)
        monkeypatch.setattr(invocation, "get_updated_cli_invocation_params_for_context", lambda **_: chosen)
        monkeypatch.setattr(invocation, "prepare_artifacts", lambda settings: None)
        monkeypatch.setattr(invocation, "artifacts_folder", lambda settings: None)
        monkeypatch.setattr(invocation, "dbt_environment", lambda settings: {})
        monkeypatch.setattr(invocation, "_PATIENCE_SECONDS", 1)
        return process, invocation.stream_dbt(SimpleNamespace(is_subset=False), None, [], [])

    yield streamed
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("code", [ENDLESS, DEAF], ids=["ends when asked", "does not listen"])
def test_dbt_is_ended_when_its_events_are_not_understood(stream, code):
    process, events = stream(code)
    assert next(events) == b"at work\n"
    with pytest.raises(KeyError, match="nobody"):
        next(events)
    assert process.poll() is not None


def test_dbt_is_ended_when_nobody_reads_on(stream):
    process, events = stream(ENDLESS)
    next(events)
    events.close()
    assert process.poll() is not None
