"""Training on one worker or on several: what a worker is, how workers are started, and what happens when one dies.

One worker without a GPU is a plain Ray actor; several workers, or a GPU, are a Ray Train job (``TorchTrainer``), which
takes longer to start. Both give a task the same place, so one worker gives the same bytes of weights either way.

Ray Train keeps checkpoints of its own in a folder that all machines share. Here none is handed to it: states are kept
in the lake (``training_states.py``) and the result comes back as the task's return value, so that its folder is a
temporary one on the machine of the job, where Ray Train's controller runs and notes what it did.
"""

import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from assets.contracts.settings import keep_working_folder
from models.training import ALONE, Placement
from ray_jobs.cluster import ray_cluster, training_options, usable_cpus

_RESTARTS = 2

Value = TypeVar("Value")


@dataclass(frozen=True)
class Worker:
    """What a task knows of the worker that it runs in.

    Attributes:
        placement: Where it stands among the others.
        threads: CPU threads for it; the same number in each worker, and no more than one per core of any machine.
        device: ``cpu`` or ``cuda``.
    """

    placement: Placement = ALONE
    threads: int = 1
    device: str = "cpu"

    @property
    def is_first(self) -> bool:
        """Whether it evaluates, keeps states and answers."""
        return self.placement.rank == 0

    def agree_on(self, what: str, fingerprint: str) -> None:
        """Wait for the other workers and refuse to go on where they see something else than this one.

        Raises:
            ValueError: They do; training together, they would wait for one another for ever.
        """
        if self.placement.workers > 1 and len(set(_gathered(fingerprint))) > 1:
            raise ValueError(
                f"the {self.placement.workers} workers do not see the same {what}; keep them where every machine can "
                "read them"
            )


Task = Callable[[Worker], Value]
"""Picklable; what it returns in the first worker, plain values without tensors, is the answer."""


def run_on_workers(task: Task[Value], *, workers: int = 1, gpus: float = 0.0) -> Value:
    """Run a task in each of several workers that train one network together.

    Where a worker dies, the task is begun again, twice at most, in all of them: what it keeps in a state store it goes
    on from. An error of the task that it would meet again ends the run at once.

    Args:
        task: What each worker does.
        workers: How many; gradients are shared by NCCL between whole GPUs, by gloo otherwise.
        gpus: Share of a GPU per worker; 0 trains on CPUs.

    Raises:
        ValueError: There is less than one worker, or Ray has no room for them.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}; at least 1 is needed")
    with ray_cluster(gpus):
        if workers == 1 and not gpus:
            return run_in_actor(task)
        _refuse_without_room(workers, gpus)
        return run_by_ray_train(task, workers, gpus)


class _Runner:
    def run(self, task: Task[Value]) -> Value:
        return task(Worker(threads=usable_cpus()))


def run_in_actor(task: Task[Value]) -> Value:
    """Run a task in one worker on CPUs; Ray is connected."""
    import ray

    runner: Any = ray.remote(_Runner).options(**training_options(0), max_restarts=_RESTARTS, max_task_retries=_RESTARTS)
    answer: Value = ray.get(runner.remote().run.remote(task))
    return answer


def run_by_ray_train(task: Task[Value], workers: int, gpus: float) -> Value:
    """Run a task as a Ray Train job; Ray is connected and has room."""
    from ray.train.torch import TorchConfig
    from ray.train.v2.api.config import FailureConfig, LoggingConfig, RunConfig, ScalingConfig
    from ray.train.v2.api.exceptions import ControllerError, WorkerGroupError
    from ray.train.v2.torch.torch_trainer import TorchTrainer

    from ray_jobs.training_failures import EndAtLastingErrors, cause_of

    keep_working_folder()
    with tempfile.TemporaryDirectory() as folder, _own_interrupts():
        trainer = TorchTrainer(
            lambda: _run_in_place(task, gpus),
            # Two workers on one GPU: NCCL refuses them.
            torch_config=TorchConfig(backend="nccl" if gpus >= 1 else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=workers,
                use_gpu=gpus > 0,
                resources_per_worker={"CPU": 1, **({"GPU": gpus} if gpus else {})},
            ),
            run_config=RunConfig(
                name="training",
                storage_path=folder,
                failure_config=FailureConfig(max_failures=_RESTARTS),
                callbacks=[EndAtLastingErrors()],
                worker_runtime_env=training_options(gpus).get("runtime_env"),
                logging_config=LoggingConfig(log_level="CRITICAL"),
            ),
        )
        try:
            result: Any = trainer.fit()
        except WorkerGroupError as error:
            raise cause_of(error.worker_failures) from error
        except ControllerError as error:
            raise error.controller_failure from error
    answer: Value = result.return_value
    return answer


def _run_in_place(task: Task[Value], gpus: float) -> Value | None:
    """What each worker of Ray Train does."""
    from ray.train import get_context
    from ray.train.torch import prepare_model

    context = get_context()
    rank, workers = context.get_world_rank(), context.get_world_size()
    threads = max(1, usable_cpus() // context.get_local_world_size())
    worker = Worker(
        Placement(rank, workers, prepare_model) if workers > 1 else ALONE,
        # The number of threads is part of what a state belongs to.
        min(_gathered(threads)),
        "cuda" if gpus else "cpu",
    )
    answer = task(worker)
    return answer if worker.is_first else None


def _gathered(value: Value) -> list[Value]:
    """The value of each worker, in each worker."""
    import torch.distributed as dist

    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def _refuse_without_room(workers: int, gpus: float) -> None:
    """Ray Train would wait for room for ever.

    Raises:
        ValueError: All machines together are too small.
    """
    import ray

    has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    wanted = {"CPU": float(workers), "GPU": workers * gpus}
    if any(has.get(kind, 0) < amount for kind, amount in wanted.items()):
        found = " and ".join(f"{has.get(kind, 0):g} {kind}s" for kind, amount in wanted.items() if amount)
        asked = " and ".join(f"{amount:g} {kind}s" for kind, amount in wanted.items() if amount)
        raise ValueError(f"{workers} workers need {asked}, Ray has {found}; ask for fewer workers or a larger cluster")


@contextmanager
def _own_interrupts() -> Iterator[None]:
    """Ray Train leaves its own handler of Ctrl-C behind; what was there before comes back."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
