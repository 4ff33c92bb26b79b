import json
from pathlib import Path

import pytest

from assets.automation import JOBS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.prerequisites import RUNNABLE_JOBS, asked_span, require_community, require_job, require_landed


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
        ValueError, match="^there is no job 'foo'; choose one of build_community, nightly_increment, evaluate_beauty$"
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
