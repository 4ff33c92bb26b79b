"""Assets and their checks: green on sound data, red on one bad thing, red on nothing."""

from collections.abc import Callable
from typing import Any

import dagster as dg
import numpy as np
import pytest

from assets.contracts.lake import Lake
from assets.crowd.judgement_assets import ASSETS, beauty_evaluation, crowd_agreement, photo_ratings, rater_quality
from assets.resources import LakeResource

Put = Callable[..., None]
PHOTOS, RATERS = 40, 6


def materialized(lake: Lake, *assets: dg.AssetsDefinition) -> dict[str, dg.AssetCheckEvaluation]:
    result = dg.materialize(list(assets), resources={"lake": LakeResource(uri=lake.uri)})
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def answers(rng: np.random.Generator, raters: range, careful: bool) -> list[dict[str, Any]]:
    return [
        {
            "photo_id": photo,
            "rater_id": rater,
            "rating": int(np.clip(1 + photo % 5 + rng.integers(-1, 2), 1, 5)) if careful else int(rng.integers(1, 6)),
            "duration_ms": 4000 if careful else 300,
            "is_gold": False,
        }
        for rater in raters
        for photo in range(PHOTOS)
    ]


@pytest.fixture
def crowd(put: Put) -> None:
    rng = np.random.default_rng(2)
    scores = [
        {"photo_id": i, "model_version": version, "preprocessing_hash": "", "beauty": float(beauty)}
        for i in range(PHOTOS)
        for version, beauty in (("ready", i % 5 / 4),)
    ]
    put(
        photos=[{"photo_id": i, "is_public": True, "uri": "x"} for i in range(PHOTOS)],
        crowd_ratings=answers(rng, range(RATERS), True) + answers(rng, range(90, 92), False),
        scores=scores,
    )


@pytest.mark.usefixtures("crowd")
def test_assets_pass_their_checks_on_a_sound_crowd_and_leave_tables_alone_on_a_second_run(lake: Lake) -> None:
    checks = materialized(lake, *ASSETS)
    assert {name: check.passed for name, check in checks.items()} == dict.fromkeys(
        ["most_raters_are_accepted", "rated_photos_keep_a_rating", "raters_agree_beyond_chance",
         "model_agrees_with_people"],
        True,
    )  # fmt: skip
    assert "6 of 8 raters are accepted" in (checks["most_raters_are_accepted"].description or "")
    tables = ("rater_quality", "photo_ratings", "crowd_agreement", "beauty_evaluation")
    before = [lake.commits(table) for table in tables]
    assert all(commits[0].rows for commits in before)
    assert all(check.passed for check in materialized(lake, *ASSETS).values())
    assert [lake.commits(table) for table in tables] == before


def test_checks_are_red_where_there_is_nothing(lake: Lake) -> None:
    checks = materialized(lake, *ASSETS)
    assert len(checks) == 4
    assert not any(check.passed for check in checks.values())
    assert {check.severity for check in checks.values()} == {dg.AssetCheckSeverity.WARN}


def test_checks_are_red_where_most_answer_at_random(lake: Lake, put: Put) -> None:
    rng = np.random.default_rng(3)
    put(crowd_ratings=answers(rng, range(5), False) + answers(rng, range(90, 92), True))
    checks = materialized(lake, rater_quality)
    assert not checks["most_raters_are_accepted"].passed


@pytest.mark.usefixtures("crowd")
def test_checks_are_red_where_only_an_excluded_rater_saw_a_photo(lake: Lake, put: Put) -> None:
    hasty = {"rater_id": 90, "rating": 3, "is_gold": False, "duration_ms": 300}
    lake.drop("crowd_ratings", "undated")
    rng = np.random.default_rng(2)
    put(crowd_ratings=[*answers(rng, range(RATERS), True), {"photo_id": PHOTOS, **hasty}])
    checks = materialized(lake, rater_quality, photo_ratings)
    assert not checks["rated_photos_keep_a_rating"].passed
    assert checks["rated_photos_keep_a_rating"].description == "1 rated photos have no accepted rating, 40 have some"


def test_checks_are_red_where_accepted_raters_agree_no_more_than_by_chance(lake: Lake, put: Put) -> None:
    rows = answers(np.random.default_rng(4), range(4), False)
    quality = [{"rater_id": i, "ratings": 1, "gold_questions": 0, "is_accepted": True} for i in range(4)]
    put(crowd_ratings=rows, rater_quality=quality)
    check = materialized(lake, crowd_agreement)["raters_agree_beyond_chance"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)


@pytest.mark.usefixtures("crowd")
def test_checks_are_red_where_a_model_says_the_opposite_of_people(lake: Lake, put: Put) -> None:
    put(
        scores=[
            {"photo_id": i, "model_version": "wrong", "preprocessing_hash": "", "beauty": 1 - i % 5 / 4}
            for i in range(PHOTOS)
        ]
    )
    check = materialized(lake, rater_quality, photo_ratings, beauty_evaluation)["model_agrees_with_people"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert "wrong -" in (check.description or "")
