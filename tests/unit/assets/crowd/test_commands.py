import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.crowd.commands import crowd_app, export_task


@pytest.fixture
def home(lake: Lake, sampled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A community with a sample of three photos, one of them without image."""
    assert Path(lake.uri).parent == sampled.parent
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(sampled.parent))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    return sampled.parent


def test_task_writes_the_page_and_says_what_stayed_out(home: Path) -> None:
    result = CliRunner().invoke(crowd_app, ["task", "--out", str(home / "out")])
    assert result.exit_code == 0, result.output
    assert (home / "out" / "page.html").read_text().startswith("<!doctype html>")
    assert ": 2 photos, of them 0 gold questions; 1 file (0.0 MB) in" in result.output
    assert "1 photo cannot be shown and stayed out:\n  photo 2: 2.png" in result.output


def test_task_writes_tasks_for_label_studio_with_gold(home: Path) -> None:
    gold = home / "gold.csv"
    gold.write_text("photo_id,gold_rating\n3,4\n")
    out = home / "deep" / "out"
    said = export_task(Settings.from_environment(), out, "label-studio", gold=gold, image_url="https://images.example")
    assert "2 photos, of them 1 gold question; 4 files" in said
    tasks = json.loads((out / "tasks.json").read_text())
    assert [(task["data"]["image"], task["data"]["gold_rating"]) for task in tasks] == [
        ("https://images.example/1.jpg", None),
        ("https://images.example/3.jpg", 4),
    ]
    assert (out / "images" / "1.jpg").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-side", "3"], "max_side is 3"),
        (["--gold", "nowhere.csv"], "No such file or directory: 'nowhere.csv'"),
    ],
)
@pytest.mark.usefixtures("home")
def test_task_refuses_mistakes_with_the_reason(tmp_path: Path, options: list[str], message: str) -> None:
    result = CliRunner().invoke(crowd_app, ["task", "--out", str(tmp_path / "out"), *options])
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_task_says_how_to_get_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    result = CliRunner().invoke(crowd_app, ["task", "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "there is no sample to ask about; materialize `crowd_sample`" in result.output
