from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assets.community.preview import preview_landed
from assets.community.publication import publish_months
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings

Land = Callable[..., None]
At = Callable[[str], datetime]


@pytest.fixture
def settings(tmp_path: Path, lake: Lake) -> Settings:
    return Settings(tmp_path, lake.uri)


def photo(at: At, photo_id: int, user_id: int, uploaded: str) -> dict[str, Any]:
    return {"photo_id": photo_id, "user_id": user_id, "uploaded_at": at(uploaded), "is_public": True, "uri": ""}


def untrue(settings: Settings) -> list[tuple[str, str, str]]:
    found = list(preview_landed(settings, []))
    assert len(found) > 20
    return [(each.table, each.month, each.finding.name) for each in found if not each.passed]


def test_preview_landed_tells_what_would_be_refused_and_writes_nothing(
    settings: Settings, lake: Lake, land: Land, moment: At
) -> None:
    land("club", users=[{"user_id": 1, "joined_at": moment("2013-03-01"), "opted_in": True}])
    land("club", photos=[photo(moment, 1, 1, "2013-04-10"), photo(moment, 2, 99, "2013-05-10")])
    before = sorted(Path(lake.uri).rglob("*"))
    assert untrue(settings) == [("photos", "2013-05", "user_id_is_in_users")]
    assert sorted(Path(lake.uri).rglob("*")) == before


def test_preview_landed_knows_which_volume_was_accepted(settings: Settings, lake: Lake, land: Land, moment: At) -> None:
    months = [f"2013-{number:02d}" for number in range(4, 10)]
    calm = [photo(moment, 100 * i + j, 1, f"{month}-10") for i, month in enumerate(months) for j in range(40)]
    many = [photo(moment, 10_000 + i, 1, "2013-10-10") for i in range(240)]
    land("club", users=[{"user_id": 1, "joined_at": moment("2013-03-01"), "opted_in": True}], photos=[*calm, *many])
    assert untrue(settings) == [("photos", "2013-10", "volume_has_not_exploded")]
    publish_months(lake, USERS, ["2013-03"])
    publish_months(lake, PHOTOS, [*months, "2013-10"], accept_volume=["2013-10"])
    assert untrue(settings) == []
