"""Retention, hidden gems and gaps of pairs: late and shuffled rows equal a full build; those planted are found."""

import json
import random
import shutil
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from scipy.stats import hypergeom

from assets.contracts.beauty import SCORES
from assets.contracts.community import EDGES, FAVORITES, GROUP_MEMBERSHIPS, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.arguments import event_time_arguments
from assets.dbt.build import DbtFailure, artifacts_folder, build_warehouse, run_dbt
from assets.dbt.catalog import catalog_path, write_catalog
from assets.dbt.publish import publish_warehouse
from assets.dbt.query import run_query
from assets.landing.simulation import simulate_into, truth_folder
from assets.landing.simulator.truth import FEWEST_PHOTOS
from tests.integration.models_only import build_models

MARTS = {
    "int_users__activity": 20,
    "int_community__observation": 1,
    "int_user_beauty__monthly_noise": 1,
    "int_pairs__first_link": 30,
    "fct_user_retention": 25,
    "fct_retention_cohorts": 6,
    "fct_hidden_gems": 3,
    "fct_pair_gaps": 100,
}
"""Tables, and the fewest rows that make their comparison worth something."""

TIMES = {
    USERS: "joined_at",
    PHOTOS: "uploaded_at",
    SCORES: "uploaded_at",
    EDGES: "created_at",
    FAVORITES: "created_at",
    GROUP_MEMBERSHIPS: "joined_at",
}
START = datetime(2016, 1, 1, tzinfo=UTC)
DAYS = 300
PEOPLE = 30
WHOLE_TABLE_TESTS = (
    "fct_retention_cohorts_is_not_empty_where_users_joined_in_time",
    "fct_retention_cohorts_active_shares_never_rise",
    "fct_hidden_gems_is_not_empty_where_photos_are_scored_and_seen",
    "fct_pair_gaps_is_not_empty_where_pairs_are_followed",
)


def _settings(home):
    return Settings(home, str(home / "lake"))


def _moment(rng, person=None):
    """A moment within observation; half of the people fall silent after a third of it."""
    return START + timedelta(seconds=rng.randrange((DAYS if person is None or person % 2 else DAYS // 3) * 86_400))


def _later(moment, rng):
    return moment + timedelta(days=rng.randrange(1, 60)) if moment and rng.random() < 0.2 else None


def _community(rng):
    """Rows by contract, most with times, some deleted, taken back, doubled."""
    photos, scores, edges, favorites = [], [], {}, {}
    for photo in range(600):
        owner = rng.randrange(PEOPLE)
        uploaded = None if rng.random() < 0.05 else _moment(rng, owner)
        deleted = _later(uploaded, rng)
        common = {"photo_id": photo, "uploaded_at": uploaded}
        photos.append({**common, "user_id": owner, "is_public": True, "uri": "", "deleted_at": deleted})
        scores.append({**common, "model_version": "a", "preprocessing_hash": "none", "beauty": rng.random()})
    for _ in range(300):
        follower, followee = rng.sample(range(PEOPLE), 2)
        created = None if rng.random() < 0.1 else _moment(rng, follower)
        ends = {"follower_id": follower, "followee_id": followee, "created_at": created}
        edges[follower, followee, created] = {**ends, "removed_at": _later(created, rng)}
    for _ in range(900):
        giver, photo = rng.randrange(PEOPLE), rng.choice(photos)
        created = photo["uploaded_at"] and photo["uploaded_at"] + timedelta(days=rng.randrange(40))
        if created and giver % 2 == 0 and created > START + timedelta(days=DAYS // 3):
            continue
        pair = {"user_id": giver, "photo_id": photo["photo_id"], "created_at": created}
        favorites[giver, photo["photo_id"]] = {**pair, "removed_at": _later(created, rng)}
    groups = [{"user_id": i, "group_id": 1, "joined_at": _moment(rng, i)} for i in range(0, PEOPLE, 3)]
    return {
        USERS: [{"user_id": i, "joined_at": _moment(rng, 0), "opted_in": True} for i in range(PEOPLE)],
        PHOTOS: photos,
        SCORES: scores,
        EDGES: list(edges.values()),
        FAVORITES: list(favorites.values()),
        GROUP_MEMBERSHIPS: groups,
    }


def _partitions(community):
    """(contract, partition) -> its rows."""
    found = {}
    for contract, rows in community.items():
        for row in rows:
            time = row[TIMES[contract]]
            found.setdefault((contract, f"{time:%Y-%m}" if time else "undated"), []).append(row)
    return found


def _write(settings, contract, partition, rows):
    Lake(settings.lake_uri).write(contract, partition, pa.Table.from_pylist(rows, schema=contract.schema))


def _tables(settings):
    return {table: run_query(settings, f"select * from {table} order by all")[1] for table in MARTS}


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    settings = _settings(tmp_path_factory.mktemp("rebuilt"))
    for (contract, partition), rows in _partitions(_community(random.Random(3))).items():
        _write(settings, contract, partition, rows)
    build_warehouse(settings)
    return settings


def test_late_and_shuffled_rows_equal_a_full_build(rebuilt, tmp_path):
    rng = random.Random(4)
    grown = _settings(tmp_path)
    community = _community(random.Random(3))
    _write_shuffled(grown, _early(community, rng), rng)
    build_models(grown)
    before = _tables(grown)
    _write_shuffled(grown, community, rng)
    assert not build_warehouse(grown).full_refresh
    expected, found = _tables(rebuilt), _tables(grown)
    assert {table: len(rows) for table, rows in expected.items() if len(rows) < MARTS[table]} == {}
    assert [table for table in MARTS if table.startswith("fct_") and before[table] == expected[table]] == []
    assert found == expected


def _early(community, rng):
    """What is known before the rest is late: fewer people, photos, links and favorites, and nothing taken back yet."""
    people = set(range(PEOPLE - 3))
    photos = {row["photo_id"] for row in community[PHOTOS] if row["user_id"] in people and rng.random() < 0.7}

    def is_known(row):
        users = {row[name] for name in ("user_id", "follower_id", "followee_id") if name in row}
        return users <= people and ("photo_id" not in row or row["photo_id"] in photos)

    late = {EDGES, FAVORITES, GROUP_MEMBERSHIPS}
    return {
        contract: [
            {name: None if name in ("removed_at", "deleted_at") else value for name, value in row.items()}
            for row in rows
            if is_known(row) and (contract not in late or rng.random() < 0.7)
        ]
        for contract, rows in community.items()
    }


def _write_shuffled(settings, community, rng):
    partitions = list(_partitions(community).items())
    for (contract, partition), rows in rng.sample(partitions, len(partitions)):
        _write(settings, contract, partition, rng.sample(rows, len(rows)))


def test_cohorts_hold_whoever_has_not_churned_and_end_with_what_is_known(rebuilt):
    outcomes = dict(run_query(rebuilt, "select is_churned, count(*) from fct_user_retention group by all")[1])
    assert min(outcomes[True], outcomes[False]) > 5
    differ = """
        select cohorts.joined_month, cohorts.months_since
        from fct_retention_cohorts as cohorts
        join fct_user_retention as users using (joined_month)
        group by cohorts.joined_month, cohorts.months_since, cohorts.users_active
        having cohorts.users_active != count(*) filter (
            (users.is_censored and users.last_activity_at is not null)
            or (users.is_churned and users.last_activity_at >= cohorts.event_month)
        )
    """
    assert run_query(rebuilt, differ)[1] == []
    ends = run_query(rebuilt, "select max(event_month) from fct_retention_cohorts group by joined_month")[1]
    known = run_query(rebuilt, "select distinct date_trunc('month', churn_known_until)::date from fct_user_retention")[
        1
    ]
    assert set(ends) == set(known)


def test_tests_that_look_at_whole_tables_turn_red_or_warn(rebuilt, tmp_path):
    rises = "update fct_retention_cohorts set active_share = 1.5 - active_share where months_since = 2"
    assert _verdicts(rebuilt, tmp_path / "rise", rises, "delete from fct_hidden_gems", "delete from fct_pair_gaps") == {
        "fct_retention_cohorts_is_not_empty_where_users_joined_in_time": "pass",
        "fct_retention_cohorts_active_shares_never_rise": "fail",
        "fct_hidden_gems_is_not_empty_where_photos_are_scored_and_seen": "warn",
        "fct_pair_gaps_is_not_empty_where_pairs_are_followed": "warn",
    }
    gap = _verdicts(rebuilt, tmp_path / "gap", "delete from fct_retention_cohorts where months_since = 1")
    assert [name for name, verdict in gap.items() if verdict != "pass"] == [
        "fct_retention_cohorts_active_shares_never_rise"
    ]
    empty = _verdicts(rebuilt, tmp_path / "empty", "delete from fct_retention_cohorts")
    assert [name for name, verdict in empty.items() if verdict != "pass"] == [
        "fct_retention_cohorts_is_not_empty_where_users_joined_in_time"
    ]


def _verdicts(settings, home, *statements):
    """What tests of whole tables say of a copy of the warehouse after these statements."""
    spoiled = replace(settings, home=home)
    shutil.copytree(settings.warehouse.parent, spoiled.warehouse.parent)
    with duckdb.connect(str(spoiled.warehouse)) as connection:
        for statement in statements:
            connection.execute(statement)
    with suppress(DbtFailure):
        run_dbt(spoiled, ["test", "--select", *WHOLE_TABLE_TESTS])
    results = json.loads((artifacts_folder(spoiled) / "run_results.json").read_text())["results"]
    names = {result["unique_id"]: result["status"] for result in results}
    return {name.split(".")[2]: status for name, status in names.items() if name.startswith("test.")}


@pytest.mark.long
def test_talented_unseen_users_of_the_simulator_are_found(tmp_path):
    """At its default knobs, with ready-made scores in place of images: far more than chance finds."""
    settings = _settings(tmp_path)
    simulate_into(settings, {"images": False}, lambda line: None)
    months = _publish(settings, settings.landing / "simulated")
    write_catalog(Lake(settings.lake_uri), catalog_path(settings))
    window = event_time_arguments((months[0], months[-1]))
    run_dbt(settings, ["run", "--select", "+fct_talented_unseen_users", "+dim_users", *window])
    publish_warehouse(settings)
    _, rows = run_query(settings, f"select user_id from dim_users where photos >= {FEWEST_PHOTOS}")
    eligible = {user for (user,) in rows}
    found = {user for (user,) in run_query(settings, "select user_id from fct_talented_unseen_users")[1]}
    planted = set(
        pq.read_table(truth_folder(settings) / "simulated" / "talented_unseen.parquet")["user_id"].to_pylist()
    )
    assert found <= eligible
    assert planted <= eligible
    both = len(found & planted)
    print(f"precision {both / len(found):.3f}, recall {both / len(planted):.3f}")
    # Draws of as many users from those with enough photos.
    assert hypergeom.sf(both - 1, len(eligible), len(planted), len(found)) < 1e-9
    assert both / len(planted) > 0.5


def _publish(settings, landed):
    """Public photos of opted-in users and what belongs to both, without an audit; the months of the photos."""
    users, photos = (ds.dataset(landed / contract.key).to_table() for contract in (USERS, PHOTOS))
    people = users.filter(users["opted_in"])["user_id"]
    shown = photos.filter(pc.and_(photos["is_public"], pc.is_in(photos["user_id"], people)))["photo_id"]
    allowed = {"user_id": people, "follower_id": people, "followee_id": people, "photo_id": shown}
    for contract in TIMES:
        for file in sorted((landed / contract.key).glob("*.parquet")):
            rows = pq.read_table(file)
            for column in allowed.keys() & set(rows.column_names):
                rows = rows.filter(pc.is_in(rows[column], allowed[column]))
            Lake(settings.lake_uri).write(contract, file.stem, rows)
    return Lake(settings.lake_uri).partitions(PHOTOS.key)
