"""Marts of simulated communities without the platform around them: dbt compiles once, each community runs the SQL.

What publication would leave out (users who did not agree, photos that are not public, and what refers to them) is left
out here too. Meant for benchmarks over many seeds; the platform's own path is what tests and `make demo` run.
"""

import json
import tempfile
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb

from assets.contracts.lake import Lake
from assets.contracts.registry import all_contracts
from assets.contracts.settings import Settings
from assets.dbt.build import artifacts_folder, run_dbt
from assets.dbt.catalog import catalog_path, write_catalog

_DATABASE = "warehouse"

_PUBLISHED = {
    "users": "from {users} where opted_in",
    "photos": "from {photos} where is_public and user_id in (select user_id from {users} where opted_in)",
    "scores": "from {scores} where photo_id in (select photo_id from lake.photos)",
    "edges": (
        "from {edges} where follower_id in (select user_id from lake.users) "
        "and followee_id in (select user_id from lake.users)"
    ),
    "favorites": (
        "from {favorites} where user_id in (select user_id from lake.users) "
        "and photo_id in (select photo_id from lake.photos)"
    ),
    "group_memberships": "from {group_memberships} where user_id in (select user_id from lake.users)",
}


@dataclass(frozen=True)
class CompiledModel:
    """A model of dbt as plain SQL.

    Attributes:
        relation: Quoted name of its table.
        is_view: Whether it is a view.
        sql: Its query, over tables of the same database.
    """

    relation: str
    is_view: bool
    sql: str


def compile_models(*selected: str) -> tuple[CompiledModel, ...]:
    """Models and all that they are made from, in an order in which they can be made."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings(home=home, lake_uri=str(home / "lake"))
        write_catalog(Lake(settings.lake_uri), catalog_path(settings))
        run_dbt(settings, ["compile", "--select", *(f"+{name}" for name in selected)])
        manifest = json.loads((artifacts_folder(settings) / "manifest.json").read_text())
    models = {key: node for key, node in manifest["nodes"].items() if node.get("compiled_code")}
    models = {key: node for key, node in models.items() if node["resource_type"] == "model"}
    parents = {key: {one for one in node["depends_on"]["nodes"] if one in models} for key, node in models.items()}
    return tuple(
        CompiledModel(
            models[key]["relation_name"], models[key]["config"]["materialized"] == "view", models[key]["compiled_code"]
        )
        for key in TopologicalSorter(parents).static_order()
    )


def run_models(models: tuple[CompiledModel, ...], landed: Path, threads: int = 1) -> duckdb.DuckDBPyConnection:
    """A database in memory with the marts of a simulated community.

    Args:
        models: Of ``compile_models``.
        landed: Folder of the community below the landing folder.
        threads: Of DuckDB.
    """
    connection = duckdb.connect(config={"threads": threads})
    connection.execute(f"attach ':memory:' as {_DATABASE}; use {_DATABASE}; set TimeZone = 'UTC'; create schema lake")
    files = {name: f"read_parquet('{landed / name}/*.parquet')" for name in _PUBLISHED}
    for name, query in _PUBLISHED.items():
        connection.execute(f"create table lake.{name} as {query.format(**files)}")
    for key, contract in all_contracts().items():
        if key not in _PUBLISHED:
            connection.register("nothing", contract.schema.empty_table())
            connection.execute(f"create table lake.{key} as select * from nothing")
            connection.unregister("nothing")
    for model in models:
        kind = "view" if model.is_view else "table"
        connection.execute(f"create schema if not exists {model.relation.rsplit('.', 1)[0]}")
        connection.execute(f"create {kind} {model.relation} as {model.sql}")
    return connection
