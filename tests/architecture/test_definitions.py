"""What loading the definitions costs: no heavy library."""

import subprocess
import sys

import pytest

HEAVY = ("ray", "torch", "networkit", "great_expectations", "econml")
PROBE = (
    "import importlib, sys; importlib.import_module(sys.argv[1]); print(*[m for m in sys.argv[2:] if m in sys.modules])"
)


def heavy_modules_after_importing(module: str) -> list[str]:
    """Heavy libraries that a fresh process holds after importing one module."""
    command = [sys.executable, "-c", PROBE, module, *HEAVY]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("module", ["assets.contracts.registry", "assets.cli", "assets.definitions"])
def test_nothing_heavy_is_imported(module):
    assert heavy_modules_after_importing(module) == []


def test_something_heavy_is_seen():
    assert heavy_modules_after_importing("torch") == ["torch"]
