"""The warehouse: every dbt model as an asset, every data test as a check, one writer at a time.

Which months are replayed is decided in ``changes.py``, arguments are made in ``arguments.py``, models
live in ``dbt_project/``. This file says only how a run of dbt becomes Dagster's events.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.registry import result_tables
from assets.contracts.settings import Settings
from assets.dbt.build import run_dbt
from assets.dbt.catalog import catalog_path, write_catalog
from assets.dbt.changes import (
    BuildPlan,
    dated_months,
    plan_build,
    plan_results,
    remember_build,
    remember_results,
)
from assets.dbt.invocation import stream_dbt
from assets.dbt.manifest import load_manifest
from assets.dbt.mart_figures import draw_marts
from assets.dbt.publish import connect_published, publish_warehouse
from assets.dbt.summaries import row_counts
from assets.dbt.translator import warehouse_specs
from assets.metadata import picture
from assets.resources import LakeResource


class WarehouseConfig(dg.Config):
    """What to build; by default whatever changed in the lake since the last build."""

    months: list[str] = Field(default=[], description="Months to replay, `YYYY-MM`; empty: those whose data changed.")
    full_refresh: bool = Field(default=False, description="Make incremental models from nothing, from all months.")


MANIFEST = load_manifest()
SPECS, CHECKS = warehouse_specs(MANIFEST, result_tables(), of_results=False)
RESULT_SPECS, RESULT_CHECKS = warehouse_specs(MANIFEST, result_tables(), of_results=True)


@dg.multi_asset(
    name="warehouse",
    specs=SPECS,
    check_specs=CHECKS,
    can_subset=True,
    # One run of dbt also tests what lies around the selected models.
    allow_arbitrary_check_specs=True,
    # DuckDB takes one writer: runs wait for each other here instead of failing on its lock.
    pool="warehouse",
)
def warehouse(context: dg.AssetExecutionContext, config: WarehouseConfig, lake: LakeResource) -> Iterator[Any]:
    """Bring the warehouse up to date and publish a copy; a lake without news is left alone in a second."""
    store = lake.open()
    settings = replace(Settings.from_environment(), lake_uri=store.uri)
    catalog = write_catalog(store, catalog_path(settings))
    plan = _chosen(config, plan_build(settings, catalog), dated_months(catalog))
    context.log.info(f"{plan.reason}; months to replay: {', '.join(plan.months) or 'none'}")
    if plan.up_to_date:
        yield from _unchanged(context)
        return
    *earlier, _ = plan.invocations
    for arguments in earlier:
        run_dbt(settings, arguments)
    yield from _build(context, settings, plan)
    if not context.is_subset:
        remember_build(settings, catalog)


@dg.multi_asset(
    name="warehouse_results",
    specs=RESULT_SPECS,
    check_specs=RESULT_CHECKS,
    can_subset=True,
    allow_arbitrary_check_specs=True,
    pool="warehouse",
)
def warehouse_results(context: dg.AssetExecutionContext, lake: LakeResource) -> Iterator[Any]:
    """Show SQL what was computed from marts: models that read results are made whole, and the copy published again."""
    store = lake.open()
    settings = replace(Settings.from_environment(), lake_uri=store.uri)
    catalog = write_catalog(store, catalog_path(settings))
    plan = plan_results(settings, catalog)
    context.log.info(plan.reason)
    if plan.up_to_date:
        yield from _unchanged(context)
        return
    yield from _build(context, settings, plan)
    if not context.is_subset:
        remember_results(settings, catalog)


def _chosen(config: WarehouseConfig, plan: BuildPlan, everything: tuple[str, ...]) -> BuildPlan:
    """What was asked for, and never less than what changed; a full refresh drops tables, so it replays all months."""
    if plan.full_refresh or not (config.months or config.full_refresh):
        return plan
    if config.full_refresh:
        return BuildPlan("asked for", full_refresh=True, months=everything)
    return BuildPlan("asked for", months=tuple(sorted({*config.months, *plan.months})))


def _build(context: dg.AssetExecutionContext, settings: Settings, plan: BuildPlan) -> Iterator[Any]:
    """Yield checks as they come, and tables once they are published, with what they hold."""
    made: list[dg.Output[Any]] = []
    try:
        for event in stream_dbt(context, settings, plan.invocations[-1], plan.selection):
            if isinstance(event, dg.Output):
                made.append(event)
            else:
                yield event
        publish_warehouse(settings)
    except Exception:
        yield from made
        raise
    names = [context.asset_key_for_output(output.output_name).path[-1] for output in made]
    shown = _shown(settings, set(names))
    for output, name in zip(made, names, strict=True):
        yield output.with_metadata({**(output.metadata or {}), **shown.get(name, {})})


def _unchanged(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
    """What the last run showed is still true; it is said again without drawing it again."""
    selected = context.selected_asset_keys
    parents = {key: context.assets_def.asset_deps[key] & selected for key in selected}
    for key in TopologicalSorter(parents).static_order():
        last = context.instance.get_latest_materialization_event(key)
        before = last.asset_materialization.metadata if last and last.asset_materialization else {}
        yield dg.MaterializeResult(asset_key=key, metadata={**before, "unchanged": True})


def _shown(settings: Settings, made: set[str]) -> Mapping[str, dict[str, Any]]:
    """Row counts of tables, and the figures of marts."""
    shown: dict[str, dict[str, Any]] = {
        name: {"dagster/row_count": count} for name, count in row_counts(settings).items() if name in made
    }
    with connect_published(settings) as connection:
        for mart, drawn in draw_marts(connection, made & shown.keys()).items():
            shown[mart]["figure"] = picture(drawn)
    return shown


ASSETS = (warehouse, warehouse_results)


def resources() -> dict[str, Any]:
    """Resources of these assets: none but the lake, which all assets share."""
    return {}
