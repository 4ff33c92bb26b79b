import json

import pytest

from assets.contracts.settings import Settings
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


def test_manifest_names_tables_as_they_are_called_in_the_warehouse(tmp_path):
    module._parse(tmp_path)
    nodes = json.loads((tmp_path / "manifest.json").read_text())["nodes"]
    names = {node["relation_name"] for node in nodes.values() if node["resource_type"] == "model"}
    database = Settings(tmp_path, str(tmp_path)).warehouse.stem
    assert f'"{database}"."main"."fct_user_beauty"' in names
