import json

import pytest

from assets.dbt import manifest as module
from assets.dbt.manifest import ensure_manifest


def test_ensure_manifest_does_not_run_dbt_when_nothing_changed(monkeypatch):
    ensure_manifest()
    monkeypatch.setattr(module, "_parse", lambda folder: pytest.fail("dbt parse ran"))
    assert json.loads(ensure_manifest().read_text())["metadata"]["project_name"] == "beautyflow"


def test_ensure_manifest_parses_again_after_a_change(monkeypatch, tmp_path):
    parsed = []
    monkeypatch.setattr(module, "manifest_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "_parse", lambda folder: (parsed.append(folder), (folder / "manifest.json").touch()))
    fingerprints = iter(["a", "a", "b"])
    monkeypatch.setattr(module, "project_fingerprint", lambda: next(fingerprints))
    for _ in range(3):
        ensure_manifest()
    assert parsed == [tmp_path, tmp_path]
