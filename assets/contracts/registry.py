"""Every table of the platform, found by looking through the modules of this package."""

import importlib
import pkgutil
from functools import cache

import assets.contracts as package
from assets.contracts.table import TableContract


@cache
def all_contracts() -> dict[str, TableContract]:
    """Contracts by key.

    Raises:
        ValueError: Two modules declare the same key.
    """
    found: dict[str, TableContract] = {}
    for module in pkgutil.iter_modules(package.__path__):
        declared = vars(importlib.import_module(f"{package.__name__}.{module.name}"))
        for value in declared.values():
            if isinstance(value, TableContract) and found.setdefault(value.key, value) is not value:
                raise ValueError(f"two contracts are called {value.key!r}")
    return dict(sorted(found.items()))


def result_tables() -> frozenset[str]:
    """Keys of tables that are computed from the warehouse's."""
    return frozenset(key for key, contract in all_contracts().items() if contract.reads_marts)
