"""How dbt's models appear in Dagster: beside the Python tables that they read, grouped by folder."""

from collections.abc import Mapping, Sequence
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


def warehouse_specs(manifest: Mapping[str, Any]) -> tuple[list[dg.AssetSpec], list[dg.AssetCheckSpec]]:
    """Every model of the project as an asset, every data test of a model as a check.

    ``dbt_assets`` makes the same of the whole project, but asks dbt's selection engine for "everything",
    and so imports networkx, a fifth of what loading the definitions costs.

    Args:
        manifest: dbt's parsed project.
    """
    translator = WarehouseTranslator()
    specs, checks = [], {}
    for unique_id in sorted(manifest["nodes"]):
        properties = manifest["nodes"][unique_id]
        if properties["resource_type"] not in TABLES or properties["config"]["materialized"] == "ephemeral":
            continue
        spec = translator.get_asset_spec(manifest, unique_id, None)
        specs.append(spec)
        for child in manifest["child_map"][unique_id]:
            if child.startswith("test."):
                check = translator.get_asset_check_spec(spec, manifest, child, None)
                if check:
                    checks[check.get_python_identifier()] = check
    return specs, list(checks.values())
