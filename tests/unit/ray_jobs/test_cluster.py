from types import SimpleNamespace

import pytest
import ray

from assets.contracts.requests import CrossValidateBeauty, TrainBeautyModel
from ray_jobs import cross_validate, train_beauty_model
from ray_jobs.cluster import training_options

FIXED_WORKSPACE = {"env_vars": {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}}


class Recorded(Exception):
    """Stops a job once it has said what worker it wants."""


@pytest.fixture
def options(monkeypatch):
    """What a job asks Ray for, without Ray."""
    asked = {}

    def record(**values):
        asked.update(values)
        raise Recorded

    monkeypatch.setattr(ray, "remote", lambda what: SimpleNamespace(options=record))
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    return asked


@pytest.mark.parametrize("gpus", [0.5, 1])
def test_training_options_fix_the_workspace_on_a_gpu(gpus):
    assert training_options(gpus) == {"num_cpus": 1, "num_gpus": gpus, "runtime_env": FIXED_WORKSPACE}


@pytest.mark.parametrize("gpus", [0, 1])
def test_training_asks_for_such_workers(options, gpus):
    request = TrainBeautyModel(lake_uri="l", media_root="m", num_gpus_per_worker=gpus)
    with pytest.raises(Recorded):
        train_beauty_model._train_on_ray(request, None)
    assert options.pop("runtime_env", None) == (FIXED_WORKSPACE if gpus else None)
    assert options == {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 2, "max_task_retries": 2}


def test_cross_validation_asks_for_such_workers(options):
    request = CrossValidateBeauty(lake_uri="l", media_root="m", num_gpus_per_fold=1)
    with pytest.raises(Recorded):
        cross_validate._score_folds(request, None, None)
    assert options["runtime_env"] == FIXED_WORKSPACE
