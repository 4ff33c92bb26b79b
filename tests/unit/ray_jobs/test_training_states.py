import os
import time
from pathlib import Path

import pytest

from models.training_state import StateOfAnotherRun, StateStore
from ray_jobs.training_states import LakeStateStore, going_on, state_name


@pytest.fixture
def states(lake) -> LakeStateStore:
    return LakeStateStore(lake, state_name("train", "run 1"))


def test_lake_state_store_keeps_the_newest_state(lake, states):
    assert states.load() is None
    states.save(b"1")
    states.save(b"2")
    assert states.load() == b"2"
    assert LakeStateStore(lake, state_name("train", "run 2")).load() is None


def test_vacuum_takes_states_that_nobody_finished(lake, states):
    states.save(b"1")
    assert lake.vacuum() == []
    week_ago = time.time() - 7 * 86_400
    os.utime(Path(lake.location(state_name("train", "run 1"))), (week_ago, week_ago))
    assert lake.vacuum() == [state_name("train", "run 1")]
    assert states.load() is None


def test_going_on_begins_anew_where_the_state_is_that_of_another_run(states):
    found = []

    def train(given: StateStore) -> str:
        found.append(given.load())
        if found[-1] == b"other":
            raise StateOfAnotherRun
        given.save(b"ours")
        return "trained"

    states.save(b"other")
    assert going_on(states, train) == "trained"
    assert found == [b"other", None]
    assert states.load() == b"ours"
    assert going_on(states, train) == "trained"
    assert found[2:] == [b"ours"]
