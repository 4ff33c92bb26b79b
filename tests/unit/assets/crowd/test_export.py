import json
from pathlib import Path

import pytest

from assets.contracts.lake import Lake
from assets.crowd.export import prepare_task, task_files


def test_prepare_task_leaves_out_what_cannot_be_shown(lake: Lake, sampled: Path) -> None:
    ready = prepare_task(lake, str(sampled), {3: 5})
    assert [(photo.photo_id, photo.gold_rating) for photo in ready.task.photos] == [(1, None), (3, 5)]
    assert [each.photo_id for each in ready.left_out] == [2]


def test_prepare_task_refuses_a_task_of_nothing(lake: Lake, sampled: Path) -> None:
    for image in sampled.iterdir():
        image.unlink()
    with pytest.raises(ValueError, match=r"none of 3 photos can be shown; photo 1: .*No such file"):
        prepare_task(lake, str(sampled))


def test_task_files_hold_the_page_or_everything_for_label_studio(lake: Lake, sampled: Path) -> None:
    ready = prepare_task(lake, str(sampled))
    assert list(task_files(ready, "page")) == ["page.html"]
    files = task_files(ready, "label-studio", "https://images.example")
    assert list(files) == ["images/1.jpg", "images/3.jpg", "label_config.xml", "tasks.json"]
    tasks = json.loads(files["tasks.json"])
    assert [task["data"]["image"] for task in tasks] == ["https://images.example/1.jpg", "https://images.example/3.jpg"]
    with pytest.raises(ValueError, match="there is no task format 'pdf'; there is page and label-studio"):
        task_files(ready, "pdf")
