"""The whole graph on a small simulated community, in the process that `beautyflow materialize` uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from assets.contracts.beauty import BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.query import run_query
from assets.landing.simulation import simulate_into
from assets.running import RunOutcome, materialize_community


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BEAUTYFLOW_HOME", str(home))
        patch.delenv("BEAUTYFLOW_LAKE", raising=False)
        yield Settings.from_environment()


@pytest.fixture(scope="module")
def first_run(settings: Settings) -> RunOutcome:
    simulate_into(settings, {"users": 250, "months": 8, "seed": 3, "rated_photos": 40}, lambda line: None)
    return materialize_community(settings, "build_community", "", print)


@pytest.fixture(scope="module")
def lake(settings: Settings, first_run: RunOutcome) -> Lake:
    assert first_run.success, first_run.problems
    return Lake(settings.lake_uri)


def _state(folder: Path) -> dict[str, tuple[int, bytes]]:
    # Staging holds locks of imports and unfinished files; nothing in it is ever read.
    files = sorted(path for path in folder.rglob("*") if path.is_file() and ".staging" not in path.parts)
    assert files, f"nothing below {folder}"
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_every_public_photo_is_scored_by_the_trained_model(lake: Lake) -> None:
    photos = lake.read(PHOTOS, columns=["photo_id"])["photo_id"].to_pylist()
    scores = lake.read(SCORES)
    versions = set(scores["model_version"].to_pylist())
    assert versions == set(lake.read(BEAUTY_MODELS)["model_version"].to_pylist())
    assert len(versions) == 1
    assert len(photos) > 500
    assert sorted(scores["photo_id"].to_pylist()) == sorted(photos)
    assert lake.read(UNSCORABLE_PHOTOS).num_rows == 0


def test_only_opted_in_users_and_public_photos_are_published(settings: Settings, lake: Lake) -> None:
    landed = Lake(settings.lake_uri).zone("landed/simulated").read(PHOTOS)
    published = lake.read(PHOTOS)
    assert 0 < published.num_rows < landed.num_rows
    assert all(published["is_public"].to_pylist())


def test_warehouse_agrees_with_the_scores(settings: Settings, lake: Lake) -> None:
    _, rows = run_query(settings, "select sum(photos), sum(photos * beauty) / sum(photos) from fct_user_beauty")
    photos, mean = rows[0]
    live = lake.read(PHOTOS, columns=["photo_id", "deleted_at"]).filter(_alive())
    beauty = dict(zip(*(lake.read(SCORES)[name].to_pylist() for name in ("photo_id", "beauty")), strict=True))
    expected = [beauty[photo_id] for photo_id in live["photo_id"].to_pylist()]
    assert photos == len(expected)
    assert float(mean) == pytest.approx(sum(expected) / len(expected), abs=1e-6)


def test_a_second_run_changes_no_byte(settings: Settings, lake: Lake) -> None:
    before = _state(Path(settings.lake_uri))
    outcome = materialize_community(settings, "build_community", "", print)
    assert outcome.success, outcome.problems
    assert _state(Path(settings.lake_uri)) == before


def _alive() -> object:
    import pyarrow.compute as pc

    return pc.is_null(pc.field("deleted_at"))
