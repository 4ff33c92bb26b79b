"""The assets of mixing under Dagster, over a lake and a published warehouse of a handful of users."""

import dagster as dg
import duckdb
import numpy as np
import pytest

from assets.contracts.community import EDGES
from assets.contracts.lake import Lake
from assets.contracts.mixing import BEAUTY_MIXING, CORE_PROFILES, MAJORITY_ILLUSION, USER_NEIGHBOURS
from assets.contracts.network import USER_GRAPH_METRICS
from assets.network import mixing_assets
from assets.network.mixing_assets import TABLES, ChanceSettings, beauty_against_chance, core_profiles
from assets.network.snapshots import SnapshotConfig, measure_snapshots
from assets.resources import LakeResource, WarehouseResource

CONFIG = dg.RunConfig(ops={"beauty_against_chance": ChanceSettings(shuffles=20, rewirings=12)})


@pytest.fixture
def community(lake, put, at):
    """Forty users on a ring with shortcuts, each with links to six."""
    generator = np.random.default_rng(5)
    users = range(40)
    put(users=[{"user_id": user, "joined_at": at("2016-01-01"), "opted_in": True} for user in users])
    links = {(user, int(other)) for user in users for other in generator.integers(0, 40, 6) if user != other}
    put(edges=[{"follower_id": a, "followee_id": b, "created_at": at("2016-02-03")} for a, b in sorted(links)])
    measure_snapshots(lake, ["2016-02"], SnapshotConfig(distance_sources=5))
    return lake


@pytest.fixture
def publish(tmp_path):
    """Publish marts of users 0 to n - 1 and return the resource that reads them."""

    def make(n):
        path = tmp_path / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute(
                "create table fct_user_beauty as "
                f"select i as user_id, i / 40.0 as beauty, 1 + i % 3 as photos from range({n}) as t (i)"
            )
            connection.execute(
                "create table fct_user_recognition as "
                f"select i as user_id, i as favorites_received from range({n}) as t (i)"
            )
        return WarehouseResource(path=str(path))

    return make


def _run(assets, community, published):
    resources = {"lake": LakeResource(uri=community.uri), "published": published}
    with dg.DagsterInstance.ephemeral() as instance:
        config = CONFIG if beauty_against_chance in assets else None
        return dg.materialize(assets, resources=resources, instance=instance, run_config=config)


def _checks(result):
    return {check.check_name: (check.passed, check.severity.value) for check in result.get_asset_check_evaluations()}


def test_all_tables_are_made_pass_and_are_left_alone_without_news(community, publish):
    first = _run([beauty_against_chance, core_profiles], community, publish(40))
    assert len(_checks(first)) == 7
    assert {passed for passed, _ in _checks(first).values()} == {True}
    commits = {contract.key: community.commits(contract.key) for contract in (*TABLES, CORE_PROFILES)}
    assert all(len(found) == 1 for found in commits.values())
    again = _run([beauty_against_chance, core_profiles], community, publish(40))
    assert again.success
    assert {key: community.commits(key) for key in commits} == commits
    _run([beauty_against_chance], community, publish(39))
    assert community.commits(BEAUTY_MIXING.key) != commits[BEAUTY_MIXING.key]


def test_tables_that_are_current_are_checked_without_their_links(community, publish, monkeypatch):
    published, read, opened = publish(30), Lake.read, []
    monkeypatch.setattr(Lake, "read", lambda lake, table, *rest: opened.append(table.key) or read(lake, table, *rest))
    first = _checks(_run([beauty_against_chance], community, published))
    assert EDGES.key in opened
    opened.clear()
    assert _checks(_run([beauty_against_chance], community, published)) == first
    assert {passed for passed, _ in first.values()} == {True}
    assert MAJORITY_ILLUSION.key in opened
    assert EDGES.key not in opened


def test_without_links_nothing_is_made(community, lake, publish):
    lake.drop(USER_GRAPH_METRICS.key, "2016-02")
    result = _run([beauty_against_chance], community, publish(40))
    assert {check.description for check in result.get_asset_check_evaluations()} == {"there are no links between users"}
    assert set(_checks(result).values()) == {(False, "WARN")}


def test_news_of_marts_that_are_not_read_makes_nothing_again(community, publish):
    published = publish(40)
    assets = [beauty_against_chance, core_profiles]
    _run(assets, community, published)
    commits = {contract.key: community.commits(contract.key) for contract in (*TABLES, CORE_PROFILES)}
    with duckdb.connect(published.path) as connection:
        connection.execute("alter table fct_user_beauty add column beauty_percentile double")
        connection.execute("alter table fct_user_recognition add column recognition double")
    _run(assets, community, published)
    assert {key: community.commits(key) for key in commits} == commits


def test_every_table_shows_a_figure_or_a_table(community, publish):
    result = _run([beauty_against_chance, core_profiles], community, publish(40))
    for event in result.get_asset_materialization_events():
        shown = event.materialization.metadata
        assert shown["dagster/row_count"].value > 0
        if event.asset_key.path[-1] != USER_NEIGHBOURS.key:
            assert any(isinstance(value, dg.MarkdownMetadataValue) for value in shown.values())


def test_without_beauty_nothing_is_made_and_nothing_stays(community, publish):
    _run([beauty_against_chance, core_profiles], community, publish(40))
    result = _run([beauty_against_chance, core_profiles], community, publish(0))
    assert result.success
    assert set(_checks(result).values()) == {(False, "WARN")}
    assert all(community.commits(contract.key) == [] for contract in (*TABLES, CORE_PROFILES))


def _sources(result):
    shown = {e.asset_key.path[-1]: e.materialization.metadata for e in result.get_asset_materialization_events()}
    return {key: metadata["quality_source"].value for key, metadata in shown.items()}


def test_every_table_says_whether_it_rests_on_scores_or_on_ready_made_quality(community, publish, put):
    keys = {contract.key for contract in (*TABLES, CORE_PROFILES)}
    assets = [beauty_against_chance, core_profiles]
    put(user_quality=[{"user_id": user, "source": "trust", "value": user % 7 - 3.0, "n": 2} for user in range(40)])
    assert _sources(_run(assets, community, publish(40))) == dict.fromkeys(keys, "scores")
    assert _sources(_run(assets, community, publish(0))) == dict.fromkeys(keys, "user_quality")


def test_ready_made_quality_stands_in_for_beauty(community, publish, put):
    put(user_quality=[{"user_id": user, "source": "trust", "value": user % 7 - 3.0, "n": 2} for user in range(40)])
    result = _run([beauty_against_chance], community, publish(0))
    shown = {e.asset_key.path[-1]: e.materialization.metadata for e in result.get_asset_materialization_events()}
    assert shown["beauty_mixing"]["attribute"].value == "quality by trust"
    assert community.read(USER_NEIGHBOURS)["beauty"].to_pylist()[0] == -3.0
    assert _run([core_profiles], community, publish(0)).success
    profiles = community.read(CORE_PROFILES)
    assert sum(profiles["users_with_beauty"].to_pylist()) == 40
    assert profiles["favorites"].null_count == profiles.num_rows


@pytest.mark.parametrize(
    ("function", "value", "check"),
    [
        ("still_draws", ["assortativity"], "draws_of_null_models_are_different"),
        ("is_mixed", False, "rewiring_is_mixed"),
        ("identity_gap", 1e-9, "gap_is_a_covariance"),
        ("identity_gap", float("nan"), "gap_is_a_covariance"),
        ("broken_clubs", ["degree from 3"], "densities_are_shares"),
        ("unbalanced_neighbours", "3 links lead", "links_are_seen_from_both_ends"),
        ("following_users", 7, "bins_hold_whoever_follows"),
        ("broken_cores", "cores hold 3 users", "cores_hold_everybody"),
    ],
)
def test_what_is_wrong_fails_its_check_alone(community, publish, monkeypatch, function, value, check):
    monkeypatch.setattr(mixing_assets, function, lambda *_: value)
    checks = _checks(_run([beauty_against_chance, core_profiles], community, publish(40)))
    assert {name for name, (passed, _) in checks.items() if not passed} == {check}
    assert checks[check] == (False, "ERROR")
