"""What a run over some months of a table publishes, refuses and takes back, whatever lands meanwhile."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assets.community import publication
from assets.community.audit import audit_months
from assets.community.publication import AlwaysOvertaken, Outcome, publish_months
from assets.community.publishing import StagedMonth, landed_months, retract, stage_month
from assets.community.record import read_record
from assets.community.refusals import read_refusals
from assets.contracts.community import FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract

Land = Callable[..., None]
At = Callable[[str], datetime]
MONTH = "2013-04"


def user(at: At, user_id: int, **more: Any) -> dict[str, Any]:
    return {"user_id": user_id, "joined_at": at("2013-03-01"), "opted_in": True, **more}


def photo(at: At, photo_id: int, user_id: int, uploaded: str = "2013-04-10", **more: Any) -> dict[str, Any]:
    return {
        "photo_id": photo_id, "user_id": user_id, "uploaded_at": at(uploaded), "is_public": True, "uri": "", **more
    }  # fmt: skip


def favorite(at: At, user_id: int, photo_id: int, created: str = "2013-04-20") -> dict[str, Any]:
    return {"user_id": user_id, "photo_id": photo_id, "created_at": at(created)}


def make(lake: Lake, *contracts: TableContract) -> Outcome:
    """Publish all landed months of the tables; the outcome of the last."""
    outcome = Outcome()
    for contract in contracts:
        outcome = publish_months(lake, contract, landed_months(lake, contract))
    return outcome


def ids(lake: Lake, contract: TableContract = PHOTOS) -> list[int]:
    found: list[int] = lake.read(contract, columns=[contract.primary_key[-1]])[0].to_pylist()
    return sorted(found)


def what_readers_see(lake: Lake) -> dict[str, int]:
    """Commits, records and refusals; a data file that is staged and refused is written again, and nobody sees it."""
    root = Path(lake.uri)
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in root.rglob("*.json")}


# ---- refused months ----


@pytest.fixture
def refused(lake: Lake, land: Land, moment: At) -> Outcome:
    """Photos 1, 2 and 3 were published; then 2 opts out, 3 becomes private, and a photo of nobody known arrives."""
    people = [user(moment, i) for i in (1, 2, 3)]
    land("flickr", users=people, photos=[photo(moment, i, i) for i in (1, 2, 3)])
    assert make(lake, USERS, PHOTOS).refused == {}
    pictures = [photo(moment, 1, 1), photo(moment, 2, 2), photo(moment, 3, 3, is_public=False), photo(moment, 4, 99)]
    land("flickr", users=[people[0], {**people[1], "opted_in": False}, people[2]], photos=pictures)
    return make(lake, USERS, PHOTOS)


def test_a_refused_month_keeps_its_last_good_rows_less_what_was_withdrawn(lake: Lake, refused: Outcome) -> None:
    assert list(refused.refused) == [MONTH]
    assert refused.published == set()
    assert list(refused.refused[MONTH].observed) == ["user_id_is_in_users"]
    assert refused.withdrawn_rows == {MONTH: 2}
    assert ids(lake) == [1]
    assert read_refusals(lake, "photos", [MONTH, "2013-05"]) == [refused.refused[MONTH]]


@pytest.mark.usefixtures("refused")
def test_a_refused_month_is_refused_again_without_changing_a_byte(lake: Lake) -> None:
    before = what_readers_see(lake)
    again = make(lake, USERS, PHOTOS)
    assert (list(again.refused), again.withdrawn_rows) == ([MONTH], {MONTH: 0})
    assert what_readers_see(lake) == before


@pytest.mark.usefixtures("refused")
def test_a_month_that_landed_again_as_it_was_gets_back_what_was_taken_out(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, i) for i in (1, 2, 3)], photos=[photo(moment, i, i) for i in (1, 2, 3)])
    outcome = make(lake, USERS, PHOTOS)
    assert (outcome.refused, outcome.published) == ({}, {MONTH})
    assert ids(lake) == [1, 2, 3]
    assert read_refusals(lake, "photos", [MONTH]) == []


def test_a_refused_month_that_nothing_was_taken_out_of_is_current_once_it_landed_again_as_it_was(
    lake: Lake, land: Land, moment: At
) -> None:
    land("flickr", users=[user(moment, 1)], photos=[photo(moment, 1, 1)])
    make(lake, USERS, PHOTOS)
    land("flickr", photos=[photo(moment, 1, 1), photo(moment, 4, 99)])
    assert list(make(lake, PHOTOS).refused) == [MONTH]
    land("flickr", photos=[photo(moment, 1, 1)])
    assert make(lake, PHOTOS).refused == {}
    assert read_refusals(lake, "photos", [MONTH]) == []


def test_retract_takes_out_rows_that_name_what_is_no_longer_published(lake: Lake, land: Land, moment: At) -> None:
    people, pictures = [user(moment, 1), user(moment, 2)], [photo(moment, i, i) for i in (1, 2)]
    land("flickr", users=people, photos=pictures, favorites=[favorite(moment, 1, 2), favorite(moment, 2, 1)])
    make(lake, USERS, PHOTOS, FAVORITES)
    land("flickr", photos=pictures[:1], favorites=[favorite(moment, 2, 1), favorite(moment, 2, 404)])
    outcome = make(lake, PHOTOS, FAVORITES)
    assert (list(outcome.refused), outcome.withdrawn_rows) == ([MONTH], {MONTH: 1})
    assert ids(lake, FAVORITES) == [1]


def test_retract_withdraws_a_month_of_which_nothing_may_stay(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)], photos=[photo(moment, 1, 1)])
    make(lake, USERS, PHOTOS)
    assert retract(lake, PHOTOS, "2013-05") == retract(lake, PHOTOS, MONTH) == 0
    land("flickr", users=[user(moment, 1, opted_in=False)])
    assert retract(lake, PHOTOS, MONTH) == 1
    assert lake.partitions("photos") == []


# ---- news that land meanwhile ----


@pytest.mark.parametrize("step", ["audit_months", "publish"])
def test_somebodys_no_is_heeded_although_it_lands_between_staging_and_committing_or_right_after(
    lake: Lake, land: Land, moment: At, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    people = [user(moment, 1), user(moment, 2)]
    land("flickr", users=people, photos=[photo(moment, i, i) for i in (1, 2)])
    make(lake, USERS)
    says_no = iter([lambda: land("flickr", users=[people[0], {**people[1], "opted_in": False}])])
    once = getattr(publication, step)
    seen: list[list[int]] = []

    def overtaken(*arguments: Any) -> Any:
        result = once(*arguments)
        next(says_no, lambda: None)()
        seen.append(ids(lake))
        return result

    monkeypatch.setattr(publication, step, overtaken)
    outcome = publish_months(lake, PHOTOS, [MONTH])
    assert ids(lake) == [1]
    assert (outcome.published, outcome.refused) == ({MONTH}, {})
    assert read_record(lake, "photos", MONTH).excluded == {"not_opted_in": 1}
    if step == "audit_months":
        assert [2] not in seen
        assert [1, 2] not in seen


def test_a_run_gives_up_on_a_month_that_more_keeps_landing_for(
    lake: Lake, land: Land, moment: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    land("flickr", users=[user(moment, 1)], photos=[photo(moment, 1, 1)])
    make(lake, USERS)
    real, calls = audit_months, iter(range(2, 1000))

    def landing(*arguments: Any) -> Any:
        land("flickr", photos=[photo(moment, i, 1) for i in (1, next(calls))])
        return real(*arguments)

    monkeypatch.setattr(publication, "audit_months", landing)
    with pytest.raises(AlwaysOvertaken, match=r"photos: more keeps landing that decides 2013-04; run again"):
        publish_months(lake, PHOTOS, [MONTH])
    assert lake.partitions("photos") == []


# ---- rows that move ----


def test_a_favorite_that_was_given_again_moves_to_its_new_month_and_is_gone_from_the_old(
    lake: Lake, land: Land, moment: At
) -> None:
    pictures = [photo(moment, 10, 1), photo(moment, 11, 1)]
    land("2013-04", users=[user(moment, 1), user(moment, 2)], photos=pictures)
    land("2013-04", favorites=[favorite(moment, 2, 10), favorite(moment, 2, 11)])
    make(lake, USERS, PHOTOS, FAVORITES)
    land("2013-06", consent="other_sources", favorites=[favorite(moment, 2, 10, "2013-06-02")])
    outcome = publish_months(lake, FAVORITES, ["2013-06"])
    assert (outcome.refused, outcome.published) == ({}, {MONTH, "2013-06"})
    months = {month: lake.read(FAVORITES, [month])["photo_id"].to_pylist() for month in lake.partitions("favorites")}
    assert months == {MONTH: [11], "2013-06": [10]}


# ---- accepted volumes ----


@pytest.fixture
def sixfold(lake: Lake, land: Land, moment: At) -> list[dict[str, Any]]:
    """Six months of forty photos, published, and the photos of a seventh with six times as many, landed."""
    months = [f"2013-{number:02d}" for number in range(4, 10)]
    calm = [photo(moment, 100 * i + j, 1, f"{month}-10") for i, month in enumerate(months) for j in range(40)]
    land("flickr", users=[user(moment, 1)], photos=calm)
    make(lake, USERS, PHOTOS)
    many = [photo(moment, 10_000 + i, 1, "2013-10-10") for i in range(240)]
    land("flickr", photos=many)
    return many


@pytest.mark.usefixtures("sixfold")
def test_an_implausible_volume_is_refused_until_somebody_says_that_it_is_right(lake: Lake) -> None:
    refused = publish_months(lake, PHOTOS, ["2013-10"]).refused["2013-10"]
    assert list(refused.observed) == ["volume_has_not_exploded"]
    assert "`beautyflow materialize --accept-volume 2013-10`" in refused.as_line(PHOTOS)
    assert "2013-10" not in lake.partitions("photos")
    outcome = publish_months(lake, PHOTOS, ["2013-10"], accept_volume=["2013-10"])
    assert (outcome.refused, outcome.published) == ({}, {"2013-10"})
    (finding,) = [f for f in outcome.findings["2013-10"] if not f.passed]
    assert (finding.name, finding.accepted_rows) == ("volume_has_not_exploded", 240)
    assert finding in read_record(lake, "photos", "2013-10").findings
    assert read_refusals(lake, "photos", ["2013-10"]) == []


def test_an_accepted_volume_is_remembered_as_long_as_it_is_about_that(
    lake: Lake, land: Land, moment: At, sixfold: list[dict[str, Any]]
) -> None:
    publish_months(lake, PHOTOS, ["2013-10"], accept_volume=["2013-10"])
    land("flickr", photos=sixfold[1:])
    assert publish_months(lake, PHOTOS, ["2013-10"]).refused == {}
    land("flickr", photos=[photo(moment, 20_000 + i, 1, "2013-10-10") for i in range(1201)])
    assert list(publish_months(lake, PHOTOS, ["2013-10"]).refused) == ["2013-10"]
    assert lake.read(PHOTOS, ["2013-10"]).num_rows == 239


def test_accepting_a_volume_accepts_nothing_else(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)], photos=[photo(moment, 1, 99)])
    make(lake, USERS)
    assert list(publish_months(lake, PHOTOS, [MONTH], accept_volume=[MONTH]).refused) == [MONTH]


def test_a_month_is_due_after_rows_were_taken_out(lake: Lake, refused: Outcome) -> None:
    assert refused.refused
    month: StagedMonth = stage_month(lake, PHOTOS, MONTH)
    assert not month.is_current
