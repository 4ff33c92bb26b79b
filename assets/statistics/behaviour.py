"""How people react: to the beauty they follow, to its distance from their own, to the recognition they get.

Plain functions of arrays, shared by what simulates a past and what simulates a future. Every strength is a
parameter; at 0 the reaction is exactly absent.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GAP_THRESHOLD = 0.05
"""Gap above which the threshold form reacts, on the beauty scale."""
GAP_STEP = 0.12
"""Gap that the threshold form reacts as if it saw."""
GAP_SATURATION = 0.10
"""Gap at which the saturating form levels off."""
LAG_WEIGHT = 0.4
"""Share of a month's gap that enters the slowly moving gap of the lagged form."""
IMBALANCE_CENTRE, IMBALANCE_SCALE = 0.12, 0.10
"""Absolute imbalance that is neither comfortable nor straining, and what counts as one unit more."""


def remembered_gap(form: str, gap: Floats, before: Floats) -> Floats:
    """The gap that acts now: this month's, or for the lagged form an exponentially weighted past (shape kept)."""
    return before + LAG_WEIGHT * (gap - before) if form == "lagged" else gap


def influence_on_beauty(strength: float, form: str, gap: Floats) -> Floats:
    """What a gap between followed beauty and own talent adds to the beauty of new photos.

    Args:
        strength: Influence knob i.
        form: ``linear`` (i times the gap), ``threshold`` (a fixed step once the gap is wide enough),
            ``saturating`` (levels off) or ``lagged`` (linear in the remembered gap).
        gap: Beauty followed minus own talent; 0 where somebody follows no beauty.
    """
    if form == "threshold":
        return strength * np.where(np.abs(gap) > GAP_THRESHOLD, np.sign(gap) * GAP_STEP, 0.0)
    if form == "saturating":
        return strength * GAP_SATURATION * np.tanh(gap / GAP_SATURATION)
    return strength * gap


def strain(imbalance: Floats) -> Floats:
    """Discomfort of an imbalance, in [-1, 3]; 0 where there is none to feel (NaN)."""
    felt = np.clip((np.abs(imbalance) - IMBALANCE_CENTRE) / IMBALANCE_SCALE, -1.0, 3.0)
    return np.where(np.isnan(imbalance), 0.0, felt)


def neglect(recognition: Floats) -> Floats:
    """Discomfort of missing recognition, in [-2, 2]; recognition is a log ratio, NaN where nothing is shown yet."""
    return np.where(np.isnan(recognition), 0.0, np.clip(-recognition, -2.0, 2.0))


def leaving_probability(base: float, d: float, r: float, imbalance: Floats, recognition: Floats) -> Floats:
    """Probability of leaving in a month: logistic in strain (slope 2 d) and neglect (slope 1.5 r)."""
    if base <= 0:
        return np.zeros_like(imbalance)
    log_odds = np.log(base / (1 - base)) + 2.0 * d * strain(imbalance) + 1.5 * r * neglect(recognition)
    return 1.0 / (1.0 + np.exp(-log_odds))


def upload_multiplier(d: float, r: float, imbalance: Floats, recognition: Floats) -> Floats:
    """Factor on the upload rate: exponential in strain (slope -d / 2) and neglect (slope -r / 2)."""
    return np.exp(-0.5 * d * strain(imbalance) - 0.5 * r * neglect(recognition))


def expected_active_weeks(rate: Floats, weeks: float) -> Floats:
    """Expected weeks with an upload when uploads are Poisson with ``rate`` in a month of ``weeks`` weeks."""
    return weeks * -np.expm1(-rate / weeks)
