"""Whether anything changed since the last complete build: answered from fingerprints, in a second."""

import hashlib
import json
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.landed import LANDED, SOURCE_DOCUMENT, landed_sources
from assets.contracts.provenance import code_version_of
from assets.contracts.registry import all_contracts
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.landing.watching import landing_fingerprint

_DBT_SOURCES = ("*.sql", "*.yml")


def is_up_to_date(settings: Settings) -> bool:
    """Whether landing folder, lake, warehouse and code are those of the last complete build."""
    remembered = _memory(settings)
    return remembered.exists() and json.loads(remembered.read_text()) == _state(settings)


def remember(settings: Settings, landing: str) -> None:
    """Note the present state as completely built.

    Args:
        settings: Which community.
        landing: Fingerprint of the landing folder from before the build: what lands meanwhile is news.
    """
    path = _memory(settings)
    staged = path.with_suffix(".tmp")
    staged.write_text(json.dumps({**_state(settings), "landing": landing}, indent=1, sort_keys=True))
    staged.replace(path)


def _memory(settings: Settings) -> Path:
    return settings.home / "built.json"


def _state(settings: Settings) -> dict[str, str]:
    lake = Lake(settings.lake_uri)
    return {
        "landing": landing_fingerprint(settings.landing),
        "lake": _digest(_lake_state(lake)),
        "warehouse": _file_state(settings.published_warehouse),
        "code": code_version_of("assets", "models", "ray_jobs"),
        "dbt": _digest(_dbt_state()),
    }


def _lake_state(lake: Lake) -> dict[str, str]:
    state: dict[str, str] = {}
    for key in all_contracts():
        state |= lake.fingerprints(key)
    for source, zone in landed_sources(lake).items():
        state[f"{LANDED}/{source}"] = hashlib.sha256(zone.get_bytes(SOURCE_DOCUMENT) or b"").hexdigest()
    return state


def _dbt_state() -> dict[str, str]:
    project = PROJECT_ROOT / "dbt_project"
    files = [path for pattern in _DBT_SOURCES for path in project.rglob(pattern) if "target" not in path.parts]
    return {str(path.relative_to(project)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def _file_state(path: Path) -> str:
    if not path.exists():
        return "absent"
    status = path.stat()
    return f"{status.st_size} {status.st_mtime_ns}"


def _digest(state: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
