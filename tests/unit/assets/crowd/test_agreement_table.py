from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.crowd import CROWD_RATINGS
from assets.contracts.crowd_results import CROWD_AGREEMENT
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.crowd.agreement_table import AgreementConfig, measure_agreement

Put = Callable[..., None]
QUICK = AgreementConfig(resamples=100)


def test_measure_agreement_counts_all_and_accepted_raters(lake: Lake, put: Put) -> None:
    rng = np.random.default_rng(1)
    ratings, raters = [], []
    for rater in range(12):
        is_accepted = rater < 8
        answers = 1 + np.arange(40) % 5 if is_accepted else rng.integers(1, 6, 40)
        ratings += [
            {"photo_id": photo, "rater_id": rater, "rating": int(answer), "is_gold": photo >= 35}
            for photo, answer in enumerate(answers)
        ]
        raters.append({"rater_id": rater, "ratings": 40, "gold_questions": 0, "is_accepted": is_accepted})
    put(crowd_ratings=ratings, rater_quality=raters)
    rows = measure_agreement(lake, QUICK)
    CROWD_AGREEMENT.validate(rows)
    found = {(row["raters_counted"], row["coefficient"]): row for row in rows.to_pylist()}
    assert len(found) == 20
    one = found["all", "krippendorff_ordinal"]
    assert (one["photos"], one["ratings"], one["raters"], one["level"]) == (35, 420, 12, 0.95)
    assert one["lower"] < one["value"] < one["upper"] < 1
    accepted = found["accepted", "krippendorff_ordinal"]
    assert (accepted["value"], accepted["raters"]) == (1, 8)
    assert found["all", "conger_kappa"]["value"] > 0
    assert found["all", "conger_kappa"]["lower"] is None


def test_measure_agreement_leaves_undefined_coefficients_empty(lake: Lake, put: Put) -> None:
    put(
        crowd_ratings=[{"photo_id": photo, "rater_id": photo, "rating": photo, "is_gold": False} for photo in (1, 2)],
    )
    rows = measure_agreement(lake, QUICK).to_pylist()
    assert {row["raters_counted"] for row in rows} == {"all"}
    assert all(row["value"] is None for row in rows)


def test_measure_agreement_without_ratings_gives_no_row(lake: Lake) -> None:
    assert measure_agreement(lake).num_rows == 0


def test_measure_agreement_refuses_a_rater_who_rated_a_photo_in_two_months(lake: Lake, put: Put) -> None:
    row = {"photo_id": 1, "rater_id": 2, "rating": 3, "is_gold": False}
    put(crowd_ratings=[row])
    lake.write(*_second_month(lake))
    with pytest.raises(ValueError, match="may rate a photo once only"):
        measure_agreement(lake, QUICK)


def _second_month(lake: Lake) -> tuple[TableContract, str, pa.Table]:

    return CROWD_RATINGS, "other", lake.read(CROWD_RATINGS)
