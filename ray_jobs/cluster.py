"""Connecting to Ray: the cluster that ``RAY_ADDRESS`` names, or one on this machine for as long as the job runs."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from assets.contracts.settings import ray_address, refuse_ray_telemetry

_STARTS = 3
_OBJECT_STORE_BYTES = 256 << 20


def usable_cpus() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0))


def training_options(gpus: float) -> dict[str, Any]:
    """Options of an actor or task that trains on a share of a GPU, or on a CPU where ``gpus`` is 0.

    On a GPU torch trains repeatably only where cuBLAS has a workspace of fixed size (see its manual, "Results
    reproducibility"), which it takes from the environment of a process that has not used it yet: hence from Ray,
    which starts such a worker. This has not been run on a GPU.

    >>> training_options(0)
    {'num_cpus': 1, 'num_gpus': 0}
    """
    # One slot: wherever the worker lands, it uses the cores that it finds there.
    options: dict[str, Any] = {"num_cpus": 1, "num_gpus": gpus}
    if gpus:
        options["runtime_env"] = {"env_vars": {"CUBLAS_WORKSPACE_CONFIG": ":4096:8"}}
    return options


@contextmanager
def ray_cluster(num_gpus: float = 0) -> Iterator[None]:
    """Ray, connected.

    Started here it has this machine's cores, at least one slot, and no dashboard; the caller's own connection,
    where there is one already, is used and left open.

    Args:
        num_gpus: GPUs that the job wants on this machine; a cluster has what it has.
    """
    import ray

    if ray.is_initialized():
        yield
        return
    refuse_ray_telemetry()
    if ray_address():
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    else:
        # Ray finds GPUs itself; a job that wants none must not wait for their detection.
        _start_here(num_gpus)
    try:
        yield
    finally:
        ray.shutdown()


def _start_here(num_gpus: float) -> None:
    import ray

    for attempt in range(1, _STARTS + 1):
        try:
            ray.init(
                # Never somebody else's: without it Ray joins whatever `ray start` has left on this machine.
                address="local",
                num_cpus=max(1, usable_cpus()),
                num_gpus=None if num_gpus else 0,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
            )
        except Exception as error:
            # On a busy machine Ray gives up on its own node after a fixed 30 seconds, as a bare Exception.
            if "timed out during startup" not in str(error) or attempt == _STARTS:
                raise
            ray.shutdown()
        else:
            return
