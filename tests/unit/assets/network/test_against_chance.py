from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.mixing import BEAUTY_MIXING, REWIRED, SHUFFLED
from assets.network.against_chance import (
    ILLUSION,
    MIXING,
    ChanceConfig,
    Standing,
    hold_against_chance,
    mixing,
    photo_gap,
    quality_of_users,
    standing,
)
from assets.network.links import simple_links
from assets.network.mixing_assets import TABLES
from assets.network.mixing_tables import (
    beside_chance,
    better_followed,
    broken_clubs,
    club_curves,
    following_users,
    forgetting_curves,
    identity_gap,
    is_mixed,
    mixing_tables,
    neighbour_curve,
    said_of_illusion,
    said_of_mixing,
    still_draws,
    unbalanced_neighbours,
)

MONTH = date(2016, 3, 1)
CONFIG = ChanceConfig(shuffles=40, rewirings=20)


def _community(alike, users=300, seed=1):
    """Users on a line of beauty; each follows others, those alike by preference if ``alike``."""
    generator = np.random.default_rng(seed)
    beauty = np.sort(generator.random(users))
    followers = np.repeat(np.arange(users), 8)
    near = followers + generator.integers(-20, 21, len(followers))
    far = generator.integers(0, users, len(followers))
    followees = np.clip(near, 0, users - 1) if alike else far
    rows = pa.table({"user_id": np.arange(users), "beauty": beauty, "photos": generator.integers(1, 9, users)})
    return simple_links(followers, followees, range(users)), rows


@pytest.fixture(scope="module")
def tables():
    links, rows = _community(alike=True)
    return mixing_tables(links, rows, MONTH, CONFIG)


def test_likes_that_follow_likes_are_found_beyond_both_null_models(tables):
    rows = {(row["metric"], row["null_model"]): row for row in tables["beauty_mixing"].to_pylist()}
    assert {name for name, _ in rows} == set(MIXING)
    for name in MIXING:
        for null_model in (SHUFFLED, REWIRED):
            assert rows[name, null_model]["value"] > 0.8
            assert rows[name, null_model]["z"] > 5
            assert rows[name, null_model]["p_value"] <= 1 / 21
    assert said_of_mixing(list(rows.values())).startswith("Users follow users alike in beauty more than chance: r = 0.")


def test_random_links_are_no_more_than_chance():
    links, rows = _community(alike=False)
    made = mixing_tables(links, rows, MONTH, CONFIG)["beauty_mixing"].to_pylist()
    assert all(abs(row["z"]) < 4 for row in made)
    assert "no more than chance" in said_of_mixing(made)


def test_every_variant_of_the_illusion_is_beside_both_null_models(tables):
    rows = tables["majority_illusion"].to_pylist()
    assert {(row["metric"], row["null_model"]) for row in rows} == {
        (n, m) for n in ILLUSION for m in (SHUFFLED, REWIRED)
    }
    assert all(row["draws"] == {SHUFFLED: 40, REWIRED: 20}[row["null_model"]] for row in rows)
    assert all(row["definition"] == ILLUSION[row["metric"]] for row in rows)
    assert said_of_illusion(rows).startswith("Seen through links the community looks ")


def test_tables_are_what_their_contracts_say(tables):
    assert set(tables) == {contract.key for contract in TABLES}
    for contract in TABLES:
        assert tables[contract.key].num_rows > 0
        contract.validate(contract.conform(tables[contract.key]))


def test_the_same_seed_gives_the_same_rows(tables):
    links, rows = _community(alike=True)
    again = mixing_tables(links, rows, MONTH, CONFIG)
    assert all(again[key].equals(table) for key, table in tables.items())


def test_a_clique_among_loosely_linked_users_is_a_rich_club_beyond_chance():
    clique = [(a, b) for a in range(10) for b in range(10) if a != b]
    ring = [(a, 10 + (a - 10 + step) % 190) for a in range(10, 200) for step in (1, 2, 3)]
    followers, followees = np.array(clique + ring).T
    links = simple_links(followers, followees, range(200))
    rows = pa.table({"user_id": np.arange(200), "beauty": np.linspace(0, 1, 200), "photos": np.ones(200, int)})
    made = mixing_tables(links, rows, MONTH, CONFIG)["rich_clubs"].to_pylist()
    club = {row["null_model"]: row for row in made if row["club"] == "degree" and row["members"] == 10}
    assert club[REWIRED]["value"] == club[SHUFFLED]["value"] == 1
    assert club[REWIRED]["null_upper"] < 0.5
    assert club[REWIRED]["z"] > 5
    assert broken_clubs(made) == []


def test_beauty_and_photos_change_seats_together():
    users = Standing(np.array([0.2, np.nan, 0.8]), np.array([2.0, 0.0, 8.0]))
    moved = users.seated(np.array([2.0, np.nan, 0.0]))
    assert moved.beauty[[0, 2]].tolist() == [0.8, 0.2]
    assert np.isnan(moved.beauty[1])
    assert moved.photos.tolist() == [8, 0, 2]
    same = users.seated(users.seats)
    assert np.array_equal(same.beauty, users.beauty, equal_nan=True)
    assert same.photos.tolist() == [2, 0, 8]


def test_photo_gap_counts_photos_once_per_follower():
    """Two follow 0 (one photo of beauty 1), nobody 1 (three photos of beauty 0): seen 1, posted a quarter."""
    links = simple_links([1, 2], [0, 0], range(3))
    users = Standing(np.array([1.0, 0.0, np.nan]), np.array([1.0, 3.0, 0.0]))
    assert photo_gap(links, users) == pytest.approx(1 - 1 / 4)
    assert np.isnan(photo_gap(simple_links([0], [2], range(3)), users))


def test_standing_leaves_out_users_outside_the_graph():
    links = simple_links([5], [7], [5, 7, 9])
    users = standing(links, pa.table({"user_id": [7, 8, 99], "beauty": [0.5, 0.1, 0.2], "photos": [3, 1, 1]}))
    assert np.array_equal(users.beauty, [np.nan, 0.5, np.nan], equal_nan=True)
    assert users.photos.tolist() == [0, 3, 0]


def test_mixing_of_users_without_beauty_is_not_defined():
    links = simple_links([0], [1], range(2))
    assert all(np.isnan(value) for value in mixing(links, np.full(2, np.nan)).values())
    held = hold_against_chance(links, Standing(np.full(2, np.nan), np.zeros(2)), CONFIG)
    assert {row["value"] for row in held.rows("mixing", "metric")} == {None}


def test_rewirings_are_fewer_for_many_links_and_never_below_ten():
    links, _ = _community(alike=False)
    assert ChanceConfig(rewirings=50).rewirings_of(links) == 50
    assert ChanceConfig(rewirings=50, swaps=10 * len(links) * 30).rewirings_of(links) == 30
    assert ChanceConfig(rewirings=50, swaps=0).rewirings_of(links) == 10
    assert ChanceConfig(rewirings=3, swaps=0).rewirings_of(links) == 3


def test_deals_are_fewer_for_many_links_and_never_below_forty():
    links, _ = _community(alike=False)
    assert ChanceConfig(shuffles=200).shuffles_of(links) == 200
    assert ChanceConfig(shuffles=200, looks=len(links) * 100).shuffles_of(links) == 100
    assert ChanceConfig(shuffles=200, looks=0).shuffles_of(links) == 40
    assert ChanceConfig(shuffles=3, looks=0).shuffles_of(links) == 3


def test_quality_of_users_is_that_of_the_largest_source():
    rows = pa.table(
        {
            "user_id": [1, 1, 2],
            "source": ["few", "many", "many"],
            "value": [9.0, 1.0, -2.0],
            "n": [1, 4, 5],
        }
    )
    source, users = quality_of_users(rows)
    assert (source, users["beauty"].to_pylist(), users["photos"].to_pylist()) == ("many", [1.0, -2.0], [4, 5])


def test_identity_gap_is_rounding_and_sees_another_gap_other_links_and_other_users(tables):
    _, people = _community(alike=True)
    rows, around = tables["majority_illusion"].to_pylist(), tables["user_neighbours"]
    assert identity_gap(rows, around, people) <= 1e-12
    moved = [{**row, "value": (row["value"] or 0) + 1e-6} for row in rows]
    assert identity_gap(moved, around, people) == pytest.approx(1e-6)
    assert identity_gap(rows, around.slice(0, 200), people) > 1e-6
    assert identity_gap(rows, around, people.slice(0, 200)) > 1e-6
    assert np.isnan(identity_gap(rows, around.slice(0, 0), people))
    assert np.isnan(identity_gap([], around, people))


def test_identity_gap_counts_users_with_beauty_whom_nobody_with_beauty_follows():
    # 3 is followed by 4, who has no beauty, and 4 by nobody.
    links = simple_links([0, 1, 2, 4], [1, 0, 1, 3], range(5))
    people = pa.table({"user_id": [0, 1, 2, 3], "beauty": [0.2, 0.9, 0.4, 0.8], "photos": [1, 1, 1, 1]})
    made = mixing_tables(links, people, MONTH, CONFIG)
    rows, around = made["majority_illusion"].to_pylist(), made["user_neighbours"]
    assert identity_gap(rows, around, people) <= 1e-12
    assert next(row["value"] for row in rows if row["metric"] == "link_gap_mean") == pytest.approx(2 / 3 - 0.575)


def test_checks_see_what_is_wrong(tables):
    mixed = tables["rewiring_mixing"].to_pylist()
    assert is_mixed(mixed)
    assert not is_mixed([*mixed[:-1], {**mixed[-1], "kept": mixed[-1]["kept"] - 0.1}])
    assert not is_mixed([])
    rows = tables[BEAUTY_MIXING.key].to_pylist()
    assert still_draws(rows) == []
    assert still_draws([{**rows[0], "null_sd": 0.0}]) == [f"{rows[0]['metric']} ({rows[0]['null_model']})"]
    clubs = tables["rich_clubs"].to_pylist()
    assert broken_clubs(clubs) == []
    for wrong in ({"members": 1}, {"value": None}, {"value": 1.5}):
        assert len(broken_clubs([{**clubs[0], **wrong}])) == 1
    around = tables["user_neighbours"]
    assert unbalanced_neighbours(around) == ""
    assert unbalanced_neighbours(around.slice(0, 0)) == "nobody with beauty has a neighbour"
    assert "are led to" in unbalanced_neighbours(around.slice(1))
    assert following_users(around) == sum(row["users"] for row in tables["beauty_by_neighbours"].to_pylist())


def test_figures_get_what_is_defined(tables):
    rows = tables["beauty_mixing"].to_pylist()
    shown = beside_chance(rows, ["assortativity"])
    assert set(shown) == {"community", "shuffled beauty", "rewired links"}
    assert all(list(points) == ["assortativity"] for points in shown.values())
    nothing = beside_chance([{**rows[0], "value": None, "null_mean": None}], [rows[0]["metric"]])
    assert all(points == {} for points in nothing.values())
    curve = neighbour_curve(tables["beauty_by_neighbours"].to_pylist())["mean beauty of followees"]
    assert curve["x"] == sorted(curve["x"])
    steps = tables["rewiring_mixing"].to_pylist()
    forgetting = forgetting_curves(steps[::-1])
    assert forgetting["links in place"]["y"] == [row["kept"] for row in steps]
    assert forgetting["Newman's r"]["x"] == [row["swaps_per_link"] for row in steps]
    clubs = club_curves(tables["rich_clubs"].to_pylist())
    assert all(len(club["x"]) == len(club["y"]) for club in clubs.values())
    assert clubs["club of the best linked"]["x"]


def test_better_followed_counts_who_looks_up():
    around = pa.table({"beauty": [0.2, 0.5, None, 0.9], "beauty_of_followees": [0.6, 0.5, 0.4, None]})
    edges, counts, looking_up = better_followed(around)
    assert (edges[0], edges[-1], sum(counts), looking_up) == (pytest.approx(-0.4), pytest.approx(0.4), 2, 0.5)
    assert counts[-1] == 1
    assert sum(better_followed(around.slice(2))[1]) == 0
