"""Neighbours on a line, such as the propensity score: sorting finds them, for a million units in seconds."""

import numpy as np

from assets.causal.points import ROUNDING, Found, Points, rounded
from assets.causal.sample import Floats, Integers

_CHUNK_CELLS = 1 << 22


class Line:
    """Units sorted by stratum and place; keys are whole numbers, so that comparing them is exact.

    Attributes:
        places: Distinct places, ascending.
        rows: (m,) rows of the pool, sorted by stratum, place and row.
        keys: (m,) their keys.
    """

    def __init__(self, points: Points, pool: Integers) -> None:
        """Sort the rows of a pool."""
        place, stratum = points.coordinates[:, 0], points.stratum
        self.points, self.place = points, place
        self.places, code = np.unique(place[pool], return_inverse=True)
        self._stride = len(self.places) + 1
        keys = stratum[pool] * self._stride + code
        order = np.argsort(keys, kind="stable")
        self.rows, self.keys = pool[order], keys[order]

    def start_of(self, stratum: Integers, place: Floats, side: str = "left") -> Integers:
        """Position of the first unit of a stratum at or beyond a place (``left``), or beyond it (``right``)."""
        code = np.searchsorted(self.places, place, side="left" if side == "left" else "right")
        return np.searchsorted(self.keys, stratum * self._stride + code, side="left").astype(np.int64)

    def bounds(self, stratum: Integers) -> tuple[Integers, Integers]:
        """First and one past the last position of strata."""
        first = np.searchsorted(self.keys, stratum * self._stride, side="left")
        last = np.searchsorted(self.keys, (stratum + 1) * self._stride, side="left")
        return first.astype(np.int64), last.astype(np.int64)


def nearest_on_line(
    points: Points, seekers: Integers, pool: Integers, ratio: int, *, ties: bool, tolerance: float = 0.0
) -> Found:
    """The nearest units of a pool for each seeker, within its stratum and the reach.

    Args:
        points: Places on a line (d = 1).
        seekers: (s,) rows that seek.
        pool: (m,) rows that may be found, ascending.
        ratio: Neighbours per seeker, fewer where there are fewer.
        ties: Whether those as near as the last neighbour come too; without, the first rows win.
        tolerance: Squared distances that close are ties.
    """
    line, parts = Line(points, pool), []
    chunk = max(1, _CHUNK_CELLS // (8 * ratio))
    for begin in range(0, len(seekers), chunk):
        part = seekers[begin : begin + chunk]
        radius = _radius(line, part, ratio, tolerance)
        parts += _within(line, part, begin, radius, ratio if not ties else None)
    if not parts:
        return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    return Found(*(np.concatenate([part[i] for part in parts]) for i in range(3)))


def _radius(line: Line, part: Integers, ratio: int, tolerance: float) -> Floats:
    """(s,) squared distance up to which units are matched; -1 where there are none."""
    place, stratum = line.place[part], line.points.stratum[part]
    middle = line.start_of(stratum, place)
    first, last = line.bounds(stratum)
    window = middle[:, None] + np.arange(-ratio, ratio)
    inside = (window >= first[:, None]) & (window < last[:, None])
    if not len(line.rows):
        return np.full(len(part), -1.0)
    there = line.place[line.rows[np.clip(window, 0, len(line.rows) - 1)]]
    away = rounded(np.abs(there - place[:, None]))
    squared = np.where(inside & (away <= line.points.reach), away**2, np.inf)
    squared.sort(axis=1)
    known = np.isfinite(squared).sum(axis=1)
    chosen = np.minimum(ratio, known) - 1
    edge = squared[np.arange(len(part)), np.maximum(chosen, 0)] + tolerance
    return np.where((known > 0) & (stratum >= 0), edge, -1.0)


def _within(
    line: Line, part: Integers, begin: int, radius: Floats, most: int | None
) -> list[tuple[Integers, Integers, Floats]]:
    """All units within a radius, or the ``most`` nearest of them, in pieces of bounded size."""
    place, stratum = line.place[part], line.points.stratum[part]
    slack = np.sqrt(np.maximum(radius, 0)) * (1 + 1e-12) + 1e-12 * (1 + np.abs(place)) + ROUNDING
    low, high = line.start_of(stratum, place - slack), line.start_of(stratum, place + slack, "right")
    size = np.where(radius >= 0, high - low, 0)
    pieces = []
    for some in _pieces(size):
        seeker = np.repeat(some, size[some])
        offset = np.arange(len(seeker)) - np.repeat(np.cumsum(size[some]) - size[some], size[some])
        unit = line.rows[low[seeker] + offset]
        away = rounded(np.abs(line.place[unit] - place[seeker]))
        kept = (away**2 <= radius[seeker]) & (away <= line.points.reach)
        pieces.append(nearest_first(seeker[kept], unit[kept], away[kept] ** 2, most, begin))
    return pieces


def nearest_first(
    seeker: Integers, unit: Integers, squared: Floats, most: int | None, begin: int
) -> tuple[Integers, Integers, Floats]:
    """Neighbours by seeker, distance and row, ``most`` of each seeker; ``begin`` is added to the seekers."""
    order = np.lexsort((unit, squared, seeker))
    seeker, unit, squared = seeker[order], unit[order], squared[order]
    if most is not None:
        kept = place_in_group(seeker) < most
        seeker, unit, squared = seeker[kept], unit[kept], squared[kept]
    return seeker + begin, unit, squared


def place_in_group(sorted_groups: Integers) -> Integers:
    """0 for the first row of each group, 1 for the second and so on; groups are contiguous."""
    starts = np.flatnonzero(np.r_[True, np.diff(sorted_groups) != 0]) if len(sorted_groups) else np.zeros(0, np.int64)
    return np.arange(len(sorted_groups)) - np.repeat(starts, np.diff(np.r_[starts, len(sorted_groups)]))


def _pieces(size: Integers) -> list[Integers]:
    """Seekers with something in their window, in runs whose windows together stay small."""
    some = np.flatnonzero(size > 0)
    if not some.size:
        return []
    return np.split(some, np.flatnonzero(np.diff(np.cumsum(size[some]) // _CHUNK_CELLS)) + 1)
