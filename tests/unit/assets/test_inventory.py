import json
from pathlib import Path

import pyarrow as pa
import pytest

from assets.community.record import write_record
from assets.community.refusals import Refusal, write_refusal
from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.inventory import render_inventory, take_inventory


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, lake_uri=str(tmp_path / "lake"))


def _users(ids: list[int]) -> pa.Table:
    return pa.table({"user_id": ids, "opted_in": [True] * len(ids)})


def test_take_inventory_of_nothing_says_what_to_do(settings: Settings) -> None:
    text = render_inventory(take_inventory(settings))
    assert "nothing is published yet; run `beautyflow materialize`" in text
    assert "nothing has landed yet" in text
    assert "not built yet" in text


def test_take_inventory_counts_tables_and_sources(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    lake.write(USERS, "undated", _users([1, 2]))
    zone = lake.zone("landed/crawl")
    zone.write(USERS, "undated", _users([1, 2, 3]))
    zone.put_bytes("source.json", json.dumps({"identity": {"format": "canonical"}}).encode())
    inventory = take_inventory(settings)
    assert [(t["table"], t["partitions"], t["rows"]) for t in inventory["tables"]] == [("users", 1, 2)]
    assert inventory["sources"] == [{"source": "crawl", "format": "canonical", "landed": 3, "rejected": 0}]
    assert "crawl" in render_inventory(inventory)


def test_take_inventory_names_folders_that_wait_for_their_intake(settings: Settings) -> None:
    for name in ("first", "second"):
        (settings.landing / name).mkdir(parents=True)
    inventory = take_inventory(settings)
    assert inventory["waiting"] == ["first", "second"]
    text = render_inventory(inventory)
    assert "not taken in yet: 2 folders in landing/ (first, second); run `beautyflow validate` or" in text
    assert "nothing has landed yet" not in text
    Lake(settings.lake_uri).zone("landed/first").put_bytes("source.json", b"{}")
    assert take_inventory(settings)["waiting"] == ["second"]


def test_render_inventory_shows_sources_before_anything_is_published(settings: Settings) -> None:
    zone = Lake(settings.lake_uri).zone("landed/crawl")
    zone.write(USERS, "undated", _users([1, 2, 3]))
    zone.put_bytes("source.json", b"{}")
    text = render_inventory(take_inventory(settings))
    assert "nothing is published yet" in text
    assert ["crawl", "3", "0"] in [line.split() for line in text.splitlines()]


def test_take_inventory_counts_exclusions_also_of_months_without_any_row(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    lake.write(USERS, "undated", _users([1, 2]))
    write_record(lake, "users", "undated", {"duplicate": 1}, [])
    write_record(lake, "users", "2013-04", {"duplicate": 1, "not_opted_in": 2}, [])
    write_record(lake, "edges", "2013-04", {"not_opted_in": 5}, [])
    inventory = take_inventory(settings)
    assert {t["table"]: (t["rows"], t["excluded"]) for t in inventory["tables"]} == {
        "users": (2, {"duplicate": 2, "not_opted_in": 2}),
        "edges": (0, {"not_opted_in": 5}),
    }
    tables = render_inventory(inventory).partition("\nexcluded from")[0]
    lines = {line.split()[0]: line.split() for line in tables.splitlines() if line}
    assert lines["users"][1:4] == ["1", "2", "4"]
    assert lines["edges"][1:] == ["0", "0", "5", "0.0", "no", "row", "may", "be", "published"]


def test_render_inventory_says_why_rows_are_excluded_the_most_frequent_first(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    write_record(lake, "users", "2013-04", {"not_opted_in": 2}, [])
    write_record(lake, "users", "2013-05", {"not_opted_in": 5}, [])
    write_record(lake, "photos", "2013-04", {"not_public": 3_000, "not_opted_in": 1}, [])
    lines = [line.split() for line in render_inventory(take_inventory(settings)).splitlines()]
    start = lines.index(["excluded", "from", "rows", "reason"])
    assert lines[start + 1 : start + 4] == [
        ["photos", "3,000", "not_public"],
        ["users", "7", "not_opted_in"],
        ["photos", "1", "not_opted_in"],
    ]


def test_render_inventory_sums_the_reasons_that_it_does_not_show(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    write_record(lake, "users", "2013-04", {f"reason_{i:02}": 20 - i for i in range(12)}, [])
    text = render_inventory(take_inventory(settings))
    assert "reason_09" in text
    assert "reason_10" not in text
    assert ["elsewhere", "19"] in [line.split()[:2] for line in text.splitlines()]


def test_take_inventory_names_refused_months_and_what_to_do(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    assert take_inventory(settings)["refused"] == []
    assert "refused" not in render_inventory(take_inventory(settings))
    write_refusal(lake, Refusal("photos", "2016-03", {"volume_has_not_exploded": "900 rows"}))
    write_refusal(lake, Refusal("users", "2016-02", {"volume_has_not_collapsed": "1 row"}))
    inventory = take_inventory(settings)
    assert [(entry["table"], entry["month"], entry["observed"]) for entry in inventory["refused"]] == [
        ("photos", "2016-03", {"volume_has_not_exploded": "900 rows"}),
        ("users", "2016-02", {"volume_has_not_collapsed": "1 row"}),
    ]
    text = render_inventory(inventory)
    assert "2 refused months; the last good rows stay published" in text
    assert "! photos/2016-03: volume_has_not_exploded: 900 rows. If there really are so many rows:" in text
    assert "--accept-volume 2016-03" in text


def test_render_inventory_counts_the_refused_months_that_it_does_not_show(settings: Settings) -> None:
    lake = Lake(settings.lake_uri)
    for month in range(1, 13):
        write_refusal(lake, Refusal("users", f"2016-{month:02}", {"volume_has_not_collapsed": "1 row"}))
    text = render_inventory(take_inventory(settings))
    assert "users/2016-10" in text
    assert "users/2016-11" not in text
    assert "and 2 more: `beautyflow status --json`" in text
