"""Numbers that look drawn and depend on nothing but a seed, what they are for, and ids: the same in every run.

What they are for is part of it, so that, for instance, which links are hidden says nothing of how ties are broken.
"""

import hashlib

from assets.recommender.follow_graph import Floats, Integers


def stream(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, in [0, 2 ** 63).

    >>> stream(0, "ties") == stream(0, "ties"), stream(0, "ties") == stream(0, "links that are hidden")
    (True, False)
    """
    return int.from_bytes(hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest(), "big") >> 1


def pair_chances(purpose: str, seed: int, one: Integers, other: Integers) -> Floats:
    """(k,) numbers in [0, 1), one for each ordered pair of ids.

    Args:
        purpose: What they are for.
        seed: Of the stream.
        one: (k,) ids.
        other: (k,) ids.
    """
    from assets.recommender.kernels import chances

    drawn: Floats = chances(stream(seed, purpose), one, other)
    return drawn
