from pathlib import Path

import pytest

from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.table import TableContract
from assets.landing.intake import SourcesFailed, changed_months, forget_snapshots, import_folders, take_in

BEFORE = {
    "a/users/2016-01": "u1",
    "a/photos/2016-01": "p1",
    "a/favorites/2016-01": "f1",
    "a/favorites/2016-02": "f2",
    "a/edges/2016-03": "e3",
}


def test_changed_months_without_news_is_empty() -> None:
    assert changed_months(BEFORE, BEFORE) == []


def test_changed_months_names_every_month_at_first() -> None:
    assert changed_months({}, BEFORE) == ["2016-01", "2016-02", "2016-03"]


def test_changed_months_of_a_favorite_is_its_month_alone() -> None:
    assert changed_months(BEFORE, {**BEFORE, "a/favorites/2016-02": "new"}) == ["2016-02"]


def test_changed_months_of_a_user_reaches_later_months() -> None:
    now = {**BEFORE, "a/users/2016-02": "new"}
    assert changed_months(BEFORE, now) == ["2016-02", "2016-03"]


def test_changed_months_of_undated_photos_reaches_all_months() -> None:
    now = {**BEFORE, "a/photos/undated": "new"}
    assert changed_months(BEFORE, now) == ["2016-01", "2016-02", "2016-03", "undated"]


def test_changed_months_keeps_a_month_that_lost_its_last_row() -> None:
    now = {key: sha for key, sha in BEFORE.items() if not key.endswith("2016-03")}
    assert changed_months(BEFORE, now) == ["2016-03"]


def test_changed_months_of_consent_is_every_month_but_no_month_of_its_own() -> None:
    before = {**BEFORE, "a/consent/undated": "all"}
    now = {**BEFORE, "a/consent/undated": "users_table"}
    assert changed_months(before, now) == ["2016-01", "2016-02", "2016-03"]


def test_take_in_compares_with_the_intake_that_is_on_record(tmp_path: Path) -> None:
    lake, landing = Lake(str(tmp_path / "lake")), tmp_path / "landing"
    _land(landing, ["2016-01-05", "2016-02-05"])
    first = take_in(lake, landing)
    assert first.changed_months == ["2016-01", "2016-02"]
    _land(landing, ["2016-01-05", "2016-02-05", "2016-03-05"])
    lost = take_in(lake, landing, since=first.snapshot)
    again = take_in(lake, landing, since=first.snapshot)
    assert lost.changed_months == again.changed_months == ["2016-03"]
    assert take_in(lake, landing, since=again.snapshot).changed_months == []


def test_forget_snapshots_keeps_those_named(tmp_path: Path) -> None:
    lake, landing = Lake(str(tmp_path / "lake")), tmp_path / "landing"
    _land(landing, ["2016-01-05"])
    first = take_in(lake, landing)
    _land(landing, ["2016-01-05", "2016-02-05"])
    second = take_in(lake, landing, since=first.snapshot)
    forget_snapshots(lake, "", second.snapshot)
    assert lake.names("intake") == [f"intake/{second.snapshot}.json"]


def test_import_folders_brings_in_every_source_and_names_all_that_failed(tmp_path: Path) -> None:
    lake, landing = Lake(str(tmp_path / "lake")), tmp_path / "landing"
    for name in ("bad", "not a name", "club"):
        (landing / name).mkdir(parents=True)
    (landing / "bad" / "users.csv").write_text("who\n1\n")
    (landing / "not a name" / "users.csv").write_text("user_id,opted_in\n1,true\n")
    _land(landing, ["2016-01-05"])
    with pytest.raises(SourcesFailed, match=r"^2 sources .* \[bad\] .*users.csv, line 1.*; \[not a name\] a source"):
        import_folders(lake, landing)
    state = take_in(lake, landing)
    assert (state.landed, state.months) == (1, ["2016-01"])
    assert state.failure.startswith("2 sources could not be imported, the others are in: [bad]")


def test_import_folders_is_not_stopped_by_a_link_to_nowhere(tmp_path: Path) -> None:
    lake, landing = Lake(str(tmp_path / "lake")), tmp_path / "landing"
    (landing / "a").mkdir(parents=True)
    (landing / "a" / "users.csv").symlink_to(tmp_path / "absent")
    _land(landing, ["2016-01-05"])
    with pytest.raises(SourcesFailed, match=r"1 source could not be imported, .*\[a\]"):
        import_folders(lake, landing)
    assert lake.zone("landed/club").partitions("users") == ["2016-01"]


def test_take_in_counts_rejections_without_reading_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, landing = Lake(str(tmp_path / "lake")), tmp_path / "landing"
    _land(landing, ["2016-01-05", "soon", "2016-13-01"])
    (landing / "club" / "edges.csv").write_text("follower_id,followee_id\n0,0\n")
    read = Lake.dataset

    def refuse_quarantine(self: Lake, contract: TableContract, *rest: object) -> object:
        assert contract.key != QUARANTINE.key
        return read(self, contract, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "dataset", refuse_quarantine)
    state = take_in(lake, landing)
    assert state.rejections == [
        {"source": "club", "table": "edges", "reason": "self_follow", "rows": 1},
        {"source": "club", "table": "users", "reason": "not_a_timestamp", "rows": 2},
    ]
    assert state.rejected == 3


def _land(landing: Path, joined: list[str]) -> None:
    folder = landing / "club"
    folder.mkdir(parents=True, exist_ok=True)
    rows = "".join(f"{number},{day},true\n" for number, day in enumerate(joined))
    (folder / "users.csv").write_text(f"user_id,joined_at,opted_in\n{rows}")
    (folder / "community.toml").write_text('name = "club"\nconsent = "users_table"\n')


def test_changed_months_of_a_new_delivery_are_its_own():
    delivery = {"b/favorites/2016-03": "x", "b/consent/undated": "other_sources"}
    before = {**BEFORE, "a/consent/undated": "users_table"}
    assert changed_months(before, before | delivery) == ["2016-03"]
    assert changed_months(before | delivery, before) == ["2016-03"]
    assert changed_months(before, {**before, "a/consent/undated": "all"}) == ["2016-01", "2016-02", "2016-03"]
