"""dbt reads a lake on object storage: a real S3 server, DuckDB's own httpfs, nothing downloaded."""

from datetime import UTC, datetime

import boto3
import pyarrow as pa
import pytest
from moto.server import ThreadedMotoServer

from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.build import artifacts_folder, build_warehouse
from assets.dbt.catalog import catalog_path
from assets.dbt.query import run_query

SECRET = "not-so-secret-but-in-no-file"
UPLOADED = datetime(2016, 1, 5, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket="beautyflow")
    try:
        yield Settings(tmp_path, f"s3://beautyflow/lake?endpoint_override={endpoint}")
    finally:
        server.stop()


def _write(lake, contract, row):
    lake.write(contract, "2016-01", pa.Table.from_pylist([row], schema=contract.schema))


def test_build_warehouse_reads_a_lake_on_object_storage(settings):
    lake = Lake(settings.lake_uri)
    _write(lake, USERS, {"user_id": 1, "joined_at": UPLOADED, "opted_in": True})
    _write(lake, PHOTOS, {"photo_id": 1, "user_id": 1, "uploaded_at": UPLOADED, "is_public": True, "uri": ""})
    score = {"photo_id": 1, "model_version": "ready", "preprocessing_hash": "none", "beauty": 0.75}
    _write(lake, SCORES, {**score, "uploaded_at": UPLOADED})
    build_warehouse(settings)
    assert run_query(settings, "select user_id, photos, beauty from fct_user_beauty")[1] == [(1, 1, 0.75)]
    assert run_query(settings, "select count(*) from lake.photos")[1] == [(1,)]
    assert all(file.startswith("s3://beautyflow/lake/") for file in _files(settings))
    assert SECRET not in (artifacts_folder(settings) / "dbt.log").read_text()
    assert SECRET.encode() not in settings.published_warehouse.read_bytes()


def _files(settings):
    text = catalog_path(settings).read_text()
    files = [line.strip(' ",') for line in text.splitlines() if ".parquet" in line]
    assert len(files) == 3
    return files
