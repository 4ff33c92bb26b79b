"""Runs dbt, in a process of its own, as the only writer of the warehouse.

A process of its own, because dbt-duckdb keeps its connection, and so the writer's lock, as long as the
process lives. ``assets.py`` runs the same arguments through dagster-dbt; everybody else comes here.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings, child_environment
from assets.dbt.catalog import catalog_path, write_catalog
from assets.dbt.changes import (
    DBT_PROJECT,
    BuildPlan,
    forget_build,
    plan_build,
    plan_results,
    remember_build,
    remember_results,
)
from assets.dbt.manifest import DBT, ensure_manifest, manifest_folder
from assets.dbt.publish import publish_warehouse

_TOLD_CHARACTERS = 4000


class DbtFailure(RuntimeError):
    """dbt did not succeed; the message is what it said."""


def build_warehouse(settings: Settings, *, full_refresh: bool = False) -> BuildPlan:
    """Bring the warehouse up to date with the lake and publish it; without news, do nothing.

    Marts and models of results are built together, because nobody computes results in between.

    Args:
        settings: The community.
        full_refresh: Forget what was built and make everything again.

    Returns:
        What was done.

    Raises:
        DbtFailure: A model or a data test failed; nothing was published.
    """
    if full_refresh:
        forget_build(settings)
    catalog = write_catalog(Lake(settings.lake_uri), catalog_path(settings))
    plan = plan_build(settings, catalog)
    if plan.up_to_date:
        results = plan_results(settings, catalog)
        invocations = [[*arguments, *results.selection] for arguments in results.invocations]
    else:
        invocations = plan.invocations
    for arguments in invocations:
        run_dbt(settings, arguments)
    if invocations:
        publish_warehouse(settings)
        remember_build(settings, catalog)
        remember_results(settings, catalog)
    return plan


def run_dbt(settings: Settings, arguments: Sequence[str]) -> str:
    """Run one dbt command on the warehouse of a community and return what it printed.

    Raises:
        DbtFailure: With the end of dbt's output.
    """
    prepare_artifacts(settings)
    command = [*DBT, "--no-use-colors", *arguments]
    finished = subprocess.run(
        command, cwd=DBT_PROJECT, env=dbt_environment(settings), capture_output=True, text=True, check=False
    )
    if finished.returncode:
        said = (finished.stdout + finished.stderr)[-_TOLD_CHARACTERS:]
        raise DbtFailure(f"dbt {' '.join(arguments)} failed:\n{said}")
    return finished.stdout


def dbt_environment(settings: Settings) -> dict[str, str]:
    """Environment of a dbt process: which warehouse and catalog, and where its artifacts go."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    return child_environment(
        settings,
        BEAUTYFLOW_WAREHOUSE=str(settings.warehouse),
        BEAUTYFLOW_LAKE_CATALOG=str(catalog_path(settings)),
        DBT_PROJECT_DIR=str(DBT_PROJECT),
        DBT_PROFILES_DIR=str(DBT_PROJECT),
        DBT_TARGET_PATH=str(artifacts_folder(settings)),
        DBT_LOG_PATH=str(artifacts_folder(settings)),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )


def artifacts_folder(settings: Settings) -> Path:
    """Folder of manifest, run results and log of this community's last dbt run."""
    return settings.warehouse.with_name("dbt")


def prepare_artifacts(settings: Settings) -> None:
    """Give dbt the parsed state of the project, so that a run in a new community need not parse it again."""
    ensure_manifest()
    folder = artifacts_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    parsed, present = manifest_folder() / "partial_parse.msgpack", folder / "partial_parse.msgpack"
    if parsed.exists() and not present.exists():
        present.write_bytes(parsed.read_bytes())
