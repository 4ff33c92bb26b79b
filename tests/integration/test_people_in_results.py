"""Results that name people: the warehouse says so where they name somebody who is published no longer."""

import json

import pyarrow as pa
import pytest

from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.mixing import USER_NEIGHBOURS
from assets.contracts.network import USER_GRAPH_METRICS
from assets.contracts.recommendations import RECOMMENDATIONS
from assets.contracts.registry import all_contracts
from assets.contracts.settings import Settings
from assets.contracts.users_results import USER_CLASSES
from assets.dbt.build import artifacts_folder, run_dbt
from assets.dbt.catalog import catalog_path, write_catalog

PARTITIONS = {
    USER_GRAPH_METRICS: "2016-01",
    RECOMMENDATIONS: "undated",
    USER_NEIGHBOURS: "undated",
    USER_CLASSES: "undated",
}
STAGED = ("stg_lake__users", *(f"stg_lake__{contract.key}" for contract in PARTITIONS))
NAMES = [(contract, "user_id") for contract in PARTITIONS] + [(RECOMMENDATIONS, "recommended_user_id")]
TESTS = [f"relationships_stg_lake__{table.key}_{column}__user_id__ref_stg_lake__users_" for table, column in NAMES]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    home = tmp_path_factory.mktemp("people")
    settings = Settings(home, str(home / "lake"))
    _name(settings, users=[1, 2], named=[1, 2])
    run_dbt(settings, ["run", "--select", *STAGED])
    return settings


def _name(settings, users, named):
    """Publish these users, and results that name those."""
    lake = Lake(settings.lake_uri)
    people = [{"user_id": user, "opted_in": True} for user in users]
    lake.write(USERS, "undated", pa.Table.from_pylist(people, schema=USERS.schema))
    for contract, partition in PARTITIONS.items():
        rows = [{field.name: _value(field, user) for field in contract.schema} for user in named]
        lake.write(contract, partition, pa.Table.from_pylist(rows, schema=contract.schema))
    write_catalog(lake, catalog_path(settings))


def _value(field, number):
    if pa.types.is_string(field.type):
        return str(number)
    if pa.types.is_floating(field.type):
        return 1.0
    return None if pa.types.is_date(field.type) else number


def _said(settings):
    """What the tests that compare people with users say: test -> (status, rows that fail)."""
    run_dbt(settings, ["test", "--select", *TESTS])
    results = json.loads((artifacts_folder(settings) / "run_results.json").read_text())["results"]
    tests = {result["unique_id"].split(".")[2]: result for result in results if result["unique_id"].startswith("test.")}
    return {name: (result["status"], result["failures"]) for name, result in tests.items()}


def test_results_that_name_somebody_who_left_are_warned_of(settings):
    assert _said(settings) == dict.fromkeys(TESTS, ("pass", 0))
    _name(settings, users=[1], named=[1, 2])
    assert _said(settings) == dict.fromkeys(TESTS, ("warn", 1))


def test_every_result_that_names_users_is_looked_at():
    results = {
        contract
        for contract in all_contracts().values()
        if (contract.reads_marts or contract is USER_GRAPH_METRICS)
        and any(reference.to_table == USERS.key for reference in contract.references)
    }
    assert results == set(PARTITIONS)
