import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED
from assets.crowd.stored_task import store_task
from assets.crowd.withdrawal import withdraw_photos

Put = Callable[..., None]


@pytest.fixture
def asked(lake: Lake, sampled: Path) -> Path:
    """Photos 1, 2 and 3 are sampled and in the task."""
    Image.new("RGB", (40, 20), "blue").save(sampled / "2.png")
    inputs = lake.fingerprints(CROWD_SAMPLE.key) | lake.fingerprints("photos")
    assert store_task(lake, str(sampled), inputs, "http://images", print)["photos"] == 3
    return sampled


def photos(*ids: int) -> list[dict[str, Any]]:
    return [{"photo_id": n, "is_public": True, "uri": f"{n}.png"} for n in ids]


def state(lake: Lake) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in Path(lake.uri).rglob("*") if path.is_file()}


def in_task(lake: Lake) -> list[int]:
    tasks = json.loads(lake.get_bytes("crowd_task/label_studio/tasks.json") or b"[]")
    return sorted(task["data"]["photo_id"] for task in tasks)


def test_withdraw_photos_takes_them_out_of_sample_and_task_and_draws_none_for_them(
    lake: Lake, put: Put, asked: Path
) -> None:
    before = lake.commit_of(CROWD_SAMPLE.key, UNDATED)
    assert before is not None
    put(photos=photos(1, 2, 4))
    assert withdraw_photos(lake, str(asked), print) == 1
    assert lake.read(CROWD_SAMPLE)["photo_id"].to_pylist() == [1, 2]
    assert in_task(lake) == [1, 2]
    assert lake.get_bytes("crowd_task/label_studio/images/3.jpg") is None
    version, inputs = before.code_version, before.inputs
    assert not lake.is_current(CROWD_SAMPLE, UNDATED, code_version=version, inputs=inputs)
    settled = state(lake)
    assert withdraw_photos(lake, str(asked), print) == 0
    assert state(lake) == settled


def test_withdraw_photos_leaves_the_task_alone_while_all_of_it_is_published(lake: Lake, put: Put, asked: Path) -> None:
    put(photos=photos(1, 2, 3, 4))
    before = state(lake)
    assert withdraw_photos(lake, str(asked), print) == 0
    assert state(lake) == before


def test_withdraw_photos_finishes_what_was_killed_between_sample_and_task(
    lake: Lake, put: Put, asked: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(photos=photos(1, 2))
    with monkeypatch.context() as patch:
        patch.setattr("assets.crowd.withdrawal.store_task", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            withdraw_photos(lake, str(asked), print)
    assert withdraw_photos(lake, str(asked), print) == 0
    assert in_task(lake) == [1, 2]


def test_withdraw_photos_leaves_no_task_where_no_photo_is_left(lake: Lake, put: Put, asked: Path) -> None:
    put(photos=photos(4))
    assert withdraw_photos(lake, str(asked), print) == 3
    assert lake.names("crowd_task") == lake.names("crowd_task/label_studio/images") == []


def test_withdraw_photos_without_a_sample_does_nothing(lake: Lake, tmp_path: Path) -> None:
    assert withdraw_photos(lake, str(tmp_path), print) == 0
    assert lake.names("crowd_task") == []
