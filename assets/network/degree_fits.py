"""Tails of degrees: does a power law fit, from where on, with what exponent, and better than what else?

The library ``powerlaw`` (Alstott, Bullmore and Plenz 2014) does what Clauset, Shalizi and Newman (2009, "Power-law
distributions in empirical data") say. Degrees are whole numbers, so the discrete law is fitted.
"""

import warnings
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.network import DEGREE_FITS

SIDES = ("followers", "followees")

_LEAST_USERS = 50
"""Below that a maximum-likelihood exponent is biased, as its authors found."""
_SURE = 0.1
"""Largest p-value at which the sign of a likelihood ratio is trusted, as its authors have it."""


def fit_rows(positions: pa.Table, month: date | None) -> pa.Table:
    """Rows of ``degree_fits``: sides on which fifty users or more have a link, and not all have as many.

    Args:
        positions: ``followers`` and ``followees`` of each user.
        month: Of the graph.
    """
    rows = []
    for side in SIDES:
        degrees = positions[side].to_numpy()
        linked = degrees[degrees > 0]
        if len(linked) >= _LEAST_USERS and linked.min() < linked.max():
            rows.append({"snapshot_month": month, "side": side, **fit_tail(linked)})
    return pa.Table.from_pylist(rows, schema=DEGREE_FITS.schema)


def fit_tail(degrees: NDArray[np.int64]) -> dict[str, Any]:
    """Fit a discrete power law to whole numbers from 1 on, and hold it against other tails.

    Args:
        degrees: (n,) numbers, not all the same.

    Returns:
        Columns of ``degree_fits`` from ``minimum`` on.
    """
    import powerlaw

    with warnings.catch_warnings():
        # Of minima that leave next to nothing, which are then not chosen.
        warnings.simplefilter("ignore")
        # By default an exponent above 3 is ruled out, and a minimum far in the tail is found in its place.
        fit = powerlaw.Fit(degrees, discrete=True, verbose=0, parameter_ranges={"alpha": (1.0001, None)})
        ratios = {other: _ratio(fit, other) for other in ("lognormal", "exponential")}
    tail = int((degrees >= fit.power_law.xmin).sum())
    found = {
        "minimum": int(fit.power_law.xmin),
        "tail_users": tail,
        "users": len(degrees),
        "exponent": float(fit.power_law.alpha),
        "standard_error": float((fit.power_law.alpha - 1) / np.sqrt(tail)),
        "distance": float(fit.power_law.D),
        "against_lognormal": ratios["lognormal"][0],
        "against_lognormal_p": ratios["lognormal"][1],
        "against_exponential": ratios["exponential"][0],
        "against_exponential_p": ratios["exponential"][1],
    }
    return {**found, "reading": reading(found)}


def _ratio(fit: Any, other: str) -> tuple[float | None, float | None]:
    ratio, p_value = fit.distribution_compare("power_law", other, normalized_ratio=True)
    if not (np.isfinite(ratio) and np.isfinite(p_value)):
        return None, None
    return float(ratio), float(p_value)


def reading(row: Mapping[str, Any]) -> str:
    """What the likelihood ratios of a tail say, in words.

    >>> reading({"against_lognormal": -3.0, "against_lognormal_p": 0.003,
    ...          "against_exponential": 9.0, "against_exponential_p": 0.0})
    'lognormal fits better than a power law; a power law fits better than exponential'
    """
    said = []
    for other in ("lognormal", "exponential"):
        ratio, p_value = row[f"against_{other}"], row[f"against_{other}_p"]
        if ratio is None or p_value > _SURE:
            said.append(f"a power law and {other} cannot be told apart")
        else:
            better, worse = ("a power law", other) if ratio > 0 else (other, "a power law")
            said.append(f"{better} fits better than {worse}")
    return "; ".join(said)


def fitted_line(row: Mapping[str, Any], degrees: NDArray[np.int64]) -> tuple[list[float], list[float]]:
    """Share of users with at least so many that a fit gives, from its minimum to the largest number there is."""
    from scipy.special import zeta

    x = np.unique(np.geomspace(row["minimum"], degrees.max(), 50).round())
    shares = zeta(row["exponent"], x) / zeta(row["exponent"], row["minimum"]) * row["tail_users"] / len(degrees)
    return x.tolist(), shares.tolist()
