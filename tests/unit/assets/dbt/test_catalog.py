import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.registry import all_contracts
from assets.contracts.table import UTC_TIMESTAMP
from assets.dbt.catalog import duckdb_columns, duckdb_type, lake_catalog, write_catalog


def _users(user_id, month):
    joined = pa.array([datetime(2016, month, 1, tzinfo=UTC)], UTC_TIMESTAMP)
    return pa.table({"user_id": [user_id], "joined_at": joined, "opted_in": [True]})


def test_lake_catalog_lists_every_contract_and_only_committed_files(tmp_path):
    lake = Lake(str(tmp_path))
    commit = lake.write(USERS, "2016-01", _users(1, 1))
    lake.stage(USERS, "2016-02", _users(2, 2))
    catalog = lake_catalog(lake)
    assert list(catalog["tables"]) == list(all_contracts())
    assert catalog["tables"]["users"]["files"] == [f"{tmp_path}/{commit.file}"]
    assert catalog["tables"]["photos"]["files"] == []
    assert catalog["partitions"] == {"users/2016-01": commit.sha256}


def test_lake_catalog_lists_the_quarantine_of_every_source(tmp_path):
    lake = Lake(str(tmp_path))
    row = {"table": "users", "file": "a.csv", "row": 2, "reason": "out_of_range", "detail": "", "text": "1,2"}
    commits = {}
    for source in ("a", "b"):
        rows = pa.Table.from_pylist([{**row, "source": source}], schema=QUARANTINE.schema)
        commits[source] = lake.zone(f"landed/{source}").write(QUARANTINE, "users", rows)
    catalog = lake_catalog(lake)
    assert catalog["tables"]["quarantine"]["files"] == [
        f"{tmp_path}/landed/{source}/{commit.file}" for source, commit in commits.items()
    ]
    assert catalog["partitions"] == {f"landed/{s}/quarantine/users": c.sha256 for s, c in commits.items()}


def test_lake_catalog_tells_files_of_an_older_contract(tmp_path):
    lake = Lake(str(tmp_path))
    lake.write(USERS, "2016-01", _users(1, 1))
    assert lake_catalog(lake)["tables"]["users"]["uniform"] is True
    path = tmp_path / "users" / "commits" / "2016-01.json"
    path.write_text(path.read_text().replace(USERS.fingerprint, "0" * 16))
    assert lake_catalog(lake)["tables"]["users"]["uniform"] is False


def test_write_catalog_replaces_whole_and_leaves_nothing_behind(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    path = tmp_path / "warehouse" / "catalog.json"
    write_catalog(lake, path)
    lake.write(USERS, "2016-01", _users(1, 1))
    written = write_catalog(lake, path)
    assert json.loads(path.read_text()) == written
    assert [p.name for p in path.parent.iterdir()] == ["catalog.json"]


def test_duckdb_columns_of_every_contract_are_known():
    assert duckdb_columns(USERS) == {
        "user_id": "BIGINT",
        "joined_at": "TIMESTAMP WITH TIME ZONE",
        "opted_in": "BOOLEAN",
        "is_pro": "BOOLEAN",
    }
    assert all(duckdb_columns(contract) for contract in all_contracts().values())


def test_sql_does_not_show_what_rejected_rows_said(tmp_path):
    shown = {"source", "table", "file", "row", "column", "reason"}
    assert set(duckdb_columns(QUARANTINE)) == shown
    assert set(lake_catalog(Lake(str(tmp_path)))["tables"]["quarantine"]["columns"]) == shown
    assert {column.name for column in QUARANTINE.columns} == {*shown, "detail", "text"}


def test_duckdb_type_refuses_an_unknown_type():
    with pytest.raises(TypeError, match=r"no DuckDB type is known for Arrow type uint8; add it"):
        duckdb_type(pa.uint8())


def test_lake_catalog_reads_tables_before_those_they_refer_to(tmp_path, monkeypatch):
    lake = Lake(str(tmp_path))
    read = []
    monkeypatch.setattr(Lake, "commits", lambda self, table: read.append(table) or [])
    lake_catalog(lake)
    references = {(key, r.to_table) for key, contract in all_contracts().items() for r in contract.references}
    assert {("scores", "photos"), ("unscorable_photos", "photos"), ("photos", "users")} <= references
    assert sorted(read) == list(all_contracts())
    assert all(read.index(table) < read.index(referred) for table, referred in references)
