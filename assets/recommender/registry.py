"""Every recommender of the platform, found by looking through the modules of ``recommenders``."""

import importlib
import pkgutil
from functools import cache

import assets.recommender.recommenders as package
from assets.recommender.recommender import Recommender


@cache
def recommenders() -> dict[str, type[Recommender]]:
    """Classes by name; each can be made without arguments.

    Raises:
        ValueError: Two classes have the same name.
    """
    found: dict[str, type[Recommender]] = {}
    for module in pkgutil.iter_modules(package.__path__):
        declared = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        for value in declared.values():
            if _is_one(value) and found.setdefault(value.name, value) is not value:
                raise ValueError(f"two recommenders are called {value.name!r}")
    return dict(sorted(found.items()))


def _is_one(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Recommender) and "name" in vars(value)
