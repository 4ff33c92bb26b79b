"""dbt under Dagster: one process of dbt, its log as Dagster's events.

``DbtCliResource.cli`` would do, but it imports dbt and opens the warehouse in this process first, which
costs seconds per run and meets the writer's lock; and it takes dbt's environment from this process, where
it must come from the community's settings.
"""

import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliInvocation
from dagster_dbt.asset_utils import get_updated_cli_invocation_params_for_context
from packaging.version import Version

from assets.contracts.settings import Settings
from assets.dbt.build import artifacts_folder, dbt_environment, prepare_artifacts
from assets.dbt.changes import DBT_PROJECT
from assets.dbt.manifest import DBT

_PATIENCE_SECONDS = 20


def stream_dbt(
    context: dg.AssetExecutionContext, settings: Settings, arguments: Sequence[str], selection: Sequence[str]
) -> Iterator[Any]:
    """Run dbt on the selected assets and yield outputs and check results.

    Args:
        context: Of the step.
        settings: The community.
        arguments: Of dbt.
        selection: Arguments that choose models, where all assets of the step are selected.

    Raises:
        DagsterDbtCliRuntimeError: dbt failed; its messages are in the error and in the run's log.
    """
    prepare_artifacts(settings)
    selected = get_updated_cli_invocation_params_for_context(
        context=context, manifest={}, dagster_dbt_translator=DagsterDbtTranslator()
    )
    environment = {**dbt_environment(settings), "DAGSTER_DBT_CLI": "true", "DBT_LOG_FORMAT": "json"}
    environment["PYTHONUNBUFFERED"] = "1"
    if selected.indirect_selection:
        environment["DBT_INDIRECT_SELECTION"] = selected.indirect_selection
    if selected.dbt_project is not None:
        environment["DBT_PROJECT_DIR"] = str(selected.dbt_project.project_dir)
    invocation = DbtCliInvocation.run(
        args=[*DBT, *arguments, *(selected.selection_args if context.is_subset else selection)],
        env=environment,
        manifest=selected.manifest,
        dagster_dbt_translator=selected.dagster_dbt_translator,
        project_dir=DBT_PROJECT,
        target_path=artifacts_folder(settings),
        raise_on_error=True,
        context=context,
        adapter=None,
        cli_version=Version(version("dbt-core")),
        dbt_project=selected.dbt_project,
    )
    try:
        yield from invocation.stream()
    finally:
        _end(invocation.process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End dbt if it still runs: nobody reads what it says any more, so it would wait, and keep the warehouse locked."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
