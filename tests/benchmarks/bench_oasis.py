"""How well networks that learn from people's ratings predict ratings that they have not seen: OASIS, out of fold.

``python tests/benchmarks/bench_oasis.py [--folds 5] [--epochs 30]`` prints Spearman correlations with mean ratings of
the hand-crafted model, of the network trained from scratch, of both combined, and of their difference, with bootstrap
intervals over photos, and what raters agree on. Nothing is asserted. The combination is the mean of the ranks of both
within a fold, so nothing is fitted for it. Without the reference data it says so and ends.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from assets.contracts.crowd_results import CROWD_AGREEMENT, PHOTO_RATINGS, RATER_QUALITY
from assets.contracts.lake import Lake
from assets.contracts.requests import CrossValidateBeauty
from assets.contracts.table import UNDATED
from assets.crowd.agreement_table import measure_agreement
from assets.crowd.photo_ratings import rate_photos
from assets.crowd.quality import judge_raters
from assets.landing.importers import import_source
from models.evaluation import Estimate, average_ranks, bootstrapped, spearman
from ray_jobs.cross_validate import FoldScorer, assign_folds, rated_photos

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = ("handcrafted", "alexnet_small")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=CrossValidateBeauty.epochs)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = Path(os.environ.get("BEAUTYFLOW_REFERENCE_DATA", PROJECT_ROOT / ".." / "shared" / "data")) / "oasis"
    if not data.is_dir():
        print(f"OASIS is not in {data.parent}; set BEAUTYFLOW_REFERENCE_DATA")
        return
    with tempfile.TemporaryDirectory() as folder:
        lake = brought_in(Path(folder), data)
        photos = rated_photos(lake, CrossValidateBeauty.minimum_ratings)
        print(f"{photos.num_rows} photos, {options.folds} folds, seed {options.seed}")
        scores = {
            name: out_of_fold(lake, photos, name, options.folds, options.epochs, options.seed) for name in ARCHITECTURES
        }
    ratings = photos["mean_rating"].to_numpy()
    scores["both combined"] = np.mean([ranked(scores[name], folds_of(photos, options)) for name in ARCHITECTURES], 0)
    for name, beauty in scores.items():
        tell(name, bootstrapped(spearman, beauty, ratings, resamples=2000))
    best = max(ARCHITECTURES, key=lambda name: spearman(scores[name], ratings))
    gain = bootstrapped(difference, scores["both combined"], scores[best], ratings, resamples=2000)
    tell(f"both combined minus {best}", gain)


def brought_in(folder: Path, data: Path) -> Lake:
    """A lake with the photos, the raters' answers and what is made of them; what raters agree on is printed."""
    root = Lake(str(folder / "lake"))
    import_source("oasis", data, name="oasis", lake=root, landing_root=folder / "landing")
    lake = root.zone("landed/oasis")
    lake.write(RATER_QUALITY, UNDATED, judge_raters(lake))
    lake.write(PHOTO_RATINGS, UNDATED, rate_photos(lake))
    agreement = measure_agreement(lake)
    for row in CROWD_AGREEMENT.conform(agreement).to_pylist():
        ends = "" if row["lower"] is None else f"[{row['lower']:.3f}, {row['upper']:.3f}]"
        if row["value"] is not None:
            print(f"  raters, {row['raters_counted']:<9} {row['coefficient']:<25} {row['value']:.3f} {ends}")
    return lake


def folds_of(photos: pa.Table, options: argparse.Namespace) -> np.ndarray:
    return assign_folds(photos["user_id"].to_pylist(), photos["photo_id"].to_pylist(), options.folds, options.seed)


def out_of_fold(lake: Lake, photos: pa.Table, architecture: str, folds: int, epochs: int, seed: int) -> np.ndarray:
    """Beauty of each photo by a model that learnt from the other folds."""
    began = time.perf_counter()
    request = CrossValidateBeauty(lake_uri=lake.uri, media_root="", architecture=architecture, epochs=epochs, seed=seed)
    fold = assign_folds(photos["user_id"].to_pylist(), photos["photo_id"].to_pylist(), folds, seed)
    score = FoldScorer(request)
    parts = [score(photos.filter(pa.array(fold != f)), photos.filter(pa.array(fold == f)))[0] for f in range(folds)]
    scored = pa.concat_tables(parts).sort_by("photo_id")
    if scored["photo_id"].to_pylist() != photos["photo_id"].to_pylist() or scored["beauty"].null_count:
        raise SystemExit(f"{architecture} did not score every photo")
    print(f"{architecture}: trained and scored in {time.perf_counter() - began:.0f} s")
    return np.asarray(scored["beauty"].to_numpy(), dtype=np.float64)


def ranked(beauty: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Ranks within each fold, from 0 to 1: models of two folds need not share a scale."""
    ranks = np.empty(len(beauty))
    for fold in np.unique(folds):
        inside = folds == fold
        ranks[inside] = (average_ranks(beauty[inside]) - 0.5) / inside.sum()
    return ranks


def difference(a: np.ndarray, b: np.ndarray, ratings: np.ndarray) -> float:
    return spearman(a, ratings) - spearman(b, ratings)


def tell(name: str, found: Estimate) -> None:
    print(f"  Spearman with mean ratings, {name:<36} {found.value:.3f} [{found.lower:.3f}, {found.upper:.3f}]")


if __name__ == "__main__":
    main()
