"""dbt's manifest, parsed once per state of the project: loading definitions must not wait for dbt."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from assets.contracts.settings import Settings, child_environment
from assets.dbt.changes import DBT_PROJECT, project_fingerprint

DBT = (sys.executable, "-c", "from dbt.cli.main import cli; cli()")
"""The dbt of this Python, whatever the search path says."""

_ARTIFACTS = ("partial_parse.msgpack", "manifest.json")


class ManifestFailure(RuntimeError):
    """dbt could not parse the project; the message is what it said."""


def manifest_folder() -> Path:
    """Where the parsed project lies: ``dbt_project/target``, as dbt itself would have it."""
    return DBT_PROJECT / "target"


def ensure_manifest() -> Path:
    """Path of a manifest that is true of the project; ``dbt parse`` runs only when it has changed.

    Raises:
        ManifestFailure: The project does not parse.
    """
    folder = manifest_folder()
    manifest, stamp = folder / "manifest.json", folder / "parsed_from"
    fingerprint = project_fingerprint()
    if not (manifest.exists() and stamp.exists() and stamp.read_text() == fingerprint):
        _parse(folder)
        _put(fingerprint.encode(), stamp)
    return manifest


def load_manifest() -> dict[str, Any]:
    """The manifest's content; see ``ensure_manifest``."""
    manifest: dict[str, Any] = json.loads(ensure_manifest().read_bytes())
    return manifest


def _parse(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings.from_environment()
        environment = child_environment(
            settings,
            # The UI shows its name before each table.
            BEAUTYFLOW_WAREHOUSE=str(Path(scratch) / settings.warehouse.name),
            DBT_PROJECT_DIR=str(DBT_PROJECT),
            DBT_PROFILES_DIR=str(DBT_PROJECT),
            DBT_TARGET_PATH=scratch,
            DBT_LOG_PATH=scratch,
            DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        )
        command = [*DBT, "--no-use-colors", "parse"]
        finished = subprocess.run(
            command, cwd=DBT_PROJECT, env=environment, capture_output=True, text=True, check=False
        )
        if finished.returncode:
            raise ManifestFailure(f"dbt parse failed:\n{(finished.stdout + finished.stderr)[-4000:]}")
        for name in _ARTIFACTS:
            _put((Path(scratch) / name).read_bytes(), folder / name)


def _put(content: bytes, path: Path) -> None:
    """Processes may parse at the same time; each puts whole files in place."""
    staged = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    staged.write_bytes(content)
    shutil.move(staged, path)


if __name__ == "__main__":
    print(ensure_manifest())
