"""Two null models that a mixing statistic is held against: shuffled attributes and rewired links.

Shuffling deals the numbers out anew among the users who have one: what is left is the graph, and who has a number.
Rewiring keeps how many users each one follows and is followed by and draws the rest anew: what is left is degrees, and
which of them go with which number. A statistic beyond the first is no accident of few users; beyond the second it is no
consequence of degrees.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from assets.network.links import Links, simple_links

Floats = NDArray[np.float64]
_EQUAL = 1e-12
Statistics = Callable[[Links, Floats], dict[str, float]]
"""Named statistics of a graph and a number (n,) of each user, nan where there is none."""


@dataclass(frozen=True)
class AgainstNull:
    """A statistic beside what a null model gives.

    Attributes:
        value: The statistic on the data.
        null_mean: Mean over draws.
        null_sd: Standard deviation over draws.
        lower: 2.5 % quantile of draws.
        upper: 97.5 % quantile of draws.
        z: (value - null_mean) / null_sd; nan where draws do not vary.
        p_value: Two-sided Monte Carlo p-value, (1 + draws at least as far from their mean) / (1 + draws); Davison and
            Hinkley 1997, section 4.2.
        draws: Draws whose statistic is defined.
    """

    value: float
    null_mean: float
    null_sd: float
    lower: float
    upper: float
    z: float
    p_value: float
    draws: int


def against_shuffles(
    statistics: Statistics, links: Links, numbers: Floats, draws: int = 200, seed: int = 0
) -> dict[str, AgainstNull]:
    """Hold statistics against shuffled attributes."""
    return _against(statistics, links, numbers, ((links, each) for each in shuffled(numbers, draws, seed)))


def against_rewirings(
    statistics: Statistics, links: Links, numbers: Floats, draws: int = 50, seed: int = 0
) -> dict[str, AgainstNull]:
    """Hold statistics against rewired graphs."""
    return _against(statistics, links, numbers, ((each, numbers) for each in rewired(links, draws, seed)))


def shuffled(numbers: Floats, draws: int, seed: int = 0) -> Iterator[Floats]:
    """Numbers dealt out anew among those who have one."""
    generator, known = np.random.default_rng(seed), ~np.isnan(numbers)
    for _ in range(draws):
        dealt = numbers.copy()
        dealt[known] = generator.permutation(numbers[known])
        yield dealt


def rewired(links: Links, draws: int, seed: int = 0, swaps_per_link: float = 10.0) -> Iterator[Links]:
    """Simple graphs with the same degrees, each drawn anew.

    NetworKit switches ends of random pairs of links (Mihail and Zegura 2003). It first deals out all ends anew, without
    which the direction of triangles could not change (Carstens and Horadam 2017).
    """
    import networkit
    from networkit.randomization import EdgeSwitching

    graph = links.graph()
    for draw in np.random.SeedSequence(seed).generate_state(draws):
        networkit.setSeed(int(draw), useThreadId=False)
        switching = EdgeSwitching(graph, swaps_per_link, True)
        switching.run()
        yield _links_of(switching.getGraph(), links)


def mixing_curve(
    statistic: Callable[[Links], float],
    links: Links,
    swaps_per_link: tuple[float, ...] = (1, 2, 5, 10, 20),
    seed: int = 0,
) -> list[dict[str, float]]:
    """Whether so many swaps forget where they began.

    Args:
        statistic: What the nulls are for, of a graph.
        links: Where swaps begin, without dealing ends out anew first.
        swaps_per_link: Swaps after which to look, ascending.
        seed: Seed of swaps.

    Returns:
        For each number of swaps ``swaps_per_link``, ``kept`` (share of links that are still there) and ``statistic``.
        ``kept`` falls to what degrees force; mixed is what has stopped falling.
    """
    import networkit
    from networkit.randomization import EdgeSwitching

    networkit.setSeed(seed, useThreadId=False)
    before = links.source * links.nodes + links.target
    graph, done, found = links.graph(), 0.0, []
    for wanted in swaps_per_link:
        switching = EdgeSwitching(graph, wanted - done, False)
        switching.run()
        graph, done = switching.getGraph(), wanted
        now = _links_of(graph, links)
        kept = np.isin(now.source * now.nodes + now.target, before).mean() if len(now) else float("nan")
        found.append({"swaps_per_link": float(wanted), "kept": float(kept), "statistic": statistic(now)})
    return found


def _links_of(graph: object, links: Links) -> Links:
    ends = np.fromiter(chain.from_iterable(graph.iterEdges()), np.int64, 2 * len(links))  # type: ignore[attr-defined]
    moved = simple_links(ends[::2], ends[1::2], np.arange(links.nodes))
    return Links(links.users, moved.source, moved.target)


def _against(
    statistics: Statistics, links: Links, numbers: Floats, worlds: Iterator[tuple[Links, Floats]]
) -> dict[str, AgainstNull]:
    values = statistics(links, numbers)
    drawn = [statistics(*world) for world in worlds]
    return {name: _beside(value, np.array([each[name] for each in drawn])) for name, value in values.items()}


def _beside(value: float, draws: Floats) -> AgainstNull:
    draws = draws[~np.isnan(draws)]
    if len(draws) < 2 or np.isnan(value):
        nothing = float("nan")
        return AgainstNull(value, nothing, nothing, nothing, nothing, nothing, nothing, len(draws))
    mean, deviation = float(draws.mean()), float(draws.std(ddof=1))
    # Equal draws differ from their mean by its rounding.
    if np.ptp(draws) <= _EQUAL * max(1.0, abs(mean)):
        deviation = 0.0
    lower, upper = np.quantile(draws, [0.025, 0.975])
    # Rounding must not make equal draws look as if they were nearer.
    as_far = int((np.abs(draws - mean) >= abs(value - mean) * (1 - _EQUAL)).sum())
    z = (value - mean) / deviation if deviation > 0 else float("nan")
    p_value = (1 + as_far) / (1 + len(draws))
    return AgainstNull(value, mean, deviation, float(lower), float(upper), z, p_value, len(draws))
