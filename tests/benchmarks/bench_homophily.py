"""Whether the event study finds planted homophily and influence, and finds none where none is planted.

``python tests/benchmarks/bench_homophily.py [--seeds 40] [--users 2000] [--months 36]`` simulates communities in
memory, without images: noisy ready-made scores of the public photos of people who agreed. It prints, for each pair of
knobs, mean and spread of the readings over seeds, how often each was found, and whether their order is that of the
knobs. Where a knob is 0, findings are held against the 99 % binomial region around 5 %. Nothing is asserted. Knobs
beyond the grid (the strongest influence, shared shocks, an unobserved trait) say where the readings stop being true.
"""

import argparse
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from typing import Any

import numpy as np
from scipy import stats

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.world import World
from assets.network.dyadic import Estimate
from assets.network.event_study import StudyConfig, arrange_followers, arrange_pairs, homophily, pull
from assets.network.never_linked import prior_of
from assets.network.pair_events import LinkTimes, UserMonths, link_times

HOMOPHILY = (0.0, 0.5, 1.0)
INFLUENCE = (0.0, 0.3, 0.6)
Readings = tuple[Estimate, Estimate, Estimate]
READINGS = ("homophily", "influence", "too early")
BEYOND: dict[str, dict[str, Any]] = {
    "no homophily, strongest influence": {"homophily": 0.0, "influence": 1.0},
    "strongest homophily, no influence": {"homophily": 2.0, "influence": 0.0},
    "strong shared shocks, neither": {"homophily": 0.0, "influence": 0.0, "shocks": 1.0},
    "strong shared shocks, homophily": {"homophily": 1.0, "influence": 0.0, "shocks": 1.0},
    "an unobserved trait, neither": {"homophily": 0.0, "influence": 0.0, "unobserved": 1.0},
    "influence with a threshold": {"homophily": 0.5, "influence": 0.6, "influence_form": "threshold"},
    "influence that saturates": {"homophily": 0.5, "influence": 0.6, "influence_form": "saturating"},
    "influence that lags": {"homophily": 0.5, "influence": 0.6, "influence_form": "lagged"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--users", type=int, default=2000)
    parser.add_argument("--months", type=int, default=36)
    parser.add_argument("--first-seed", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args()
    size = {"users": chosen.users, "months": chosen.months}
    seeds = range(chosen.first_seed, chosen.first_seed + chosen.seeds)
    low, high = (int(end) for end in stats.binom.interval(0.99, len(seeds), 0.05))
    print(f"{chosen.users} users, {chosen.months} months, {len(seeds)} seeds from {seeds[0]} on")
    print(f"99 % binomial region of findings by chance at 5 %: {low} to {high} of {len(seeds)}")
    cells = {f"h {h:g}, i {i:g}": {"homophily": h, "influence": i} for h, i in product(HOMOPHILY, INFLUENCE)}
    with ProcessPoolExecutor(chosen.workers) as pool:
        found = {
            name: list(pool.map(read, [{**knobs, **size, "seed": s} for s in seeds])) for name, knobs in cells.items()
        }
        for name, readings in found.items():
            tell(name, readings)
        tell_order(found)
        few = seeds[: max(2, len(seeds) // 2)]
        for name, knobs in BEYOND.items():
            tell(name, list(pool.map(read, [{**knobs, **size, "seed": seed} for seed in few])))


def read(knobs: Mapping[str, Any]) -> Readings:
    """All readings of one simulated community."""
    known, links, within = simulated(knobs)
    prior, config = prior_of(known, within), StudyConfig()
    pairs = arrange_pairs(known, links, prior, config)
    new, same_month = (arrange_followers(known, links, prior, config, ages) for ages in ((1, config.after), (0, 0)))
    return homophily(pairs), pull(new), pull(same_month)


def simulated(knobs: Mapping[str, Any]) -> tuple[UserMonths, LinkTimes, float]:
    """Months of users, links between them, and the variance of photos within months."""
    config = SimulationConfig(images=False, **knobs)
    world = World(config, categories=12, with_outcomes=False)
    photos, links = [], []
    for happened in world.live():
        new = happened.photos
        shown = new.is_public & world.people.opted_in[new.owner]
        photos.append((np.full(shown.sum(), happened.month), new.owner[shown], new.beauty[shown]))
        ends = happened.links.follower, happened.links.followee
        agreed = world.people.opted_in[ends[0]] & world.people.opted_in[ends[1]]
        links.append((happened.month, ends[0][agreed], ends[1][agreed]))
    month, owner, beauty = (np.concatenate(column) for column in zip(*photos, strict=True))
    noise = config.score_noise * np.random.default_rng(config.seed).standard_normal(len(beauty))
    scores = np.clip(beauty + noise, 0, 1)
    key, row, counts = np.unique(owner * config.months + month, return_inverse=True, return_counts=True)
    mean = np.bincount(row, scores) / counts
    within = float(((scores - mean[row]) ** 2).sum() / (len(scores) - len(key)))
    known = UserMonths.of(key // config.months, key % config.months, counts, mean, config.months)
    return known, link_times(known, links), within


def tell(name: str, readings: Iterable[Readings]) -> None:
    for title, estimates in zip(READINGS, zip(*readings, strict=True), strict=True):
        values = np.array([estimate.value for estimate in estimates])
        errors = np.array([estimate.standard_error for estimate in estimates])
        above = sum(estimate.lower > 0 for estimate in estimates)
        below = sum(estimate.upper < 0 for estimate in estimates)
        print(
            f"{name:<34} {title:<10} mean {values.mean():+.3f}, sd {values.std(ddof=1):.3f}, mean standard error "
            f"{errors.mean():.3f}; found above 0 in {above}, below 0 in {below} of {len(values)}",
            flush=True,
        )


def tell_order(found: Mapping[str, list[Readings]]) -> None:
    values = np.array([[e.value for e in seed] for cell in found.values() for seed in cell])
    grid = values.reshape(len(HOMOPHILY), len(INFLUENCE), -1, len(READINGS))
    for number, (title, axis) in enumerate((("homophily", 0), ("influence", 1))):
        rises = (np.diff(grid[..., number], axis=axis) > 0).all(axis=axis)
        print(f"{title} rises with its knob from 0 to medium to high in {rises.sum()} of {rises.size} rows of the grid")


if __name__ == "__main__":
    main()
