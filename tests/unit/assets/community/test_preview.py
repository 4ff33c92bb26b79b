from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assets.community.preview import MonthFinding, Verdict, preview_landed
from assets.community.publication import publish_months
from assets.contracts.community import FAVORITES, PHOTOS, USERS
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


@pytest.fixture
def cascade(settings: Settings, land: Land, moment: At) -> list[MonthFinding]:
    """Photo 9 of nobody known stands in the month of photo 2; favorites of 2, 9 and, in one month, of a photo 404."""
    people = [{"user_id": i, "joined_at": moment("2013-03-01"), "opted_in": True} for i in (1, 2)]
    pictures = [
        photo(moment, 1, 1, "2013-03-10"),
        photo(moment, 2, 1, "2013-04-10"),
        photo(moment, 9, 99, "2013-04-10"),
    ]
    liked = {"2013-05": (1, 2, 9), "2013-06": (404, 2, 9), "2013-07": (1,), "2013-08": (2,)}
    favorites = [
        {"user_id": i, "photo_id": number, "created_at": moment(f"{month}-0{i}")}
        for i, (month, numbers) in enumerate(liked.items(), start=1)
        for number in numbers
    ]
    users = [*people, *({"user_id": i, "joined_at": moment("2013-03-02"), "opted_in": True} for i in (3, 4))]
    land("club", users=users, photos=pictures, favorites=favorites)
    return list(preview_landed(settings, []))


def test_preview_landed_tells_mistakes_from_what_only_follows(cascade: list[MonthFinding]) -> None:
    false = {(each.table, each.month): each for each in cascade if not each.passed}
    assert {place: each.is_mistake for place, each in false.items()} == {
        ("photos", "2013-04"): True,
        ("favorites", "2013-05"): False,
        ("favorites", "2013-06"): True,
        ("favorites", "2013-08"): False,
    }
    mixed = false["favorites", "2013-06"].finding
    assert (mixed.unexpected_count, dict(mixed.follows_from)) == (3, {"photos/2013-04": 2})
    assert mixed.examples == ({"user_id": "2", "photo_id": "404"},)


def test_as_line_names_table_month_statement_row_source_and_remedy(cascade: list[MonthFinding]) -> None:
    lines = {(each.table, each.month): each.as_line() for each in cascade if not each.passed}
    assert lines["photos", "2013-04"].splitlines() == [
        "FALSE  photos/2013-04  user_id_is_in_users: false of 1 of 2 rows",
        "         photo_id 9, user_id 99: source club",
        "         Add the missing rows to `users` (`beautyflow rejected` shows those that did not land), "
        "or take these out, and import again.",
    ]
    assert lines["favorites", "2013-06"].splitlines()[:2] == [
        "FALSE  favorites/2013-06  photo_id_is_in_photos: "
        "false of 3 of 3 rows, 2 of them because photos/2013-04 is refused",
        "         user_id 2, photo_id 404: source club",
    ]
    assert lines["favorites", "2013-08"] == (
        "follows favorites/2013-08  photo_id_is_in_photos: false of 1 of 1 row, because photos/2013-04 is refused"
    )


def test_verdict_counts_what_only_follows_apart_in_one_line_per_statement(cascade: list[MonthFinding]) -> None:
    verdict = Verdict()
    for each in cascade:
        verdict.add(each)
    assert (verdict.asked, verdict.mistakes, verdict.following, verdict.is_good) == (len(cascade), 2, 2, False)
    assert verdict.as_text().splitlines() == [
        "follows favorites  photo_id_is_in_photos: false in 2 months only because photos/2013-04 is refused",
        f"{len(cascade)} statements about months of tables tested, 2 false; "
        "2 more only follow from months that are refused",
    ]


def test_verdict_is_not_good_where_everything_false_follows(cascade: list[MonthFinding]) -> None:
    verdict = Verdict()
    assert verdict.is_good
    verdict.add(next(each for each in cascade if not each.passed and not each.is_mistake))
    assert (verdict.mistakes, verdict.is_good) == (0, False)
    assert verdict.as_text().endswith("0 false; 1 more only follows from months that are refused")


def test_as_dict_says_where_and_what_to_do(cascade: list[MonthFinding]) -> None:
    told = [each.as_dict() for each in cascade if not each.passed]
    assert [(one["places"], one["only_follows"]) for one in told[:2]] == [(["source club"], False), ([], True)]
    assert told[0]["remedy"].startswith("Add the missing rows to `users`")


def test_a_refusal_that_only_follows_says_what_it_waits_for(lake: Lake, cascade: list[MonthFinding]) -> None:
    assert cascade
    publish_months(lake, USERS, ["2013-03"])
    publish_months(lake, PHOTOS, ["2013-03", "2013-04"])
    outcome = publish_months(lake, FAVORITES, ["2013-06", "2013-08"])
    assert outcome.refused["2013-08"].as_line(FAVORITES).endswith("It is published once photos/2013-04 can be.")
    assert "Add the missing rows to `photos`" in outcome.refused["2013-06"].as_line(FAVORITES)
