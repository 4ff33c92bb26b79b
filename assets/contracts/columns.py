"""Columns that many tables have: counts, numbers and shares."""

import pyarrow as pa

from assets.contracts.table import Column


def count(name: str, description: str) -> Column:
    """A whole number of things, at least 0."""
    return Column(name, pa.int64(), description, minimum=0)


def number(
    name: str,
    description: str,
    *,
    nullable: bool = True,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Column:
    """A real number; null where it is not defined, unless it always is."""
    return Column(name, pa.float64(), description, nullable=nullable, minimum=minimum, maximum=maximum)


def share(name: str, description: str, *, nullable: bool = False) -> Column:
    """A part of a whole, from 0 to 1."""
    return number(name, description, nullable=nullable, minimum=0, maximum=1)
