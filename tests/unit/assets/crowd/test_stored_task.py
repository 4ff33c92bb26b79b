import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assets.contracts.lake import Lake
from assets.crowd.stored_task import store_task

INPUTS = {"crowd_sample/undated": "a", "photos/undated": "b"}


@pytest.fixture
def store(lake: Lake, sampled: Path) -> Callable[..., dict[str, Any]]:
    """Store the task; what is said goes to ``said``."""

    def run(inputs: dict[str, str] | None = None, image_url: str = "") -> dict[str, Any]:
        said: list[str] = []
        return store_task(lake, str(sampled), inputs or INPUTS, image_url, said.append) | {"said": said}

    return run


def times(lake: Lake) -> dict[str, int]:
    root = Path(lake.location("crowd_task"))
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_store_task_keeps_page_and_label_studio_files_in_the_lake(lake: Lake, store: Callable[..., Any]) -> None:
    stored = store()
    assert times(lake).keys() == {
        "page.html",
        "task.json",
        "label_studio/images/1.jpg",
        "label_studio/images/3.jpg",
        "label_studio/label_config.xml",
        "label_studio/tasks.json",
    }
    assert stored["photos"] == 2
    assert [(each["photo_id"], each["uri"]) for each in stored["left_out"]] == [(2, "2.png")]
    assert stored["entry_points"] == [
        "crowd_task/page.html",
        "crowd_task/label_studio/label_config.xml",
        "crowd_task/label_studio/tasks.json",
    ]
    assert all(lake.get_bytes(name) for name in stored["entry_points"])


def test_store_task_leaves_everything_alone_without_news(lake: Lake, sampled: Path, store: Callable[..., Any]) -> None:
    Image.new("RGB", (40, 20), "blue").save(sampled / "2.png")
    first, before = store(), times(lake)
    assert (first["photos"], first["said"]) == (3, [])
    again = store()
    assert again["said"] == ["crowd_task is up to date"]
    assert {**again, "said": []} == first
    assert times(lake) == before


def test_store_task_tries_photos_again_that_could_not_be_shown(
    lake: Lake, sampled: Path, store: Callable[..., Any]
) -> None:
    store()
    before = times(lake)
    assert store()["photos"] == 2
    assert times(lake) == before
    Image.new("RGB", (40, 20), "blue").save(sampled / "2.png")
    assert (store()["photos"], store()["left_out"]) == (3, [])


def test_store_task_takes_up_news_and_removes_images_that_are_asked_about_no_more(
    lake: Lake, sampled: Path, store: Callable[..., Any]
) -> None:
    Image.new("RGB", (40, 20), "blue").save(sampled / "2.png")
    store()
    store(image_url="https://images.example")
    tasks = json.loads(lake.get_bytes("crowd_task/label_studio/tasks.json") or b"")
    assert tasks[0]["data"]["image"] == "https://images.example/1.jpg"
    (sampled / "3.png").unlink()
    store({**INPUTS, "photos/undated": "c"})
    assert "label_studio/images/3.jpg" not in times(lake)
    assert "label_studio/images/1.jpg" in times(lake)


def test_store_task_without_a_photo_to_show_says_why_and_leaves_no_old_task(
    lake: Lake, sampled: Path, store: Callable[..., Any]
) -> None:
    store()
    for image in sampled.iterdir():
        image.unlink()
    stored = store({"photos/undated": "d"})
    assert (stored["photos"], stored["entry_points"]) == (0, [])
    assert stored["reason"].startswith("none of 3 photos can be shown; photo 1")
    assert times(lake) == {}
