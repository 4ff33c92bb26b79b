import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from assets.statistics.agreement import Ratings, agreement, conger_kappa, cronbach_alpha, split_half


def of_wide(table: pd.DataFrame) -> Ratings:
    """One row per unit, one column per rater; absent ratings are null."""
    long = table.reset_index(drop=True).reset_index(names="unit").melt(id_vars="unit").dropna()
    return Ratings.of(long["unit"], long["variable"], pd.factorize(long["value"], sort=True)[0])


def of_counts(table: pd.DataFrame) -> Ratings:
    """One row per unit, one column per answer; who gave which answer is unknown, and no coefficient here asks."""
    rows = [
        (unit, rater, answer)
        for unit, counts in enumerate(table.to_numpy())
        for rater, answer in enumerate(np.repeat(np.arange(len(counts)), counts))
    ]
    return Ratings.of(*zip(*rows, strict=True))


def of_contingency(table: pd.DataFrame) -> Ratings:
    """Two raters; one row per answer of the first, one column per answer of the second."""
    pairs = [(a, b) for a, row in enumerate(table.to_numpy()) for b, units in enumerate(row) for _ in range(units)]
    return of_wide(pd.DataFrame(pairs, columns=["first", "second"]))


def values(ratings: Ratings) -> dict[str, float]:
    return {name: found.value for name, found in agreement(ratings, resamples=2).items()}


def random_ratings(photos: int, raters: int, noise: float, seed: int = 0, levels: int = 5) -> Ratings:
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=photos)
    rated = np.clip(np.rint(truth[:, None] + noise * rng.normal(size=(photos, raters)) + 3), 1, levels)
    return of_wide(pd.DataFrame(rated))


# Printed by irrCAC (R), see its README beside the data.


def test_agreement_gives_the_printed_coefficients_of_four_raters_with_absent_ratings(reference_data: Path) -> None:
    found = values(of_wide(pd.read_csv(reference_data / "irrcac" / "cac.raw4raters.csv").drop(columns="Units")))
    printed = {
        "percent_agreement": 0.81818,
        "fleiss_kappa": 0.76117,
        "krippendorff_nominal": 0.74342,
        "conger_kappa": 0.76282,
        "gwet_ac1": 0.77544,
    }
    assert {name: round(found[name], 5) for name in printed} == printed


def test_agreement_gives_the_printed_coefficients_of_a_contingency_table(reference_data: Path) -> None:
    table = pd.read_csv(reference_data / "irrcac" / "cont3x3abstractors.csv", index_col=0)
    found = values(of_contingency(table))
    assert found["percent_agreement"] == 0.89
    # With two raters Conger's kappa is Cohen's, and Fleiss' is Scott's pi.
    printed = {
        "conger_kappa": 0.7964094,
        "fleiss_kappa": 0.7962397,
        "gwet_ac1": 0.8493305,
        "krippendorff_nominal": 0.7972585,
    }
    assert {name: round(found[name], 7) for name in printed} == printed


def test_agreement_gives_the_printed_coefficients_of_a_distribution(reference_data: Path) -> None:
    found = values(of_counts(pd.read_csv(reference_data / "irrcac" / "distrib.6raters.csv", index_col=0)))
    printed = {
        "percent_agreement": 0.5511111,
        "gwet_ac1": 0.4448007,
        "fleiss_kappa": 0.4139265,
        "krippendorff_nominal": 0.4204384,
    }
    assert {name: round(found[name], 7) for name in printed} == printed


def test_agreement_gives_the_printed_ac1_of_a_distribution_with_unequal_raters(reference_data: Path) -> None:
    table = pd.read_csv(reference_data / "irrcac" / "cac.dist4cat.csv").drop(columns="Group")
    assert round(values(of_counts(table))["gwet_ac1"], 7) == 0.3518903


def test_krippendorff_ordinal_and_interval_follow_their_definition_pair_by_pair() -> None:
    ratings = random_ratings(30, 4, 1.0)
    keep = np.random.default_rng(1).random(len(ratings.photo)) < 0.8
    kept = Ratings.of(ratings.photo[keep], ratings.rater[keep], ratings.values[ratings.level[keep]])
    units = [kept.level[kept.photo == unit] for unit in range(kept.photos)]
    units = [unit for unit in units if len(unit) >= 2]
    everything = np.concatenate(units)
    used = np.bincount(everything)

    def ordinal(a: int, b: int) -> float:
        low, high = min(a, b), max(a, b)
        return float((used[low : high + 1].sum() - (used[low] + used[high]) / 2) ** 2)

    def interval(a: int, b: int) -> float:
        return float((kept.values[a] - kept.values[b]) ** 2)

    found = values(kept)
    for name, distance in {"krippendorff_ordinal": ordinal, "krippendorff_interval": interval}.items():
        within = sum(sum(distance(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in units)
        between = sum(distance(a, b) for a in everything for b in everything) / (len(everything) - 1)
        assert found[name] == pytest.approx(1 - within / between, abs=1e-12)


def test_icc_and_cronbach_follow_the_analysis_of_variance_of_a_full_table() -> None:
    ratings = random_ratings(40, 6, 0.8)
    table = np.zeros((40, 6))
    table[ratings.photo, ratings.rater] = ratings.values[ratings.level]
    between = 6 * table.mean(axis=1).var(ddof=1)
    within = table.var(axis=1, ddof=1).mean()
    residual = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    error = (residual**2).sum() / (39 * 5)
    assert values(ratings)["icc_1_k"] == pytest.approx(1 - within / between)
    assert cronbach_alpha(ratings).value == pytest.approx(1 - error / between)


def test_cronbach_alpha_leaves_out_raters_who_share_too_few_photos() -> None:
    ratings = random_ratings(40, 6, 0.8)
    lonely = Ratings.of(
        np.append(ratings.photo, [0, 1]), np.append(ratings.rater, [7, 7]), np.append(ratings.level, [4, 0])
    )
    whole = Ratings.of(ratings.photo, ratings.rater, ratings.level)
    assert cronbach_alpha(lonely).value == pytest.approx(cronbach_alpha(whole).value, abs=0.01)
    assert math.isnan(cronbach_alpha(Ratings.of([0, 1, 2], [0, 1, 2], [1, 2, 3])).value)


def test_split_half_is_that_of_the_spearman_brown_model() -> None:
    # Ratings = truth + noise of equal variance: halves of 10 raters correlate by 10 / (10 + 1) before rounding.
    rng = np.random.default_rng(3)
    truth = rng.normal(size=2000)
    ratings = of_wide(pd.DataFrame(np.rint(10 * (truth[:, None] + rng.normal(size=(2000, 20))))))
    found = split_half(ratings, resamples=50)
    assert found.value == pytest.approx(10 / 11, abs=0.01)
    assert found.lower < 10 / 11 < found.upper


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    truth = {name: found.value for name, found in agreement(random_ratings(20_000, 5, 1.0), resamples=2).items()}
    covered = dict.fromkeys(truth, 0)
    seeds = 100
    for seed in range(1, seeds + 1):
        for name, found in agreement(random_ratings(150, 5, 1.0, seed), resamples=200, seed=seed).items():
            covered[name] += found.lower <= truth[name] <= found.upper
    del covered["conger_kappa"]  # comes without an interval
    # 99 % binomial region of 95 % in 100 trials, widened by one for the truth's own noise.
    assert all(times >= 87 for times in covered.values()), covered
    assert min(covered.values()) < seeds, "an interval that always covers is too wide"


@pytest.mark.parametrize(
    ("ratings", "undefined"),
    [
        (Ratings.of([0, 1, 2], [0, 0, 0], [1, 2, 3]), {"percent_agreement", "fleiss_kappa", "icc_1_k", "conger_kappa"}),
        (Ratings.of([0, 0, 1, 1], [0, 1, 0, 1], [3, 3, 3, 3]), {"fleiss_kappa", "gwet_ac1", "krippendorff_ordinal"}),
        (Ratings.of([], [], []), {"percent_agreement", "split_half", "cronbach_alpha", "conger_kappa"}),
    ],
)
def test_agreement_is_not_a_number_where_it_is_not_defined(ratings: Ratings, undefined: set[str]) -> None:
    found = agreement(ratings, resamples=10)
    assert undefined <= {name for name, interval in found.items() if math.isnan(interval.value)}


def test_ratings_refuse_a_rater_who_rated_a_photo_twice() -> None:
    with pytest.raises(ValueError, match="a rater may rate a photo once only"):
        Ratings.of([1, 1], [5, 5], [2, 3])
    with pytest.raises(ValueError, match="one photo and rater per rating"):
        Ratings.of([1], [5, 6], [2, 3])


def test_oasis_raters_agree_as_published(reference_data: Path) -> None:
    table = pd.read_csv(reference_data / "oasis" / "ratings_long.csv")
    ratings = Ratings.of(table["item"], table["subj"], table["beauty"])
    found = split_half(ratings, resamples=100)
    # Published for all 900 photos: 0.976 (0.971 to 0.980); the file covers 762 of them.
    assert 0.971 < found.value < 0.980
    assert conger_kappa(ratings) > 0
