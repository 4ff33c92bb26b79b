import sys

import pytest

from assets.contracts.provenance import code_version_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules; importing any of them would raise."""
    folder = tmp_path / "sample_package"
    folder.mkdir()
    for name in ("__init__", "first", "second"):
        (folder / f"{name}.py").write_text("" if name == "__init__" else "raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop("sample_package", None)


def test_code_version_of_is_stable_and_ignores_order(package):
    version = code_version_of("sample_package.first", "sample_package.second")
    assert version == code_version_of("sample_package.second", "sample_package.first")
    assert len(version) == 12


def test_code_version_of_changes_with_the_source(package):
    before = code_version_of("sample_package.first")
    other = code_version_of("sample_package.second")
    (package / "first.py").write_text("raise RuntimeError('changed')\n")
    assert code_version_of("sample_package.first") != before
    assert code_version_of("sample_package.second") == other


def test_code_version_of_a_package_counts_its_modules(package):
    before = code_version_of("sample_package")
    (package / "second.py").write_text("")
    assert code_version_of("sample_package") != before


def test_code_version_of_names_the_module_that_is_not_there():
    with pytest.raises(ModuleNotFoundError, match=r"no module 'assets.nothing' to take the code version of"):
        code_version_of("assets.nothing")
