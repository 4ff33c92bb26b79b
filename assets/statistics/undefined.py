"""Numbers that may not be defined: nan in arrays, nothing in tables."""

import math


def defined(value: float) -> float | None:
    """The number, or None for nan.

    >>> defined(0.5), defined(float("nan"))
    (0.5, None)
    """
    return None if math.isnan(value) else float(value)
