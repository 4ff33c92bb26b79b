"""What a training run needs to go on after an interruption as if there had been none: one safetensors file per epoch.

Weights, buffers, the optimiser's moments, the schedule, the order of photos to come and torch's random numbers; numbers
are kept to the last bit. Nothing is pickled, so a state from elsewhere cannot run anything.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

_METADATA_KEY = "beautyflow_run"


class StateOfAnotherRun(ValueError):
    """A kept state that does not belong to the run that found it."""


class StateStore(Protocol):
    """Keeps the newest state of one run."""

    def load(self) -> bytes | None:
        """The newest state; None before the first."""

    def save(self, state: bytes) -> None:
        """Keep a state instead of the one before; all of it or nothing."""


class FileStateStore:
    """A state in one file, replaced whole.

    Args:
        file: Where it is kept; the folder is made if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def load(self) -> bytes | None:
        """The state in the file; None if there is no file."""
        return self._file.read_bytes() if self._file.exists() else None

    def save(self, state: bytes) -> None:
        """Write under a temporary name, then rename."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        partial = self._file.with_name(f".{self._file.name}.part")
        partial.write_bytes(state)
        partial.replace(self._file)


class RunState:
    """The parts of a run that change from step to step.

    Args:
        network: On its device.
        optimizer: Of the network's parameters.
        schedule: Of the optimiser's rates.
        generator: Draws the order of photos.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: torch.optim.lr_scheduler.LambdaLR,
        generator: np.random.Generator,
    ) -> None:
        self.network = network
        self.optimizer = optimizer
        self.schedule = schedule
        self.generator = generator

    def dump(self, identity: str, curve: list[dict[str, Any]]) -> bytes:
        """The state after an epoch.

        Args:
            identity: What the run is; ``restore`` refuses another.
            curve: Metrics of the epochs done.
        """
        from safetensors.torch import save

        optimizer = self.optimizer.state_dict()
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        for index, moments in optimizer["state"].items():
            tensors |= {f"optimizer.{index}.{name}": moment for name, moment in moments.items()}
        tensors |= _random_states(self.network)
        document = {
            "identity": identity,
            "curve": curve,
            "groups": optimizer["param_groups"],
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.bit_generator.state,
        }
        copies = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        return save(copies, metadata={_METADATA_KEY: json.dumps(document, sort_keys=True)})

    def restore(self, state: bytes | None, identity: str) -> list[dict[str, Any]]:
        """Go back to a state; None leaves everything as it is.

        Returns:
            Metrics of the epochs done.

        Raises:
            StateOfAnotherRun: The state is not that of this run.
            ValueError: It is no state at all.
        """
        if state is None:
            return []
        from safetensors.torch import load

        document = _document(state)
        if document["identity"] != identity:
            raise StateOfAnotherRun(
                "the kept training state belongs to another run: other photos, settings, network or workers; "
                "remove it to start anew"
            )
        tensors = load(state)
        self.network.load_state_dict(_below("network.", tensors))
        self.optimizer.load_state_dict({"state": _moments(tensors), "param_groups": document["groups"]})
        self.schedule.load_state_dict(document["schedule"])
        self.generator.bit_generator.state = document["generator"]
        _set_random_states(self.network, tensors)
        curve: list[dict[str, Any]] = document["curve"]
        return curve


def _document(state: bytes) -> dict[str, Any]:
    try:
        length = int.from_bytes(state[:8], "little")
        document: dict[str, Any] = json.loads(json.loads(state[8 : 8 + length])["__metadata__"][_METADATA_KEY])
    except (ValueError, KeyError) as error:
        raise ValueError(f"not a training state: no {_METADATA_KEY!r} entry in its header") from error
    return document


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _moments(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    moments: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _below("optimizer.", tensors).items():
        index, _, moment = name.partition(".")
        moments.setdefault(int(index), {})[moment] = tensor
    return moments


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _random_states(network: nn.Module) -> dict[str, Tensor]:
    """States of the generators that dropout draws from."""
    states = {"random.cpu": torch.get_rng_state()}
    if _device(network).type == "cuda":
        states["random.cuda"] = torch.cuda.get_rng_state(_device(network))
    return states


def _set_random_states(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"], _device(network))
