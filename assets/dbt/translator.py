"""How dbt's models appear in Dagster: beside the Python tables that they read, grouped by folder."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from assets.metadata import OWNERS

TABLES = ("model", "seed", "snapshot")
"""What dbt makes in the warehouse."""


class WarehouseTranslator(DagsterDbtTranslator):
    """Sources carry the keys of the lake's tables, so lineage runs from landing to marts without a gap."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Name of the model, or of the lake table that a source stands for."""
        return dg.AssetKey(dbt_resource_props["name"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """Folders of the model, so `marts/user_beauty` is the group `marts_user_beauty`, apart from Python's groups."""
        return "_".join(dbt_resource_props["fqn"][1:-1])

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> Sequence[str]:
        """The team that owns the Python tables too."""
        return OWNERS

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's description: grain, units, what is left out. The SQL is one click away in dbt's docs."""
        return str(dbt_resource_props.get("description", ""))


def warehouse_specs(
    manifest: Mapping[str, Any], results: Collection[str], *, of_results: bool
) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """Every model of one part of the project as an asset, every data test of such a model as a check.

    ``dbt_assets`` makes the same of the whole project, but asks dbt's selection engine for "everything",
    and so imports networkx, a fifth of what loading the definitions costs.

    Args:
        manifest: dbt's parsed project.
        results: Lake tables that are computed from marts.
        of_results: Whether models are wanted that read such a table, directly or through others, or all others.
    """
    translator = WarehouseTranslator()
    specs, checks = [], {}
    reading = _models_of_results(manifest, results)
    for unique_id in sorted(manifest["nodes"]):
        properties = manifest["nodes"][unique_id]
        if properties["resource_type"] not in TABLES or properties["config"]["materialized"] == "ephemeral":
            continue
        if (unique_id in reading) is not of_results:
            continue
        spec = translator.get_asset_spec(manifest, unique_id, None)
        specs.append(spec)
        for child in manifest["child_map"][unique_id]:
            if child.startswith("test."):
                check = translator.get_asset_check_spec(spec, manifest, child, None)
                if check:
                    checks[check.get_python_identifier()] = check
    return specs, list(checks.values())


def _models_of_results(manifest: Mapping[str, Any], results: Collection[str]) -> set[str]:
    """All that dbt makes of these tables, tests included."""
    sources = (name for name, source in manifest["sources"].items() if source["name"] in results)
    found: set[str] = set()
    waiting = list(sources)
    while waiting:
        children = set(manifest["child_map"].get(waiting.pop(), ())) - found
        found |= children
        waiting += children
    return found
