"""How dbt's models appear in Dagster: beside the Python tables that they read, grouped by folder."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator

from assets.metadata import OWNERS


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
