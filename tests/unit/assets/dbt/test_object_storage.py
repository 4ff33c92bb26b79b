import duckdb
import pytest

from assets.contracts.settings import ObjectStorageCredentials, Settings
from assets.dbt import object_storage
from assets.dbt.object_storage import StorageAccess, connect_storage, httpfs_extension, storage_access

NOBODY = ObjectStorageCredentials(key_id="", secret="", token="", region="", endpoint="")
SOMEBODY = ObjectStorageCredentials("key", "hidden", "token", "eu-west-1", "https://store.example")


def test_storage_access_of_a_folder_is_none():
    assert storage_access("/data/lake", SOMEBODY) is None


def test_storage_access_takes_the_environment():
    expected = StorageAccess("store.example", True, "eu-west-1", "key", "hidden", "token")
    assert storage_access("s3://bucket/lake", SOMEBODY) == expected


def test_storage_access_lets_the_uri_win():
    uri = "s3://other:se%2Fcret@bucket/lake?endpoint_override=http://127.0.0.1:5000&region=us-east-1"
    expected = StorageAccess("127.0.0.1:5000", False, "us-east-1", "other", "se/cret", "")
    assert storage_access(uri, SOMEBODY) == expected


def test_storage_access_of_a_bare_endpoint_takes_the_scheme_option():
    access = storage_access("s3://b/l?endpoint_override=127.0.0.1:5000&scheme=http", NOBODY)
    assert access == StorageAccess("127.0.0.1:5000", False, "", "", "", "")


def test_object_storage_credentials_hide_secrets_when_printed():
    assert "hidden" not in repr(SOMEBODY)
    assert "token=" not in repr(SOMEBODY)


def test_connect_storage_loads_the_installed_extension_and_makes_a_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "it's")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    with duckdb.connect() as connection:
        connect_storage(connection, Settings(tmp_path, "s3://bucket/lake?endpoint_override=http://127.0.0.1:1"))
        secrets = connection.execute("select name, type, persistent from duckdb_secrets()").fetchall()
    assert secrets == [("lake", "s3", False)]


def test_httpfs_extension_matches_the_installed_duckdb():
    assert f"v{duckdb.__version__}" in httpfs_extension().parts


def test_httpfs_extension_absent_names_the_package(monkeypatch):
    monkeypatch.setattr(object_storage, "find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r"duckdb-extension-httpfs==[\d.]+; install it"):
        httpfs_extension()
