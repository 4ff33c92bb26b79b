"""All beauty networks by name. A network joins by being declared with ``register`` in a module of this package.

A network maps a batch of prepared photos (see ``preprocessing.py``) to raw outputs; ``heads.py`` says
what the outputs mean. The registry therefore keeps, beside the builder, how photos are prepared for it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
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
        parameters: Numbers it learns, built without arguments.
        licence: Of the code, and of weights where the architecture is that of a publication.
        heads: What its outputs may mean; the first is meant where nothing else is said.
        score_scale: Scale that the network itself was made for; scores are always beauty in [0, 1].
        trial: Parameters of a small instance that is built in moments, for tests and for trying things out.
        trial_input_size: Side of its input in pixels; 0 is that of ``preprocessing``.
    """

    name: str
    build: Builder
    preprocessing: Preprocessing
    description: str
    parameters: int
    licence: str
    heads: tuple[str, ...]
    score_scale: str
    trial: Mapping[str, Any]
    trial_input_size: int


def register(
    name: str,
    preprocessing: Preprocessing,
    description: str,
    *,
    parameters: int,
    licence: str = "Apache-2.0",
    heads: tuple[str, ...] = ("classifier", "regressor"),
    score_scale: str = "beauty, 0 to 1",
    trial: Mapping[str, Any] | None = None,
    trial_input_size: int = 0,
) -> Callable[[Builder], Builder]:
    """Declare an architecture under ``name``; the arguments are the fields of ``ModelEntry``.

    Raises:
        ValueError: The name is taken.
    """

    def add(build: Builder) -> Builder:
        if name in _ENTRIES:
            raise ValueError(f"two models are called {name!r}")
        _ENTRIES[name] = ModelEntry(
            name,
            build,
            preprocessing,
            description,
            parameters,
            licence,
            heads,
            score_scale,
            trial or {},
            trial_input_size,
        )
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
