from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assets.community.audit import audit_month, audit_months
from assets.community.publishing import (
    StagedMonth,
    landed_months,
    publish,
    published_tables,
    stage_month,
    stage_months,
)
from assets.community.record import AuditFailed, Finding, MonthRecord, count_exclusions, read_record, recorded_months
from assets.contracts.community import EDGES, FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract

Land = Callable[..., None]
At = Callable[[str], datetime]
GOOD = Finding("all_is_well", True, "true of 1 rows", 0, (), 1)


def user(at: At, user_id: int, joined: str | None = "2013-04-01", **more: Any) -> dict[str, Any]:
    return {"user_id": user_id, "joined_at": joined and at(joined), "opted_in": True, **more}


def photo(at: At, photo_id: int, user_id: int | None, uploaded: str = "2013-04-10", **more: Any) -> dict[str, Any]:
    return {
        "photo_id": photo_id, "user_id": user_id, "uploaded_at": at(uploaded), "is_public": True, "uri": "", **more
    }  # fmt: skip


def edge(at: At, follower: int, followee: int, created: str = "2013-04-20") -> dict[str, Any]:
    return {"follower_id": follower, "followee_id": followee, "created_at": at(created)}


def favorite(at: At, user_id: int, photo_id: int, created: str = "2013-04-20") -> dict[str, Any]:
    return {"user_id": user_id, "photo_id": photo_id, "created_at": at(created)}


def staged_keys(lake: Lake, contract: TableContract, month: StagedMonth) -> list[tuple[Any, ...]]:
    assert month.staged is not None
    rows = lake.staged_dataset(contract, month.staged).to_table().select(list(contract.primary_key)).to_pylist()
    return [tuple(value for value in row.values() if not isinstance(value, datetime)) for row in rows]


def run(lake: Lake, contract: TableContract) -> list[StagedMonth]:
    months = stage_months(lake, contract, landed_months(lake, contract))
    findings = audit_months(lake, contract, months)
    for month in months:
        publish(lake, month, findings.get(month.month, []))
    return months


def files(lake: Lake) -> dict[str, int]:
    root = Path(lake.uri)
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


def test_published_tables_come_after_those_they_refer_to() -> None:
    keys = [contract.key for contract in published_tables()]
    assert keys.index("users") < keys.index("photos") < keys.index("favorites")
    assert keys.index("users") < keys.index("edges")
    assert {"group_memberships", "blocks", "crowd_ratings", "raters", "labels", "user_quality"} < set(keys)


def test_stage_month_leaves_out_users_who_did_not_opt_in(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1), user(moment, 2, opted_in=False)])
    month = stage_month(lake, USERS, "2013-04")
    assert staged_keys(lake, USERS, month) == [(1,)]
    assert (month.landed_rows, month.excluded) == (2, {"not_opted_in": 1})


def test_stage_month_keeps_public_photos_of_opted_in_users(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1, "2011-01-01"), user(moment, 2, opted_in=False)]
    pictures = [
        photo(moment, 10, 1),
        photo(moment, 11, 1, is_public=False),
        photo(moment, 12, 2),
        photo(moment, 13, None),
    ]
    land("flickr", users=people, photos=pictures)
    month = stage_month(lake, PHOTOS, "2013-04")
    assert staged_keys(lake, PHOTOS, month) == [(10,)]
    assert month.excluded == {"not_opted_in": 1, "not_public": 1, "owner_unknown": 1}


def test_stage_month_keeps_photos_without_owner_where_the_source_consents(lake: Lake, land: Land, moment: At) -> None:
    land("oasis", consent="all", photos=[photo(moment, 13, None)])
    assert staged_keys(lake, PHOTOS, stage_month(lake, PHOTOS, "2013-04")) == [(13,)]


def test_stage_month_wants_both_ends_of_a_link(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1), user(moment, 2), user(moment, 3, opted_in=False)]
    land("flickr", users=people, edges=[edge(moment, 1, 2), edge(moment, 1, 3), edge(moment, 3, 1)])
    month = stage_month(lake, EDGES, "2013-04")
    assert staged_keys(lake, EDGES, month) == [(1, 2)]
    assert month.excluded == {"not_opted_in": 2}


def test_stage_month_leaves_out_favorites_of_photos_that_are_not_published(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1), user(moment, 2, opted_in=False)]
    pictures = [photo(moment, 10, 1), photo(moment, 11, 1, is_public=False), photo(moment, 12, 2)]
    favorites = [favorite(moment, 1, i, "2013-05-01") for i in (10, 11, 12)] + [favorite(moment, 2, 10, "2013-05-01")]
    land("flickr", users=people, photos=pictures, favorites=favorites)
    month = stage_month(lake, FAVORITES, "2013-05")
    assert staged_keys(lake, FAVORITES, month) == [(1, 10)]
    assert month.excluded == {"not_opted_in": 1, "not_public": 1, "owner_not_opted_in": 1}


def test_stage_month_keeps_a_reference_to_nobody_for_the_audit(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)], edges=[edge(moment, 1, 404)])
    run(lake, USERS)
    month = stage_month(lake, EDGES, "2013-04")
    findings = audit_month(lake, EDGES, month)
    failed = [f for f in findings if not f.passed]
    assert [f.name for f in failed] == ["followee_id_is_in_users"]
    assert failed[0].examples[0]["followee_id"] == "404"
    with pytest.raises(AuditFailed, match="edges/2013-04 is not published: followee_id_is_in_users"):
        publish(lake, month, findings)
    assert lake.partitions("edges") == []


def staged_rows(lake: Lake, contract: TableContract, month: str) -> list[dict[str, Any]]:
    staged = stage_month(lake, contract, month).staged
    assert staged is not None
    rows: list[dict[str, Any]] = lake.staged_dataset(contract, staged).to_table().to_pylist()
    return rows


def test_stage_month_unites_sources_and_takes_the_last_by_name_where_both_have_a_row(
    lake: Lake, land: Land, moment: At
) -> None:
    land("2013-04", users=[user(moment, 1, is_pro=True), user(moment, 2)])
    land("2013-05", users=[user(moment, 1, is_pro=False), user(moment, 3)])
    month = stage_month(lake, USERS, "2013-04")
    assert staged_keys(lake, USERS, month) == [(1,), (2,), (3,)]
    assert month.excluded == {"superseded": 1}
    assert [row["is_pro"] for row in staged_rows(lake, USERS, "2013-04")] == [False, None, None]


def test_stage_month_learns_of_ends_from_later_deliveries(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1), user(moment, 2)]
    old = {"photos": [photo(moment, 10, 1)], "edges": [edge(moment, 2, 1)], "favorites": [favorite(moment, 2, 10)]}
    land("2013-04", users=people, **old)
    ended = {"photos": "deleted_at", "edges": "removed_at", "favorites": "removed_at"}
    news = {table: [{**old[table][0], end: moment("2013-06-02")}] for table, end in ended.items()}
    land("2013-06", consent="other_sources", **news)
    for contract in (PHOTOS, EDGES, FAVORITES):
        (row,) = staged_rows(lake, contract, "2013-04")
        assert row[ended[contract.key]] == moment("2013-06-02")
        assert stage_month(lake, contract, "2013-04").excluded == {"superseded": 1}


def test_stage_month_keeps_the_image_of_a_photo_that_a_later_delivery_repeats_without(
    lake: Lake, land: Land, moment: At
) -> None:
    land("2013-04", users=[user(moment, 1)], photos=[photo(moment, i, 1, uri=f"{i}.jpg") for i in (10, 11)])
    repeated = [photo(moment, 10, 1, deleted_at=moment("2013-05-02")), photo(moment, 11, 1, uri="new/11.jpg")]
    land("2013-05", consent="other_sources", photos=repeated)
    assert [row["uri"] for row in staged_rows(lake, PHOTOS, "2013-04")] == ["10.jpg", "new/11.jpg"]


def test_stage_month_heeds_what_an_earlier_source_refuses(lake: Lake, land: Land, moment: At) -> None:
    land(
        "2013-04",
        users=[user(moment, 1, opted_in=False), user(moment, 2)],
        photos=[photo(moment, 10, 2, is_public=False)],
    )
    land("2013-05", users=[user(moment, 1)], photos=[photo(moment, 10, 2)])
    assert staged_keys(lake, USERS, stage_month(lake, USERS, "2013-04")) == [(2,)]
    assert stage_month(lake, PHOTOS, "2013-04").excluded == {"not_public": 2}


def test_stage_months_prefers_a_dated_row_over_an_undated_one(lake: Lake, land: Land, moment: At) -> None:
    land("graph", consent="all", users=[user(moment, 1, None), user(moment, 2, None)])
    land("profiles", users=[user(moment, 1)])
    dated, undated = stage_months(lake, USERS, ["2013-04", "undated"])
    assert staged_keys(lake, USERS, dated) == [(1,)]
    assert staged_keys(lake, USERS, undated) == [(2,)]
    assert undated.excluded == {"superseded": 1}


def test_stage_month_heeds_a_refusal_in_any_source(lake: Lake, land: Land, moment: At) -> None:
    land("graph", consent="all", users=[user(moment, 1, None)])
    land("profiles", users=[user(moment, 1, opted_in=False)])
    undated = stage_month(lake, USERS, "undated")
    assert (undated.staged, undated.excluded) == (None, {"not_opted_in": 1})


def test_publish_twice_changes_no_byte_and_keeps_findings(lake: Lake, land: Land, moment: At) -> None:
    land(
        "flickr", users=[user(moment, 1), user(moment, 2, "2013-05-01", opted_in=False), user(moment, 3, "2013-05-02")]
    )
    first = run(lake, USERS)
    before = files(lake)
    again = run(lake, USERS)
    assert files(lake) == before
    assert [m.is_current for m in first] == [False, False]
    assert [m.is_current for m in again] == [True, True]
    assert [m.landed_rows for m in again] == [1, 2]
    kept = audit_months(lake, USERS, again)["2013-05"]
    assert len(kept) > 5
    assert all(f.passed for f in kept)
    assert read_record(lake, "users", "2013-05").excluded == {"not_opted_in": 1}


def test_stage_months_makes_only_later_months_again_when_users_land(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1), user(moment, 2, "2013-05-02")]
    pictures = [photo(moment, 10, 1), photo(moment, 11, 1, "2013-05-03"), photo(moment, 12, 1, "2013-06-03")]
    land("flickr", users=people, photos=pictures)
    run(lake, USERS)
    run(lake, PHOTOS)
    land("flickr", users=[user(moment, 2, "2013-05-02", is_pro=True)])
    assert [m.is_current for m in run(lake, USERS)] == [True, False]
    assert [m.is_current for m in run(lake, PHOTOS)] == [True, False, False]


def test_publish_withdraws_a_month_that_lost_its_rows(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)])
    run(lake, USERS)
    assert lake.partitions("users") == ["2013-04"]
    land("flickr", users=[user(moment, 1, opted_in=False)])
    (month,) = run(lake, USERS)
    assert (month.staged, month.excluded) == (None, {"not_opted_in": 1})
    assert lake.partitions("users") == []
    assert read_record(lake, "users", "2013-04") == MonthRecord({"not_opted_in": 1}, ())


def test_publish_records_exclusions_of_a_month_without_any_row(lake: Lake, land: Land, moment: At) -> None:
    people = [user(moment, 1), user(moment, 2, opted_in=False)]
    late = [user(moment, n, "2013-05-02", opted_in=False) for n in (3, 4)]
    land("flickr", users=people + late)
    run(lake, USERS)
    assert lake.partitions("users") == ["2013-04"]
    assert recorded_months(lake, "users") == ["2013-04", "2013-05"]
    assert read_record(lake, "users", "2013-05") == MonthRecord({"not_opted_in": 2}, ())
    assert count_exclusions(lake, "users", ["2013-04", "2013-05", "2013-06"]) == {"not_opted_in": 3}
    before = files(lake)
    run(lake, USERS)
    assert files(lake) == before


def test_publish_audits_a_month_whose_owners_opt_in_again(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1, opted_in=False)])
    run(lake, USERS)
    land("flickr", users=[user(moment, 1)])
    run(lake, USERS)
    record = read_record(lake, "users", "2013-04")
    assert record.excluded == {}
    assert len(record.findings) > 5
    assert lake.partitions("users") == ["2013-04"]


def test_publish_forgets_the_record_of_a_month_of_which_nothing_is_landed(lake: Lake, land: Land, moment: At) -> None:
    for opted_in in (True, False):
        land("flickr", users=[user(moment, 1, opted_in=opted_in)])
        run(lake, USERS)
        assert recorded_months(lake, "users") == ["2013-04"]
        lake.zone("landed/flickr").drop("users", "2013-04")
        publish(lake, stage_month(lake, USERS, "2013-04"), [])
        assert (recorded_months(lake, "users"), lake.partitions("users")) == ([], [])


def test_stage_month_of_nothing_landed_has_no_rows(lake: Lake) -> None:
    month = stage_month(lake, PHOTOS, "2013-04")
    assert (month.staged, month.landed_rows, month.is_current) == (None, 0, False)
    assert publish(lake, month, []) is None


def test_publish_refuses_a_month_that_nobody_audited(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)])
    month = stage_month(lake, USERS, "2013-04")
    with pytest.raises(AuditFailed, match="users/2013-04 is not published: it was not audited"):
        publish(lake, month, [])
    with pytest.raises(AuditFailed, match="all_is_well"):
        publish(lake, month, [GOOD, replace(GOOD, passed=False)])
    assert lake.partitions("users") == []


def test_publish_keeps_the_published_month_when_the_next_one_fails(lake: Lake, land: Land, moment: At) -> None:
    land("flickr", users=[user(moment, 1)], photos=[photo(moment, 10, 1)])
    run(lake, USERS)
    run(lake, PHOTOS)
    land("flickr", photos=[photo(moment, 10, 1), photo(moment, 11, 404)])
    month = stage_month(lake, PHOTOS, "2013-04")
    with pytest.raises(AuditFailed, match="user_id_is_in_users"):
        publish(lake, month, audit_month(lake, PHOTOS, month))
    assert lake.read(PHOTOS)["photo_id"].to_pylist() == [10]
