import json
from typing import Any

import pytest

from assets.landing.importers import ImportFailure

PHOTO = {"photo_id": 7, "image": "x"}


def choice(value: Any, name: str = "beauty") -> dict[str, Any]:
    return {"from_name": name, "to_name": "image", "type": "choices", "value": {"choices": [value]}}


def annotation(number: int, *results: Any, rater: Any = 3, **more: Any) -> dict[str, Any]:
    """As Label Studio 1.23 writes one."""
    return {
        "id": number,
        "completed_by": rater,
        "result": list(results),
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": "2026-01-02T03:04:05.678901Z",
        "updated_at": "2026-02-02T03:04:05.678901Z",
        "lead_time": 4.2884,
    } | more


def export(folder: Any, tasks: Any) -> Any:
    return folder({"export.json": json.dumps(tasks)}) / "export.json"


def task(number: int, *annotations: Any, **data: Any) -> dict[str, Any]:
    return {"id": number, "annotations": list(annotations), "predictions": [], "data": {**PHOTO, **data}}


def test_read_takes_answers_with_rater_time_and_gold(importing, folder):
    rated = {"from_name": "stars", "to_name": "image", "type": "rating", "value": {"rating": 2}}
    older = {"id": 4, "email": "somebody@example.com", "first_name": "Some"}
    tasks = [
        task(1, annotation(1, choice("4")), annotation(2, rated, rater=older)),
        task(2, annotation(3, choice("5")), photo_id="8", is_gold=True, gold_rating=5),
        task(3, photo_id=9),
    ]
    report = importing.run("label_studio", export(folder, tasks))
    rows = importing.rows("crowd_ratings")
    assert [(r["photo_id"], r["rater_id"], r["rating"], r["is_gold"], r["gold_rating"]) for r in rows] == [
        (7, 3, 4, False, None),
        (7, 4, 2, False, None),
        (8, 3, 5, True, 5),
    ]
    assert {row["duration_ms"] for row in rows} == {4288}
    assert {row["rated_at"].isoformat() for row in rows} == {"2026-01-02T03:04:05.678901+00:00"}
    assert report.tables["crowd_ratings"].months == ("2026-01",)
    assert report.rejected_rows == 0
    assert report.notes == ("1 task had no annotation",)


def test_read_rejects_what_is_not_one_answer(importing, folder):
    both = {"type": "choices", "value": {"choices": ["1", "2"]}}
    annotations = [
        annotation(1, choice("4")),
        annotation(2),
        annotation(3, both, rater=4),
        annotation(4, choice("1"), choice("1", "other"), rater=5),
        annotation(5, choice("3"), rater=6, was_cancelled=True),
        annotation(6, choice("Very beautiful"), rater=7),
        annotation(7, choice("0"), rater=8),
        annotation(8, choice("3"), rater=None),
        annotation(9, {"type": "textarea", "value": {"text": ["4"]}}, rater=9),
        annotation(10, "4", {"type": "choices", "value": None}, rater=10),
        annotation(11, choice("2")),
        annotation(12, choice("2"), rater=12, lead_time=-1),
        annotation(13, choice("2"), rater=13, created_at="yesterday"),
    ]
    importing.run("label_studio", export(folder, [task(70, *annotations)]))
    assert [row["rating"] for row in importing.rows("crowd_ratings")] == [4]
    assert importing.reasons("crowd_ratings") == [
        (2, None, "not_one_answer"),
        (3, None, "not_one_answer"),
        (4, None, "not_one_answer"),
        (5, None, "skipped"),
        (6, "rating", "not_an_integer"),
        (7, "rating", "out_of_range"),
        (8, "rater_id", "null_in_required_column"),
        (9, None, "not_one_answer"),
        (10, None, "not_one_answer"),
        (11, "rater_id", "duplicate_key"),
        (12, "duration_ms", "out_of_range"),
        (13, "rated_at", "not_a_timestamp"),
    ]
    details = [row["detail"] for row in importing.rejected("crowd_ratings")]
    assert details[:4] == [
        "task 70, annotation 2: found 0 answers (none), expected one answer",
        "task 70, annotation 3: found 2 answers (1, 2), expected one answer",
        "task 70, annotation 4: found 2 answers (1, 1), expected one answer",
        "task 70, annotation 5: found a task that the rater skipped, expected an answer",
    ]


def test_read_takes_the_control_and_the_photo_that_were_named(importing, folder):
    tasks = [
        task(1, annotation(1, choice("2"), choice("5", "liking"))),
        task(2, annotation(2, choice("1", "liking"))),
        task(3, annotation(3, choice("3")), id=8),
    ]
    for one in tasks:
        one["data"]["number"] = one["id"]
    importing.run("label_studio", export(folder, tasks), control="beauty", photo="number")
    assert [(row["photo_id"], row["rating"]) for row in importing.rows("crowd_ratings")] == [(1, 2), (3, 3)]
    assert importing.rejected("crowd_ratings")[0]["detail"] == (
        "task 2, annotation 2: found 0 answers (none), expected one answer of the control 'beauty'"
    )


def test_read_keeps_no_name_or_address_of_an_annotator(importing, folder):
    person = {"id": 4, "email": "somebody@example.com"}
    answered = annotation(2, choice("3"))
    importing.run("label_studio", export(folder, [task(1, answered, annotation(1, rater=person))]))
    (rejected,) = importing.rejected("crowd_ratings")
    assert "somebody" not in rejected["text"]
    assert json.loads(rejected["text"])["annotation"]["completed_by"] == 4


@pytest.mark.parametrize("lead_time", ["NaN", "Infinity"])
def test_read_takes_a_time_that_is_no_number_for_none_or_a_fault(importing, folder, lead_time):
    tasks = json.dumps([task(1, annotation(1, choice("3")), annotation(2, choice("3"), rater=4))])
    path = folder({"export.json": tasks.replace("4.2884", lead_time, 1)}) / "export.json"
    report = importing.run("label_studio", path)
    assert report.tables["crowd_ratings"].months == ("2026-01",)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "it holds no list of tasks"),
        ('[{"id": 1, "photo_id": 7, "beauty": "4", "annotator": 1}]', "item 1 has no data"),
        ('[{"data": {}, "annotations": []}, {"data": {}, "completions": []}]', "item 2 has no list of annotations"),
        ('[{"data": {}, "annotations": [1]}]', "item 1 has no list of annotations"),
    ],
)
def test_read_refuses_other_layouts(importing, folder, content, problem):
    path = folder({"export.json": content}) / "export.json"
    with pytest.raises(ImportFailure, match=problem) as caught:
        importing.run("label_studio", path)
    assert "export.json" in str(caught.value)


def test_read_says_which_format_to_export(importing, folder):
    with pytest.raises(ImportFailure, match="choose the format JSON, neither JSON-MIN nor CSV"):
        importing.run("label_studio", export(folder, [{"id": 1, "photo_id": 7}]))
