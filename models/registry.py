"""All beauty networks by name. A network joins by being declared with ``register`` in a module of this package.

A network maps a batch of prepared photos (see ``preprocessing.py``) to raw outputs; ``heads.py`` says
what the outputs mean. The registry therefore keeps, beside the builder, how photos are prepared for it.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import nn

import models as package
from models.preprocessing import Preprocessing

Builder = Callable[..., nn.Module]
_ENTRIES: dict[str, "ModelEntry"] = {}


@dataclass(frozen=True)
class ModelEntry:
    """One architecture.

    Attributes:
        name: Name in requests, weights files and model versions.
        build: Makes the untrained network; takes ``outputs``, ``input_size`` and parameters of its own.
        preprocessing: How photos are prepared when nothing else is asked for.
        description: What it is and where it comes from, in one sentence.
    """

    name: str
    build: Builder
    preprocessing: Preprocessing
    description: str


def register(name: str, preprocessing: Preprocessing, description: str) -> Callable[[Builder], Builder]:
    """Declare an architecture under ``name``.

    Raises:
        ValueError: The name is taken.
    """

    def add(build: Builder) -> Builder:
        if name in _ENTRIES:
            raise ValueError(f"two models are called {name!r}")
        _ENTRIES[name] = ModelEntry(name, build, preprocessing, description)
        return build

    return add


def list_models() -> list[str]:
    """Names that ``create_model`` takes, sorted."""
    _discover()
    return sorted(_ENTRIES)


def model_entry(name: str) -> ModelEntry:
    """The declaration of one architecture.

    Raises:
        KeyError: No architecture has this name; the message lists the names there are.
    """
    _discover()
    if name not in _ENTRIES:
        raise KeyError(f"no model {name!r}; there are {list_models()}")
    return _ENTRIES[name]


def create_model(name: str, **parameters: Any) -> nn.Module:
    """An untrained network, random from torch's generator.

    Args:
        name: One of ``list_models()``.
        **parameters: ``outputs`` (units of the last layer), ``input_size`` (side in pixels) and what the
            architecture takes besides.

    Raises:
        KeyError: No architecture has this name.
    """
    return model_entry(name).build(**parameters)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
