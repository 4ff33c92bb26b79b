"""What loading the definitions costs: no heavy library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("ray", "torch", "networkit", "great_expectations", "econml", "polars")
PROBE = (
    "import importlib, sys; importlib.import_module(sys.argv[1]); print(*[m for m in sys.argv[2:] if m in sys.modules])"
)


def heavy_modules_after_importing(module: str, *folders: Path) -> list[str]:
    """Heavy libraries that a fresh process holds after importing one module, found in ``folders`` first."""
    command = [sys.executable, "-c", PROBE, module, *HEAVY]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()


@pytest.mark.parametrize("module", ["assets.contracts.registry", "assets.cli", "assets.definitions"])
def test_nothing_heavy_is_imported(module):
    assert heavy_modules_after_importing(module) == []


def test_something_heavy_is_seen(tmp_path):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").touch()
    (tmp_path / "some_definitions.py").write_text("import json\nimport ray\n")
    assert heavy_modules_after_importing("some_definitions", tmp_path) == ["ray"]
