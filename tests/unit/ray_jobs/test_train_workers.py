from types import SimpleNamespace

import pytest
import ray
from ray.train.v2.api.exceptions import WorkerGroupError
from ray.train.v2.torch.torch_trainer import TorchTrainer

from ray_jobs.train_workers import Worker, run_on_workers
from ray_jobs.training_failures import EndAtLastingErrors


class Recorded(Exception):
    """Stops a run once Ray Train knows what is wanted."""


@pytest.fixture
def cluster(monkeypatch):
    """A cluster with four CPUs and two GPUs, without Ray."""
    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0, "GPU": 2.0})


@pytest.fixture
def asked(monkeypatch, cluster):
    """What a run asks Ray Train for."""
    values = {}

    def record(self, task, **options):
        values.update(options)
        raise Recorded

    monkeypatch.setattr(TorchTrainer, "__init__", record)
    return values


def test_run_on_workers_starts_gpus_with_a_fixed_workspace_and_nccl(asked):
    with pytest.raises(Recorded):
        run_on_workers(lambda worker: None, gpus=1)
    assert asked["run_config"].worker_runtime_env == {"env_vars": {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}}
    assert asked["torch_config"].backend == "nccl"
    scaling = asked["scaling_config"]
    assert (scaling.num_workers, scaling.use_gpu, scaling.resources_per_worker) == (1, True, {"CPU": 1, "GPU": 1})


def test_run_on_workers_shares_gradients_by_gloo_on_cpus_and_on_shares_of_a_gpu(asked):
    for gpus in (0, 0.5):
        with pytest.raises(Recorded):
            run_on_workers(lambda worker: None, workers=2, gpus=gpus)
        assert asked["torch_config"].backend == "gloo"
        assert asked["run_config"].failure_config.max_failures == 2


@pytest.mark.parametrize(
    ("workers", "gpus", "said"),
    [
        (0, 0, "workers is 0; at least 1 is needed"),
        (5, 0, "5 workers need 5 CPUs, Ray has 4 CPUs; ask for fewer"),
        (3, 1, "3 workers need 3 CPUs and 3 GPUs, Ray has 4 CPUs and 2 GPUs; ask for fewer"),
    ],
)
@pytest.mark.usefixtures("asked")
def test_run_on_workers_refuses_what_there_is_no_room_for(workers, gpus, said):
    with pytest.raises(ValueError, match=said):
        run_on_workers(lambda worker: None, workers=workers, gpus=gpus)


@pytest.mark.usefixtures("cluster")
def test_run_on_workers_fails_with_the_error_that_brought_the_others_down(monkeypatch):
    failures = {0: RuntimeError("connection closed by peer"), 1: SimpleNamespace(_base_exc=ValueError("photo 7"))}

    def fail(self):
        raise WorkerGroupError("", failures)

    monkeypatch.setattr(TorchTrainer, "fit", fail)
    with pytest.raises(ValueError, match="^photo 7$"):
        run_on_workers(lambda worker: None, workers=2)


def test_lasting_errors_end_the_run_and_others_do_not():
    callback = EndAtLastingErrors()
    callback.after_exception(None, {0: RuntimeError("connection closed by peer"), 1: OSError("no space left")})
    with pytest.raises(KeyError, match="photo 7"):
        callback.after_exception(None, {0: RuntimeError("connection closed by peer"), 1: KeyError("photo 7")})


def test_worker_alone_agrees_with_itself():
    worker = Worker()
    worker.agree_on("photos", "a")
    assert worker.is_first
