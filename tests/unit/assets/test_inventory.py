import json
from pathlib import Path

import pyarrow as pa
import pytest

from assets.community.record import write_record
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
    lines = {line.split()[0]: line.split() for line in render_inventory(inventory).splitlines() if line}
    assert lines["users"][1:4] == ["1", "2", "4"]
    assert lines["edges"][1:] == ["0", "0", "5", "0.0", "no", "row", "may", "be", "published"]
