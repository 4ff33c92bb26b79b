"""A Dagster webserver that answers from a script, over real HTTP."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest


class ScriptedDagster:
    """Answers the questions in order; keeps what was asked.

    An answer is a ``data`` payload (dict), or ``(status, body)`` for everything that is not GraphQL's happy path.
    """

    def __init__(self) -> None:
        self.answers: list[dict[str, Any] | tuple[int, bytes]] = []
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def will_answer(self, *answers: dict[str, Any] | tuple[int, bytes]) -> None:
        self.answers.extend(answers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/graphql"
                length = int(self.headers["Content-Length"])
                script.asked.append(json.loads(self.rfile.read(length)))
                script.headers.append(dict(self.headers))
                answer = script.answers.pop(0)
                status, body = answer if isinstance(answer, tuple) else (200, json.dumps({"data": answer}).encode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def webserver() -> Iterator[ScriptedDagster]:
    scripted = ScriptedDagster()
    thread = Thread(target=scripted.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield scripted
    scripted.server.shutdown()
    scripted.server.server_close()
    thread.join()
    assert not scripted.answers, "the client asked less than the test expected"
