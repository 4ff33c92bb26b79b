"""DuckDB's access to a lake on object storage: the pinned ``httpfs`` extension and a secret.

The extension comes from the wheel ``duckdb-extension-httpfs``, so nothing is downloaded at run time.
``dbt_plugin.py`` calls this when dbt opens the warehouse, ``publish.py`` when people do, because views
over the lake need it wherever they are read. The secret lives in memory, and in no log.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import duckdb

from assets.contracts.settings import ObjectStorageCredentials, Settings

_SCHEMES = ("s3",)


@dataclass(frozen=True)
class StorageAccess:
    """How to reach a bucket.

    Attributes:
        endpoint: Host and port; empty for the provider's own.
        use_ssl: Whether to speak HTTPS.
        region: Region of the bucket; empty for the default.
        key_id: Access key; empty for anonymous access.
        secret: Secret key.
        token: Session token of temporary credentials.
    """

    endpoint: str
    use_ssl: bool
    region: str
    key_id: str
    secret: str
    token: str


def storage_access(lake_uri: str, credentials: ObjectStorageCredentials) -> StorageAccess | None:
    """What the lake's URI and the environment say together; None for a lake in a folder.

    The URI wins over the environment, as it does in Arrow: ``s3://[key:secret@]bucket/prefix`` with the
    options ``endpoint_override``, ``scheme`` and ``region``.
    """
    parts = urlsplit(lake_uri)
    if parts.scheme not in _SCHEMES:
        return None
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    endpoint = options.get("endpoint_override") or credentials.endpoint
    scheme = options.get("scheme") or urlsplit(endpoint if "://" in endpoint else "").scheme or "https"
    return StorageAccess(
        endpoint=endpoint.partition("://")[2] or endpoint,
        use_ssl=scheme == "https",
        region=options.get("region") or credentials.region,
        key_id=unquote(parts.username or "") or credentials.key_id,
        secret=unquote(parts.password or "") or credentials.secret,
        token="" if parts.username else credentials.token,
    )


def connect_storage(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Let a DuckDB connection read the lake, wherever it is; a lake in a folder needs nothing.

    Raises:
        FileNotFoundError: The wheel of the extension is not installed for this version of DuckDB.
    """
    access = storage_access(settings.lake_uri, ObjectStorageCredentials.from_environment())
    if access is None:
        return
    connection.execute(f"load {_quoted(str(httpfs_extension()))}")
    connection.execute(f"create or replace temporary secret lake ({', '.join(_secret_options(access))})")


def httpfs_extension() -> Path:
    """The extension file that matches the installed DuckDB.

    Raises:
        FileNotFoundError: It is not installed.
    """
    spec = find_spec("duckdb_extension_httpfs")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"a lake on object storage needs the package duckdb-extension-httpfs=={duckdb.__version__}; install it"
    )


def _secret_options(access: StorageAccess) -> list[str]:
    options = ["type s3", f"use_ssl {str(access.use_ssl).lower()}"]
    if access.endpoint:
        options += [f"endpoint {_quoted(access.endpoint)}", "url_style 'path'"]
    if access.region:
        options.append(f"region {_quoted(access.region)}")
    if access.key_id:
        options += [f"key_id {_quoted(access.key_id)}", f"secret {_quoted(access.secret)}"]
    if access.token:
        options.append(f"session_token {_quoted(access.token)}")
    return options


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
