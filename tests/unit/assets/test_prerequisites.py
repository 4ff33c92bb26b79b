import json
import os
import socket
from pathlib import Path

import pytest

from assets.automation import JOBS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.prerequisites import (
    RUNNABLE_JOBS,
    asked_span,
    require_community,
    require_job,
    require_landed,
    require_port,
    require_writable,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    return Settings(home, str(home / "lake"))


def test_require_community_refuses_a_folder_that_does_not_exist_and_makes_none(settings: Settings):
    with pytest.raises(ValueError, match=f"^there is no community in {settings.home}; run `beautyflow simulate`"):
        require_community(settings)
    assert not settings.home.exists()
    settings.home.mkdir()
    require_community(settings)


def test_require_community_takes_a_lake_elsewhere_for_one(tmp_path: Path):
    require_community(Settings(tmp_path / "home", "s3://bucket/lake"))


def test_require_writable_leaves_nothing_behind(settings: Settings):
    require_writable(settings)
    assert not settings.home.exists()
    settings.home.mkdir()
    require_writable(settings)
    assert list(settings.home.iterdir()) == []


@pytest.mark.parametrize("below", ["", "deep/down"])
def test_require_writable_names_what_is_no_folder(tmp_path: Path, below: str):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match=f"cannot be written: {file} is no folder; name another folder with --home$"):
        require_writable(Settings(file / below, "s3://bucket/lake"))


def test_require_writable_says_what_the_system_says(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(ValueError, match="cannot be written: Read-only file system; name another folder with --home"):
        require_writable(settings)


def test_require_writable_looks_at_a_lake_in_a_folder_elsewhere(tmp_path: Path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ValueError, match=f"{file} is no folder; name another folder with BEAUTYFLOW_LAKE"):
        require_writable(Settings(tmp_path, str(file)))


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_require_port_refuses_one_that_somebody_listens_on(address: str):
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ValueError, match=f"^port {port} cannot be opened: .*; choose another with --port$"):
            require_port(port)
    require_port(port)


def test_require_landed_takes_a_folder_that_waits_or_a_source_taken_in(settings: Settings):
    with pytest.raises(ValueError, match="^nothing has landed; run `beautyflow simulate` or `beautyflow import`"):
        require_landed(settings)
    (settings.landing / "simulated").mkdir(parents=True)
    require_landed(settings)
    (settings.landing / "simulated").rmdir()
    Lake(settings.lake_uri).zone("landed/tiny").put_bytes("source.json", json.dumps({}).encode())
    require_landed(settings)


def test_runnable_jobs_are_all_but_intake_and_upkeep():
    assert set(RUNNABLE_JOBS) == {job.name for job in JOBS} - {"land_community", "vacuum_lake"}


def test_require_job_names_the_jobs_there_are():
    with pytest.raises(
        ValueError,
        match="^there is no job 'foo'; choose one of build_community, nightly_increment, evaluate_beauty, "
        "pretrain_objects$",
    ):
        require_job("foo")
    for job in RUNNABLE_JOBS:
        require_job(job)


@pytest.mark.parametrize("wanted", ["2016-3", "2016-13", "2016", "2016-03..", "..2016-03", "2016-01..2016-02..2016-03"])
def test_asked_span_says_how_months_are_written(wanted: str):
    with pytest.raises(ValueError, match="names no months; months are YYYY-MM or YYYY-MM..YYYY-MM, or undated$"):
        asked_span(wanted)


@pytest.mark.parametrize("wanted", ["2016-03..2015-12", "undated..2016-01"])
def test_asked_span_refuses_a_range_that_ends_before_it_begins(wanted: str):
    with pytest.raises(ValueError, match="the range ends before it begins"):
        asked_span(wanted)


def test_asked_span_ends_with_undated():
    assert asked_span("2016-01..undated") == ("2016-01", "undated")
