from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from assets.contracts.lake import Lake
from assets.crowd.tasks import CrowdTask, TaskPhoto, build_task, read_gold

Put = Callable[..., None]


def publish(put: Put, photos: int, sampled: list[int]) -> None:
    """Photos 0, 1, 2 ... and a sample of some in that order."""
    cell: dict[str, Any] = {"popularity_bucket": "tail", "category": "sea", "favorites": 0, "cell_photos": photos}
    put(
        photos=[{"photo_id": n, "is_public": True, "uri": "" if n == 99 else f"{n}.jpg"} for n in range(photos)],
        crowd_sample=[{"photo_id": n, "position": place, **cell} for place, n in enumerate(sampled, start=1)],
    )


def test_build_task_keeps_the_order_of_the_sample(lake: Lake, put: Put) -> None:
    publish(put, 9, [5, 2, 8])
    assert build_task(lake).photos == (TaskPhoto(5, "5.jpg"), TaskPhoto(2, "2.jpg"), TaskPhoto(8, "8.jpg"))


def test_build_task_marks_gold_that_is_in_the_sample(lake: Lake, put: Put) -> None:
    publish(put, 9, [5, 2, 8])
    assert build_task(lake, {2: 4}).photos[1] == TaskPhoto(2, "2.jpg", gold_rating=4)


def test_build_task_spreads_other_gold_over_the_whole_task(lake: Lake, put: Put) -> None:
    sampled = list(range(80))
    publish(put, 90, sampled)
    task = build_task(lake, dict.fromkeys(range(80, 88), 3))
    order = [photo.photo_id for photo in task.photos]
    assert sorted(order) == list(range(88))
    assert [n for n in order if n < 80] == sampled
    places = [place for place, photo in enumerate(task.photos) if photo.gold_rating == 3]
    # One gold question in each of eight stretches of ten sampled photos, not at a regular distance.
    assert [place // 11 for place in places] == list(range(8))
    assert len({b - a for a, b in pairwise(places)}) > 3
    assert build_task(lake, dict.fromkeys(range(87, 79, -1), 3)) == task


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        ({500: 3}, "gold photo 500 is no published photo with an image; take it out of the gold file"),
        ({99: 3}, "gold photo 99 is no published photo with an image"),
        ({1: 6}, "gold photo 1 has the answer 6; expected 1 to 5"),
    ],
)
def test_build_task_refuses_gold_that_cannot_be_asked(lake: Lake, put: Put, gold: dict[int, int], message: str) -> None:
    publish(put, 100, [1, 2])
    with pytest.raises(ValueError, match=message):
        build_task(lake, gold)


def test_build_task_wants_a_sample(lake: Lake) -> None:
    with pytest.raises(ValueError, match="there is no sample to ask about; materialize `crowd_sample`"):
        build_task(lake)


def test_task_id_changes_with_what_is_asked() -> None:
    task = CrowdTask((TaskPhoto(1, "a"), TaskPhoto(2, "b")))
    others = [
        CrowdTask(task.photos[::-1]),
        CrowdTask(task.photos[:1]),
        CrowdTask((replace(task.photos[0], gold_rating=3), task.photos[1])),
    ]
    assert len({task.task_id, *(other.task_id for other in others)}) == 4
    assert task.task_id == CrowdTask((TaskPhoto(1, "moved"), TaskPhoto(2, "b"))).task_id


def test_read_gold_reads_known_answers(tmp_path: Path) -> None:
    path = tmp_path / "gold.csv"
    path.write_text("\ufeffgold_rating,photo_id,why\n5,7,famous\n1, 8 ,blurred\n")
    assert read_gold(path) == {7: 5, 8: 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("photo,gold_rating\n1,2\n", "line 1: there is no column photo_id; expected photo_id, gold_rating"),
        ("", "line 1: there is no column photo_id"),
        ("photo_id,gold_rating\n", "there is no gold question; add rows, or leave the option out"),
        ("photo_id,gold_rating\n1,2\nx,3\n", "line 3, photo_id: found 'x', expected a whole number"),
        ("photo_id,gold_rating\n1\n", "line 2, gold_rating: found 'nothing', expected a whole number"),
        ("photo_id,gold_rating\n1,6\n", "line 2, gold_rating: found 6, expected 1 to 5"),
        ("photo_id,gold_rating\n1,2\n1,2\n", "line 3, photo_id: photo 1 stands twice"),
    ],
)
def test_read_gold_says_what_is_wrong_and_where(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "gold.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_gold(path)
    assert str(path) in str(caught.value)
