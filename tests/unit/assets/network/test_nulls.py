import numpy as np
import pytest

from assets.network.assortativity import assortativity
from assets.network.links import simple_links
from assets.network.mixing_tables import still_draws
from assets.network.nulls import _beside, against_rewirings, against_shuffles, mixing_curve, rewired, shuffled


def random_links(seed=0, nodes=150, links=1_200):
    ends = (np.random.default_rng(seed).random((links, 2)) ** 2 * nodes).astype(int)
    return simple_links(ends[:, 0], ends[:, 1], range(nodes))


def r(links, numbers):
    return {"r": assortativity(links, numbers)}


def test_rewired_keeps_degrees_and_simplicity_and_moves_links():
    links = random_links()
    before = set(zip(links.source.tolist(), links.target.tolist(), strict=True))
    drawn = list(rewired(links, 3))
    for each in drawn:
        assert len(each) == len(links)
        assert np.array_equal(each.out_degree, links.out_degree)
        assert np.array_equal(each.in_degree, links.in_degree)
        assert (each.source != each.target).all()
        now = set(zip(each.source.tolist(), each.target.tolist(), strict=True))
        assert len(now) == len(links)
        assert len(now & before) < 0.5 * len(links)
    assert not np.array_equal(drawn[0].target, drawn[1].target)
    assert all(np.array_equal(a.target, b.target) for a, b in zip(drawn, rewired(links, 3), strict=True))


def test_shuffled_deals_numbers_out_among_those_who_have_one():
    numbers = np.array([1.0, 2.0, np.nan, 3.0, 4.0])
    drawn = list(shuffled(numbers, 20))
    assert all(np.isnan(each[2]) and sorted(each[[0, 1, 3, 4]]) == [1, 2, 3, 4] for each in drawn)
    assert len({tuple(each[[0, 1, 3, 4]]) for each in drawn}) > 5


def test_planted_mixing_is_beyond_both_nulls():
    generator = np.random.default_rng(1)
    numbers = generator.random(150)
    ends = generator.integers(0, 150, (6_000, 2))
    alike = np.abs(numbers[ends[:, 0]] - numbers[ends[:, 1]]) < 0.2
    links = simple_links(ends[alike, 0], ends[alike, 1], range(150))
    for null in (against_shuffles(r, links, numbers, 100), against_rewirings(r, links, numbers, 20)):
        found = null["r"]
        assert found.z > 5
        assert found.value > found.upper
        assert found.p_value == pytest.approx(1 / (1 + found.draws))


def test_mixing_that_is_not_there_is_found_as_often_as_chance_says():
    """40 random graphs at the 5 % level: at most 6 by the 99 % binomial region."""
    generator, false = np.random.default_rng(2), {"shuffled": 0, "rewired": 0}
    for seed in range(40):
        links, numbers = random_links(seed, 60, 300), generator.random(60)
        false["shuffled"] += against_shuffles(r, links, numbers, 99, seed)["r"].p_value <= 0.05
        false["rewired"] += against_rewirings(r, links, numbers, 39, seed)["r"].p_value <= 0.05
    assert max(false.values()) <= 6


def test_p_value_of_a_statistic_that_no_draw_changes_is_one():
    links = random_links(0, 20, 60)
    found = against_shuffles(lambda graph, numbers: {"links": float(len(graph))}, links, np.arange(20.0), 10)["links"]
    assert (found.p_value, found.null_sd) == (1.0, 0.0)
    assert np.isnan(found.z)


def test_statistics_that_are_not_defined_have_no_null():
    links = random_links(0, 20, 60)
    found = against_shuffles(r, links, np.full(20, np.nan), 10)["r"]
    assert found.draws == 0
    assert np.isnan(found.z)


def test_mixing_curve_forgets_where_it_began():
    links = random_links()
    curve = mixing_curve(lambda graph: assortativity(graph, np.arange(150.0)), links)
    kept = [point["kept"] for point in curve]
    assert [point["swaps_per_link"] for point in curve] == [1, 2, 5, 10, 20]
    assert kept[0] > kept[-1]
    assert kept[-1] == pytest.approx(kept[-2], abs=0.05)


def test_draws_that_are_equal_do_not_vary_by_their_rounding():
    beside = _beside(0.3, np.full(200, 0.3))
    assert beside.null_sd == 0
    assert np.isnan(beside.z)
    assert beside.p_value == 1
    assert still_draws([{"metric": "m", "null_model": "n", "value": 0.3, "null_sd": beside.null_sd}]) == ["m (n)"]
