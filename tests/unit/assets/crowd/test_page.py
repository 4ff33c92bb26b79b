import base64
import json
import re

import pytest

from assets.crowd.page import render_page
from assets.crowd.tasks import GUIDANCE, LEVELS, QUESTION, CrowdTask, TaskPhoto

TASK = CrowdTask((TaskPhoto(5, "a"), TaskPhoto(2, "b", gold_rating=4)))


def embedded(page: str) -> dict[str, object]:
    (content,) = re.findall(r'<script id="task" type="application/json">(.*?)</script>', page, re.DOTALL)
    found: dict[str, object] = json.loads(content)
    return found


def test_render_page_holds_the_task_and_its_images() -> None:
    task = embedded(render_page(TASK, {5: b"five", 2: b"two", 9: b"not asked"}))
    assert (task["task_id"], task["question"], task["guidance"]) == (TASK.task_id, QUESTION, GUIDANCE)
    assert task["levels"] == [{"rating": rating, "words": words} for rating, words in LEVELS.items()]
    image = "data:image/jpeg;base64,"
    assert task["photos"] == [
        {"photo_id": 5, "is_gold": False, "gold_rating": None, "image": image + base64.b64encode(b"five").decode()},
        {"photo_id": 2, "is_gold": True, "gold_rating": 4, "image": image + base64.b64encode(b"two").decode()},
    ]


def test_render_page_names_no_address() -> None:
    page = render_page(TASK, {5: b"", 2: b""})
    assert "default-src 'none'" in page
    assert not re.findall(r"https?:|//[a-z]+\.|@import|url\(", page)


def test_render_page_wants_an_image_of_every_photo() -> None:
    with pytest.raises(KeyError, match="2"):
        render_page(TASK, {5: b""})


def test_the_question_asks_for_beauty_and_not_for_the_subject() -> None:
    assert QUESTION == "How beautiful is this image?"
    assert "Do not judge what it shows" in GUIDANCE
    assert list(LEVELS) == [1, 2, 3, 4, 5]
