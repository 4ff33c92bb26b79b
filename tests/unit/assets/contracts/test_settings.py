import os
from pathlib import Path

import pytest

from assets.contracts.settings import (
    PROJECT_ROOT,
    Settings,
    child_environment,
    gpus_per_worker,
    keep_working_folder,
    use_home,
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("BEAUTYFLOW_HOME", "BEAUTYFLOW_LAKE"):
        monkeypatch.delenv(name, raising=False)
    # `use_home` writes the environment; this makes the fixture restore it.
    monkeypatch.setenv("BEAUTYFLOW_HOME", "")


def test_from_environment_defaults_to_var_in_the_project():
    settings = Settings.from_environment()
    assert settings.home == PROJECT_ROOT / "var"
    assert settings.lake_uri == str(PROJECT_ROOT / "var" / "lake")
    assert (PROJECT_ROOT / "pyproject.toml").exists()


def test_from_environment_reads_it_anew_each_time(monkeypatch):
    monkeypatch.setenv("BEAUTYFLOW_HOME", "/communities/one")
    monkeypatch.setenv("BEAUTYFLOW_LAKE", "s3://bucket/lake")
    settings = Settings.from_environment()
    assert settings == Settings(Path("/communities/one"), "s3://bucket/lake")
    assert settings.landing == Path("/communities/one/landing")
    assert settings.checkpoints == Path("/communities/one/checkpoints")
    assert settings.warehouse == Path("/communities/one/warehouse/warehouse.duckdb")
    assert settings.published_warehouse == Path("/communities/one/published/warehouse.duckdb")


def test_use_home_makes_relative_folders_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    use_home(Path("mine"))
    monkeypatch.chdir("/")
    assert Settings.from_environment().home == tmp_path / "mine"


def test_child_environment_names_the_community_and_refuses_telemetry(tmp_path):
    environment = child_environment(Settings(tmp_path, "s3://bucket/lake"), EXTRA="1")
    assert environment["BEAUTYFLOW_HOME"] == str(tmp_path)
    assert environment["BEAUTYFLOW_LAKE"] == "s3://bucket/lake"
    assert environment["DAGSTER_HOME"] == str(tmp_path / "dagster")
    assert environment["EXTRA"] == "1"
    telemetry = ("DAGSTER_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED", "GX_ANALYTICS_ENABLED")
    assert [environment[name] for name in telemetry] == ["1", "0", "false"]


def test_keep_working_folder_is_what_ray_train_asks_for(monkeypatch):
    from ray.train.constants import RAY_CHDIR_TO_TRIAL_DIR

    monkeypatch.setenv(RAY_CHDIR_TO_TRIAL_DIR, "1")
    keep_working_folder()
    assert os.environ[RAY_CHDIR_TO_TRIAL_DIR] == "0"


def test_settings_do_not_say_where_the_truth_is():
    assert not any("truth" in name for name in dir(Settings))


def test_gpus_per_worker_is_a_share_and_none_by_default(monkeypatch):
    monkeypatch.delenv("BEAUTYFLOW_GPUS", raising=False)
    assert gpus_per_worker() == 0
    monkeypatch.setenv("BEAUTYFLOW_GPUS", "0.5")
    assert gpus_per_worker() == 0.5


@pytest.mark.parametrize("wrong", ["one", "-1", "nan", "inf"])
def test_gpus_per_worker_refuses_what_is_no_share(monkeypatch, wrong):
    monkeypatch.setenv("BEAUTYFLOW_GPUS", wrong)
    with pytest.raises(ValueError, match="BEAUTYFLOW_GPUS is"):
        gpus_per_worker()
