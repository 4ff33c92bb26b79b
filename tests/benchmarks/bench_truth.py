"""What scores, the social metric and the users found unseen are worth against a simulated community's sealed truth.

``python tests/benchmarks/bench_truth.py [--home HOME]`` reads a community that was simulated with images and
materialized, such as that of ``make demo``, and prints estimates with intervals that draw whole users, and the coverage
of intervals; nothing is asserted. Truth is read here and in tests only. Photos of unseen users are those of users
without a photo among the training and validation photos. Planted talented-unseen users are those of
``assets/landing/simulator/truth.py``: latent beauty and recognition as the simulator knows them, same thresholds.
"""

import argparse
import json
from pathlib import Path

import duckdb
import numpy as np

from assets.beauty.scratch import scratch_database
from assets.beauty.social_metric import SocialMetricConfig, fit_social_metric
from assets.contracts.beauty import BEAUTY_CALIBRATION, BEAUTY_MODELS, CALIBRATION_COVERAGE, SCORES, TRAINING_SET
from assets.contracts.community import PHOTOS
from assets.contracts.experiments import MATCHING_EXPERIMENTS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings, use_home
from assets.dbt.publish import connect_published
from assets.landing.simulator.truth import FEWEST_PHOTOS
from models.evaluation import Estimate, bootstrapped, low_high_accuracy, spearman
from tests.benchmarks.planted import TRUTH

RESAMPLES = 300
Columns = dict[str, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=Path("var"), help="community that was simulated and materialized")
    home = parser.parse_args().home
    truth = sorted((home / "truth").glob("*/photos"))
    if not truth:
        print(f"{home} holds no simulated community with images; run `make demo` first")
        return
    use_home(home)
    lake = Lake(Settings.from_environment().lake_uri)
    if not lake.read(BEAUTY_MODELS).num_rows:
        print(f"{home} holds no trained model; run `beautyflow --home {home} materialize` first")
        return
    with scratch_database() as connection:
        connection.execute(f"create view truth as from read_parquet('{truth[0]}/*.parquet')")
        connection.register("photos", lake.dataset(PHOTOS))
        connection.register("training_set", lake.dataset(TRAINING_SET))
        connection.register("scores", lake.dataset(SCORES))
        for version, head in versions(lake):
            print_scores(connection, version, head)
        fit_social_metric(connection, lake, SocialMetricConfig())
        print_metric(connection)
    print_coverage(lake)
    print_unseen(truth[0].parent)
    print_experiments(lake, truth[0].parent)


def versions(lake: Lake) -> list[tuple[str, str]]:
    """Version and head of every trained model, the one that scores first."""
    rows = sorted(lake.read(BEAUTY_MODELS).to_pylist(), key=lambda row: -row["sequence"])
    return [(row["model_version"], row["head"]) for row in rows]


def print_scores(connection: duckdb.DuckDBPyConnection, version: str, head: str) -> None:
    found: Columns = connection.execute(
        """
        select scores.beauty, truth.latent_beauty as latent, photos.user_id,
            photos.user_id not in (
                select user_id from training_set where split <> 'test' and user_id is not null
            ) as is_unseen
        from scores
        join truth using (photo_id)
        join photos using (photo_id)
        where scores.model_version = $version
        order by photo_id
        """,
        {"version": version},
    ).fetchnumpy()
    if not len(found["beauty"]):
        print(f"{version} ({head}) has scored nothing")
        return
    unseen = found["is_unseen"].astype(bool)
    beauty, latent, owner = (found[name][unseen] for name in ("beauty", "latent", "user_id"))
    print(f"{version} ({head}), {unseen.sum():,} photos of {len(np.unique(owner)):,} unseen users")
    tell("Spearman(beauty, latent beauty)", estimate(spearman, beauty, latent, owner=owner), "at least 0.7")
    tell("slope of beauty on latent beauty: what differences shrink to", estimate(slope, beauty, latent, owner=owner))
    low, high = np.quantile(found["latent"], [0.10, 0.95])
    extreme = (latent <= low) | (latent >= high)
    accuracy = estimate(low_high_accuracy, beauty[extreme], latent[extreme] >= high, owner=owner[extreme])
    tell("accuracy, lowest tenth against highest twentieth of latent beauty", accuracy, "at least 0.9")


def print_metric(connection: duckdb.DuckDBPyConnection) -> None:
    found: Columns = connection.execute(
        """
        select social_metric.metric, social_metric.favorites, truth.latent_beauty as latent, photos.user_id
        from social_metric
        join truth using (photo_id)
        join photos using (photo_id)
        order by photo_id
        """
    ).fetchnumpy()
    metric, favorites, latent, owner = (found[name] for name in ("metric", "favorites", "latent", "user_id"))
    print(f"social metric, {len(metric):,} photos of {len(np.unique(owner)):,} users")
    tell("Spearman(metric, latent beauty)", estimate(spearman, metric, latent, owner=owner))
    tell("Spearman(raw favorites, latent beauty)", estimate(spearman, favorites, latent, owner=owner))
    gain = estimate(lambda a, b, c: spearman(a, c) - spearman(b, c), metric, favorites, latent, owner=owner)
    tell("difference", gain, "at least 0.1")


def print_coverage(lake: Lake) -> None:
    """What the calibration measured on photos that neither curve nor width had seen; only ratings are looked at."""
    by_category = lake.read(CALIBRATION_COVERAGE).to_pylist()
    for whole in lake.read(BEAUTY_CALIBRATION).to_pylist():
        version = whole["model_version"]
        print(f"split-conformal intervals of {version}, {whole['photos']} rated photos")
        for row in [{**whole, "category": "all"}, *(row for row in by_category if row["model_version"] == version)]:
            found = Estimate(row["coverage"], row["photos"], row["lower"], row["upper"])
            tell(f"coverage, {row['category']}", found, "0.90 +/- 0.02" if row["category"] == "all" else "")


def print_unseen(truth: Path) -> None:
    """Precision and recall of the mart, beside a draw of as many users among those with enough photos."""
    with connect_published(Settings.from_environment()) as connection:
        users: Columns = connection.execute(
            """
            select
                users.user_id in (select user_id from fct_talented_unseen_users) as is_found,
                users.user_id in (select user_id from read_parquet($planted)) as is_planted,
                users.photos >= $fewest as has_photos
            from dim_users as users
            order by users.user_id
            """,
            {"planted": str(truth / "talented_unseen.parquet"), "fewest": FEWEST_PHOTOS},
        ).fetchnumpy()
    found, planted, eligible = (users[name].astype(bool) for name in ("is_found", "is_planted", "has_photos"))
    print(f"talented unseen users, {found.sum()} found, {planted.sum()} planted, {(found & planted).sum()} of both")
    if found.any() and planted.any():
        arrays, owner = (found, planted, eligible), np.arange(len(found))
        tell("precision", estimate(precision, *arrays, owner=owner))
        tell("recall", estimate(recall, *arrays, owner=owner))
        tell("precision / that of as many drawn by chance", estimate(lift, *arrays, owner=owner), "above 1")
        chance_precision, chance_recall = planted[eligible].mean(), found[eligible].mean()
        print(f"  by chance among {eligible.sum():,} users with enough photos:", end=" ")
        print(f"precision {chance_precision:.3f}, recall {chance_recall:.3f}")


def print_experiments(lake: Lake, truth: Path) -> None:
    """What experiments found with these scores, beside what is planted on the latent scale."""
    planted = json.loads((truth / "parameters.json").read_text())["planted_effects"]
    print("matching experiments: estimate [interval] beside the planted effect on all treated of the truth")
    for row in lake.read(MATCHING_EXPERIMENTS).to_pylist():
        folder, outcome, _ = TRUTH[row["experiment"]]
        found = Estimate(row["effect"], row["units"], row["lower"], row["upper"])
        aim = f"{planted[folder][outcome]:.4f} planted; {row['naive_effect']:.4f} unmatched; {row['verdict']}"
        tell(row["experiment"], found, aim)


def slope(values: np.ndarray, latent: np.ndarray) -> float:
    return float(np.cov(values, latent)[0, 1] / np.var(latent, ddof=1))


def precision(found: np.ndarray, planted: np.ndarray, eligible: np.ndarray) -> float:
    return float(planted[found].mean()) if found.any() else float("nan")


def recall(found: np.ndarray, planted: np.ndarray, eligible: np.ndarray) -> float:
    return float(found[planted].mean()) if planted.any() else float("nan")


def lift(found: np.ndarray, planted: np.ndarray, eligible: np.ndarray) -> float:
    by_chance = planted[eligible].mean() if eligible.any() else 0.0
    return float(planted[found].mean() / by_chance) if found.any() and by_chance > 0 else float("nan")


def estimate(statistic: object, *arrays: np.ndarray, owner: np.ndarray) -> Estimate:
    return bootstrapped(statistic, *arrays, groups=owner, resamples=RESAMPLES)  # type: ignore[arg-type]


def tell(name: str, found: Estimate, aim: str = "") -> None:
    value = "undefined" if found.value is None else f"{found.value:.3f} [{found.lower:.3f}, {found.upper:.3f}]"
    print(f"  {name:<66} {value}{f'   aim: {aim}' if aim else ''}")


if __name__ == "__main__":
    main()
