"""Reference tables, and samples whose effect is known."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pytest


@pytest.fixture(scope="session")
def reference(reference_data) -> Callable[[str], pa.Table]:
    """Reads a file of what R's packages give."""
    return lambda name: pv.read_csv(reference_data / "matching_reference" / name)


@pytest.fixture(scope="session")
def draw() -> Callable[..., pa.Table]:
    """Draws units with two confounders, and an effect that is the same for all.

    Units of a user share part of the outcome, and part of the leaning toward treatment.
    """

    def drawn(seed: int, n: int = 400, effect: float = 1.0, users: int | None = None) -> pa.Table:
        rng = np.random.default_rng(seed)
        user = np.arange(n) if users is None else rng.integers(0, users, n)
        shared = np.zeros(n) if users is None else rng.normal(size=users)[user]
        x, z = rng.normal(size=n), rng.normal(size=n)
        leaning = np.zeros(n) if users is None else rng.normal(size=users)[user]
        treated = rng.random(n) < 1 / (1 + np.exp(1.2 - 0.5 * x - 0.5 * z - leaning))
        outcome = effect * treated + x + 0.5 * z + shared + rng.normal(size=n)
        columns = {"treated": treated, "outcome": outcome, "x": x, "z": z, "user_id": user}
        columns["before"] = x + 0.5 * z + rng.normal(size=n)
        columns["group"] = rng.choice(["a", "b", "c"], n)
        return pa.table(columns)

    return drawn
