"""Answers from Label Studio: its export format JSON, one task per photo with one annotation per rater.

Layout: https://labelstud.io/guide/task_format ("Label Studio JSON format of annotated tasks"). Each annotation is one
row, from 1 in the order of the file. ``completed_by`` is the rater, ``lead_time`` (seconds) the time taken, and what
the task was told in ``data`` says which photo it was and whether it was a gold question. An answer is the whole number
of one ``choices`` or ``rating`` result; anything else is rejected with its reason. The file is read whole, as Label
Studio writes it.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from assets.contracts.crowd import CROWD_RATINGS
from assets.contracts.wording import counted
from assets.landing.importers.casting import field_of
from assets.landing.importers.checking import Source
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Intake, option
from assets.landing.importers.text_files import DETAIL, PROBLEM, ROW, TEXT, refuse_unusable

_COLUMNS = CROWD_RATINGS.schema.names
_SCHEMA = pa.schema(
    [
        (ROW, pa.int64()),
        *((name, pa.string()) for name in (TEXT, PROBLEM, DETAIL)),
        *((n, pa.string()) for n in _COLUMNS),
    ]
)
_ANSWERS = ("choices", "rating")
_MOST_SHOWN = 3


@dataclass(frozen=True)
class LabelStudioOptions:
    """Where the answer and the photo stand."""

    photo: str = option("photo_id", "Key of the task's data with the photo's number.")
    control: str = option("", "Name of the control that asks for beauty; needed where the task asks several things.")


def read(path: Path, options: LabelStudioOptions, intake: Intake) -> None:
    """Load every annotation of an export.

    Raises:
        ImportFailure: It is no JSON, or no list of tasks with annotations.
    """
    tasks = _tasks(path)
    rows = [
        {ROW: number, **_row(task, annotation, options)}
        for number, (task, annotation) in enumerate(_annotations(tasks), start=1)
    ]
    name = "label_studio_annotations"
    intake.workspace.add_arrow(name, pa.Table.from_pylist(rows, schema=_SCHEMA))
    source = Source(path.name, name, dict.fromkeys(_COLUMNS, "VARCHAR"), has_text=True)
    intake.workspace.load(CROWD_RATINGS, source, {column: field_of(column) for column in _COLUMNS})
    intake.workspace.reject_duplicates(CROWD_RATINGS.key)
    if unanswered := sum(not task["annotations"] for task in tasks):
        intake.note(f"{counted(unanswered, 'task')} had no annotation")


def _tasks(path: Path) -> list[dict[str, Any]]:
    refuse_unusable(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ImportFailure(
            f"cannot be read as JSON: {error}", file=path, expected="an export of Label Studio", remedy="Get it again."
        ) from error
    if not isinstance(content, list):
        raise _other_layout(path, "it holds no list of tasks")
    for number, task in enumerate(content, start=1):
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise _other_layout(path, f"item {number} has no data")
        annotations = task.get("annotations")
        if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
            raise _other_layout(path, f"item {number} has no list of annotations")
    return content


def _other_layout(path: Path, problem: str) -> ImportFailure:
    return ImportFailure(
        problem,
        file=path,
        expected=FORMAT.expects,
        remedy="Export again and choose the format JSON, neither JSON-MIN nor CSV.",
    )


def _annotations(tasks: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for task in tasks:
        yield from ((task, annotation) for annotation in task["annotations"])


def _row(task: Mapping[str, Any], annotation: Mapping[str, Any], options: LabelStudioOptions) -> dict[str, str | None]:
    """One annotation as texts, with what is wrong with it beside the columns of the contract."""
    data = task["data"]
    rater = _rater(annotation.get("completed_by"))
    rating, problem, detail = _answer(annotation, options.control)
    # Names and addresses of annotators have no place in the quarantine.
    kept = {"task": task.get("id"), "annotation": {**annotation, "completed_by": rater}}
    return {
        TEXT: json.dumps(kept, separators=(",", ":"), sort_keys=True),
        PROBLEM: problem,
        DETAIL: f"task {task.get('id')}, annotation {annotation.get('id')}: {detail}" if problem else None,
        "photo_id": _text(data.get(options.photo)),
        "rater_id": _text(rater),
        "rating": rating,
        "rated_at": _text(annotation.get("created_at")),
        "duration_ms": _milliseconds(annotation.get("lead_time")),
        "is_gold": _text(data.get("is_gold") or False),
        "gold_rating": _text(data.get("gold_rating")),
    }


def _answer(annotation: Mapping[str, Any], control: str) -> tuple[str | None, str | None, str]:
    """The rating, or the reason why there is none and what was found instead."""
    if annotation.get("was_cancelled"):
        return None, "skipped", "found a task that the rater skipped, expected an answer"
    results = annotation.get("result")
    given = [
        result
        for result in (results if isinstance(results, list) else [])
        if isinstance(result, dict)
        and result.get("type") in _ANSWERS
        and (not control or result.get("from_name") == control)
    ]
    values = [value for result in given for value in _values(result)]
    if len(given) != 1 or len(values) != 1:
        shown = ", ".join(map(str, values[:_MOST_SHOWN])) or "none"
        wanted = f"one answer of the control {control!r}" if control else "one answer"
        return None, "not_one_answer", f"found {counted(len(values), 'answer')} ({shown}), expected {wanted}"
    return _text(values[0]), None, ""


def _values(result: Mapping[str, Any]) -> list[Any]:
    value = result.get("value")
    found = value.get(result["type"]) if isinstance(value, dict) else None
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _rater(completed_by: Any) -> Any:
    """Number of the annotator, who stands there as a number or, in older exports, with name and address."""
    return completed_by.get("id") if isinstance(completed_by, dict) else completed_by


def _milliseconds(lead_time: Any) -> str | None:
    if isinstance(lead_time, int | float) and math.isfinite(lead_time):
        return str(round(lead_time * 1000))
    return _text(lead_time)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


FORMAT = Format(
    name="label_studio",
    help="Answers from Label Studio, in its export format JSON.",
    expects="a JSON file with a list of tasks, each with data and annotations",
    read=read,
    options=LabelStudioOptions,
)
