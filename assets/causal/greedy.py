"""Nearest neighbours without replacement: who chooses first takes the nearest unit that is left."""

import heapq
from typing import Protocol

import numpy as np

from assets.causal.blocks import nearest_in_blocks
from assets.causal.line import Line
from assets.causal.points import ROUNDING, Found, Points
from assets.causal.sample import Floats, Integers

_CANDIDATES = 64
"""Neighbours that are looked up at once; those taken meanwhile drop out."""


class Finder(Protocol):
    """Knows which units are left."""

    def nearest(self, position: int) -> tuple[float, int]:
        """Squared distance and handle of the nearest unit left for a seeker; the handle is -1 where there is none."""

    def take(self, handle: int) -> int:
        """Take the unit behind a handle, and return its row."""


def match_greedily(points: Points, seekers: Integers, pool: Integers, ratio: int, order: Integers | None) -> Found:
    """Match seekers to units of a pool, each unit once.

    With ``ratio`` above 1 everyone gets a first match before anyone gets a second, as in R's MatchIt. Of units equally
    near the first row is taken; on a line, the first that one meets going outward.

    Args:
        points: Coordinates, strata and calipers.
        seekers: (s,) rows that seek.
        pool: (m,) rows that may be found, ascending.
        ratio: Matches per seeker, at most.
        order: (s,) positions of seekers, those who choose first first; None takes the closest pair that is left.

    Returns:
        The matches, by seeker.
    """
    finder: Finder = LineFinder(points, seekers, pool) if points.is_line else ListFinder(points, seekers, pool)
    taken: list[tuple[int, int, float]] = []
    active = np.arange(len(seekers)) if order is None else order
    for _ in range(ratio):
        matched = _closest_first(finder, active) if order is None else _in_order(finder, active)
        taken += matched
        lucky = {seeker for seeker, _, _ in matched}
        active = np.array([i for i in active.tolist() if i in lucky], dtype=np.int64)
    seeker, unit, squared = (np.array(column) for column in zip(*taken, strict=True)) if taken else ((),) * 3
    found = np.asarray(seeker, np.int64), np.asarray(unit, np.int64), np.asarray(squared, np.float64)
    by_seeker = np.argsort(found[0], kind="stable")
    return Found(found[0][by_seeker], found[1][by_seeker], found[2][by_seeker])


def _in_order(finder: Finder, order: Integers) -> list[tuple[int, int, float]]:
    matched = []
    for position in order.tolist():
        squared, handle = finder.nearest(position)
        if handle >= 0:
            matched.append((position, finder.take(handle), squared))
    return matched


def _closest_first(finder: Finder, seekers: Integers) -> list[tuple[int, int, float]]:
    """Distances only grow as units are taken, so a pair at the top of the heap that still holds is the closest."""
    heap = []
    for position in seekers.tolist():
        squared, handle = finder.nearest(position)
        if handle >= 0:
            heap.append((squared, position))
    heapq.heapify(heap)
    matched = []
    while heap:
        believed, position = heapq.heappop(heap)
        squared, handle = finder.nearest(position)
        if handle < 0:
            continue
        if squared > believed:
            heapq.heappush(heap, (squared, position))
        else:
            matched.append((position, finder.take(handle), squared))
    return matched


class LineFinder:
    """Units on a line: links over those that are taken (union-find), one way and the other.

    Going outward in sorted order makes the first row win among equal units above, and the last among equal units below;
    below wins where both are as near.
    """

    def __init__(self, points: Points, seekers: Integers, pool: Integers) -> None:
        """Sort the pool, and find where each seeker stands."""
        line, stratum = Line(points, pool), points.stratum[seekers]
        first, last = line.bounds(stratum)
        self._rows: list[int] = line.rows.tolist()
        self._place: list[float] = points.coordinates[line.rows, 0].tolist()
        self._here: list[float] = points.coordinates[seekers, 0].tolist()
        self._at: list[int] = line.start_of(stratum, points.coordinates[seekers, 0]).tolist()
        self._first: list[int] = np.where(stratum >= 0, first, len(pool)).tolist()
        self._end: list[int] = np.where(stratum >= 0, last, 0).tolist()
        self._right = list(range(len(pool) + 1))
        self._left = list(range(len(pool) + 1))  # shifted by one: entry 0 is the end of the line
        self._reach = points.reach

    def nearest(self, position: int) -> tuple[float, int]:
        """Squared distance and place in line of the nearest unit left; -1 where there is none."""
        here, at = self._here[position], self._at[position]
        below, above = _root(self._left, at) - 1, _root(self._right, at)
        best, handle = np.inf, -1
        if below >= self._first[position]:
            best, handle = here - self._place[below], below
        if above < self._end[position] and self._place[above] - here < best - ROUNDING:
            best, handle = self._place[above] - here, above
        return (best * best, handle) if best <= self._reach and handle >= 0 else (np.inf, -1)

    def take(self, handle: int) -> int:
        """Take a unit by its place in line."""
        self._right[handle] = handle + 1
        self._left[handle + 1] = handle
        return self._rows[handle]


def _root(links: list[int], at: int) -> int:
    """Where links lead to; they are shortened on the way."""
    while links[at] != at:
        links[at] = links[links[at]]
        at = links[at]
    return at


class ListFinder:
    """Units in many dimensions: lists of the nearest, refilled from those left when all of a list are taken."""

    def __init__(self, points: Points, seekers: Integers, pool: Integers) -> None:
        """Look up the first lists."""
        self._points, self._seekers, self._pool = points, seekers, pool
        self._is_left = np.zeros(len(points.stratum), dtype=bool)
        self._is_left[pool] = True
        found = nearest_in_blocks(points, seekers, pool, _CANDIDATES, ties=False)
        ends = np.searchsorted(found.seeker, np.arange(len(seekers) + 1))
        self._unit, self._squared = found.unit, found.squared
        self._at, self._end = ends[:-1].copy(), ends[1:].copy()
        self._may_grow = self._end - self._at >= _CANDIDATES
        self._refilled: dict[int, tuple[Integers, Floats]] = {}
        self._by_stratum = pool[np.argsort(points.stratum[pool], kind="stable")]

    def nearest(self, position: int) -> tuple[float, int]:
        """Squared distance and row of the nearest unit left; -1 where there is none."""
        unit, squared = self._refilled.get(position, (self._unit, self._squared))
        at, end = self._at[position], self._end[position]
        while at < end and not self._is_left[unit[at]]:
            at += 1
        self._at[position] = at
        if at < end:
            return float(squared[at]), int(unit[at])
        return self._refill(position) if self._may_grow[position] else (np.inf, -1)

    def take(self, handle: int) -> int:
        """Take a unit by its row."""
        self._is_left[handle] = False
        return handle

    def _refill(self, position: int) -> tuple[float, int]:
        stratum = self._points.stratum[self._seekers[position]]
        low, high = np.searchsorted(self._points.stratum[self._by_stratum], [stratum, stratum + 1])
        units = self._by_stratum[low:high]
        units = units[self._is_left[units]]
        seeker = self._seekers[position : position + 1]
        found = nearest_in_blocks(self._points, seeker, units, _CANDIDATES, ties=False)
        self._may_grow[position] = len(found.unit) >= _CANDIDATES
        if not len(found.unit):
            return np.inf, -1
        self._refilled[position] = (found.unit, found.squared)
        self._at[position], self._end[position] = 0, len(found.unit)
        return float(found.squared[0]), int(found.unit[0])
