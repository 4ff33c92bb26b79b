"""The task as one HTML file that needs no network: images inside, plain JavaScript, answers as CSV.

``page.html`` beside this file is the page, with one slot for the task. Whoever opens it rates with the keys 1 to 5,
may close and come back, and downloads two files: answers in the long form that ``beautyflow import crowd_ratings``
takes, and a row for the table ``raters``. The page is sent to people who rate: known answers of gold questions stand
in its source, where somebody who looks for them finds them.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

from assets.crowd.tasks import GUIDANCE, LEVELS, QUESTION, CrowdTask

TEMPLATE = Path(__file__).with_name("page.html")
"""The page without its task."""
_SLOT = "{{task}}"


def render_page(task: CrowdTask, jpegs: Mapping[int, bytes]) -> str:
    """The page as HTML.

    Args:
        task: Photos in order.
        jpegs: Photo -> JPEG; every photo of the task has one.

    Raises:
        KeyError: A photo of the task has no JPEG.
    """
    content = {
        "task_id": task.task_id,
        "question": QUESTION,
        "guidance": GUIDANCE,
        "levels": [{"rating": rating, "words": words} for rating, words in LEVELS.items()],
        "photos": [
            {
                "photo_id": photo.photo_id,
                "is_gold": photo.gold_rating is not None,
                "gold_rating": photo.gold_rating,
                "image": f"data:image/jpeg;base64,{base64.b64encode(jpegs[photo.photo_id]).decode()}",
            }
            for photo in task.photos
        ],
    }
    # Nothing in a script element may look like its end.
    embedded = json.dumps(content, separators=(",", ":")).replace("<", "\\u003c")
    head, slot, tail = TEMPLATE.read_text(encoding="utf-8").partition(_SLOT)
    if not slot:
        raise ValueError(f"{TEMPLATE} has no slot {_SLOT}")
    return f"{head}{embedded}{tail}"
