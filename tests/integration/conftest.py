"""Object storage that is real as far as the platform can tell: HTTP, parts, failures."""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
BUCKET = "community"
_LONGEST_WAIT_S = 120


@dataclass
class ObjectStorage:
    """An S3 server of this test session; it can be told to fail.

    Attributes:
        endpoint: Host and port.
        requests: Method and path with query of every request since the last ``requests.clear()``.
        fails: Decides from method and query whether a request is answered with 500.
        parts_may_pass: While it is not set, the server keeps each part of an upload waiting.
    """

    endpoint: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    fails: Callable[[str, dict[str, list[str]]], bool] = lambda method, query: False
    parts_may_pass: threading.Event = field(default_factory=threading.Event)

    def uri(self, prefix: str) -> str:
        return f"s3://{BUCKET}/{prefix}?scheme=http&endpoint_override={self.endpoint}&region=us-east-1"

    def wrap(self, application: Any) -> Any:
        """The server application with failures and a log."""

        def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            method, query = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
            self.requests.append((method, f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"))
            if "partNumber" in query:
                self.parts_may_pass.wait(_LONGEST_WAIT_S)
            if self.fails(method, query):
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("500 Internal Server Error", [("Content-Length", "0")])
                return [b""]
            return application(environ, start_response)

        return wrapped


@pytest.fixture(scope="session")
def object_storage_server() -> Iterator[ObjectStorage]:
    """One server for the session, with an empty bucket."""
    import boto3
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    storage = ObjectStorage()
    application = storage.wrap(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    storage.endpoint = f"127.0.0.1:{server.server_port}"
    before = {name: os.environ.get(name) for name in CREDENTIALS}
    os.environ.update(CREDENTIALS)
    boto3.client("s3", endpoint_url=f"http://{storage.endpoint}").create_bucket(Bucket=BUCKET)
    yield storage
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})
    server.shutdown()
    thread.join()


@pytest.fixture
def object_storage(object_storage_server: ObjectStorage) -> Iterator[ObjectStorage]:
    """The server, in good health at the start and at the end of each test."""
    object_storage_server.requests.clear()
    object_storage_server.parts_may_pass.set()
    yield object_storage_server
    object_storage_server.fails = lambda method, query: False
    object_storage_server.parts_may_pass.set()
