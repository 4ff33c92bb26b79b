"""Fixtures that every tier may use."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# An example's time says how busy the machine is, and whether a heavy library was imported in it.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

PROJECT_ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_instance_of_an_earlier_test() -> Iterator[None]:
    """Instances that are closed out of order leave Dagster with one that is gone, and later tests would ask it."""
    yield
    if base := sys.modules.get("dagster._core.storage.defs_state.base"):
        base._current_storage.set(None)


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of real data sets; absent data skips on a laptop and fails where CI promised it."""
    folder = Path(os.environ.get("BEAUTYFLOW_REFERENCE_DATA") or PROJECT_ROOT.parent / "shared" / "data").absolute()
    if folder.is_dir():
        return folder
    reason = f"reference data is not at {folder}; set BEAUTYFLOW_REFERENCE_DATA to its folder"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
