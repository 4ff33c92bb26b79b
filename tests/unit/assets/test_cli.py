import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from assets.cli import app
from assets.contracts.settings import Settings
from assets.dbt.publish import publish_warehouse


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BEAUTYFLOW_LAKE", raising=False)
    return lambda *arguments, **options: CliRunner().invoke(app, list(arguments), **options)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A community that exists but is empty."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def no_dagster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes it an error to load what runs jobs."""
    monkeypatch.setitem(sys.modules, "assets.running", None)


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
    assert "--name is missing" in result.stderr


def test_import_without_a_path_says_how(run) -> None:
    result = run("import", "edge_list", "--name", "tiny")
    assert result.exit_code == 2
    assert "PATH is missing" in result.stderr


def test_import_list_describes_every_format(run) -> None:
    text = run("import", "list").output
    assert "yfcc100m:" in text
    assert "canonical:" in text


@pytest.mark.parametrize(
    "command", [["status"], ["validate"], ["sql", "select 1"], ["vacuum"], ["materialize"], ["ui"]]
)
def test_home_that_does_not_exist_is_refused_and_not_made(run, tmp_path: Path, command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert f"there is no community in {tmp_path / 'home'}; " in result.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["simulate", "--users", "60"],
        ["import", "edge_list", "edges.txt", "--name", "tiny"],
        ["demo"],
    ],
)
def test_home_that_cannot_be_made_is_refused_in_one_line(run, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "home").write_text("a file")
    result = run(*command)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(f"beautyflow: {tmp_path / 'home'} cannot be written: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["materialize", "validate", "vacuum", "ui"])
@pytest.mark.usefixtures("no_dagster")
def test_lake_that_cannot_be_written_is_refused_in_one_line(
    run, home: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (home / "landing" / "tiny").mkdir(parents=True)
    (home / "lake").write_text("a file")
    result = run(command)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(f"beautyflow: {home / 'lake'} cannot be written: ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("as_one_word", [False, True])
def test_home_may_follow_the_command_and_the_last_one_counts(run, tmp_path: Path, as_one_word: bool) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    named = [f"--home={mine}"] if as_one_word else ["--home", str(mine)]
    result = run("--home", str(tmp_path / "other"), "status", *named, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["home"] == str(mine)


def test_home_may_follow_a_command_of_a_group(run, tmp_path: Path) -> None:
    result = run("crowd", "task", "--out", str(tmp_path / "task"), "--home", str(tmp_path / "mine"))
    assert result.exit_code == 2
    assert "there is no sample to ask about" in result.stderr


def test_home_after_two_dashes_is_no_option(run, home: Path) -> None:
    result = run("sql", "--", "--home")
    assert result.exit_code == 2
    assert "there is no statement" in result.stderr


def test_home_without_a_folder_says_what_is_missing(run) -> None:
    result = run("status", "--home")
    assert result.exit_code == 2
    assert "--home FOLDER" in result.stderr


@pytest.mark.usefixtures("home", "no_dagster")
def test_ui_on_a_port_that_is_taken_says_so_before_it_starts(run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = run("ui", "--port", str(port))
    assert result.exit_code == 2, result.output
    assert f"port {port} cannot be opened: " in result.stderr
    assert "--port" in result.stderr


_DEAF_UI = """
import signal, sys
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, signal.SIG_IGN)
sys.executable = sys.argv.pop()
from assets.cli import main
main()
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_ui_can_be_ended_although_its_starter_ignores_it(tmp_path: Path, home: Path, ending: signal.Signals) -> None:
    stand_in = tmp_path / "python"
    stand_in.write_text("#!/bin/sh\necho dagster is up\nexec sleep 60\n")
    stand_in.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    command = [sys.executable, "-c", _DEAF_UI, "ui", "--home", str(home), "--port", str(port), str(stand_in)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "dagster is up\n" in iter(process.stdout.readline, "")
            process.send_signal(ending)
            assert process.wait(20) == -ending
        finally:
            process.kill()


def test_validate_of_an_empty_home_says_what_to_do(run, home: Path) -> None:
    result = run("validate")
    assert result.exit_code == 2
    assert "nothing has landed" in result.stderr


def test_materialize_of_months_that_have_not_landed_names_those_that_have(run, edges: Path) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    result = run("materialize", "--months", "2016-01")
    assert result.exit_code == 2, result.output
    assert "month '2016-01' has not landed; there is undated to undated" in result.stderr


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        (["--job", "foo"], "choose one of build_community, nightly_increment, evaluate_beauty"),
        (["--months", "2016-3"], "months are YYYY-MM or YYYY-MM..YYYY-MM"),
        (["--months", "2016-03..2015-12"], "the range ends before it begins"),
        (["--accept-volume", "2016-3"], "months are YYYY-MM"),
    ],
)
@pytest.mark.usefixtures("no_dagster")
def test_materialize_refuses_at_once_what_cannot_run(run, edges: Path, options: list[str], answer: str) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    result = run("materialize", *options)
    assert result.exit_code == 2, result.output
    assert answer in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.usefixtures("no_dagster", "home")
def test_materialize_of_an_empty_home_says_so_at_once(run) -> None:
    result = run("materialize")
    assert result.exit_code == 2, result.output
    assert "nothing has landed" in result.stderr


@pytest.mark.parametrize("job", ["build_community", "evaluate_beauty"])
def test_materialize_refuses_to_accept_the_volume_of_a_month_that_it_does_not_make(run, edges: Path, job: str) -> None:
    run("import", "edge_list", str(edges), "--name", "tiny")
    result = run("materialize", "--job", job, "--accept-volume", "2016-01")
    assert result.exit_code == 2, result.output
    assert "the volume of 2016-01 cannot be accepted: it is no month that this run makes" in result.stderr


def test_materialize_explains_its_marks(run) -> None:
    text = run("materialize", "--help").output
    assert "what failed" in text
    assert "what only warns" in text


def test_sql_of_a_pipe_prints_answers_only_and_tells_failure(run, home: Path) -> None:
    settings = Settings(home, str(home / "lake"))
    settings.warehouse.parent.mkdir()
    duckdb.connect(str(settings.warehouse)).close()
    publish_warehouse(settings)
    good = run("sql", "--format", "csv", input="select 1 as a;\nselect 2 as b")
    assert (good.exit_code, good.stdout) == (0, "a\n1\nb\n2\n")
    bad = run("sql", "--format", "csv", input="bad;\nselect 2 as b")
    assert (bad.exit_code, bad.stdout) == (1, "b\n2\n")
    assert "Parser Error" in bad.stderr
    nothing = run("sql", input="-- nothing;\n;\n")
    assert (nothing.exit_code, nothing.output) == (0, "")
    assert run("sql", "").exit_code == 2


def test_sql_help_says_what_a_pipe_is(run) -> None:
    text = " ".join(run("sql", "--help").output.split())
    assert "A pipe (beautyflow sql < queries.sql) holds any number of statements" in text
    assert "Exit code 1 if a statement of a pipe failed" in text


def test_sql_before_any_build_says_what_to_do(run, home: Path) -> None:
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


def test_simulate_tells_planted_beauty_from_what_is_found_later(run) -> None:
    result = run("simulate", "--users", "60", "--months", "2", "--no-images")
    assert "talented unseen users by planted beauty" in result.output


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
    assert "deleted" in result.output
    assert run("status", "--json").output == before


def test_vacuum_leaves_writers_an_hour_whatever_is_asked(run, home: Path) -> None:
    staged = home / "lake" / ".staging" / "import-1" / "rows.parquet"
    staged.parent.mkdir(parents=True)
    staged.write_bytes(b"half")
    assert run("vacuum", "--days", "0").exit_code == 0
    assert staged.exists()
    old = time.time() - 2 * 3600
    os.utime(staged, (old, old))
    assert run("vacuum", "--days", "0").exit_code == 0
    assert not staged.exists()


def test_vacuum_refuses_a_negative_number_of_days(run, home: Path) -> None:
    result = run("vacuum", "--days", "-1")
    assert result.exit_code == 2
    assert "--days" in result.stderr


def test_rejected_shows_rows_that_did_not_land_with_their_reason(run, tmp_path: Path) -> None:
    links = tmp_path / "links.csv"
    links.write_text("source,target\n1,2\n3,x\n")
    assert run("import", "edge_list", str(links), "--name", "links").exit_code == 0
    shown = run("rejected")
    assert shown.exit_code == 0
    assert "links.csv, row 3, column followee_id" in shown.output
    refused = run("rejected", "other")
    assert (refused.exit_code, "there is links" in refused.output) == (2, True)


def test_validate_names_row_source_file_and_remedy_and_counts_what_follows_apart(run, home: Path) -> None:
    folder = home / "landing" / "club"
    folder.mkdir(parents=True)
    (folder / "users.csv").write_text("user_id,joined_at,opted_in\n1,2015-01-01,true\n")
    photos = "photo_id,user_id,uploaded_at,is_public\n1,1,2015-02-01,true\n2,99,2015-02-02,true\n"
    (folder / "photos.csv").write_text(photos)
    (folder / "favorites.csv").write_text("user_id,photo_id,created_at\n1,1,2015-03-01\n1,2,2015-04-01\n")
    result = run("validate")
    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines()[:4] == [
        "FALSE  photos/2015-02  user_id_is_in_users: false of 1 of 2 rows",
        f"         photo_id 2, user_id 99: source club, {folder}, in photos.csv",
        "         Add the missing rows to `users` (`beautyflow rejected` shows those that did not land), "
        "or take these out, and import again.",
        "follows favorites  photo_id_is_in_photos: false in 2 months only because photos/2015-02 is refused",
    ]
    assert result.stdout.splitlines()[4].endswith("1 false; 2 more only follow from months that are refused")
    assert run("validate", "favorites").exit_code == 1
