"""The event study under Dagster, over a lake and a published warehouse, and each of its checks with one bad row."""

from datetime import date

import dagster as dg
import duckdb
import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.pair_gaps import HOMOPHILY_AND_INFLUENCE, PAIR_GAP_STUDY
from assets.network import pair_gap_assets
from assets.network.pair_events import LinkTimes
from assets.network.pair_gap_assets import CHECKS, TABLES, pair_gaps_around_links
from assets.network.pair_gap_tables import (
    lacking_months,
    links_among,
    links_of,
    months_of,
    once_linked,
    readings_shown,
    said_of_readings,
    study_panels,
    study_tables,
    unbalanced,
)
from assets.resources import LakeResource, WarehouseResource

MONTHS = 8
USERS = 60


@pytest.fixture
def community(lake, put, at):
    """Sixty users, each with a few followees in each month."""
    generator = np.random.default_rng(5)
    put(users=[{"user_id": user, "joined_at": at("2016-01-01"), "opted_in": True} for user in range(USERS)])
    links = {}
    for month in range(1, MONTHS):
        for user, other in generator.integers(0, USERS, (40, 2)).tolist():
            if user != other:
                links.setdefault((user, other), at(f"2016-0{month + 1}-03"))
    put(
        edges=[
            {"follower_id": follower, "followee_id": followee, "created_at": made}
            for (follower, followee), made in links.items()
        ]
    )
    return lake


@pytest.fixture
def publish(tmp_path):
    """Publish the marts of 60 users and return the resource that reads them; without noise if it is None."""

    def make(noise=0.01, seed=1):
        generator = np.random.default_rng(seed)
        talent = generator.uniform(0.3, 0.7, USERS)
        user, month = np.repeat(np.arange(USERS), MONTHS), np.tile(np.arange(MONTHS), USERS)
        rows = pa.table(
            {
                "user_id": user,
                "event_month": [date(2016, int(m) + 1, 1) for m in month],
                "photos": 2 + user % 3,
                "beauty": talent[user] + 0.05 * generator.standard_normal(len(user)),
            }
        )
        path = tmp_path / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.register("rows_of_months", rows)
            connection.execute("create table fct_user_beauty_monthly as from rows_of_months")
            connection.execute(
                "create table int_user_beauty__monthly_noise as select cast(? as double) as variance_within_month",
                [noise],
            )
        return WarehouseResource(path=str(path))

    return make


def _run(community, published):
    resources = {"lake": LakeResource(uri=community.uri), "published": published}
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize([pair_gaps_around_links], resources=resources, instance=instance)


def _checks(result):
    return {check.check_name: (check.passed, check.severity.value) for check in result.get_asset_check_evaluations()}


def _all_pass(monkeypatch):
    monkeypatch.setattr(pair_gap_assets, "_LEAST_PAIRS", 1)
    monkeypatch.setattr(pair_gap_assets, "_MOST_IMBALANCE", 5.0)


def test_both_tables_are_made_and_left_alone_without_news(community, publish, monkeypatch):
    _all_pass(monkeypatch)
    first = _run(community, publish())
    assert _checks(first) == {
        name: (True, "ERROR" if name.startswith(("gaps", "never")) else "WARN") for name in CHECKS
    }
    for event in first.get_asset_materialization_events():
        assert "homophily: " in event.materialization.metadata["finding"].value
        assert "data:image/png" in event.materialization.metadata["figure"].value
    commits = {contract.key: community.commits(contract.key) for contract in TABLES}
    assert _run(community, publish()).success
    assert {key: community.commits(key) for key in commits} == commits
    _run(community, publish(seed=2))
    assert community.commits(PAIR_GAP_STUDY.key) != commits[PAIR_GAP_STUDY.key]


@pytest.mark.parametrize("lacking", ["noise", "links"])
def test_without_noise_or_links_nothing_is_made_and_nothing_stays(community, publish, lacking):
    _run(community, publish())
    if lacking == "links":
        for partition in community.partitions("edges"):
            community.drop("edges", partition)
    result = _run(community, publish(None if lacking == "noise" else 0.01))
    assert result.success
    assert _checks(result) == dict.fromkeys(CHECKS, (False, "WARN"))
    assert all(community.commits(contract.key) == [] for contract in TABLES)


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        (PAIR_GAP_STUDY.key, lambda row: {**row, "squared_gap": None} if row["relative_month"] > 0 else row, 0),
        (PAIR_GAP_STUDY.key, lambda row: {**row, "relative_month": abs(row["relative_month"])}, 0),
        (
            HOMOPHILY_AND_INFLUENCE.key,
            lambda row: {**row, "linked_pairs": 0 if row["reading"] == "influence" else 9},
            1,
        ),
        (HOMOPHILY_AND_INFLUENCE.key, lambda row: {**row, "never_linked_pairs_with_a_link": 1}, 2),
        (HOMOPHILY_AND_INFLUENCE.key, lambda row: {**row, "never_linked_pairs": 0}, 2),
        (HOMOPHILY_AND_INFLUENCE.key, lambda row: {**row, "largest_imbalance": 5.1}, 3),
        (HOMOPHILY_AND_INFLUENCE.key, lambda row: {**row, "largest_imbalance": None}, 3),
    ],
)
def test_a_bad_row_fails_its_check_alone(community, publish, monkeypatch, table, change, check):
    _all_pass(monkeypatch)

    def spoiled(*arguments):
        made = study_tables(*arguments)
        rows = [change(row) for row in made[table].to_pylist()]
        if table == PAIR_GAP_STUDY.key:
            rows = list({(r["comparison"], r["pair_group"], r["relative_month"]): r for r in rows}.values())
        return {**made, table: pa.Table.from_pylist(rows, schema=made[table].schema)}

    monkeypatch.setattr(pair_gap_assets, "study_tables", spoiled)
    found = _checks(_run(community, publish()))
    assert [name for name, (passed, _) in found.items() if not passed] == [list(CHECKS)[check]]


def test_a_never_linked_pair_with_a_link_is_seen(community, publish):
    known, first = months_of(publish().open().read("select * from fct_user_beauty_monthly"))
    links = links_of(community, known, first)
    follower, followee = np.divmod(links.key[:3], links.users)
    assert links_among(links, followee, follower) == 3
    assert links_among(links, np.array([0]), np.array([0])) == 0
    assert links.month.min() == 1
    assert first == date(2016, 1, 1)


def test_links_among_counts_every_pair_with_a_link_in_either_direction():
    generator = np.random.default_rng(4)
    follower, followee = generator.integers(0, 30, (2, 100))
    links = LinkTimes(30, np.unique(follower * 30 + followee), np.zeros(0, np.int32), np.zeros(0, np.int64), MONTHS)
    one, other = generator.integers(0, 30, (2, 400))
    linked = {frozenset(pair) for pair in zip(follower, followee, strict=True)}
    expected = sum(frozenset(pair) in linked for pair in zip(one, other, strict=True))
    assert 0 < expected < 400
    assert links_among(links, one, other) == expected
    assert links_among(LinkTimes(0, *[np.zeros(0, np.int64)] * 3, MONTHS), one[:0], other[:0]) == 0


def test_checks_of_nothing_fail():
    assert lacking_months([])
    assert once_linked([])
    assert unbalanced([], 0.1)


def test_said_of_readings_tells_found_from_not_found_and_the_opposite():
    def row(lower, upper):
        return {"reading": "influence", "value": 0.2, "lower": lower, "upper": upper, "is_found": (lower or 0) > 0}

    assert said_of_readings([row(0.1, 0.3)]) == "influence: found, 20% (10% to 30%)"
    assert said_of_readings([row(-0.1, 0.3)]) == "influence: not found, 20% (-10% to 30%)"
    assert said_of_readings([row(-0.3, -0.1)]) == "influence: the opposite, 20% (-30% to -10%)"
    assert said_of_readings([row(None, None)]) == "influence: cannot be told"


@pytest.mark.parametrize(
    ("early", "said"), [(0.05, "not credible, since it is found too early, too;"), (-0.05, "found,")]
)
def test_influence_that_is_found_too_early_is_not_credible(early, said):
    rows = [
        {"reading": "influence", "value": 0.2, "lower": 0.1, "upper": 0.3, "is_found": True},
        {"reading": "too_early", "value": 0.1, "lower": early, "upper": 0.2, "is_found": early > 0},
    ]
    assert said_of_readings(rows) == f"influence: {said} 20% (10% to 30%)"


def test_readings_shown_are_those_that_are_defined():
    rows = [
        {"reading": "homophily", "value": 0.3, "lower": 0.2, "upper": 0.4},
        {"reading": "influence", "value": None, "lower": None, "upper": None},
        {"reading": "too_early", "value": 0.1, "lower": None, "upper": None},
    ]
    assert readings_shown(rows) == {"homophily": (0.3, 0.2, 0.4), "too early": (0.1, None, None)}


def test_study_panels_keep_gaps_of_each_group_apart():
    base = {"comparison": "any_gap", "relative_month": 0, "lower": None, "upper": None}
    rows = [
        {**base, "pair_group": name, "squared_gap": value} for name, value in (("linked", 0.1), ("difference", 0.2))
    ]
    panels = study_panels(rows)
    assert panels["squared gap"]["linked"]["y"] == [0.1]
    assert panels["squared gap"]["never linked"]["y"] == []
    assert panels["linked less never linked"]["any gap before"]["y"] == [0.2]
