import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.cli import app


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def edges(tmp_path: Path) -> Path:
    path = tmp_path / "edges.txt"
    path.write_text("# a comment\n1 2\n2 3\n3 3\n")
    return path


def test_help_teaches_the_way_through(run) -> None:
    text = run("--help").output
    for command in ("simulate", "import", "validate", "materialize", "sql", "status", "ui"):
        assert command in text


def test_import_says_what_landed_and_what_did_not(run, edges: Path) -> None:
    result = run("import", "edge_list", str(edges), "--name", "tiny")
    assert result.exit_code == 0, result.output
    assert "self_follow: 1" in result.output
    assert "edges: 2 rows" in result.output


def test_import_of_an_unknown_format_names_the_known_ones(run, edges: Path) -> None:
    result = run("import", "edgelist", str(edges), "--name", "tiny")
    assert result.exit_code == 2
    assert "there is no format 'edgelist'" in result.stderr
    assert "edge_list" in result.stderr


def test_import_without_a_name_says_how(run, edges: Path) -> None:
    result = run("import", "edge_list", str(edges))
    assert result.exit_code == 2
    assert "--name NAME" in result.stderr


def test_import_list_describes_every_format(run) -> None:
    text = run("import", "list").output
    assert "yfcc100m:" in text
    assert "canonical:" in text


def test_validate_of_an_empty_home_says_what_to_do(run) -> None:
    result = run("validate")
    assert result.exit_code == 2
    assert "nothing has landed" in result.stderr


def test_materialize_of_months_that_have_not_landed_names_those_that_have(run, edges: Path) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    result = run("materialize", "--months", "2016-01")
    assert result.exit_code == 2, result.output
    assert "month '2016-01' has not landed; there is undated to undated" in result.stderr


def test_sql_before_any_build_says_what_to_do(run) -> None:
    result = run("sql", "select 1")
    assert result.exit_code == 2
    assert "beautyflow materialize" in result.stderr


def test_status_as_json_is_json(run, edges: Path) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    inventory = json.loads(run("status", "--json").output)
    assert inventory["sources"][0]["landed"] == 2 + 3


def test_simulate_with_a_bad_knob_names_it(run) -> None:
    result = run("simulate", "--users", "3")
    assert result.exit_code == 2
    assert "users must be from 20 to 20000000, not 3" in result.stderr


def test_simulate_takes_knobs_from_a_file_and_options_win(run, tmp_path: Path) -> None:
    config = tmp_path / "knobs.toml"
    config.write_text("users = 60\nmonths = 3\nimages = false\n")
    result = run("simulate", "--config", str(config), "--months", "2")
    assert result.exit_code == 0, result.output
    assert "60 users, 2 months" in result.output
    again = run("simulate", "--config", str(config), "--months", "2")
    assert "already there, unchanged" in again.output


def test_vacuum_deletes_nothing_that_counts(run, edges: Path) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    before = run("status", "--json").output
    result = run("vacuum", "--days", "0")
    assert result.exit_code == 0
    assert "files deleted" in result.output
    assert run("status", "--json").output == before
