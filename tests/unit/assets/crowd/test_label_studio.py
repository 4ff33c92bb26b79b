from xml.etree import ElementTree as ET

import pytest

from assets.crowd.label_studio import CONTROL, label_config, label_studio_tasks
from assets.crowd.tasks import GUIDANCE, QUESTION, CrowdTask, TaskPhoto

TASK = CrowdTask((TaskPhoto(5, "x.tar#a"), TaskPhoto(2, "b", gold_rating=4)))


def test_label_config_asks_the_question_with_five_levels_on_the_keys_1_to_5() -> None:
    view = ET.fromstring(label_config())
    assert [header.get("value") for header in view.findall("Header")] == [QUESTION, GUIDANCE]
    (choices,) = view.findall("Choices")
    assert (choices.get("name"), choices.get("toName"), choices.get("required")) == (CONTROL, "image", "true")
    assert choices.get("choice") == "single-radio"
    found = [(c.get("alias"), c.get("hotkey"), c.get("value", "")[0]) for c in choices.findall("Choice")]
    assert found == [(level, level, level) for level in "12345"]


def test_label_studio_tasks_carry_what_the_import_needs() -> None:
    first, second = label_studio_tasks(TASK)
    assert first["data"] == {
        "image": "/data/local-files/?d=images/5.jpg",
        "photo_id": 5,
        "is_gold": False,
        "gold_rating": None,
        "position": 1,
        "task_id": TASK.task_id,
    }
    assert (second["data"]["is_gold"], second["data"]["gold_rating"], second["data"]["position"]) == (True, 4, 2)


@pytest.mark.parametrize("prefix", ["https://images.example/task", "https://images.example/task/"])
def test_label_studio_tasks_take_an_address_for_the_images(prefix: str) -> None:
    assert label_studio_tasks(TASK, prefix)[0]["data"]["image"] == "https://images.example/task/5.jpg"
