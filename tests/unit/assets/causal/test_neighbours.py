"""Every search against brute force on tiny tables full of ties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.causal import blocks, line
from assets.causal.blocks import nearest_in_blocks
from assets.causal.greedy import match_greedily
from assets.causal.line import nearest_on_line
from assets.causal.points import Found, Points


def drawn(seed: int, n: int, dimensions: int, reach: float = np.inf, calipers: int = 0) -> tuple[Points, ...]:
    rng = np.random.default_rng(seed)
    stratum = rng.integers(-1, 3, n)
    coordinates = rng.integers(0, 6, (n, dimensions)) / 4 if seed % 2 else rng.normal(size=(n, dimensions))
    limits = rng.integers(0, 4, (n, calipers)).astype(float)
    treated = rng.random(n) < 0.4
    points = Points(coordinates, stratum, reach, limits, np.ones(calipers))
    return points, np.flatnonzero(treated), np.flatnonzero(~treated)


def may_match(points: Points, a: int, b: int) -> bool:
    away = np.sqrt(((points.coordinates[a] - points.coordinates[b]) ** 2).sum())
    near = (np.abs(points.limits[a] - points.limits[b]) <= points.widths).all()
    return bool(points.stratum[a] == points.stratum[b] >= 0 and away <= points.reach and near)


def squared(points: Points, a: int, b: int) -> float:
    return float(((points.coordinates[a] - points.coordinates[b]) ** 2).sum())


def brute(points: Points, seekers, pool, ratio: int, ties: bool, tolerance: float) -> list[tuple[int, int]]:
    found = []
    for position, a in enumerate(seekers):
        near = sorted((squared(points, a, b), b) for b in pool if may_match(points, a, b))
        if near:
            edge = near[min(ratio, len(near)) - 1][0]
            kept = [b for d, b in near if d <= edge + tolerance] if ties else [b for _, b in near[:ratio]]
            found += [(position, int(b)) for b in kept]
    return found


def rows_of(found: Found) -> list[tuple[int, int]]:
    return list(zip(found.seeker.tolist(), found.unit.tolist(), strict=True))


CASE = (st.integers(0, 100_000), st.integers(2, 40), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.3]))


@given(*CASE, st.sampled_from([np.inf, 0.5]))
def test_nearest_on_line_is_brute_force(seed, n, ratio, ties, tolerance, reach):
    points, seekers, pool = drawn(seed, n, 1, reach)
    found = nearest_on_line(points, seekers, pool, ratio, ties=ties, tolerance=tolerance if ties else 0.0)
    expected = [(i, b) for i, b in brute(points, seekers, pool, ratio, ties, tolerance if ties else 0.0)]
    assert rows_of(found) == expected


@given(*CASE, st.integers(0, 2))
def test_nearest_in_blocks_is_brute_force(seed, n, ratio, ties, tolerance, calipers):
    points, seekers, pool = drawn(seed, n, 3, calipers=calipers)
    found = nearest_in_blocks(points, seekers, pool, ratio, ties=ties, tolerance=tolerance if ties else 0.0)
    expected = brute(points, seekers, pool, ratio, ties, tolerance if ties else 0.0)
    assert rows_of(found) == expected


@given(st.integers(0, 50_000), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_last_digits_of_coordinates_decide_nothing(seed, dimensions, ratio, ties):
    points, seekers, pool = drawn(2 * seed + 1, 40, dimensions)  # many are as near
    noise = 1e-14 * np.random.default_rng(seed).normal(size=points.coordinates.shape)
    noisy = replace(points, coordinates=points.coordinates + noise)
    search = nearest_on_line if dimensions == 1 else nearest_in_blocks
    assert rows_of(search(noisy, seekers, pool, ratio, ties=ties)) == brute(points, seekers, pool, ratio, ties, 0.0)


@given(st.integers(0, 50_000), st.sampled_from(["data", "closest"]))
def test_last_digits_of_coordinates_do_not_decide_who_is_taken(seed, order):
    points, seekers, pool = drawn(2 * seed + 1, 40, 2)
    noise = 1e-14 * np.random.default_rng(seed).normal(size=points.coordinates.shape)
    noisy = replace(points, coordinates=points.coordinates + noise)
    positions = np.arange(len(seekers)) if order == "data" else None
    clean = match_greedily(points, seekers, pool, 2, positions)
    assert rows_of(match_greedily(noisy, seekers, pool, 2, positions)) == rows_of(clean)


@pytest.mark.parametrize("calipers", [0, 1])
def test_small_blocks_change_nothing(monkeypatch, calipers):
    points, seekers, pool = drawn(3, 400, 2, calipers=calipers)
    whole = nearest_in_blocks(points, seekers, pool, 2, ties=True)
    on_line = Points(points.coordinates[:, :1], points.stratum, np.inf, points.limits[:, :0], points.widths[:0])
    whole_line = nearest_on_line(on_line, seekers, pool, 2, ties=True)
    monkeypatch.setattr(blocks, "_BLOCK_CELLS", 100)
    monkeypatch.setattr(line, "_CHUNK_CELLS", 100)
    parts, parts_line = (
        nearest_in_blocks(points, seekers, pool, 2, ties=True),
        nearest_on_line(on_line, seekers, pool, 2, ties=True),
    )
    assert len(whole.unit) > 100
    assert (whole.unit.tolist(), whole_line.unit.tolist()) == (parts.unit.tolist(), parts_line.unit.tolist())


def outward(points: Points, a: int, b: int) -> tuple[float, int, int]:
    """Key of a walk outward on a line: above, the first row; below, the last; below before above."""
    difference = points.coordinates[b, 0] - points.coordinates[a, 0]
    return abs(difference), int(difference >= 0), b if difference >= 0 else -b


def by_row(points: Points, a: int, b: int) -> tuple[float, int, int]:
    return squared(points, a, b), 0, b


def brute_greedy(points: Points, seekers, pool, ratio: int, order, key) -> set[tuple[int, int]]:
    left, found, active = set(pool.tolist()), set(), list(order)
    for _ in range(ratio):
        lucky = []
        for position in active:
            near = [b for b in left if may_match(points, seekers[position], b)]
            if near:
                best = min(near, key=lambda b: key(points, seekers[position], b))
                left.remove(best)
                found.add((position, best))
                lucky.append(position)
        active = lucky
    return found


@given(*CASE[:3], st.sampled_from([np.inf, 0.5]), st.sampled_from([1, 3]), st.integers(0, 1))
def test_match_greedily_is_brute_force(seed, n, ratio, reach, dimensions, calipers):
    points, seekers, pool = drawn(seed, n, dimensions, reach if dimensions == 1 else np.inf, calipers)
    order = np.random.default_rng(seed).permutation(len(seekers))
    found = match_greedily(points, seekers, pool, ratio, order)
    key = outward if points.is_line else by_row
    expected = brute_greedy(points, seekers, pool, ratio, order.tolist(), key)
    assert set(zip(found.seeker.tolist(), found.unit.tolist(), strict=True)) == expected
    assert len(set(found.unit.tolist())) == len(found.unit)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_match_greedily_refills_lists_that_are_used_up(dimensions):
    rng = np.random.default_rng(0)
    coordinates = np.concatenate([np.zeros((300, dimensions)), rng.normal(size=(500, dimensions))])
    points = Points(coordinates, np.zeros(800, np.int64), np.inf, np.zeros((800, 0)), np.zeros(0))
    seekers, pool = np.arange(300), np.arange(300, 800)
    found = match_greedily(points, seekers, pool, 1, np.arange(300))
    assert len(found.unit) == len(set(found.unit.tolist())) == 300
    away = np.sort((coordinates[pool] ** 2).sum(axis=1))[:300]
    assert found.squared == pytest.approx(away)


@given(st.integers(0, 100_000), st.integers(2, 30), st.sampled_from([1, 2]))
def test_closest_order_takes_the_closest_pair_that_is_left(seed, n, dimensions):
    points, seekers, pool = drawn(2 * seed, n, dimensions)  # even seeds have no ties
    found = match_greedily(points, seekers, pool, 1, None)
    left, waiting, expected = set(pool.tolist()), set(range(len(seekers))), set()
    pairs = sorted(
        (squared(points, seekers[i], b), i, b) for i in waiting for b in left if may_match(points, seekers[i], b)
    )
    for _, i, b in pairs:
        if i in waiting and b in left:
            expected.add((i, b))
            waiting.remove(i)
            left.remove(b)
    assert set(zip(found.seeker.tolist(), found.unit.tolist(), strict=True)) == expected


def test_greedy_distance_is_never_below_the_optimal_one():
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(1)
    coordinates = rng.normal(size=(120, 3))
    points = Points(coordinates, np.zeros(120, np.int64), np.inf, np.zeros((120, 0)), np.zeros(0))
    distance = cdist(coordinates[:50], coordinates[50:])
    best = distance[linear_sum_assignment(distance)].sum()
    for order in (np.arange(50), None):
        greedy = np.sqrt(match_greedily(points, np.arange(50), np.arange(50, 120), 1, order).squared).sum()
        assert best <= greedy < 1.5 * best
