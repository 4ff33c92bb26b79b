"""The user-month panel and exposure: in whatever order rows come, the tables are those of one full build."""

import os
import random
import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from unittest import mock

import duckdb
import pyarrow as pa
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from assets.contracts.beauty import SCORES
from assets.contracts.community import EDGES, FAVORITES, GROUP_MEMBERSHIPS, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.build import dbt_environment, prepare_artifacts
from assets.dbt.catalog import catalog_path, write_catalog
from assets.dbt.changes import plan_build, remember_build

MARTS = {"fct_user_months": 45, "fct_user_weeks": 100, "fct_exposure_monthly": 45}
"""Tables, and the fewest rows that make their comparison worth something."""

TABLES = (*MARTS, "int_pairs__merged_spells", "int_user_months__adjustments", "int_user_months__digests")
DATA_TESTS = (
    "test",
    "--select",
    *(f"{model},test_type:data" for model in MARTS),
    "--exclude",
    "fct_user_month_windows",
)
COMPARED = ("dim_users", "fct_user_beauty_monthly", "int_users__activity", "int_photos__beauty")
"""What data tests compare these with."""

SELECTION = ("--select", "+fct_exposure_monthly", "+fct_user_weeks")

TIMES = {
    USERS: ("joined_at", None),
    PHOTOS: ("uploaded_at", "deleted_at"),
    SCORES: ("uploaded_at", None),
    EDGES: ("created_at", "removed_at"),
    FAVORITES: ("created_at", "removed_at"),
    GROUP_MEMBERSHIPS: ("joined_at", "left_at"),
}
"""When a row begins, which is its partition, and when it ends."""

MONTHS = tuple(datetime(2016, month, 1, tzinfo=UTC) for month in range(1, 5))
DAYS = (MONTHS[-1] - MONTHS[0]).days
PEOPLE = 20


def _moment(rng):
    return MONTHS[0] + timedelta(seconds=rng.randrange(DAYS * 86_400))


def _end(begin, rng, share):
    """A later moment before the end of all months, for a share of rows."""
    if rng.random() >= share:
        return None
    begin = begin or MONTHS[0]
    return begin + timedelta(seconds=1 + rng.randrange(int((MONTHS[-1] - begin).total_seconds())))


def _undated(rng, moment):
    return None if rng.random() < 0.1 else moment


def _community(rng):
    """Rows by contract: some without a time, some ended, pairs with several links that overlap or do not."""
    joined = [_undated(rng, MONTHS[0] + timedelta(days=rng.randrange(60))) for _ in range(PEOPLE)]
    photos, scores, edges, favorites, groups = [], [], {}, {}, {}
    for photo in range(250):
        uploaded = _undated(rng, _moment(rng))
        common = {"photo_id": photo, "uploaded_at": uploaded}
        owner = rng.randrange(PEOPLE - 2)
        photos.append(
            {**common, "user_id": owner, "is_public": True, "uri": "", "deleted_at": _end(uploaded, rng, 0.2)}
        )
        # Version b has scored more photos, so its scores count.
        for version in ("a", "b")[photo % 10 == 0 :]:
            score = {"model_version": version, "preprocessing_hash": "none", "beauty": rng.random()}
            scores.append({**common, **score})
    for _ in range(260):
        # Few pairs, so that many have several links.
        follower, followee = rng.choice([(i, (i * 3 + step) % PEOPLE) for i in range(PEOPLE) for step in (1, 2, 5)])
        created = _undated(rng, _moment(rng))
        if follower != followee:
            ends = {"follower_id": follower, "followee_id": followee, "created_at": created}
            edges[follower, followee, created] = {**ends, "removed_at": _end(created, rng, 0.5)}
    for _ in range(400):
        giver, photo = rng.randrange(PEOPLE), rng.choice(photos)
        created = _undated(rng, max(_moment(rng), photo["uploaded_at"] or MONTHS[0]))
        pair = {"user_id": giver, "photo_id": photo["photo_id"], "created_at": created}
        favorites[giver, photo["photo_id"]] = {**pair, "removed_at": _end(created, rng, 0.2)}
    for _ in range(60):
        member, group, began = rng.randrange(PEOPLE), rng.randrange(8), _undated(rng, _moment(rng))
        row = {"user_id": member, "group_id": group, "joined_at": began, "left_at": _end(began, rng, 0.3)}
        groups[member, group] = row
    return {
        USERS: [{"user_id": i, "joined_at": moment, "opted_in": True} for i, moment in enumerate(joined)],
        PHOTOS: photos,
        SCORES: scores,
        EDGES: list(edges.values()),
        FAVORITES: list(favorites.values()),
        GROUP_MEMBERSHIPS: list(groups.values()),
    }


def _known(community, until):
    """What the lake holds at a moment: rows that have begun, without ends that are still to come."""
    known = {}
    for contract, rows in community.items():
        begin, end = TIMES[contract]
        begun = [row for row in rows if row[begin] is None or row[begin] < until]
        known[contract] = [{**row, end: None} if end and row[end] and row[end] >= until else row for row in begun]
    # The lake takes no link and no membership of users whom it does not know: those without a time bring theirs along.
    named = {row[end] for row in known[EDGES] if not row["created_at"] for end in ("follower_id", "followee_id")}
    named |= {row["user_id"] for row in known[GROUP_MEMBERSHIPS] if not row["joined_at"]}
    present = {row["user_id"] for row in known[USERS]}
    known[USERS] += [row for row in community[USERS] if row["user_id"] in named - present]
    return known


def _thinned(community, rng, share):
    """A part of the rows, without most ends, and no favorite on a photo that is not there."""
    thin = {contract: [row for row in rows if rng.random() < share] for contract, rows in community.items()}
    thin[USERS] = community[USERS]
    photos = {row["photo_id"] for row in thin[PHOTOS]}
    for contract in (FAVORITES, SCORES):
        thin[contract] = [row for row in thin[contract] if row["photo_id"] in photos]
    for contract in (PHOTOS, EDGES, FAVORITES, GROUP_MEMBERSHIPS):
        end = TIMES[contract][1]
        thin[contract] = [row if rng.random() < 0.3 else {**row, end: None} for row in thin[contract]]
    return thin


def _publish(settings, community, rng=None):
    """Write what there is partition by partition, in any order, and take partitions away that are gone."""
    lake = Lake(settings.lake_uri)
    partitions = {}
    for contract, rows in community.items():
        for commit in lake.commits(contract.key):
            partitions[contract, commit.partition] = []
        for row in rows:
            begin = row.get(TIMES[contract][0])
            partitions.setdefault((contract, f"{begin:%Y-%m}" if begin else "undated"), []).append(row)
    order = list(partitions)
    if rng:
        rng.shuffle(order)
    for contract, partition in order:
        rows = partitions[contract, partition]
        rows = rng.sample(rows, len(rows)) if rng else rows
        lake.write(contract, partition, pa.Table.from_pylist(rows, schema=contract.schema))


def _build(settings, *others):
    """Make the tables of this test as `build_warehouse` would, without all others and without data tests."""
    catalog = write_catalog(Lake(settings.lake_uri), catalog_path(settings))
    plan = plan_build(settings, catalog)
    assert not plan.up_to_date
    for invocation in plan.invocations:
        window = invocation[invocation.index("--event-time-start") :]
        _run_dbt(settings, ["run", *SELECTION, *others, *window])
    remember_build(settings, catalog)
    return plan


def _run_dbt(settings, arguments):
    """In this process: starting one costs more than all that these models do."""
    prepare_artifacts(settings)
    with mock.patch.dict(os.environ, dbt_environment(settings)):
        result = dbtRunner().invoke(["--quiet", *arguments])
    DuckDBConnectionManager.close_all_connections()
    assert result.success, result.exception or [node.message for node in result.result.results]


def _rows(settings, sql):
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def _tables(settings, condition="true"):
    return {table: _rows(settings, f"select * from {table} where {condition} order by all") for table in TABLES}


def _settings(home):
    return Settings(home, str(home / "lake"))


@pytest.fixture(scope="module")
def community():
    return _community(random.Random(5))


@pytest.fixture(scope="module")
def rebuilt(community, tmp_path_factory):
    settings = _settings(tmp_path_factory.mktemp("rebuilt"))
    _publish(settings, community)
    assert _build(settings).full_refresh
    return settings


def test_the_community_holds_what_is_hard(rebuilt, community):
    tables = _tables(rebuilt)
    assert {table: len(tables[table]) for table, fewest in MARTS.items() if len(tables[table]) < fewest} == {}
    links = Counter((row["follower_id"], row["followee_id"]) for row in community[EDGES])
    assert sum(count > 1 for count in links.values()) > 20
    assert len(_rows(rebuilt, "select * from int_user_months__adjustments where year(event_month) > 1")) > 10
    exposed = "select count(photo_imbalance), count(followee_imbalance) from fct_exposure_monthly"
    assert min(_rows(rebuilt, exposed)[0]) > 20
    assert _rows(rebuilt, "select distinct model_version from fct_user_months") == [("b",)]


def test_data_tests_agree_where_much_has_no_time_and_pairs_have_several_links(rebuilt):
    _run_dbt(rebuilt, ["run", "--select", *COMPARED])
    _run_dbt(rebuilt, DATA_TESTS)


def test_a_graph_without_times_has_no_months(tmp_path):
    settings = _settings(tmp_path)
    people = [{"user_id": i, "joined_at": None, "opted_in": True} for i in range(3)]
    links = [{"follower_id": 0, "followee_id": 1}, {"follower_id": 1, "followee_id": 2}]
    _publish(settings, {USERS: people, EDGES: links})
    _build(settings, *COMPARED)
    assert [_rows(settings, f"select count(*) from {table}") for table in MARTS] == [[(0,)]] * len(MARTS)
    _run_dbt(settings, DATA_TESTS)


def test_followers_are_counted_pair_by_pair_at_the_end_of_each_month(rebuilt, community):
    found = dict(_rows(rebuilt, "select (user_id, month(event_month)), followers from fct_user_months"))
    assert len(found) > 45
    for (user, month), followers in found.items():
        end = MONTHS[month]
        standing = {
            row["follower_id"]
            for row in community[EDGES]
            if row["followee_id"] == user
            and (row["created_at"] is None or row["created_at"] < end)
            and (row["removed_at"] is None or row["removed_at"] >= end)
        }
        assert followers == len(standing), (user, month)


def test_exposure_is_that_of_every_photo_and_every_link(rebuilt, community):
    scores = {row["photo_id"]: row["beauty"] for row in community[SCORES] if row["model_version"] == "b"}
    met = {}
    for photo in community[PHOTOS]:
        uploaded = photo["uploaded_at"]
        viewers = {
            row["follower_id"]
            for row in community[EDGES]
            if uploaded
            and row["followee_id"] == photo["user_id"]
            and (row["created_at"] is None or row["created_at"] <= uploaded)
            and (row["removed_at"] is None or row["removed_at"] > uploaded)
        }
        for viewer in viewers:
            met.setdefault((viewer, uploaded.month), []).append(round(scores[photo["photo_id"]], 9))
    found = _rows(
        rebuilt,
        "select user_id, month(event_month), seen_photos, photo_exposure from fct_exposure_monthly"
        " where seen_photos > 0",
    )
    assert len(found) > 30
    expected = {key: (len(seen), pytest.approx(sum(seen) / len(seen), abs=1e-7)) for key, seen in met.items()}
    users = {(user, month) for user, month in _rows(rebuilt, "select user_id, month(event_month) from fct_user_months")}
    assert {(user, month): tuple(seen) for user, month, *seen in found} == {
        key: seen for key, seen in expected.items() if key in users
    }


def test_month_by_month_equals_a_full_build_and_no_month_knows_what_came_after_it(rebuilt, community, tmp_path):
    grown = _settings(tmp_path)
    for end in MONTHS[1:]:
        _publish(grown, _known(community, end))
        _build(grown)
        so_far = f"event_month < date '{end:%Y-%m-%d}'"
        for table in MARTS:
            found, expected = (
                _rows(settings, f"select * from {table} where {so_far} order by all") for settings in (grown, rebuilt)
            )
            assert found == expected, (table, end)
    assert _tables(grown) == _tables(rebuilt)


def test_late_and_shuffled_rows_removals_and_another_model_equal_a_full_build(rebuilt, community, tmp_path):
    rng = random.Random(6)
    grown = _settings(tmp_path)
    first = _thinned(community, rng, 0.5)
    first[SCORES] = [row for row in first[SCORES] if row["model_version"] == "a"]
    # Somebody who leaves, and was there before everybody else.
    before = MONTHS[0] - timedelta(days=40)
    first[USERS] = [*first[USERS], {"user_id": PEOPLE, "joined_at": before, "opted_in": True}]
    first[EDGES] = [*first[EDGES], {"follower_id": PEOPLE, "followee_id": 3, "created_at": MONTHS[-1]}]
    _publish(grown, first, rng)
    _build(grown)
    assert _rows(grown, "select distinct model_version from fct_user_months") == [("a",)]
    bounds = "select min(event_month)::varchar, max(event_month)::varchar from fct_user_months"
    assert _rows(grown, bounds) == [("2015-11-01", "2016-04-01")]
    _publish(grown, community, rng)
    plan = _build(grown)
    assert not plan.full_refresh
    assert _tables(grown) == _tables(rebuilt)


def test_only_months_from_the_first_change_on_are_made_again(rebuilt, community, tmp_path):
    grown = _settings(tmp_path / "grown")
    shutil.copytree(rebuilt.home, grown.home)
    touched = {"fct_user_months": "uploads", "fct_exposure_monthly": "seen_photos"}
    with duckdb.connect(str(grown.warehouse)) as connection:
        for table, column in touched.items():
            connection.execute(f"update {table} set {column} = {column} + 1000")
    given = {(row["user_id"], row["photo_id"]) for row in community[FAVORITES]}
    giver = next(user for user in range(PEOPLE) if (user, 0) not in given)
    late = {"user_id": giver, "photo_id": 0, "created_at": MONTHS[1], "removed_at": MONTHS[2]}
    _publish(grown, {**community, FAVORITES: [*community[FAVORITES], late]})
    assert _build(grown).months == ("2016-02",)
    for table, column in touched.items():
        old = _rows(grown, f"select distinct month(event_month) from {table} where {column} >= 1000")
        all_months = _rows(grown, f"select distinct month(event_month) from {table} order by 1")
        assert (old, all_months) == ([(1,)], [(1,), (2,), (3,)]), table
    totals = (
        "select sum(favorites_given), sum(favorites_given_cumulative) from fct_user_months"
        " group by event_month order by event_month"
    )
    more = [
        (given - given_before, standing - standing_before)
        for (given, standing), (given_before, standing_before) in zip(
            _rows(grown, totals), _rows(rebuilt, totals), strict=True
        )
    ]
    assert more == [(0, 0), (1, 1), (0, 0)]


def test_a_corrected_owner_takes_the_favorites_of_later_months_along(rebuilt, community, tmp_path):
    grown = _settings(tmp_path / "grown")
    shutil.copytree(rebuilt.home, grown.home)
    given = [row for row in community[FAVORITES] if row["created_at"] and row["created_at"] >= MONTHS[1]]
    early = {row["photo_id"] for row in community[PHOTOS] if row["uploaded_at"] and row["uploaded_at"] < MONTHS[1]}
    moved = {photo for photo in early if sum(row["photo_id"] == photo for row in given) > 1}
    assert len(moved) > 10
    photos = [
        {**row, "user_id": (row["user_id"] + 1) % PEOPLE} if row["photo_id"] in moved else row
        for row in community[PHOTOS]
    ]
    _publish(grown, {**community, PHOTOS: photos})
    plan = _build(grown)
    assert (plan.full_refresh, plan.months) == (False, ("2016-01",))
    received = _rows(grown, "select user_id, month(event_month), favorites_received from fct_user_months")
    owners = {row["photo_id"]: row["user_id"] for row in photos}
    expected = Counter(
        (owners[row["photo_id"]], row["created_at"].month)
        for row in community[FAVORITES]
        if row["created_at"] and owners[row["photo_id"]] != row["user_id"]
    )
    assert {(user, month): count for user, month, count in received if count} == dict(expected)
    _publish(grown, community)
    assert not _build(grown).full_refresh
    assert _tables(grown) == _tables(rebuilt)


def _marked(settings):
    """Spoil every month that is made, so that a month that is made again can be told from one that is left alone."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("update fct_user_months set uploads = uploads + 1000")


def _left_alone(settings):
    return [
        month
        for (month,) in _rows(
            settings,
            "select month(event_month) from fct_user_months group by all having min(uploads) >= 1000 order by 1",
        )
    ]


def test_a_user_without_a_date_of_joining_and_without_links_changes_no_month(rebuilt, community, tmp_path):
    grown = _settings(tmp_path / "grown")
    shutil.copytree(rebuilt.home, grown.home)
    _marked(grown)
    before = _rows(grown, "select * from int_user_months__digests order by all")
    newcomer = {"user_id": PEOPLE + 1, "joined_at": None, "opted_in": True}
    _publish(grown, {**community, USERS: [*community[USERS], newcomer]})
    _build(grown)
    assert _rows(grown, "select * from int_user_months__digests order by all") == before
    assert _left_alone(grown) == [1, 2, 3]


def test_a_date_of_joining_that_comes_later_equals_a_full_build(rebuilt, community, tmp_path):
    grown = _settings(tmp_path / "grown")
    shutil.copytree(rebuilt.home, grown.home)
    always = "select distinct user_id from int_user_months__adjustments where year(event_month) = 1"
    linked = {user for (user,) in _rows(rebuilt, always)}
    late = next(row for row in community[USERS] if row["joined_at"] and row["joined_at"] >= MONTHS[1])
    assert late["user_id"] in linked
    unknown = [{**row, "joined_at": None} if row is late else row for row in community[USERS]]
    newcomer = {"user_id": PEOPLE + 1, "joined_at": None, "opted_in": True}
    _publish(grown, {**community, USERS: [*unknown, newcomer]})
    _build(grown)
    assert _tables(grown) != _tables(rebuilt), "who has links without a time is there from the start"
    _marked(grown)
    _publish(grown, {**community, USERS: [*unknown, {**newcomer, "joined_at": MONTHS[1]}]})
    _build(grown)
    assert _left_alone(grown) == [1], "who joined in February changes no January"
    tenure = f"select month(event_month), tenure_months from fct_user_months where user_id = {PEOPLE + 1} order by all"
    assert _rows(grown, tenure) == [(2, 0), (3, 1)]
    _publish(grown, community)
    _build(grown)
    assert _tables(grown) == _tables(rebuilt)
