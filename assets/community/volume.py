"""How many rows a month may plausibly have, given the months before it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assets.contracts.table import UNDATED

HISTORY = 6
"""Months before that are looked at; with fewer there is no bound."""
FACTOR = 5.0
"""A month may always differ by this factor from where the trend points, or from what was accepted."""
DEVIATIONS = 6.0
"""Robust standard deviations that a month may differ by, where that is more."""


@dataclass(frozen=True)
class Bounds:
    """Plausible row counts, inclusive; None where there is none."""

    low: float | None
    high: float | None


def is_accepted(rows: int, accepted: int) -> bool:
    """Whether what was said of a month of ``accepted`` rows still holds now that it has ``rows``.

    A month goes on growing, and loses rows of those who withdraw; as for any expectation, a factor of 5 is allowed.
    """
    return accepted <= rows * FACTOR and rows <= accepted * FACTOR


def fewest_expected(counts: Mapping[str, int], month: str, newest: str, before: int) -> float | None:
    """Fewest rows that were to be expected of a month that has none; None where none at all is plausible.

    What the month held before counts as much as the months before it do: a month may lose all rows but a fifth.

    Args:
        counts: Month -> rows of the table, without this month.
        month: The month that has no row.
        newest: Newest month of any table; it may still be open, so the months before it say nothing of it.
        before: Rows that the month held until now.
    """
    expected = before / FACTOR
    if month < newest:
        expected = max(expected, bounds({newest: 0, **counts}, month).low or 0.0)
    return expected if expected >= 1 else None


def bounds(counts: Mapping[str, int], month: str) -> Bounds:
    """Plausible number of rows of a month, from the (at least six) months before it.

    The logarithm of the six latest counts is carried forward along their median monthly growth (a Theil-Sen line,
    Sen 1968), and the median of what they say is the expectation. It may be missed by a factor of 5, or by six
    robust standard deviations (1.4826 MAD) of the history, or of Poisson counts, whichever is most. So steady
    growth or decline of any rate passes, and so does growth that stops, unless it was fivefold a month; a factor of 10
    out of a calm history does not. The newest month has no lower bound, because it may still be open, and undated rows
    have no bounds.

    Args:
        counts: Month -> rows, this month among them or not.
        month: The month to judge.
    """
    before = sorted(name for name, rows in counts.items() if rows and name != UNDATED and name < month)[-HISTORY:]
    if month == UNDATED or len(before) < HISTORY:
        return Bounds(None, None)
    ages = np.array([_number(month) - _number(name) for name in before], dtype=np.float64)
    logs = np.log([counts[name] for name in before])
    growth = _median_slope(-ages, logs)
    predictions = logs + growth * ages
    centre = float(np.median(predictions))
    spread = 1.4826 * float(np.median(np.abs(predictions - centre)))
    half = max(math.log(FACTOR), DEVIATIONS * spread, DEVIATIONS / math.sqrt(max(math.exp(centre), 1.0)))
    is_newest = not any(name > month for name in counts if name != UNDATED)
    return Bounds(None if is_newest else math.exp(centre - half), math.exp(centre + half))


def _median_slope(x: np.ndarray, y: np.ndarray) -> float:
    i, j = np.triu_indices(len(x), k=1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))


def _number(month: str) -> int:
    year, number = month.split("-")
    return 12 * int(year) + int(number)
