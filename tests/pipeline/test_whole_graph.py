"""The whole graph on a small simulated community, in the process that `beautyflow materialize` uses."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.community.publishing import published_tables
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, TRAINING_SET, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.landed import landed_sources
from assets.contracts.registry import all_contracts
from assets.contracts.settings import Settings
from assets.dbt.mart_figures import FIGURES
from assets.dbt.query import run_query
from assets.landing.simulation import simulate_into
from assets.running import materialize_community, open_instance
from assets.telling import RunOutcome

pytestmark = pytest.mark.timeout(900)


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
    models = sorted(lake.read(BEAUTY_MODELS).to_pylist(), key=lambda row: row["sequence"])
    assert {row["head"] for row in models} == {"classifier", "regressor"}
    assert set(scores["model_version"].to_pylist()) == {models[-1]["model_version"]}
    assert len(photos) > 500
    assert sorted(scores["photo_id"].to_pylist()) == sorted(photos)
    assert lake.read(UNSCORABLE_PHOTOS).num_rows == 0


def test_only_opted_in_users_and_public_photos_are_published(settings: Settings, lake: Lake) -> None:
    published = lake.read(PHOTOS)
    landed = Lake(settings.lake_uri).zone("landed/simulated").read(PHOTOS)
    assert 0 < published.num_rows < landed.num_rows
    assert_nothing_withheld_is_published(settings)


def test_warehouse_agrees_with_the_scores(settings: Settings, lake: Lake) -> None:
    _, rows = run_query(settings, "select sum(photos), sum(photos * beauty) / sum(photos) from fct_user_beauty")
    photos, mean = rows[0]
    live = lake.read(PHOTOS, columns=["photo_id", "deleted_at"]).filter(_alive())
    beauty = dict(zip(*(lake.read(SCORES)[name].to_pylist() for name in ("photo_id", "beauty")), strict=True))
    expected = [beauty[photo_id] for photo_id in live["photo_id"].to_pylist()]
    assert photos == len(expected)
    assert float(mean) == pytest.approx(sum(expected) / len(expected), abs=1e-6)


def test_every_table_and_mart_with_rows_shows_a_figure(settings: Settings, lake: Lake) -> None:
    with open_instance(settings) as instance:
        shown = {key: _shown(instance, key) for key in (*all_contracts(), *FIGURES)}
    made = {key: metadata for key, metadata in shown.items() if metadata.get("dagster/row_count")}
    assert len(made) > 60
    bare = [key for key, metadata in made.items() if "data:image/png" not in str(list(metadata.values()))]
    assert bare == ["effect_groups"], "only groups without an effect, in so small a community, show nothing"


def _shown(instance: dg.DagsterInstance, key: str) -> dict[str, Any]:
    event = instance.get_latest_materialization_event(dg.AssetKey(key))
    if event is None or event.asset_materialization is None:
        return {}
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_second_run_changes_no_byte(settings: Settings, lake: Lake) -> None:
    before = _state(Path(settings.lake_uri))
    outcome = materialize_community(settings, "build_community", "", print)
    assert outcome.success, outcome.problems
    assert _state(Path(settings.lake_uri)) == before


# ---- consent ----


def test_sql_does_not_show_what_rejected_rows_said(settings: Settings, lake: Lake) -> None:
    assert lake.partitions(PHOTOS.key)
    _, rows = run_query(settings, f"select table_name, column_name from ({_COLUMNS})")
    shown = {column for table, column in rows if table in ("quarantine", "stg_lake__rejected_rows")}
    assert shown == {"source", "table", "file", "row", "column", "reason"}


def test_a_night_after_somebody_has_opted_out_leaves_nothing_of_them_and_trains_nothing(
    settings: Settings, lake: Lake
) -> None:
    models = lake.read(BEAUTY_MODELS)
    user_id = _busiest(lake)
    assert {"users", "photos", "favorites", "edges", "training_set"} <= _tables_that_name(lake, user_id)
    _deliver(settings, "optout", [user_id])
    outcome = materialize_community(settings, "nightly_increment", "", print)
    assert outcome.success, outcome.problems
    assert_nothing_withheld_is_published(settings, user_id)
    assert lake.read(TRAINING_SET).num_rows > 0
    assert lake.read(BEAUTY_MODELS) == models


def test_a_refused_month_holds_up_nobodys_no(settings: Settings, lake: Lake) -> None:
    user_id = _busiest(lake)
    _, before = run_query(settings, "select count(*) from fct_user_beauty")
    nobody = "photo_id,user_id,uploaded_at,is_public\n99999999,99999999,{moment},true\n"
    month = lake.partitions(PHOTOS.key)[2]
    _deliver(settings, "refused", [user_id], photos=nobody.format(moment=f"{month}-02"))
    outcome = materialize_community(settings, "nightly_increment", "", print)
    assert outcome.failed_steps == ["refused_months"]
    tables = {table.key for table in published_tables()}
    failed = [check for check in outcome.failed_checks if check.partition(".")[0] in tables]
    assert failed == ["photos.user_id_is_in_users"]
    (told,) = [problem for problem in outcome.problems if problem.startswith("refused_months failed")]
    assert f"photos/{month} (user_id_is_in_users)" in told
    assert "Add the missing rows to `users`" in told
    assert_nothing_withheld_is_published(settings, user_id)
    _, after = run_query(settings, "select count(*) from fct_user_beauty")
    assert after[0][0] == before[0][0] - 1


_COLUMNS = "select table_schema, table_name, column_name from information_schema.columns"


def assert_nothing_withheld_is_published(settings: Settings, *refusers: int) -> None:
    """No refused user and no hidden photo occurs in any table of the lake or the published warehouse."""
    lake = Lake(settings.lake_uri)
    users, photos = _withheld(lake)
    assert {*refusers} <= users
    assert len(users) > 5
    assert len(photos) > 50
    named = _columns_of_people(lake)
    leaks = [f"{key}.{column}" for key, column in named if _ids(lake, key, column) & _ids_of(column, users, photos)]
    assert leaks == []
    _, columns = run_query(settings, _COLUMNS)
    known = {column for _, column in named}
    asked = [(*place, c) for *place, c in columns if c in known or c.endswith(("user_id", "photo_id"))]
    assert {table for _, table, _ in asked} >= {"dim_users", "fct_user_beauty", "stg_lake__training_photos", "edges"}
    for schema, table, column in asked:
        ids = ", ".join(map(str, _ids_of(column, users, photos)))
        query = f'select count(*) from "{schema}"."{table}" where "{column}" in ({ids})'
        assert run_query(settings, query)[1][0][0] == 0, f"{schema}.{table}.{column}"


def _withheld(lake: Lake) -> tuple[set[int], set[int]]:
    """Users who are refused, and photos that are private or theirs, by what any source says."""
    users: set[int] = set()
    photos: set[int] = set()
    for zone in landed_sources(lake).values():
        users |= {row["user_id"] for row in zone.read(USERS).to_pylist() if not row["opted_in"]}
    for zone in landed_sources(lake).values():
        rows = zone.read(PHOTOS).to_pylist()
        photos |= {row["photo_id"] for row in rows if row["user_id"] in users or not row["is_public"]}
    return users, photos


def _columns_of_people(lake: Lake) -> list[tuple[str, str]]:
    """Every column of every table that names a user or a photo; those of tables without rows included."""
    found = [
        (key, column.name)
        for key, contract in all_contracts().items()
        for column in contract.columns
        if column.name.endswith(("user_id", "photo_id"))
        or column.name in {r.column for r in contract.references if r.to_table in ("users", "photos")}
    ]
    assert {key for key, _ in found if lake.partitions(key)} >= {"users", "photos", "edges", "favorites", "scores"}
    return found


def _ids(lake: Lake, key: str, column: str) -> set[int]:
    return set(lake.read(all_contracts()[key], columns=[column])[column].to_pylist())


def _ids_of(column: str, users: set[int], photos: set[int]) -> set[int]:
    return photos if column.endswith("photo_id") else users


def _tables_that_name(lake: Lake, user_id: int) -> set[str]:
    columns = [(key, column) for key, column in _columns_of_people(lake) if not column.endswith("photo_id")]
    return {key for key, column in columns if user_id in _ids(lake, key, column)}


def _busiest(lake: Lake) -> int:
    """The user who occurs in most tables, and among these has most labelled photos."""
    owners = Counter(lake.read(TRAINING_SET)["user_id"].to_pylist())
    return max(owners, key=lambda user_id: (len(_tables_that_name(lake, user_id)), owners[user_id]))


def _deliver(settings: Settings, name: str, refusers: list[int], **more: str) -> None:
    """A delivery in which some users say no."""
    folder = settings.landing / name
    folder.mkdir()
    known = Lake(settings.lake_uri).read(USERS).to_pylist()
    lines = [f"{row['user_id']},{row['joined_at'].isoformat()},false" for row in known if row["user_id"] in refusers]
    assert len(lines) == len(refusers)
    for table, text in {"users": "\n".join(["user_id,joined_at,opted_in", *lines, ""]), **more}.items():
        (folder / f"{table}.csv").write_text(text)


def _alive() -> object:
    import pyarrow.compute as pc

    return pc.is_null(pc.field("deleted_at"))
