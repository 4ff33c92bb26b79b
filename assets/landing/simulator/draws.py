"""Chance that belongs to events, not to the order in which they are computed.

Every draw is a hash of (seed, purpose, month, ids of what it decides), so that two worlds that differ in one
knob use the same number for the same decision (common random numbers), whatever else happens in them.
The hash chains the finalizer of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number
generators").
"""

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtri

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SEARCH_LIMIT = 60.0


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    return values ^ (values >> np.uint64(31))


class Draws:
    """Draws of one seed. ``ids`` are arrays of non-negative integers that broadcast against one another.

    >>> draws = Draws(7)
    >>> a = draws.uniform("coin", 3, np.arange(4))
    >>> b = draws.uniform("coin", 3, np.array([2]))
    >>> bool(a[2] == b[0])
    True
    """

    def __init__(self, seed: int):
        self.seed = seed

    def bits(self, purpose: str, month: int, *ids: ArrayLike) -> NDArray[np.uint64]:
        """64 random bits per element."""
        key = hashlib.blake2b(f"{self.seed}/{purpose}/{month}".encode(), digest_size=8).digest()
        state = np.atleast_1d(np.uint64(int.from_bytes(key, "little")))
        for number in ids:
            state = _mix(state + (np.atleast_1d(np.asarray(number)).astype(np.uint64) + np.uint64(1)) * _GOLDEN)
        return state

    def uniform(self, purpose: str, month: int, *ids: ArrayLike) -> Floats:
        """Uniform on the open interval (0, 1)."""
        return ((self.bits(purpose, month, *ids) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52

    def normal(self, purpose: str, month: int, *ids: ArrayLike) -> Floats:
        """Standard normal, by inversion."""
        return ndtri(self.uniform(purpose, month, *ids))

    def gumbel(self, purpose: str, month: int, *ids: ArrayLike) -> Floats:
        """Standard Gumbel: the largest of utilities plus these is a multinomial logit choice."""
        return -np.log(-np.log(self.uniform(purpose, month, *ids)))

    def gamma(self, purpose: str, month: int, shape: float, *ids: ArrayLike) -> Floats:
        """Gamma with mean 1 and variance ``1 / shape``, by inversion."""
        return np.asarray(gammaincinv(shape, self.uniform(purpose, month, *ids)) / shape, dtype=np.float64)

    def below(self, purpose: str, month: int, counts: ArrayLike, *ids: ArrayLike) -> Ints:
        """Integers from 0 to ``counts - 1``; 0 where a count is 0."""
        drawn = (self.uniform(purpose, month, *ids) * np.asarray(counts)).astype(np.int64)
        return np.minimum(drawn, np.maximum(np.asarray(counts, dtype=np.int64) - 1, 0))

    def poisson(self, purpose: str, month: int, rates: Floats, *ids: ArrayLike) -> Ints:
        """Poisson counts, by inversion: a higher rate never gives a lower count for the same id."""
        return poisson_quantile(self.uniform(purpose, month, *ids), rates)


def poisson_quantile(probabilities: Floats, rates: Floats) -> Ints:
    """Smallest k with P(Poisson(rate) <= k) >= probability; normal approximation above a rate of 60.

    >>> poisson_quantile(np.array([0.3, 0.5, 0.99]), np.array([1.0, 1.0, 1.0])).tolist()
    [0, 1, 4]
    """
    rates = np.broadcast_to(rates, probabilities.shape)
    approximate = np.floor(rates + np.sqrt(rates) * ndtri(probabilities) + 0.5)
    counts = np.maximum(approximate, 0).astype(np.int64)
    searched = np.flatnonzero(rates <= _SEARCH_LIMIT)
    counts[searched] = 0
    mass = np.exp(-rates[searched])
    left = probabilities[searched] - mass
    while True:
        going = left > 0
        searched, mass, left = searched[going], mass[going], left[going]
        if not searched.size:
            return counts
        counts[searched] += 1
        mass = mass * rates[searched] / counts[searched]
        still = (mass > 1e-16) | (counts[searched] < rates[searched])
        searched, mass, left = searched[still], mass[still], left[still] - mass[still]
