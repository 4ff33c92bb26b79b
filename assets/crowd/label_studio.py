"""The task for Label Studio: tasks to import and the labelling configuration.

Written after Label Studio's own documentation ("Import data", "Choices", "Local storage"); the test in
``tests/integration/test_label_studio.py`` has Label Studio's parser judge it, in an environment of its own.
Answers come back through ``beautyflow import label_studio`` (``assets/landing/importers/label_studio.py``).
"""

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from assets.crowd.tasks import GUIDANCE, LEVELS, QUESTION, CrowdTask, TaskPhoto

CONTROL = "beauty"
"""Name of the answer in the labelling configuration."""
IMAGES = "images"
"""Folder of the task's images."""
LOCAL_FILES = f"/data/local-files/?d={IMAGES}"
"""Where Label Studio serves the images itself, with the task's folder as its document root."""


def label_config() -> str:
    """Labelling configuration: the question, five levels on the keys 1 to 5, and the image."""
    view = ET.Element("View")
    ET.SubElement(view, "Header", value=QUESTION)
    ET.SubElement(view, "Header", value=GUIDANCE, size="5")
    answers = ET.SubElement(
        view,
        "Choices",
        name=CONTROL,
        toName="image",
        choice="single-radio",
        showInline="true",
        required="true",
        requiredMessage="Choose one of the five levels.",
    )
    for level, words in LEVELS.items():
        # The alias is what the export holds; people read the value.
        ET.SubElement(answers, "Choice", value=f"{level} {words}", alias=str(level), hotkey=str(level))
    # Below its question, because a tall image would push the answers off the screen.
    ET.SubElement(view, "Image", name="image", value="$image", zoom="false", zoomControl="false", rotateControl="false")
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def label_studio_tasks(task: CrowdTask, url_prefix: str = "") -> list[dict[str, Any]]:
    """Tasks in the form of Label Studio's import, in order.

    Args:
        task: The photos.
        url_prefix: Address at which the folder of images will be found; empty means Label Studio's local files.
    """
    return [_task(task.task_id, place, photo, url_prefix) for place, photo in enumerate(task.photos, start=1)]


def image_name(photo_id: int) -> str:
    """Name of a photo's image in the folder of images."""
    return f"{photo_id}.jpg"


def _task(task_id: str, place: int, photo: TaskPhoto, url_prefix: str) -> dict[str, Any]:
    name = quote(image_name(photo.photo_id))
    return {
        "data": {
            "image": f"{(url_prefix or LOCAL_FILES).rstrip('/')}/{name}",
            "photo_id": photo.photo_id,
            "is_gold": photo.gold_rating is not None,
            "gold_rating": photo.gold_rating,
            "position": place,
            "task_id": task_id,
        }
    }
