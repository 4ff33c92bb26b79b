"""The calendar of a simulation: months as numbers 0, 1, 2 ..., instants as microseconds since 1970 UTC."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

DAY = 86_400_000_000
"""Microseconds of a day."""


@dataclass(frozen=True)
class Calendar:
    """Consecutive calendar months.

    Attributes:
        last_month: Last month, as ``YYYY-MM``.
        months: How many there are.

    >>> Calendar("2016-03", 3).names
    ['2016-01', '2016-02', '2016-03']
    """

    last_month: str
    months: int

    @cached_property
    def _starts(self) -> np.ndarray:
        end = np.datetime64(self.last_month, "M") + 1
        return (end - np.arange(self.months, -1, -1)).astype("datetime64[us]").astype(np.int64)

    @cached_property
    def names(self) -> list[str]:
        """The months as ``YYYY-MM``."""
        return [str(m) for m in self._starts[:-1].astype("datetime64[us]").astype("datetime64[M]")]

    def start(self, month: int) -> int:
        """First microsecond of a month; ``start(months)`` is the end of the observation."""
        return int(self._starts[month])

    @property
    def end(self) -> int:
        """First microsecond after the observation."""
        return int(self._starts[-1])

    def month_index(self, instants: np.ndarray) -> np.ndarray:
        """Number of the month of each instant; ``months`` or more for what lies after the end."""
        return np.searchsorted(self._starts, instants, side="right") - 1
