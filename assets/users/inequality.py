"""How unequally beauty, attention and photos are spread over users: rows, what must be true of them, what is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.users_results import INEQUALITY, LORENZ_CURVES
from assets.statistics.gini import lorenz
from assets.statistics.inequality import inequality_intervals
from assets.statistics.undefined import defined
from assets.users.measures import numbers

Rows = Sequence[Mapping[str, Any]]

QUANTITIES = ("beauty_shrunken", "beauty", "followers", "favorites_received", "photos")
_TOP = {"top_1_percent": 0.01, "top_10_percent": 0.10}
_POINTS = np.concatenate([np.arange(99) / 100, np.arange(990, 1001) / 1000])
_ROUNDING = 1e-9
AREA_TOLERANCE = 0.01
"""How far the area above a thinned curve may fall short of the Gini coefficient."""


@dataclass(frozen=True)
class InequalityConfig:
    """How intervals are made.

    Attributes:
        resamples: Bootstrap resamples of users.
        seed: Their seed.
    """

    resamples: int = 1000
    seed: int = 0


def held_quantities(users: pa.Table) -> list[str]:
    """Quantities that somebody holds; of what nobody has, neither a Gini coefficient nor a curve is defined."""
    return [quantity for quantity in QUANTITIES if np.nansum(np.abs(numbers(users, quantity))) > 0]


def inequality_tables(users: pa.Table, config: InequalityConfig) -> dict[str, pa.Table]:
    """Rows of ``inequality`` and ``lorenz_curves``, by key.

    Args:
        users: One row per user with the columns of ``QUANTITIES``; null where a user has no such thing.
        config: How intervals are made.

    Raises:
        ValueError: A user holds less than nothing.
    """
    rows: list[dict[str, Any]] = []
    curves: list[dict[str, Any]] = []
    for quantity in held_quantities(users):
        held = numbers(users, quantity)
        try:
            found = inequality_intervals(held, tuple(_TOP.values()), resamples=config.resamples, seed=config.seed)
        except ValueError as error:
            raise ValueError(f"{quantity} of users: {error}; look for the user in the mart and repair it") from error
        for statistic, interval in zip(("gini", *_TOP), found, strict=True):
            ends = {end: defined(getattr(interval, end)) for end in ("lower", "upper")}
            row = {"quantity": quantity, "statistic": statistic, "value": interval.value, "users": interval.n}
            rows.append(row | ends)
        shares = np.interp(_POINTS, *lorenz(held))
        curves += [
            {"quantity": quantity, "share_of_users": float(people), "share_held": float(share)}
            for people, share in zip(_POINTS, np.clip(shares, 0, 1), strict=True)
        ]
    return {
        INEQUALITY.key: pa.Table.from_pylist(rows, schema=INEQUALITY.schema),
        LORENZ_CURVES.key: pa.Table.from_pylist(curves, schema=LORENZ_CURVES.schema),
    }


def broken_statistics(rows: Rows) -> list[str]:
    """Quantities whose shares are not nested, or fall short of an even spread, or whose intervals miss their value."""
    return [
        quantity
        for quantity in dict.fromkeys(row["quantity"] for row in rows)
        if not _is_sound({row["statistic"]: row for row in rows if row["quantity"] == quantity})
    ]


def _is_sound(found: Mapping[str, Mapping[str, Any]]) -> bool:
    if set(found) != {"gini", *_TOP}:
        return False
    one, ten = (found[name]["value"] for name in _TOP)
    nested = _TOP["top_1_percent"] - _ROUNDING <= one <= ten <= 1
    # Nothing is even further apart than the top tenth against the rest says it is.
    reaches = ten - _TOP["top_10_percent"] - _ROUNDING <= found["gini"]["value"] <= 1
    inside = all(row["lower"] is None or row["lower"] <= row["value"] <= row["upper"] for row in found.values())
    return bool(nested and reaches and inside)


def broken_curves(curves: Rows) -> list[str]:
    """Quantities whose Lorenz curve does not run from 0 to 1, leaves the place under the diagonal, or is not convex."""
    return [quantity for quantity, points in _by_quantity(curves).items() if not _is_lorenz(*points)]


def _is_lorenz(people: Sequence[float], held: Sequence[float]) -> bool:
    if len(people) < 2 or (people[0], held[0]) != (0, 0) or people[-1] != 1 or abs(held[-1] - 1) > _ROUNDING:
        return False
    below = all(-_ROUNDING <= share <= person + _ROUNDING for person, share in zip(people, held, strict=True))
    slopes = np.diff(held) / np.diff(people)
    # Slopes of thousandths: a rounding of 1e-9 in a share.
    return below and bool((np.diff(slopes) >= -_ROUNDING * 1000).all() and (slopes >= -_ROUNDING).all())


def disagreeing_areas(rows: Rows, curves: Rows) -> list[str]:
    """Quantities whose Gini coefficient is not twice the area between diagonal and curve, or that have one of the two.

    Straight lines between the points of a convex curve run above it, so a thinned curve may only fall short.
    """
    areas = {
        quantity: 1 - 2 * float(np.trapezoid(held, people)) for quantity, (people, held) in _by_quantity(curves).items()
    }
    ginis = {row["quantity"]: row["value"] for row in rows if row["statistic"] == "gini"}
    return [
        quantity
        for quantity in dict.fromkeys([*ginis, *areas])
        if quantity not in ginis
        or quantity not in areas
        or not -_ROUNDING <= ginis[quantity] - areas[quantity] <= AREA_TOLERANCE
    ]


def _by_quantity(curves: Rows) -> dict[str, tuple[list[float], list[float]]]:
    found: dict[str, tuple[list[float], list[float]]] = {}
    for point in sorted(curves, key=lambda point: point["share_of_users"]):
        people, held = found.setdefault(point["quantity"], ([], []))
        people.append(point["share_of_users"])
        held.append(point["share_held"])
    return found


def shown_curves(rows: Rows, curves: Rows) -> dict[str, tuple[list[float], list[float]]]:
    """What the figure draws: curves under the names of their quantities with Gini coefficients, the most even first."""
    points = _by_quantity(curves)
    ginis = {row["quantity"]: row["value"] for row in rows if row["statistic"] == "gini"}
    return {f"{words(name)}: Gini {ginis[name]:.2f}": points[name] for name in sorted(ginis, key=lambda q: ginis[q])}


def words(quantity: str) -> str:
    """A quantity as people say it.

    >>> words("favorites_received"), words("beauty_shrunken")
    ('favorites received', 'beauty b(i), shrunken')
    """
    named = {"beauty_shrunken": "beauty b(i), shrunken", "beauty": "beauty b(i)"}
    return named.get(quantity, quantity.replace("_", " "))


def said_of_inequality(rows: Rows) -> str:
    """Inequality of beauty beside that of recognition, in a sentence."""
    by = {(row["quantity"], row["statistic"]): row for row in rows}
    parts = [
        f"{words(name)} {_with_interval(by[name, 'gini'])}, top 1 % hold {by[name, 'top_1_percent']['value']:.0%}"
        for name in QUANTITIES
        if (name, "gini") in by and name != "beauty"
    ]
    return "Gini coefficients: " + "; ".join(parts)


def shown_ginis(rows: Rows) -> dict[str, tuple[float, float | None, float | None]]:
    """Quantity -> Gini coefficient and ends of its interval."""
    return {
        words(row["quantity"]): (row["value"], row["lower"], row["upper"])
        for row in rows
        if row["statistic"] == "gini" and row["value"] is not None
    }


def _with_interval(row: Mapping[str, Any]) -> str:
    ends = "" if row["lower"] is None else f" ({row['lower']:.2f} to {row['upper']:.2f})"
    return f"{row['value']:.2f}{ends}"
