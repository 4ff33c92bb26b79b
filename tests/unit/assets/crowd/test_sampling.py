from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.crowd.sampling import Cell, CrowdSampleConfig, count_cells, draw_crowd_sample

At = Callable[[str], datetime]
Put = Callable[..., None]


def photo(number: int, **columns: Any) -> dict[str, Any]:
    return {"photo_id": number, "user_id": 1, "is_public": True, "uri": f"{number}.jpg", "category": "sea"} | columns


def favorites(**counts: int) -> list[dict[str, Any]]:
    """``favorites(p3=2)``: photo 3 has two favorites of others."""
    return [{"user_id": 100 + i, "photo_id": int(name[1:])} for name, n in counts.items() for i in range(n)]


def drawn(lake: Lake, **config: int) -> dict[int, dict[str, Any]]:
    rows = draw_crowd_sample(lake, CrowdSampleConfig(**config)).to_pylist()
    return {row.pop("photo_id"): row for row in rows}


def test_draw_crowd_sample_bins_favorites_into_equal_widths_of_their_logarithm(lake: Lake, put: Put) -> None:
    # log(1 + 7) has three equal widths that end at log(2) and log(4); an end belongs to the upper bucket.
    put(photos=[photo(n) for n in range(6)], favorites=favorites(p1=1, p2=2, p3=3, p4=4, p5=7))
    found = drawn(lake)
    assert {n: row["favorites"] for n, row in found.items()} == {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 7}
    assert [found[n]["popularity_bucket"] for n in range(6)] == ["tail", "torso", "torso", "head", "head", "head"]
    assert [found[n]["cell_photos"] for n in range(6)] == [1, 2, 2, 3, 3, 3]


def test_draw_crowd_sample_counts_only_favorites_of_others_that_stay(lake: Lake, put: Put, at: At) -> None:
    rows = [
        {"user_id": 1, "photo_id": 1},
        {"user_id": 2, "photo_id": 1},
        {"user_id": 3, "photo_id": 1, "removed_at": at("2015-01-01")},
        {"user_id": 4, "photo_id": 2},
    ]
    put(photos=[photo(1), photo(2, user_id=None)], favorites=rows)
    assert {n: row["favorites"] for n, row in drawn(lake).items()} == {1: 1, 2: 1}


def test_draw_crowd_sample_leaves_out_what_cannot_be_shown(lake: Lake, put: Put, at: At) -> None:
    put(photos=[photo(1), photo(2, uri=""), photo(3, deleted_at=at("2015-01-01")), photo(4, category=None)])
    found = drawn(lake)
    assert {n: (row["category"], row["popularity_bucket"]) for n, row in found.items()} == {
        1: ("sea", "tail"),
        4: ("uncategorised", "tail"),
    }


@pytest.fixture
def community(put: Put) -> None:
    """90 photos in two categories; 10 of each have favorites: 5 a few, 5 many."""
    photos = [photo(n, category="sea" if n % 2 else "sky") for n in range(90)]
    put(photos=photos, favorites=favorites(**{f"p{n}": 4 if n < 10 else 30 for n in range(20)}))


@pytest.mark.usefixtures("community")
def test_draw_crowd_sample_takes_equal_numbers_and_all_of_small_cells(lake: Lake) -> None:
    found = drawn(lake, photos_per_cell=7)
    cells = Counter((row["popularity_bucket"], row["category"]) for row in found.values())
    assert cells == {(bucket, c): n for bucket, n in (("tail", 7), ("torso", 5), ("head", 5)) for c in ("sea", "sky")}
    assert {row["cell_photos"] for row in found.values()} == {35, 5}
    CROWD_SAMPLE.validate(draw_crowd_sample(lake, CrowdSampleConfig(photos_per_cell=7)))


@pytest.mark.usefixtures("community")
def test_draw_crowd_sample_orders_at_random_and_repeats_itself(lake: Lake) -> None:
    first, again, other = (drawn(lake, photos_per_cell=7, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert set(first) != set(other)
    assert sorted(row["position"] for row in first.values()) == list(range(1, len(first) + 1))
    order = sorted(first, key=lambda n: first[n]["position"])
    # Neither by number nor by cell: buckets alternate often.
    assert order != sorted(order)
    assert sum(first[a]["category"] != first[b]["category"] for a, b in pairwise(order)) > 8


@pytest.mark.usefixtures("community")
def test_draw_crowd_sample_keeps_photos_as_the_sample_grows(lake: Lake) -> None:
    assert drawn(lake, photos_per_cell=5).keys() < drawn(lake, photos_per_cell=7).keys()


@pytest.mark.usefixtures("community")
def test_count_cells_finds_what_a_sample_misses(lake: Lake) -> None:
    sample = draw_crowd_sample(lake, CrowdSampleConfig(photos_per_cell=7))
    assert count_cells(lake, sample) == [
        Cell(bucket, category, photos, n)
        for category in ("sea", "sky")
        for bucket, photos, n in (("tail", 35, 7), ("torso", 5, 5), ("head", 5, 5))
    ]
    without_sky = sample.filter([category == "sea" for category in sample["category"].to_pylist()])
    assert [cell.drawn for cell in count_cells(lake, without_sky)] == [7, 5, 5, 0, 0, 0]


def test_draw_crowd_sample_of_nothing_is_empty(lake: Lake, put: Put) -> None:
    assert draw_crowd_sample(lake).num_rows == 0
    put(photos=[photo(1, uri="")])
    sample = draw_crowd_sample(lake)
    assert sample.schema == CROWD_SAMPLE.schema
    assert (sample.num_rows, count_cells(lake, sample)) == (0, [])


def test_crowd_sample_config_refuses_a_sample_of_nothing() -> None:
    with pytest.raises(ValueError, match="photos_per_cell is 0; it must be at least 1"):
        CrowdSampleConfig(photos_per_cell=0)
