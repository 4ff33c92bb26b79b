import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from assets.community.landed import Landed
from assets.community.whereabouts import places_of
from assets.contracts.community import EDGES, PHOTOS
from assets.contracts.lake import Lake

Land = Callable[..., None]
At = Callable[[str], datetime]


@pytest.fixture
def read_from(lake: Lake) -> Callable[..., None]:
    """Say in the document of a source which files its photos were read from: ``read_from("club", "/in", "a.csv")``."""

    def say(source: str, path: str, *files: str) -> None:
        document = {"consent": "users_table", "identity": {"path": path}, "tables": {"photos": {"files": files}}}
        lake.zone(f"landed/{source}").put_bytes("source.json", json.dumps(document).encode())

    return say


def photo(at: At, photo_id: int) -> dict[str, Any]:
    return {"photo_id": photo_id, "uploaded_at": at("2013-04-10"), "is_public": True, "uri": ""}


def test_places_of_names_the_source_and_file_of_each_row(
    lake: Lake, land: Land, moment: At, read_from: Callable[..., None]
) -> None:
    land("a", photos=[photo(moment, 1), photo(moment, 2)])
    land("b", photos=[photo(moment, 2), photo(moment, 3)])
    read_from("a", "/in/a", "photos.csv")
    read_from("b", "/in/photos.csv", "photos.csv")
    rows = [{"photo_id": "1", "user_id": "9"}, {"photo_id": "2"}, {"photo_id": "404"}, {"column": "uri"}]
    assert places_of(Landed.of(lake), PHOTOS, "2013-04", rows) == (
        "source a, /in/a, in photos.csv",
        "source b, /in/photos.csv",
        "",
        "",
    )
    assert places_of(Landed.of(lake), PHOTOS, "2013-05", rows[:1]) == ("",)


def test_places_of_names_some_of_many_files(lake: Lake, land: Land, moment: At, read_from: Callable[..., None]) -> None:
    land("a", photos=[photo(moment, 1)])
    read_from("a", "/in/a", *(f"photos/{number}.csv" for number in range(5)))
    (place,) = places_of(Landed.of(lake), PHOTOS, "2013-04", [{"photo_id": "1"}])
    assert place == "source a, /in/a, in photos/0.csv, photos/1.csv, photos/2.csv and 2 others"


def test_places_of_compares_the_whole_key_but_its_time(lake: Lake, land: Land, moment: At) -> None:
    edges = [{"follower_id": 1, "followee_id": i, "created_at": moment("2013-04-20")} for i in (2, 3)]
    land("a", edges=edges[:1])
    land("b", edges=edges[1:])
    rows = [{"follower_id": "1", "followee_id": str(i), "created_at": "any"} for i in (2, 3, 4)]
    assert places_of(Landed.of(lake), EDGES, "2013-04", rows) == ("source a", "source b", "")
