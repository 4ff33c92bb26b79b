"""Loops over paths and candidates, compiled by Numba; import this module only where they run."""

from typing import Any

import numba
import numpy as np

_GAMMA, _MIX_1, _MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@numba.njit(cache=True, inline="always")
def _mixed(value: Any) -> Any:
    """SplitMix64's finaliser (Steele et al. 2014): one well-mixed number of another."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@numba.njit(cache=True, inline="always")
def _chance(seed: Any, one: Any, other: Any) -> Any:
    """A number in [0, 1) that depends on a seed and an ordered pair of ids alone."""
    mixed = _mixed(np.uint64(seed) + _GAMMA)
    mixed = _mixed(mixed + np.uint64(one) + _GAMMA)
    mixed = _mixed(mixed + np.uint64(other) + _GAMMA)
    return (mixed >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@numba.njit(cache=True)
def chances(seed: Any, one: Any, other: Any) -> Any:
    """(k,) numbers in [0, 1), one per pair of ids."""
    drawn = np.empty(len(one), np.float64)
    for i in range(len(one)):
        drawn[i] = _chance(seed, one[i], other[i])
    return drawn


@numba.njit(cache=True)
def mixed_all(values: Any) -> Any:
    """Each of some numbers mixed."""
    found = np.empty_like(values)
    for i in range(len(values)):
        found[i] = _mixed(values[i] + _GAMMA)
    return found


@numba.njit(cache=True)
def sampled_rows(users: Any, start: Any, followee: Any, most: Any, seed: Any) -> Any:
    """Of each row longer than ``most`` the entries with the smallest chances; (starts, entries)."""
    n = len(start) - 1
    kept_start = np.zeros(n + 1, np.int64)
    for i in range(n):
        kept_start[i + 1] = kept_start[i] + min(most, start[i + 1] - start[i])
    kept = np.empty(kept_start[n], followee.dtype)
    for i in range(n):
        row = followee[start[i] : start[i + 1]]
        if len(row) <= most:
            kept[kept_start[i] : kept_start[i + 1]] = row
        else:
            drawn = np.empty(len(row), np.float64)
            for j in range(len(row)):
                drawn[j] = _chance(seed, users[i], users[row[j]])
            chosen = np.sort(np.argsort(drawn)[:most])
            for j in range(most):
                kept[kept_start[i] + j] = row[chosen[j]]
    return kept_start, kept


@numba.njit(cache=True)
def two_steps(
    chosen: Any,
    users: Any,
    start: Any,
    followee: Any,
    full_start: Any,
    full_followee: Any,
    barred: Any,
    weights: Any,
    most: Any,
    explored: Any,
    seed: Any,
) -> Any:
    """Candidates of some users.

    Of each user's candidates, ``most - explored`` with the most resource allocation over sampled paths stay (so few
    share it that chance breaks ties), and of the others ``explored`` by chance. Measures of those that stay are over
    all paths.

    Args:
        chosen: (u,) positions of the users.
        users: (n,) ids, which chances depend on.
        start: (n + 1,) of the sampled rows.
        followee: Sampled followees.
        full_start: (n + 1,) of the whole rows.
        full_followee: All followees.
        barred: Ascending keys of pairs that are ruled out.
        weights: (measures, n) what a path through each user adds to each measure; resource allocation is the third.
        most: Candidates per user.
        explored: How many of them are chosen by chance.
        seed: Of chances.

    Returns:
        (u + 1,) starts, (arcs,) candidates ascending for each user, (measures, arcs) measures.
    """
    n, measures = len(users), len(weights)
    sums = np.zeros(n, np.float64)
    seen = np.full(n, -1, np.int64)
    touched = np.empty(n, np.int64)
    starts = np.zeros(len(chosen) + 1, np.int64)
    room = max(1024, len(chosen) * min(most, 64))
    candidates = np.empty(room, np.int32)
    found = np.empty((measures, room), np.float64)
    filled = 0
    for i in range(len(chosen)):
        u = chosen[i]
        count = 0
        seen[u] = -2 - u
        for e in range(full_start[u], full_start[u + 1]):
            seen[full_followee[e]] = -2 - u
        place = np.searchsorted(barred, u * n)
        while place < len(barred) and barred[place] < (u + 1) * n:
            seen[barred[place] - u * n] = -2 - u
            place += 1
        for e in range(start[u], start[u + 1]):
            v = followee[e]
            for f in range(start[v], start[v + 1]):
                w = followee[f]
                if seen[w] == -2 - u:
                    continue
                if seen[w] != u:
                    seen[w] = u
                    touched[count] = w
                    count += 1
                    sums[w] = 0.0
                sums[w] += weights[2, v]
        kept = (
            np.sort(touched[:count])
            if count <= most
            else _chosen(touched[:count], sums, u, users, most, explored, seed)
        )
        while filled + len(kept) > room:
            candidates = np.concatenate((candidates, np.empty(room, np.int32)))
            found = np.concatenate((found, np.empty((measures, room), np.float64)), axis=1)
            room *= 2
        for j in range(len(kept)):
            candidates[filled + j] = kept[j]
        _measure(u, kept, full_start, full_followee, weights, found[:, filled : filled + len(kept)])
        filled += len(kept)
        starts[i + 1] = filled
    return starts, candidates[:filled].copy(), found[:, :filled].copy()


@numba.njit(cache=True)
def _measure(u: Any, kept: Any, start: Any, followee: Any, weights: Any, found: Any) -> Any:
    """Fills the measures of a user's ascending candidates over all paths to them."""
    found[:] = 0.0
    if not len(kept):
        return
    for e in range(start[u], start[u + 1]):
        v = followee[e]
        row = followee[start[v] : start[v + 1]]
        if len(row) <= 8 * len(kept):
            j = np.searchsorted(kept, row[0]) if len(row) else 0
            for w in row:
                while j < len(kept) and kept[j] < w:
                    j += 1
                if j == len(kept):
                    break
                if kept[j] == w:
                    for k in range(len(weights)):
                        found[k, j] += weights[k, v]
        else:
            for j in range(len(kept)):
                place = np.searchsorted(row, kept[j])
                if place < len(row) and row[place] == kept[j]:
                    for k in range(len(weights)):
                        found[k, j] += weights[k, v]


@numba.njit(cache=True)
def measured(chosen: Any, starts: Any, candidates: Any, start: Any, followee: Any, weights: Any) -> Any:
    """(measures, arcs) over all paths, of candidates that are known; 0 where there is no path.

    Args:
        chosen: (u,) positions of the users.
        starts: (u + 1,) where the candidates of each begin.
        candidates: (arcs,) ascending for each user.
        start: (n + 1,) of the rows.
        followee: All followees.
        weights: As in ``two_steps``.
    """
    found = np.empty((len(weights), len(candidates)), np.float64)
    for i in range(len(chosen)):
        here = found[:, starts[i] : starts[i + 1]]
        _measure(chosen[i], candidates[starts[i] : starts[i + 1]], start, followee, weights, here)
    return found


@numba.njit(cache=True)
def _chosen(touched: Any, sums: Any, u: Any, users: Any, most: Any, explored: Any, seed: Any) -> Any:
    drawn = np.empty(len(touched), np.float64)
    ranked = np.empty(len(touched), np.float64)
    for i in range(len(touched)):
        drawn[i] = _chance(seed, users[u], users[touched[i]])
        ranked[i] = -sums[touched[i]] * (1.0 + 1e-9 * drawn[i])
    best = most - explored
    if best > 0:
        limit = np.partition(ranked, best - 1)[best - 1]
        strong = ranked <= limit
    else:
        strong = np.zeros(len(touched), np.bool_)
    left = most - strong.sum()
    if left > 0:
        others = drawn[~strong]
        bound = np.partition(others, left - 1)[left - 1]
        strong |= ~strong & (drawn <= bound)
    return np.sort(touched[strong])
