"""A task as files: what is sent to people who rate, or put into Label Studio."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from assets.contracts.lake import Lake
from assets.crowd.label_studio import IMAGES, image_name, label_config, label_studio_tasks
from assets.crowd.page import render_page
from assets.crowd.pictures import LeftOut, PictureSize, load_pictures
from assets.crowd.tasks import CrowdTask, build_task

PAGE, LABEL_STUDIO = "page", "label-studio"
FORMATS = (PAGE, LABEL_STUDIO)
PAGE_FILE, TASKS_FILE, CONFIG_FILE = "page.html", "tasks.json", "label_config.xml"


@dataclass(frozen=True)
class ReadyTask:
    """A task of photos that can be shown.

    Attributes:
        task: The photos, in order.
        jpegs: Photo -> JPEG, for every photo of the task.
        left_out: Photos that cannot be shown, and why.
    """

    task: CrowdTask
    jpegs: Mapping[int, bytes]
    left_out: tuple[LeftOut, ...]


def prepare_task(
    lake: Lake, media_root: str, gold: Mapping[int, int] | None = None, size: PictureSize | None = None
) -> ReadyTask:
    """The task of the sample with its pictures; photos that cannot be shown are left out, with a reason.

    Args:
        lake: The lake; the sample and published photos are read.
        media_root: Where relative photo URIs start.
        gold: Photo -> known answer.
        size: Bounds of a picture.

    Raises:
        ValueError: There is no sample, a gold photo cannot be used, or not one photo can be shown.
    """
    wanted = build_task(lake, gold)
    pictures = load_pictures(wanted.photos, media_root, size)
    task = CrowdTask(tuple(photo for photo in wanted.photos if photo.photo_id in pictures.jpegs))
    if not task.photos:
        first = pictures.left_out[0]
        raise ValueError(f"none of {len(wanted.photos)} photos can be shown; photo {first.photo_id}: {first.reason}")
    return ReadyTask(task, pictures.jpegs, pictures.left_out)


def task_files(ready: ReadyTask, form: str, url_prefix: str = "") -> dict[str, bytes]:
    """Files of a task by name.

    Args:
        ready: The task.
        form: ``page``: one HTML file. ``label-studio``: tasks, labelling configuration and a folder of images.
        url_prefix: Address at which Label Studio will find the folder of images; empty means its local files.

    Raises:
        ValueError: There is no such form.
    """
    if form == PAGE:
        return {PAGE_FILE: render_page(ready.task, ready.jpegs).encode()}
    if form == LABEL_STUDIO:
        tasks = label_studio_tasks(ready.task, url_prefix)
        images = {f"{IMAGES}/{image_name(photo)}": jpeg for photo, jpeg in ready.jpegs.items()}
        # Tasks come last: who finds them finds the rest.
        return {**images, CONFIG_FILE: label_config().encode(), TASKS_FILE: json.dumps(tasks, indent=1).encode()}
    raise ValueError(f"there is no task format {form!r}; there is {' and '.join(FORMATS)}")
