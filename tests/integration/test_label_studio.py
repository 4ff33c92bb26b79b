"""A task through a real Label Studio: its parser, its import, its local files, its export, and back into the lake."""

import http.cookiejar
import io
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assets.contracts.crowd import CROWD_RATINGS
from assets.contracts.lake import Lake
from assets.crowd.export import ReadyTask, task_files
from assets.crowd.label_studio import label_config
from assets.crowd.tasks import CrowdTask, TaskPhoto
from assets.landing.importers import import_source

PROJECT_ROOT = Path(__file__).resolve().parents[2]
LABEL_STUDIO = PROJECT_ROOT / ".venv-label-studio" / "bin" / "label-studio"
TASK = CrowdTask((TaskPhoto(11, "a"), TaskPhoto(22, "b", gold_rating=2), TaskPhoto(33, "c")))
EMAIL, PASSWORD = "rater@example.com", "only-for-this-test"
_PATIENCE_S = 480  # the first start makes the database: a minute of computing

pytestmark = pytest.mark.timeout(900)


class _SeenRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer: Label Studio sends to its start page who has logged in."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class LabelStudio:
    """A person's session with a running Label Studio."""

    address: str
    cookies: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def ask(self, method: str, path: str, content: Any = None, form: bool = False) -> tuple[int, bytes]:
        """Status and body of one request; content goes as JSON, or as a form."""
        body = None if content is None else json.dumps(content).encode()
        if form:
            body = urllib.parse.urlencode(content | {"csrfmiddlewaretoken": self._token()}).encode()
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"Content-Type": kind, "X-CSRFToken": self._token(), "Referer": self.address}
        request = urllib.request.Request(self.address + path, body, headers, method=method)
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), _SeenRedirect)
        try:
            with opener.open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def made(self, path: str, content: Any) -> Any:
        """What Label Studio made of a POST."""
        status, body = self.ask("POST", path, content)
        assert status in (200, 201), body.decode()
        return json.loads(body)

    def log_in(self) -> None:
        self.ask("GET", "/user/login/")
        status, body = self.ask("POST", "/user/login/", {"email": EMAIL, "password": PASSWORD}, form=True)
        assert status == 302, body.decode()

    def _token(self) -> str:
        return next((cookie.value or "" for cookie in self.cookies if cookie.name == "csrftoken"), "")


@pytest.fixture(scope="module")
def task_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `beautyflow crowd task --format label-studio` writes."""
    buffer = io.BytesIO()
    Image.new("RGB", (48, 32), "red").save(buffer, "JPEG")
    folder = tmp_path_factory.mktemp("task")
    (folder / "images").mkdir()
    jpegs = {photo.photo_id: buffer.getvalue() for photo in TASK.photos}
    for name, content in task_files(ReadyTask(TASK, jpegs, ()), "label-studio").items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def label_studio(task_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudio]:
    """A running Label Studio; absent it is a skip on a laptop and a failure where CI promised it."""
    if not LABEL_STUDIO.exists():
        reason = "no Label Studio in .venv-label-studio; `make label-studio` installs it"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("label_studio")
    port = _free_port()
    script = str(PROJECT_ROOT / "infra" / "label_studio" / "label_studio.sh")
    start = ["start", "--no-browser", "--internal-host", "127.0.0.1", "--port", str(port)]
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [script, str(task_folder), *start, "--username", EMAIL, "--password", PASSWORD],
            env={**os.environ, "LABEL_STUDIO_BASE_DATA_DIR": str(home / "data")},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        session = LabelStudio(f"http://127.0.0.1:{port}")
        _wait_until_it_answers(session, process, home / "log")
        session.log_in()
        yield session
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def project(label_studio: LabelStudio, task_folder: Path) -> int:
    """A project with our configuration, our tasks, and our folder of images."""
    config = (task_folder / "label_config.xml").read_text()
    number: int = label_studio.made("/api/projects", {"title": "Beauty", "label_config": config})["id"]
    images = {"project": number, "path": str(task_folder / "images"), "use_blob_urls": True}
    label_studio.made("/api/storages/localfiles", images)
    tasks = json.loads((task_folder / "tasks.json").read_text())
    imported = label_studio.made(f"/api/projects/{number}/import", tasks)
    assert (imported["task_count"], imported["annotation_count"]) == (3, 0)
    return number


def test_label_studio_accepts_the_configuration_and_refuses_a_broken_one(label_studio: LabelStudio) -> None:
    status, body = label_studio.ask("POST", "/api/projects/validate/", {"label_config": label_config()})
    assert status == 204, body.decode()
    broken = label_config().replace('toName="image"', 'toName="picture"')
    assert label_studio.ask("POST", "/api/projects/validate/", {"label_config": broken})[0] == 400


def test_label_studio_serves_the_images_of_the_tasks(label_studio: LabelStudio, project: int) -> None:
    tasks = _tasks(label_studio, project)
    assert [task["data"]["photo_id"] for task in tasks] == [11, 22, 33]
    for task in tasks:
        status, body = label_studio.ask("GET", task["data"]["image"])
        assert status == 200
        assert Image.open(io.BytesIO(body)).size == (48, 32)


def test_answers_given_in_label_studio_are_imported(label_studio: LabelStudio, project: int, tmp_path: Path) -> None:
    first, second, third = (f"/api/tasks/{task['id']}/annotations/" for task in _tasks(label_studio, project))
    label_studio.made(first, {"result": [_choice("4")], "lead_time": 2.5})
    label_studio.made(second, {"result": [_choice("1")], "lead_time": 3})
    label_studio.made(third, {"result": [], "was_cancelled": True})
    status, export = label_studio.ask("GET", f"/api/projects/{project}/export?exportType=JSON&download_all_tasks=true")
    assert status == 200
    (tmp_path / "export.json").write_bytes(export)

    lake = Lake(str(tmp_path / "lake"))
    report = import_source("label_studio", tmp_path / "export.json", name="here", lake=lake, landing_root=tmp_path)
    rows = lake.zone("landed/here").read(CROWD_RATINGS).to_pylist()
    assert [(r["photo_id"], r["rating"], r["duration_ms"], r["is_gold"], r["gold_rating"]) for r in rows] == [
        (11, 4, 2500, False, None),
        (22, 1, 3000, True, 2),
    ]
    assert dict(report.tables["crowd_ratings"].rejected) == {"skipped": 1}


def _tasks(label_studio: LabelStudio, project: int) -> list[dict[str, Any]]:
    status, body = label_studio.ask("GET", f"/api/tasks?project={project}&page_size=100")
    assert status == 200
    tasks: list[dict[str, Any]] = json.loads(body)["tasks"]
    return sorted(tasks, key=lambda task: task["id"])


def _choice(level: str) -> dict[str, Any]:
    return {"from_name": "beauty", "to_name": "image", "type": "choices", "value": {"choices": [level]}}


def _wait_until_it_answers(session: LabelStudio, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if session.ask("GET", "/health")[0] == 200:
                return
        except OSError:
            time.sleep(1)
    pytest.fail(f"Label Studio did not come up:\n{log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
