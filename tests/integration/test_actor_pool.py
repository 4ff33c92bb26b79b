"""The pool of actors on one real local Ray: whoever dies, all work is done once; what kills its actor is named."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from ray_jobs.actor_pool import ActorPool, WorkLost
from ray_jobs.cluster import ray_cluster

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]


class Worker:
    """Does work by leaving a file; dies of work called ``deadly`` always, and of ``unlucky`` the first time."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def is_ready(self) -> bool:
        return True

    def do(self, work: str) -> None:
        mark = self._folder / f"{work}.begun"
        if work == "deadly" or (work == "unlucky" and not mark.exists()):
            mark.touch()
            os._exit(1)
        if work == "wrong":
            raise ValueError("this work is wrong")
        (self._folder / work).touch()


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with ray_cluster():
        yield


def pool(folder: Path, *, cpus: float = 0.5, patience_s: float = 60) -> ActorPool[str]:
    worker = ray.remote(Worker).options(num_cpus=cpus)
    return ActorPool(
        lambda: worker.remote(str(folder)),
        lambda actor, work: actor.do.remote(work),
        actors=2,
        at_once=2,
        patience_s=patience_s,
    )


def test_run_does_all_work_though_an_actor_dies(tmp_path: Path) -> None:
    work = [f"piece {number}" for number in range(20)]
    done = list(pool(tmp_path).run([*work[:5], "unlucky", *work[5:]]))
    assert sorted(done) == sorted([*work, "unlucky"])
    assert {file.name for file in tmp_path.iterdir()} == {*work, "unlucky", "unlucky.begun"}


def test_run_names_the_work_that_kills_every_actor(tmp_path: Path) -> None:
    with pytest.raises(WorkLost, match="deadly lost its actor 4 times"):
        list(pool(tmp_path).run(["deadly"]))


def test_run_fails_with_the_error_of_the_work_itself(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this work is wrong"):
        list(pool(tmp_path).run(["wrong"]))


def test_run_of_nothing_waits_for_no_actor(tmp_path: Path) -> None:
    assert list(pool(tmp_path, cpus=1000).run([])) == []


def test_run_gives_up_where_the_cluster_has_no_room(tmp_path: Path) -> None:
    with pytest.raises(WorkLost, match="no actor has started for 1 s; the cluster has"):
        list(pool(tmp_path, cpus=1000, patience_s=1).run(["piece"]))
