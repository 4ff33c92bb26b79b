from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from ray_jobs.calibration import CALIBRATED, Calibration
from ray_jobs.model_store import read_weights
from ray_jobs.parts import part_bytes
from ray_jobs.photo_scorer import PhotoScorer
from ray_jobs.scoring_plan import ModelIdentity, MonthPlan, PartLost

MONTH = "2013-04"


def plan_of(lake: Lake, row: dict[str, object], part_photos: int = 4) -> MonthPlan:
    model = ModelIdentity(row["model_version"], row["preprocessing_hash"], row["weights_sha256"])
    return MonthPlan(lake, MONTH, model, part_photos, "code")


def score_pending(plan: MonthPlan, row: dict[str, object], media: Path, parts: int = 1_000) -> int:
    scorer = PhotoScorer(read_weights(plan.lake, row), str(media), decoders=1)
    pending = list(plan.pending_parts())[:parts]
    for chunk in pending:
        plan.lake.put_bytes(chunk.part, part_bytes(scorer(chunk.pending)))
    return len(pending)


def write_as_before(lake: Lake, contract: TableContract, column: str) -> None:
    """Replace the month by what the same code would have written before the contract had a column."""
    commit = lake.commit_of(contract.key, MONTH)
    before = replace(contract, columns=tuple(c for c in contract.columns if c.name != column))
    rows = lake.read(contract).drop_columns([column])
    lake.write(before, MONTH, rows, code_version=commit.code_version, inputs=commit.inputs)


def everything(lake: Lake) -> dict[str, tuple[int, bytes]]:
    root = Path(lake.uri)
    files = [file for file in root.rglob("*") if file.is_file()]
    return {str(file.relative_to(root)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def test_publish_writes_one_row_per_photo(lake, media, add_photos, add_network):
    add_photos(MONTH, list(range(10)), broken=(3,), bare=(5,))
    row = add_network()
    plan = plan_of(lake, row)
    assert not plan.is_current()
    assert score_pending(plan, row, media) == 3
    assert plan.publish() == (8, 1)

    scores = lake.read(SCORES)
    assert scores["photo_id"].to_pylist() == [0, 1, 2, 4, 6, 7, 8, 9]
    assert set(scores["model_version"].to_pylist()) == {row["model_version"]}
    assert set(scores["scored_at"].to_pylist()) == {datetime(2013, 5, 1, tzinfo=UTC)}
    total = pc.add(pc.add(scores["p_low"], scores["p_median"]), scores["p_high"])
    assert pc.max(pc.abs(pc.subtract(total, 1))).as_py() < 1e-5
    expected = pc.add(pc.multiply(scores["p_median"], 0.5), scores["p_high"])
    assert pc.max(pc.abs(pc.subtract(expected, scores["beauty"]))).as_py() < 1e-5
    (broken,) = lake.read(UNSCORABLE_PHOTOS).to_pylist()
    assert (broken["photo_id"], broken["reason"], broken["uri"]) == (3, "empty", "3.jpg")
    assert plan.is_current()
    assert plan.has_unscorable()
    assert not [name for name in everything(lake) if name.startswith(".parts")]


def test_publish_again_without_news_changes_no_byte(lake, media, add_photos, add_network):
    add_photos(MONTH, list(range(10)))
    row = add_network()
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    before = everything(lake)
    assert list(plan_of(lake, row).pending_parts()) == []
    plan_of(lake, row).publish()
    assert everything(lake) == before


def test_scores_do_not_depend_on_the_size_of_parts(lake, media, add_photos, add_network):
    add_photos(MONTH, list(range(11)), broken=(2,))
    row = add_network()
    hashes = set()
    for part_photos in (1, 3, 100):
        lake.drop("scores", MONTH)
        plan = plan_of(lake, row, part_photos)
        score_pending(plan, row, media)
        plan.publish()
        hashes.add(lake.commit_of("scores", MONTH).sha256)
    values = lake.read(SCORES)
    assert values.num_rows == 10
    assert len(hashes) == 1


def test_killed_between_parts_the_next_run_scores_only_the_rest(lake, media, add_photos, add_network):
    add_photos(MONTH, list(range(12)))
    row = add_network()
    assert score_pending(plan_of(lake, row), row, media, parts=2) == 2
    with pytest.raises(PartLost, match="another job finished 2013-04"):
        plan_of(lake, row).publish()
    assert lake.commit_of("scores", MONTH) is None
    assert score_pending(plan_of(lake, row), row, media) == 1
    assert plan_of(lake, row).publish() == (12, 0)


def test_new_photos_are_scored_and_old_scores_stay(lake, media, add_photos, add_network):
    add_photos(MONTH, [2, 4, 6, 8])
    row = add_network()
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    before = {r["photo_id"]: r["beauty"] for r in lake.read(SCORES).to_pylist()}

    add_photos(MONTH, [1, 2, 4, 7, 8, 9])
    plan = plan_of(lake, row)
    assert not plan.is_current()
    assert [i for chunk in plan.chunks() for i in chunk.pending["photo_id"].to_pylist()] == [1, 7, 9]
    score_pending(plan, row, media)
    assert plan.publish() == (3, 0)
    after = {r["photo_id"]: r["beauty"] for r in lake.read(SCORES).to_pylist()}
    assert list(after) == [1, 2, 4, 7, 8, 9]
    assert all(after[i] == before[i] for i in (2, 4, 8))


def test_a_second_model_adds_rows_and_both_stay_current(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2], broken=(2,))
    first, second = add_network(seed=0), add_network(seed=1)
    for row in (first, second):
        score_pending(plan_of(lake, row), row, media)
        plan_of(lake, row).publish()
    assert lake.read(SCORES).num_rows == 2
    assert lake.read(UNSCORABLE_PHOTOS).num_rows == 2
    assert plan_of(lake, first).is_current()
    assert plan_of(lake, second).is_current()


def test_a_photo_that_heals_leaves_the_unscorable_ones(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2], broken=(2,))
    row = add_network()
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    add_photos(MONTH, [1, 2])
    plan = plan_of(lake, row)
    score_pending(plan, row, media)
    assert plan.publish() == (1, 0)
    assert lake.read(UNSCORABLE_PHOTOS).num_rows == 0
    assert not plan.has_unscorable()


def test_other_preprocessing_under_the_same_version_is_scored_again(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    row = add_network()
    stale = lake.read(SCORES)
    stale = pa.Table.from_pylist(
        [
            {
                "photo_id": 1,
                "model_version": row["model_version"],
                "preprocessing_hash": "old",
                "uploaded_at": datetime(2013, 4, 3, tzinfo=UTC),
                "beauty": 0.5,
            }
        ],
        schema=stale.schema,
    )
    lake.write(SCORES, MONTH, stale)
    score_pending(plan_of(lake, row), row, media)
    assert plan_of(lake, row).publish() == (2, 0)
    assert set(lake.read(SCORES)["preprocessing_hash"].to_pylist()) == {row["preprocessing_hash"]}


def test_a_month_without_photos_has_no_scores(lake, media, add_photos, add_network):
    row = add_network()
    assert plan_of(lake, row).is_current()
    add_photos(MONTH, [1])
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    lake.drop(PHOTOS.key, MONTH)
    assert not plan_of(lake, row).is_current()
    assert plan_of(lake, row).publish() == (0, 0)
    assert lake.partitions("scores") == []
    assert plan_of(lake, row).is_current()


def test_private_photos_are_not_scored(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    rows = lake.read(PHOTOS).to_pylist()
    rows[0]["is_public"] = False
    lake.write(PHOTOS, MONTH, pa.Table.from_pylist(rows, schema=PHOTOS.schema))
    row = add_network()
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    assert lake.read(SCORES)["photo_id"].to_pylist() == [2]


@pytest.mark.parametrize(("contract", "column"), [(SCORES, "upper"), (UNSCORABLE_PHOTOS, "detail")])
def test_is_current_wants_both_tables_under_the_contract_there_is_now(
    lake, media, add_photos, add_network, contract, column
):
    add_photos(MONTH, [1, 2], broken=(2,))
    first, second = add_network(seed=0), add_network(seed=1)
    for row in (first, second):
        score_pending(plan_of(lake, row), row, media)
        plan_of(lake, row).publish()
    write_as_before(lake, contract, column)
    assert not plan_of(lake, first).is_current()
    score_pending(plan_of(lake, first), first, media)
    plan_of(lake, first).publish()
    assert plan_of(lake, first).is_current()
    assert not plan_of(lake, second).is_current()
    score_pending(plan_of(lake, second), second, media)
    plan_of(lake, second).publish()
    assert plan_of(lake, first).is_current()
    assert plan_of(lake, second).is_current()
    assert lake.read(UNSCORABLE_PHOTOS)["detail"].null_count == 0


def test_old_rows_stay_when_a_column_is_new_that_may_be_absent(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    row = add_network()
    score_pending(plan_of(lake, row), row, media)
    plan_of(lake, row).publish()
    before = lake.read(SCORES)
    write_as_before(lake, SCORES, "upper")
    assert list(plan_of(lake, row).pending_parts()) == []
    assert plan_of(lake, row).publish() == (0, 0)
    assert lake.read(SCORES) == before


def test_old_rows_are_scored_again_when_a_column_is_new_that_is_required(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    first, second = add_network(seed=0), add_network(seed=1)
    for row in (first, second):
        score_pending(plan_of(lake, row), row, media)
        plan_of(lake, row).publish()
    write_as_before(lake, SCORES, "beauty")
    assert score_pending(plan_of(lake, first), first, media) == 1
    assert plan_of(lake, first).publish() == (2, 0)
    assert set(lake.read(SCORES)["model_version"].to_pylist()) == {first["model_version"]}
    assert score_pending(plan_of(lake, second), second, media) == 1
    plan_of(lake, second).publish()
    assert lake.read(SCORES).num_rows == 4
    assert lake.read(SCORES)["beauty"].null_count == 0


# ---- calibration ----

FIRST = Calibration(np.array([0.0, 1.0]), np.array([0.2, 0.6]), half_width=0.1)
SECOND = Calibration(np.array([0.0, 1.0]), np.array([0.0, 1.0]), half_width=0.3)


def published_by(lake: Lake, row: dict[str, object], calibration: Calibration | None, media: Path) -> MonthPlan:
    plan = replace(plan_of(lake, row), calibration=calibration)
    score_pending(plan, row, media)
    plan.publish()
    return plan


def calibrated_columns(lake: Lake, row: dict[str, object]) -> list[tuple[float, ...]]:
    """Beauty and what was made of it, of the photos that one model scored."""
    rows = [r for r in lake.read(SCORES).to_pylist() if r["model_version"] == row["model_version"]]
    return [tuple(r[name] for name in ("beauty", *CALIBRATED)) for r in rows]


def expected_columns(lake: Lake, row: dict[str, object], low: float, high: float, half_width: float) -> list[object]:
    beauty = [each[0] for each in calibrated_columns(lake, row)]
    curve = [low + (high - low) * b for b in beauty]
    return [
        pytest.approx((b, c, max(0, c - half_width), min(1, c + half_width)), abs=1e-6)
        for b, c in zip(beauty, curve, strict=True)
    ]


def test_publish_calibrates_the_rows_of_its_own_model(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2, 3])
    first, second = add_network(seed=0), add_network(seed=1)
    published_by(lake, first, FIRST, media)
    published_by(lake, second, SECOND, media)
    assert calibrated_columns(lake, first) == expected_columns(lake, first, 0.2, 0.6, 0.1)
    assert calibrated_columns(lake, second) == expected_columns(lake, second, 0.0, 1.0, 0.3)
    assert replace(plan_of(lake, first), calibration=FIRST).is_current()
    assert replace(plan_of(lake, second), calibration=SECOND).is_current()


def test_publish_without_a_calibration_leaves_the_columns_empty(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    row = add_network()
    published_by(lake, row, None, media)
    assert [each[1:] for each in calibrated_columns(lake, row)] == [(None, None, None)] * 2


@pytest.mark.parametrize("again", [MonthPlan.publish, MonthPlan.recalibrate])
def test_a_new_calibration_reaches_old_scores_without_a_photo(lake, media, add_photos, add_network, again):
    add_photos(MONTH, list(range(9)), bare=(4,))
    row = add_network()
    published_by(lake, row, FIRST, media)
    unscorable = lake.commit_of(UNSCORABLE_PHOTOS.key, MONTH)
    beauty = [each[0] for each in calibrated_columns(lake, row)]
    for file in media.iterdir():
        file.unlink()
    for calibration, low, high, half_width in ((SECOND, 0.0, 1.0, 0.3), (FIRST, 0.2, 0.6, 0.1)):
        plan = replace(plan_of(lake, row), calibration=calibration)
        assert not plan.is_current()
        again(plan)
        assert plan.is_current()
        assert calibrated_columns(lake, row) == expected_columns(lake, row, low, high, half_width)
        assert [each[0] for each in calibrated_columns(lake, row)] == beauty
    assert lake.commit_of(UNSCORABLE_PHOTOS.key, MONTH).sha256 == unscorable.sha256


@pytest.mark.parametrize("again", [MonthPlan.publish, MonthPlan.recalibrate])
def test_a_calibration_that_is_withdrawn_empties_the_columns(lake, media, add_photos, add_network, again):
    add_photos(MONTH, [1, 2])
    row = add_network()
    published_by(lake, row, FIRST, media)
    plan = plan_of(lake, row)
    assert not plan.is_current()
    again(plan)
    assert [each[1:] for each in calibrated_columns(lake, row)] == [(None, None, None)] * 2
    assert plan.is_current()


def test_recalibrate_changes_nothing_but_the_columns(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2, 3, 7], broken=(7,))
    first, second = add_network(seed=0), add_network(seed=1)
    published_by(lake, first, FIRST, media)
    published_by(lake, second, FIRST, media)
    others = calibrated_columns(lake, first)
    add_photos(MONTH, [2, 3, 4])  # news that is not scored yet stays news
    assert replace(plan_of(lake, second), calibration=SECOND).recalibrate()
    assert lake.read(SCORES)["photo_id"].to_pylist() == [1, 1, 2, 2, 3, 3]
    assert calibrated_columns(lake, second) == expected_columns(lake, second, 0.0, 1.0, 0.3)
    assert calibrated_columns(lake, first) == others
    assert not replace(plan_of(lake, second), calibration=SECOND).is_current()


def test_recalibrate_leaves_a_month_alone_that_is_not_its_own_or_calibrated_so(lake, media, add_photos, add_network):
    add_photos(MONTH, [1, 2])
    first, second = add_network(seed=0), add_network(seed=1)
    assert not replace(plan_of(lake, first), calibration=FIRST).recalibrate()
    plan = published_by(lake, first, FIRST, media)
    before = everything(lake)
    assert not plan.recalibrate()
    assert not replace(plan_of(lake, second), calibration=SECOND).recalibrate()
    assert everything(lake) == before
    write_as_before(lake, SCORES, "p_low")
    assert not replace(plan_of(lake, first), calibration=SECOND).recalibrate()
