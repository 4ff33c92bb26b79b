"""Analytic intervals of the event study beside a cluster bootstrap over users.

Users are resampled, and a pair counts as often as the product of its users' multiplicities.
"""

from dataclasses import replace

import numpy as np
import pytest

from assets.network import event_study
from assets.network.dyadic import dyadic_estimate
from assets.network.event_study import ANY_GAP, LINKED, NEVER_LINKED, StudyConfig, arrange_pairs, homophily
from assets.network.never_linked import prior_of
from tests.benchmarks.bench_homophily import simulated

REGION = (181, 197)
"""99 % binomial region around 190 of 200."""


def _multiplicities(generator, users, draws):
    return generator.multinomial(users, np.full(users, 1 / users), draws)


def _parts(one, other, influence):
    """Squared sums by user, and by pair."""
    users = np.bincount(one, influence, one.max() + other.max() + 1)
    users += np.bincount(other, influence, len(users))
    _, pair = np.unique(np.sort(np.stack([one, other]), axis=0), axis=1, return_inverse=True)
    return (users**2).sum(), (np.bincount(pair.ravel(), influence) ** 2).sum()


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_intervals_of_homophily_differ_from_a_bootstrap_over_users_by_what_belongs_to_pairs_alone(seed):
    """The variance of such a bootstrap is that of users plus that of pairs: the latter three times (Owen 2007)."""
    known, links, within = simulated({"seed": seed, "users": 800, "months": 18})
    study = arrange_pairs(known, links, prior_of(known, within), StudyConfig())
    before = np.flatnonzero(event_study.relative_months(study.config) < 0)
    groups = [event_study._gaps(study, ANY_GAP, group) for group in (LINKED, NEVER_LINKED)]
    draws = []
    for counts in _multiplicities(np.random.default_rng(0), len(known.users), 400):
        linked, never = (
            replace(gaps, weight=gaps.weight * counts[gaps.one] * counts[gaps.other]).mean(before)[0] for gaps in groups
        )
        draws.append(1 - linked / never)
    (linked, psi, pairs), (never, never_psi, _) = (gaps.mean(before) for gaps in groups)
    one, other = (np.concatenate([getattr(gaps, end) for gaps in groups]) for end in ("one", "other"))
    of_users, of_pairs = _parts(one, other, np.concatenate([-psi, linked / never * never_psi]) / never)
    lower, upper = np.quantile(draws, [0.025, 0.975])
    assert pairs > 300
    assert 1 / 1.35 < (upper - lower) / (2 * 1.96 * np.sqrt(of_users + of_pairs)) < 1.35
    assert homophily(study).standard_error ** 2 == pytest.approx(max(of_users - of_pairs, of_users / 2))


def _covered(users, pairs, seed=1, repetitions=200):
    """How often each interval covers a mean over pairs that is 0, and how wide the bootstrap's is beside the other.

    Args:
        users: Each with an effect, a third of the spread of what belongs to a pair alone.
        pairs: Pairs of them at random.
        seed: Of all draws.
        repetitions: Data sets.
    """
    generator, covered, widths = np.random.default_rng(seed), np.zeros(2, int), np.zeros(2)
    for _ in range(repetitions):
        one = generator.integers(0, users, pairs)
        other = (one + generator.integers(1, users, pairs)) % users
        effect = 0.3 * generator.standard_normal(users)
        values = effect[one] + effect[other] + generator.standard_normal(pairs)
        found = dyadic_estimate(values.mean(), one, other, (values - values.mean()) / pairs, pairs, 0.95)
        counts = _multiplicities(generator, users, 200)
        weights = counts[:, one] * counts[:, other]
        lower, upper = np.quantile(weights @ values / weights.sum(axis=1), [0.025, 0.975])
        covered += [found.lower <= 0 <= found.upper, lower <= 0 <= upper]
        widths += [found.upper - found.lower, upper - lower]
    return covered, widths[1] / widths[0]


def test_where_users_have_many_pairs_both_intervals_cover():
    covered, ratio = _covered(users=100, pairs=1000)
    assert all(REGION[0] <= number <= REGION[1] for number in covered)
    assert 1 / 1.35 < ratio < 1.35


def test_where_users_have_few_pairs_the_bootstrap_covers_too_often_and_the_analytic_interval_does_not():
    covered, ratio = _covered(users=200, pairs=150)
    assert REGION[0] <= covered[0] <= REGION[1] < covered[1]
    assert ratio > 1.35
