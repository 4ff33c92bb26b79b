from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.beauty.contact_sheet import has_sheet
from assets.cli import app
from assets.contracts.explanations import PHOTO_EXPLANATIONS
from assets.contracts.lake import Lake
from tests.unit.assets.beauty.explained import RAISES, model, store_explanations


@pytest.fixture
def run(lake: Lake, put: Callable[..., None], monkeypatch: pytest.MonkeyPatch):
    """The command on a community of two photos, one of them explained by the network ``m-1``."""
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(Path(lake.uri).parent))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    put(photos=[{"photo_id": i, "user_id": 1, "is_public": True, "uri": f"{i}.jpg"} for i in (1, 2)])
    put(beauty_model=[model()])
    store_explanations(lake, "m-1", [1])
    return lambda *arguments: CliRunner().invoke(app, ["explain", *arguments])


def test_explain_prints_what_is_stored(run) -> None:
    result = run("1")
    assert result.exit_code == 0, result.output
    assert f"  {RAISES}\n" in result.output


def test_explain_of_another_photo_says_how_and_has_exit_code_1(run) -> None:
    result = run("1", "2")
    assert result.exit_code == 1
    assert RAISES in result.output
    assert "to explain them: `beautyflow explain --make 2`" in result.output


def test_explain_without_the_network_stops(run) -> None:
    result = run("1", "--model-version", "m-9")
    assert result.exit_code == 2
    assert result.stderr == (
        "beautyflow: there is no trained model m-9, so there are no scores of its own to explain\n"
    )


def test_explain_make_runs_the_job_and_says_what_it_could_not_do(run, lake: Lake) -> None:
    """Absent photos need no network, so the job is the real one."""
    lake.drop(PHOTO_EXPLANATIONS.key, "m-1")
    result = run("77", "--make")
    assert result.exit_code == 1
    assert "explained now: 0, before: 0; not published or without an image: 1" in result.stderr
    assert not has_sheet(lake, "m-1")


def test_explain_make_of_weights_that_are_gone_fails_in_one_line(run) -> None:
    result = run("2", "--make")
    assert result.exit_code == 2
    assert result.stderr == "beautyflow: ray_jobs.explain_photos ended with exit code 1; nothing was written\n"
