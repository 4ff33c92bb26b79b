from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from assets.contracts.crowd import CROWD_RATINGS, RATERS
from assets.contracts.crowd_results import RATER_QUALITY
from assets.contracts.lake import Lake
from assets.crowd.quality import QualityConfig, agreement_histogram, judge_raters, too_few_to_judge
from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws
from assets.landing.simulator.simulation import simulate

Put = Callable[..., None]
PHOTOS = 30


def ratings_of(rater: int, answers: list[int], duration_ms: int | None = 4000, **more: Any) -> list[dict[str, Any]]:
    return [
        {"photo_id": photo, "rater_id": rater, "rating": answer, "duration_ms": duration_ms, "is_gold": False, **more}
        for photo, answer in enumerate(answers)
    ]


def careful(rater: int) -> list[int]:
    """Answers that differ from those of others by a level now and then."""
    noise = np.random.default_rng(rater).integers(-1, 2, PHOTOS)
    return [int(np.clip(1 + photo % 5 + off, 1, 5)) for photo, off in zip(range(PHOTOS), noise, strict=True)]


def judged(lake: Lake, config: QualityConfig | None = None) -> dict[int, dict[str, Any]]:
    rows = judge_raters(lake, config)
    RATER_QUALITY.validate(rows)
    return {row["rater_id"]: row for row in rows.to_pylist()}


@pytest.fixture
def crowd(put: Put) -> list[dict[str, Any]]:
    """Five careful raters, one who answers the other way round, one who always says 3, one in a hurry."""
    rows = [row for rater in range(1, 6) for row in ratings_of(rater, careful(rater))]
    rows += ratings_of(6, [6 - answer for answer in careful(6)])
    rows += ratings_of(7, [3] * PHOTOS)
    rows += ratings_of(8, careful(8), duration_ms=700)
    put(crowd_ratings=rows)
    return rows


@pytest.mark.usefixtures("crowd")
def test_judge_raters_says_in_words_why_answers_do_not_count(lake: Lake) -> None:
    found = judged(lake)
    assert [rater for rater, row in found.items() if row["is_accepted"]] == [1, 2, 3, 4, 5]
    assert all(found[rater]["reason"] is None for rater in range(1, 6))
    assert found[6]["reason"].startswith("correlation -0.")
    assert found[6]["reason"].endswith("with the others over 30 photos, below 0.20")
    assert found[7]["reason"] == "no variation to compare over 30 photos: the same answer to all"
    assert found[8]["reason"] == "median answer in 700 ms, below 1,000 ms"


@pytest.mark.usefixtures("crowd")
def test_judge_raters_compares_with_the_mean_of_the_others_only(lake: Lake, crowd: list[dict[str, Any]]) -> None:
    from scipy import stats

    answers = np.zeros((9, PHOTOS))
    for row in crowd:
        answers[row["rater_id"], row["photo_id"]] = row["rating"]
    for rater, row in judged(lake).items():
        others = np.delete(answers[1:], rater - 1, axis=0).mean(axis=0)
        if rater != 7:
            assert row["agreement_with_rest"] == pytest.approx(stats.spearmanr(answers[rater], others).statistic)


def test_judge_raters_counts_gold_questions_within_the_tolerance(lake: Lake, put: Put) -> None:
    gold = {"is_gold": True, "gold_rating": 3}
    put(
        crowd_ratings=[
            *ratings_of(1, [2, 3, 4, 5, 1], **gold),
            *ratings_of(2, [2, 3, 4, 5, 1, 1], **gold),
            *ratings_of(3, [5, 5, 5, 5], **gold),
        ]
    )
    found = judged(lake)
    assert [(row["gold_questions"], row["gold_accuracy"]) for row in found.values()] == [(5, 0.6), (6, 0.5), (4, 0)]
    assert [row["is_accepted"] for row in found.values()] == [True, False, True]
    assert found[2]["reason"] == "3 of 6 gold questions answered within 1 of the known answer, below 60%"
    assert found[3]["ratings"] == 0
    assert not judged(lake, QualityConfig(gold_tolerance=0))[1]["is_accepted"]


def test_judge_raters_keeps_those_with_too_few_answers_and_counts_them(lake: Lake, put: Put) -> None:
    rows = [row for rater in range(1, 5) for row in ratings_of(rater, careful(rater))]
    put(crowd_ratings=[*rows, *ratings_of(9, [6 - answer for answer in careful(9)][:19])])
    assert judged(lake)[9]["agreement_with_rest"] < 0
    assert judged(lake)[9]["is_accepted"]
    assert too_few_to_judge(judge_raters(lake)) == 1
    assert not judged(lake, QualityConfig(minimum_ratings=19))[9]["is_accepted"]
    assert too_few_to_judge(judge_raters(lake), QualityConfig(minimum_ratings=19)) == 0


@pytest.mark.usefixtures("crowd")
def test_judge_raters_asks_for_eligibility_only_when_told(lake: Lake, put: Put) -> None:
    put(
        raters=[
            {"rater_id": 1, "country": "DE", "track_record": 0.7},
            {"rater_id": 2, "country": "US", "track_record": 0.99},
        ]
    )
    assert judged(lake)[1]["is_accepted"]
    found = judged(lake, QualityConfig(minimum_track_record=0.9, countries=("US", "GB")))
    assert found[1]["reason"] == "track record 0.70, below 0.90; country DE, not among US, GB"
    assert found[2]["is_accepted"]
    assert found[3]["is_accepted"], "nothing is known of this rater"
    assert (found[3]["country"], found[3]["track_record"]) == (None, None)


def test_judge_raters_without_ratings_gives_no_row(lake: Lake) -> None:
    assert judge_raters(lake).num_rows == 0


def test_judge_raters_finds_planted_careless_raters_and_spares_the_others(
    lake: Lake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = wrong = missed = good = 0
    for seed in range(3):
        config = SimulationConfig(
            seed=seed, users=300, months=6, images=False, rated_photos=1500, raters_per_photo=8, bad_raters=0.1
        )
        simulate(config, tmp_path / f"landing-{seed}", tmp_path / f"truth-{seed}")
        here = tmp_path / f"landing-{seed}" / config.name
        lake.write(CROWD_RATINGS, f"{config.months:02d}", ds.dataset(here / "crowd_ratings").to_table())
        raters = ds.dataset(here / "raters.parquet").to_table()
        lake.write(RATERS, "undated", raters)
        careless = Draws(seed).uniform("careless", 0, np.arange(raters.num_rows)) < config.bad_raters
        for rater, row in judged(lake).items():
            found += careless[rater - 1] and not row["is_accepted"]
            missed += careless[rater - 1] and row["is_accepted"]
            wrong += not careless[rater - 1] and not row["is_accepted"]
            good += not careless[rater - 1]
    with capsys.disabled():
        print(f"\ncareless raters: {found} of {found + missed} found; {wrong} of {good} others wrongly excluded")
    assert found + missed >= 20
    assert found / (found + missed) >= 0.95
    assert wrong / good <= 0.02


def test_agreement_histogram_counts_raters_whose_agreement_is_known() -> None:
    edges, counts = agreement_histogram(pa.table({"agreement_with_rest": [-1.0, 0.55, 1.0, None]}))
    assert (edges[0], edges[-1], len(edges)) == (-1.0, 1.0, 21)
    assert (counts[0], counts[15], counts[-1], sum(counts)) == (1, 1, 1, 3)
