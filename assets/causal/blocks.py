"""Neighbours in many dimensions, by blocks of a distance matrix: memory stays bounded, and calipers narrow the blocks.

k-d trees do not help in 20 dimensions; a matrix product does.
"""

from collections.abc import Iterator

import numpy as np

from assets.causal.line import nearest_first, place_in_group
from assets.causal.points import ROUNDING, Found, Points, rounded
from assets.causal.sample import Floats, Integers

_BLOCK_CELLS = 1 << 22


def nearest_in_blocks(
    points: Points, seekers: Integers, pool: Integers, ratio: int, *, ties: bool, tolerance: float = 0.0
) -> Found:
    """The nearest units of a pool for each seeker, within its stratum and all calipers.

    Distances from a matrix product only choose candidates; differences of coordinates decide, rounded so that ties
    are exact.

    Args:
        points: Coordinates and calipers.
        seekers: (s,) rows that seek.
        pool: (m,) rows that may be found, ascending.
        ratio: Neighbours per seeker, fewer where there are fewer.
        ties: Whether those as near as the last neighbour come too; without, the first rows win.
        tolerance: Squared distances that close are ties.
    """
    most = None if ties else ratio
    parts = [
        nearest_first(*_block(points, seekers, at, units, ratio, tolerance), most, 0)
        for at, units in _blocks(points, seekers, pool)
    ]
    if not parts:
        return Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    seeker, unit, squared = (np.concatenate([part[i] for part in parts]) for i in range(3))
    return Found(*nearest_first(seeker, unit, squared, None, 0))


def _blocks(points: Points, seekers: Integers, pool: Integers) -> Iterator[tuple[Integers, Integers]]:
    """Positions of seekers, and the rows of the pool within their stratum and their first caliper."""
    narrow = points.limits.shape[1] > 0
    along = points.limits[:, 0] if narrow else np.zeros(len(points.stratum))
    width = float(points.widths[0]) if narrow else np.inf
    by_stratum = np.lexsort((along[pool], points.stratum[pool]))
    units, of_seekers = pool[by_stratum], np.lexsort((along[seekers], points.stratum[seekers]))
    of_seekers = of_seekers[points.stratum[seekers[of_seekers]] >= 0]
    if not len(of_seekers):
        return
    strata, starts = np.unique(points.stratum[seekers[of_seekers]], return_index=True)
    for stratum, at in zip(strata, np.split(of_seekers, starts[1:]), strict=True):
        low, high = np.searchsorted(points.stratum[units], [stratum, stratum + 1])
        inside = units[low:high]
        while len(at) and len(inside):
            rows, begin, end = _window(along[inside], along[seekers[at]], width)
            yield at[:rows], inside[begin:end]
            at = at[rows:]


def _window(units: Floats, seekers: Floats, width: float) -> tuple[int, int, int]:
    """How many of the sorted seekers fit into a block, and the first and last unit within their caliper."""
    rows, reach = len(seekers), width + 1e-9 * (1 + abs(float(units[-1])) + abs(float(seekers[-1])))
    while True:
        begin = int(np.searchsorted(units, seekers[0] - reach))
        end = int(np.searchsorted(units, seekers[rows - 1] + reach, "right"))
        if rows == 1 or rows * (end - begin) <= _BLOCK_CELLS:
            return rows, begin, end
        rows = max(1, min(rows // 2, 2 * _BLOCK_CELLS // (end - begin)))


def _block(
    points: Points, seekers: Integers, at: Integers, units: Integers, ratio: int, tolerance: float
) -> tuple[Integers, Integers, Floats]:
    """Seekers, neighbours and squared distances of one block, ties of the last neighbour included."""
    rows = seekers[at]
    if not len(units):
        return at[:0], units[:0], np.zeros(0)
    middle = points.coordinates[units].mean(axis=0)
    a, b = points.coordinates[rows] - middle, points.coordinates[units] - middle
    norm_a, norm_b = (a**2).sum(axis=1), (b**2).sum(axis=1)
    rough = norm_a[:, None] + norm_b[None, :] - 2 * (a @ b.T)
    for limit, width in zip(points.limits.T, points.widths, strict=True):
        rough[np.abs(limit[rows][:, None] - limit[units][None, :]) > width] = np.inf
    slack = 1e-10 * (norm_a + norm_b.max())
    last = min(ratio, len(units)) - 1
    edge = np.partition(rough, last, axis=1)[:, last]
    short = ~np.isfinite(edge)  # fewer than `ratio` within the calipers: all of them
    edge = np.where(short, np.inf, (np.sqrt(np.maximum(edge, 0)) + ROUNDING) ** 2 + 2 * slack + tolerance)
    i, j = np.nonzero((rough <= edge[:, None]) & np.isfinite(rough))
    apart = points.coordinates[rows[i]] - points.coordinates[units[j]]
    squared = rounded(np.sqrt((apart**2).sum(axis=1))) ** 2
    near = squared <= points.reach**2
    return _up_to_the_last(at[i[near]], units[j[near]], squared[near], ratio, tolerance)


def _up_to_the_last(
    seeker: Integers, unit: Integers, squared: Floats, ratio: int, tolerance: float
) -> tuple[Integers, Integers, Floats]:
    """Of candidates, those up to the exact distance of the last neighbour."""
    order = np.lexsort((unit, squared, seeker))
    seeker, unit, squared = seeker[order], unit[order], squared[order]
    rank = place_in_group(seeker)
    last = np.minimum(np.bincount(seeker, minlength=1)[seeker], ratio) - 1
    start = np.arange(len(seeker)) - rank
    kept = squared <= squared[start + last] + tolerance
    return seeker[kept], unit[kept], squared[kept]
