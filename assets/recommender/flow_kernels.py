"""Loops of the beauty-flow recommender, compiled by Numba; import this module only where they run.

A user's rows of arrays are ``start[i]:start[i + 1]``. ``above`` and ``below`` hold, per arc, what it adds to the two
sums that keep a mean within its limits, ``room_above`` and ``room_below`` what they may come to.
"""

from typing import Any

import numba
import numpy as np

_HALVINGS = 18
_DOUBLINGS = 40
ROUNDING = 1e-12
"""By how much sums of beauty may pass a limit because they are rounded."""


@numba.njit(cache=True)
def _best(values: Any, slots: Any, chosen: Any) -> Any:
    """Places of the largest positive values, at most ``slots``, in ``chosen``; returns their number and sum."""
    count = 0
    for i in range(len(values)):
        value = values[i]
        if value <= 0.0 or (count == slots and value <= values[chosen[count - 1]]):
            continue
        place = count if count < slots else count - 1
        while place > 0 and values[chosen[place - 1]] < value:
            chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = i
        count = min(count + 1, slots)
    total = 0.0
    for j in range(count):
        total += values[chosen[j]]
    return count, total


@numba.njit(cache=True)
def _with_multiplier(reduced: Any, uses: Any, multiplier: Any, slots: Any, work: Any, chosen: Any) -> Any:
    """The best arcs after each has paid ``multiplier`` x what it uses; their number, sum and use."""
    for i in range(len(reduced)):
        work[i] = reduced[i] - multiplier * uses[i]
    count, total = _best(work[: len(reduced)], slots, chosen)
    used = 0.0
    for j in range(count):
        used += uses[chosen[j]]
    return count, total, used


@numba.njit(cache=True)
def _cheapest(reduced: Any, uses: Any, room: Any, slots: Any, work: Any, chosen: Any) -> Any:
    """The multiplier of one limit that makes the bound of one user smallest, to 2 ** -18 of itself; and that bound."""
    high, low = 1e-3, 0.0
    for _ in range(_DOUBLINGS):
        _, _, used = _with_multiplier(reduced, uses, high, slots, work, chosen)
        if used <= room:
            break
        low, high = high, high * 2.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        _, _, used = _with_multiplier(reduced, uses, middle, slots, work, chosen)
        if used <= room:
            high = middle
        else:
            low = middle
    return high


@numba.njit(cache=True)
def priced(
    start: Any,
    target: Any,
    value: Any,
    above: Any,
    below: Any,
    room_above: Any,
    room_below: Any,
    slots: Any,
    price: Any,
    demand: Any,
    of_above: Any,
    of_below: Any,
    is_wanted: Any,
    bid: Any,
) -> Any:
    """What users take at given prices of the recommended, and the bound that follows for them together.

    For any prices and multipliers at or above 0, prices x capacities plus what is returned is at least the best
    possible total (weak duality).

    Args:
        start: (u + 1,).
        target: (a,) recommended users.
        value: (a,) worth of each arc.
        above: (a,) what it adds to the sum under the upper limit.
        below: (a,) to that of the lower one.
        room_above: (u,) most of the first sum; infinite where there is no limit.
        room_below: (u,) of the second.
        slots: Most arcs per user.
        price: (n,) of a slot that points to each user.
        demand: (n,) is filled with how many users want each.
        of_above: (u,) is filled with the multipliers of the upper limit.
        of_below: (u,) of the lower one.
        is_wanted: (a,) is filled with whether the user takes each arc.
        bid: (a,) is filled with the price up to which the user would take each, were all others to stay as they are.

    Returns:
        Bound of all users together, without prices x capacities.
    """
    demand[:] = 0
    is_wanted[:] = False
    longest = 0
    for i in range(len(start) - 1):
        longest = max(longest, start[i + 1] - start[i])
    reduced, work, chosen = np.empty(longest), np.empty(longest), np.empty(slots + 1, np.int64)
    bound = 0.0
    for i in range(len(start) - 1):
        first, last = start[i], start[i + 1]
        m = last - first
        for j in range(m):
            reduced[j] = value[first + j] - price[target[first + j]]
        of_above[i] = of_below[i] = 0.0
        count, total = _best(reduced[:m], slots, chosen)
        used_above = used_below = 0.0
        for j in range(count):
            used_above += above[first + chosen[j]]
            used_below += below[first + chosen[j]]
        if used_above > room_above[i]:
            of_above[i] = _cheapest(reduced[:m], above[first:last], room_above[i], slots, work, chosen)
            count, total, _ = _with_multiplier(reduced[:m], above[first:last], of_above[i], slots, work, chosen)
            total += of_above[i] * room_above[i]
        elif used_below > room_below[i]:
            of_below[i] = _cheapest(reduced[:m], below[first:last], room_below[i], slots, work, chosen)
            count, total, _ = _with_multiplier(reduced[:m], below[first:last], of_below[i], slots, work, chosen)
            total += of_below[i] * room_below[i]
        bound += total
        for j in range(m):
            work[j] = reduced[j] - of_above[i] * above[first + j] - of_below[i] * below[first + j]
        count, _ = _best(work[:m], slots + 1, chosen)
        last_in = work[chosen[slots - 1]] if count >= slots else 0.0
        first_out = work[chosen[slots]] if count > slots else 0.0
        count = min(count, slots)
        for j in range(count):
            demand[target[first + chosen[j]]] += 1
            is_wanted[first + chosen[j]] = True
        for j in range(m):
            alternative = first_out if is_wanted[first + j] else last_in
            bid[first + j] = work[j] + price[target[first + j]] - alternative
    return bound


@numba.njit(cache=True)
def clearing(by_target: Any, place: Any, bid: Any, capacity: Any) -> Any:
    """(n,) for each recommended user the lowest price at which no more bids are above it than capacity allows.

    Args:
        by_target: (n + 1,) where the arcs to each begin in ``place``.
        place: (a,) arcs ordered by whom they point to.
        bid: (a,).
        capacity: (n,).
    """
    found = np.zeros(len(capacity))
    for w in range(len(capacity)):
        first, last = by_target[w], by_target[w + 1]
        c = capacity[w]
        if last - first <= c:
            continue
        bids = np.empty(last - first)
        for j in range(first, last):
            bids[j - first] = -bid[place[j]]
        found[w] = max(0.0, -np.partition(bids, c)[c])
    return found


@numba.njit(cache=True)
def taken_in_order(
    order: Any,
    row: Any,
    target: Any,
    above: Any,
    below: Any,
    left_above: Any,
    left_below: Any,
    free: Any,
    left: Any,
    is_taken: Any,
) -> Any:
    """Take arcs in order wherever all limits allow it; what is left of them is counted down in place.

    Returns:
        How many were taken.
    """
    count = 0
    for arc in order:
        i, w = row[arc], target[arc]
        if is_taken[arc] or free[i] == 0 or left[w] == 0:
            continue
        if above[arc] > left_above[i] or below[arc] > left_below[i]:
            continue
        is_taken[arc] = True
        count += 1
        free[i] -= 1
        left[w] -= 1
        left_above[i] -= above[arc]
        left_below[i] -= below[arc]
    return count


@numba.njit(cache=True)
def wanted_first(
    order: Any,
    row: Any,
    target: Any,
    above: Any,
    below: Any,
    left_above: Any,
    left_below: Any,
    free: Any,
    left: Any,
    is_taken: Any,
    is_wanted: Any,
) -> None:
    """Take wanted arcs in order while capacity lasts; together they keep a user's limits, one by one they need not."""
    for arc in order:
        i, w = row[arc], target[arc]
        if is_wanted[arc] and left[w] > 0 and free[i] > 0:
            is_taken[arc] = True
            free[i] -= 1
            left[w] -= 1
            left_above[i] -= above[arc]
            left_below[i] -= below[arc]


@numba.njit(cache=True)
def repaired(
    start: Any,
    target: Any,
    value: Any,
    above: Any,
    below: Any,
    left_above: Any,
    left_below: Any,
    free: Any,
    left: Any,
    is_taken: Any,
) -> None:
    """Give up arcs of users beyond a limit, those that are worth least for what they use of it first."""
    for i in range(len(start) - 1):
        while left_above[i] < -ROUNDING or left_below[i] < -ROUNDING:
            worst, given = np.inf, -1
            for arc in range(start[i], start[i + 1]):
                uses = above[arc] if left_above[i] < -ROUNDING else below[arc]
                if is_taken[arc] and uses > 0.0 and value[arc] / uses < worst:
                    worst, given = value[arc] / uses, arc
            is_taken[given] = False
            left[target[given]] += 1
            left_above[i] += above[given]
            left_below[i] += below[given]
            free[i] += 1


@numba.njit(cache=True)
def exchanged(
    start: Any,
    target: Any,
    value: Any,
    above: Any,
    below: Any,
    left_above: Any,
    left_below: Any,
    free: Any,
    left: Any,
    is_taken: Any,
) -> Any:
    """Of each user give up one arc for a better one wherever that is allowed, the best exchange first.

    Returns:
        By how much the total grew.
    """
    gained = 0.0
    longest = 0
    for i in range(len(start) - 1):
        longest = max(longest, start[i + 1] - start[i])
    held, others = np.empty(longest, np.int64), np.empty(longest, np.int64)
    for i in range(len(start) - 1):
        count, waiting = 0, 0
        for arc in range(start[i], start[i + 1]):
            if is_taken[arc]:
                held[count] = arc
                count += 1
            elif value[arc] > 0.0 and left[target[arc]] > 0:
                others[waiting] = arc
                waiting += 1
        for _ in range(start[i + 1] - start[i]):
            best, given, got = 1e-12, -1, -1
            for j in range(waiting):
                arc = others[j]
                if is_taken[arc] or value[arc] <= best:
                    continue
                if free[i] > 0 and above[arc] <= left_above[i] and below[arc] <= left_below[i]:
                    best, given, got = value[arc], -1, j
                    continue
                for k in range(count):
                    old = held[k]
                    if (
                        value[arc] - value[old] > best
                        and above[arc] - above[old] <= left_above[i]
                        and below[arc] - below[old] <= left_below[i]
                    ):
                        best, given, got = value[arc] - value[old], k, j
            if got < 0:
                break
            gained += best
            new = others[got]
            is_taken[new] = True
            left[target[new]] -= 1
            left_above[i] -= above[new]
            left_below[i] -= below[new]
            if given >= 0:
                old = held[given]
                is_taken[old] = False
                left[target[old]] += 1
                left_above[i] += above[old]
                left_below[i] += below[old]
                held[given], others[got] = new, old
            else:
                free[i] -= 1
                held[count] = new
                count += 1
    return gained
