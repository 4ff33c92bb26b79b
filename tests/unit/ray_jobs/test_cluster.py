from types import SimpleNamespace

import pytest
import ray

from assets.contracts.requests import CrossValidateBeauty
from ray_jobs import cross_validate, train_workers
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


def test_one_worker_on_cpus_is_an_actor_that_is_started_again(options):
    with pytest.raises(Recorded):
        train_workers.run_on_workers(lambda worker: None)
    assert options == {"num_cpus": 1, "num_gpus": 0, "max_restarts": 2, "max_task_retries": 2}


def test_cross_validation_asks_for_such_workers(options):
    request = CrossValidateBeauty(lake_uri="l", media_root="m", num_gpus_per_fold=1)
    with pytest.raises(Recorded):
        cross_validate._score_folds(request, None, None)
    assert options["runtime_env"] == FIXED_WORKSPACE
