"""States of unfinished training runs, in the lake: what a run that was killed goes on from.

They lie below ``.parts/``, as other unfinished work does. A job forgets its states once its row counts; what nobody
finishes, ``vacuum`` takes.
"""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from assets.contracts.lake import PARTS, Lake

if TYPE_CHECKING:
    # torch stays out of a job's driver that has nothing to train.
    from models.training_state import StateStore

Value = TypeVar("Value")


class LakeStateStore:
    """The state of one run, replaced whole; see ``models.training_state.StateStore``.

    Args:
        lake: Where it is kept.
        name: From ``state_name``.
    """

    def __init__(self, lake: Lake, name: str) -> None:
        self._lake = lake
        self._name = name

    def load(self) -> bytes | None:
        """The newest state; None before the first."""
        return self._lake.get_bytes(self._name)

    def save(self, state: bytes) -> None:
        """Keep a state instead of the one before."""
        self._lake.put_bytes(self._name, state)


def state_name(job: str, identity: str) -> str:
    """Object of the lake that holds the state of one run.

    Args:
        job: Name of the job, as of its module.
        identity: All that decides the weights, as text.
    """
    return f"{PARTS}/{job}/{hashlib.sha256(identity.encode()).hexdigest()[:32]}.safetensors"


class _FromTheBeginning:
    """A store whose state is that of another run: nothing to go on from."""

    def __init__(self, states: "StateStore") -> None:
        self._states = states

    def load(self) -> bytes | None:
        return None

    def save(self, state: bytes) -> None:
        self._states.save(state)


def going_on(states: "StateStore", train: "Callable[[StateStore], Value]") -> Value:
    """Train from the kept state, or from the beginning where it is of no use.

    That is so where photos were replaced under their old names, or the run was begun with another number of threads.

    Args:
        states: Where the state is kept.
        train: Called with a store; at most twice.
    """
    from models.training_state import StateOfAnotherRun

    try:
        return train(states)
    except StateOfAnotherRun:
        return train(_FromTheBeginning(states))
