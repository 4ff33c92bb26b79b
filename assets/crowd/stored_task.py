"""The task as the platform keeps it: files in the lake that are replaced together and left alone without news."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.crowd.export import LABEL_STUDIO, PAGE, ReadyTask, prepare_task, task_files
from assets.crowd.label_studio import IMAGES
from assets.crowd.page import TEMPLATE

TASK = "crowd_task"
"""Key of the asset, and its folder in the lake."""
_RECORD = f"{TASK}/task.json"
_LABEL_STUDIO_FOLDER = f"{TASK}/label_studio"
_IMAGES = f"{_LABEL_STUDIO_FOLDER}/{IMAGES}"
_CODE = tuple(f"assets.crowd.{name}" for name in ("export", "label_studio", "page", "pictures", "stored_task", "tasks"))


def store_task(
    lake: Lake, media_root: str, inputs: Mapping[str, str], image_url: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Put the task's files into the lake unless they come from the same inputs.

    Photos that could not be shown are tried again each time.

    Args:
        lake: The lake.
        media_root: Where relative photo URIs start.
        inputs: What the task is made from, as ``Lake.fingerprints`` gives it.
        image_url: Address at which Label Studio will find the images.
        say: Told whether there was news.

    Returns:
        The record of the task: ``photos``, ``left_out``, ``entry_points``, and the ``reason`` where there is no task.
    """
    basis = {"code_version": _code_version(), "inputs": dict(sorted(inputs.items())), "image_url": image_url}
    kept = json.loads(lake.get_bytes(_RECORD) or b"{}")
    if kept.get("basis") == basis and not kept["left_out"]:
        say("crowd_task is up to date")
        return dict(kept)
    try:
        ready = prepare_task(lake, media_root)
    except ValueError as error:
        lake.delete_below(TASK)
        return {"photos": 0, "left_out": [], "entry_points": [], "reason": str(error)}
    return _put(lake, ready, basis)


def stored_basis(lake: Lake) -> dict[str, Any] | None:
    """What the stored task was made from: ``code_version``, ``inputs`` and ``image_url``; None where there is none."""
    kept = json.loads(lake.get_bytes(_RECORD) or b"{}")
    return dict(kept["basis"]) if kept else None


def _code_version() -> str:
    """Of the code, and of the page's template, which is no Python."""
    return f"{code_version_of(*_CODE)}-{hashlib.sha256(TEMPLATE.read_bytes()).hexdigest()[:12]}"


def _put(lake: Lake, ready: ReadyTask, basis: Mapping[str, Any]) -> dict[str, Any]:
    files = {f"{TASK}/{name}": content for name, content in task_files(ready, PAGE).items()}
    label_studio = task_files(ready, LABEL_STUDIO, basis["image_url"])
    files |= {f"{_LABEL_STUDIO_FOLDER}/{name}": content for name, content in label_studio.items()}
    record = {
        "basis": dict(basis),
        "task_id": ready.task.task_id,
        "photos": len(ready.task.photos),
        "left_out": [asdict(each) for each in ready.left_out],
        "entry_points": [name for name in files if not name.startswith(f"{_IMAGES}/")],
        "reason": "",
    }
    # The record comes last: what a killed run left half done is then done again.
    for name, content in {**files, _RECORD: json.dumps(record, indent=1, sort_keys=True).encode()}.items():
        if lake.get_bytes(name) != content:
            lake.put_bytes(name, content)
    for name in set(lake.names(_IMAGES)) - set(files):
        lake.delete(name)
    return record
