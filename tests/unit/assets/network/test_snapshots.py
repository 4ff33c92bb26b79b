"""Snapshots of a small graph over months, and the assets that show them."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.lake import Lake
from assets.contracts.mixing import USER_NEIGHBOURS
from assets.contracts.network import GRAPH_METRICS, USER_GRAPH_METRICS
from assets.network.assets import graph_snapshots
from assets.network.positions import positions
from assets.network.snapshots import SnapshotConfig, measure_snapshots, snapshot_months, snapshots, withdraw_users
from assets.network.summaries import broken_snapshots, degree_counts
from assets.resources import LakeResource

Put = Callable[..., None]
At = Callable[[str], datetime]
MONTHS = ["2016-01", "2016-02", "2016-03"]


def edge(follower: int, followee: int, created: datetime | None, removed: datetime | None = None) -> dict[str, Any]:
    return {"follower_id": follower, "followee_id": followee, "created_at": created, "removed_at": removed}


@pytest.fixture
def community(put: Put, at: At) -> None:
    """Users 1 to 4 join in January, 5 in March; 1 and 2 follow one another until 2 leaves in March; 3 comes back."""
    put(
        users=[
            *({"user_id": i, "joined_at": at("2016-01-01"), "opted_in": True} for i in (1, 2, 3, 4)),
            {"user_id": 5, "joined_at": at("2016-03-02"), "opted_in": True},
        ],
        edges=[
            edge(1, 2, at("2016-01-05")),
            edge(2, 1, at("2016-01-31T23:59"), at("2016-03-01")),
            edge(3, 1, at("2016-02-01"), at("2016-02-10")),
            edge(3, 1, at("2016-02-20")),
            edge(5, 1, at("2016-03-09")),
        ],
    )


def seen(lake: Lake, months: list[str]) -> dict[str, list[tuple[int, int]]]:
    return {
        month: list(zip(links.users[links.source].tolist(), links.users[links.target].tolist(), strict=True))
        for month, links in snapshots(lake, months)
    }


@pytest.mark.usefixtures("community")
def test_snapshots_hold_links_that_are_there_when_the_month_ends(lake: Lake) -> None:
    assert seen(lake, MONTHS) == {
        "2016-01": [(1, 2), (2, 1)],
        "2016-02": [(1, 2), (2, 1), (3, 1)],
        "2016-03": [(1, 2), (3, 1), (5, 1)],
    }
    assert seen(lake, ["2016-02"]) == {"2016-02": [(1, 2), (2, 1), (3, 1)]}


@pytest.mark.usefixtures("community")
def test_snapshots_count_users_who_have_joined_and_those_with_a_link(lake: Lake, put: Put) -> None:
    users = {month: links.users.tolist() for month, links in snapshots(lake, MONTHS)}
    assert users == {"2016-01": [1, 2, 3, 4], "2016-02": [1, 2, 3, 4], "2016-03": [1, 2, 3, 4, 5]}


def test_links_without_a_time_are_there_in_every_month(lake: Lake, put: Put, at: At) -> None:
    put(edges=[edge(7, 8, None), edge(1, 2, at("2016-02-05"))])
    assert snapshot_months(lake, [*MONTHS, "undated"]) == ["2016-02", "2016-03"]
    assert seen(lake, ["2016-02"]) == {"2016-02": [(1, 2), (7, 8)]}


def test_a_graph_without_times_is_one_snapshot(lake: Lake, put: Put) -> None:
    assert snapshot_months(lake, ["undated"]) == []
    put(edges=[edge(7, 8, None), edge(8, 7, None)])
    assert snapshot_months(lake, ["2016-01", "undated"]) == ["undated"]
    assert measure_snapshots(lake, ["undated"]) == ["undated"]
    (row, _) = lake.read(USER_GRAPH_METRICS).to_pylist()
    assert (row["snapshot_month"], row["user_id"], row["reciprocity"], row["core"]) == (None, 7, 1.0, 1)


@pytest.mark.usefixtures("community")
def test_measure_snapshots_writes_users_and_the_graph(lake: Lake) -> None:
    assert measure_snapshots(lake, MONTHS) == MONTHS
    rows = {row["user_id"]: row for row in lake.read(USER_GRAPH_METRICS, ["2016-02"]).to_pylist()}
    assert rows[1]["snapshot_month"] == date(2016, 2, 1)
    assert [rows[1][name] for name in ("node", "followees", "followers", "mutual_links", "core")] == [0, 1, 2, 1, 1]
    assert rows[4]["reciprocity"] is None
    whole = {row["metric"]: row["value"] for row in lake.read(GRAPH_METRICS, ["2016-02"]).to_pylist()}
    assert (whole["users"], whole["links"], whole["largest_weak_component"]) == (4, 3, 3)
    assert whole["reciprocity"] == pytest.approx(2 / 3)
    assert whole["degree_assortativity_undirected"] == pytest.approx(-1)


@pytest.mark.usefixtures("community")
def test_measure_snapshots_again_measures_what_has_changed(lake: Lake, put: Put, at: At) -> None:
    measure_snapshots(lake, MONTHS)
    before = lake.fingerprints(USER_GRAPH_METRICS.key)
    assert measure_snapshots(lake, MONTHS) == []
    put(edges=[edge(4, 1, at("2016-02-02"))])
    assert measure_snapshots(lake, MONTHS) == ["2016-02", "2016-03"]
    after = lake.fingerprints(USER_GRAPH_METRICS.key)
    assert {name.partition("/")[2] for name in before if before[name] == after[name]} == {"2016-01"}
    assert measure_snapshots(lake, MONTHS, SnapshotConfig(seed=1)) == MONTHS


@pytest.mark.usefixtures("community")
def test_an_unfollow_leaves_earlier_snapshots_as_they_were(lake: Lake, put: Put, at: At) -> None:
    """It is written into the partition of January, where the link was made."""
    measure_snapshots(lake, MONTHS)
    before = lake.fingerprints(USER_GRAPH_METRICS.key)
    put(edges=[edge(1, 2, at("2016-01-05"), at("2016-03-20")), edge(2, 1, at("2016-01-31T23:59"), at("2016-03-01"))])
    assert measure_snapshots(lake, MONTHS) == ["2016-03"]
    after = lake.fingerprints(USER_GRAPH_METRICS.key)
    assert [name for name in before if before[name] != after[name]] == [f"{USER_GRAPH_METRICS.key}/2016-03"]
    assert measure_snapshots(lake, MONTHS) == []


@pytest.mark.usefixtures("community")
def test_the_same_graph_is_measured_again_by_other_code(lake: Lake, put: Put, at: At) -> None:
    measure_snapshots(lake, MONTHS, code_version="1")
    put(edges=[edge(1, 2, at("2016-01-05"), at("2016-03-20")), edge(2, 1, at("2016-01-31T23:59"), at("2016-03-01"))])
    assert measure_snapshots(lake, MONTHS, code_version="2") == MONTHS


@pytest.mark.usefixtures("community")
def test_snapshots_of_one_run_are_those_of_a_run_for_each_month(lake: Lake) -> None:
    measure_snapshots(lake, MONTHS)
    together = lake.fingerprints(USER_GRAPH_METRICS.key) | lake.fingerprints(GRAPH_METRICS.key)
    for table in (USER_GRAPH_METRICS, GRAPH_METRICS):
        for month in MONTHS:
            lake.drop(table.key, month)
    for month in reversed(MONTHS):
        measure_snapshots(lake, [month])
    assert lake.fingerprints(USER_GRAPH_METRICS.key) | lake.fingerprints(GRAPH_METRICS.key) == together


@pytest.mark.usefixtures("community")
def test_a_run_over_an_early_month_measures_later_ones_again(lake: Lake, put: Put, at: At) -> None:
    measure_snapshots(lake, MONTHS)
    put(edges=[edge(4, 1, at("2016-01-02"))])
    assert measure_snapshots(lake, ["2016-01"]) == MONTHS


@pytest.mark.usefixtures("community")
def test_links_that_are_published_meanwhile_are_not_missed(
    lake: Lake, put: Put, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    news = [edge(4, 1, at("2016-01-02"))]

    def measured(*arguments: Any) -> Any:
        if news:
            put(edges=[news.pop()])
        return positions(*arguments)

    monkeypatch.setattr("assets.network.snapshots.positions", measured)
    assert measure_snapshots(lake, MONTHS) == MONTHS
    monkeypatch.undo()
    assert measure_snapshots(lake, MONTHS) == []


@pytest.mark.usefixtures("community")
def test_withdraw_users_takes_them_out_of_all_months(lake: Lake, put: Put, at: At) -> None:
    measure_snapshots(lake, MONTHS)
    assert withdraw_users(lake) == []
    put(users=[{"user_id": i, "joined_at": at("2016-01-01"), "opted_in": True} for i in (1, 2, 4)])
    assert withdraw_users(lake) == [f"user_graph_metrics/{month}" for month in MONTHS]
    assert set(lake.read(USER_GRAPH_METRICS)["user_id"].to_pylist()) == {1, 2, 4, 5}
    assert withdraw_users(lake) == []


@pytest.mark.usefixtures("community")
def test_withdraw_users_takes_them_out_of_tables_that_marts_made(lake: Lake) -> None:
    """They are made again after the warehouse, which somebody's no must not wait for."""
    rows = [{"user_id": i, "followees_with_beauty": 0, "followers_with_beauty": 1} for i in (1, 77)]
    lake.write(USER_NEIGHBOURS, "undated", USER_NEIGHBOURS.conform(pa.Table.from_pylist(rows)), code_version="1")
    assert withdraw_users(lake) == ["user_neighbours/undated"]
    assert lake.read(USER_NEIGHBOURS)["user_id"].to_pylist() == [1]
    assert not lake.is_current(USER_NEIGHBOURS, "undated", code_version="1", inputs={})


@pytest.mark.usefixtures("community")
def test_when_the_last_user_refuses_nobody_stays(lake: Lake) -> None:
    measure_snapshots(lake, MONTHS)
    for month in lake.partitions("users"):
        lake.drop("users", month)
    assert withdraw_users(lake) == [f"user_graph_metrics/{month}" for month in MONTHS]
    assert lake.read(USER_GRAPH_METRICS).num_rows == 0


@pytest.mark.usefixtures("community")
def test_months_that_users_have_left_are_measured_again_by_any_run(lake: Lake, put: Put, at: At) -> None:
    measure_snapshots(lake, MONTHS)
    put(users=[{"user_id": i, "joined_at": at("2016-01-01"), "opted_in": True} for i in (1, 2, 3)])
    assert withdraw_users(lake) == [f"user_graph_metrics/{month}" for month in MONTHS]
    assert measure_snapshots(lake, ["2016-03"]) == MONTHS


def test_snapshots_that_are_none_any_more_are_dropped(lake: Lake, put: Put, at: At) -> None:
    put(edges=[edge(7, 8, None)])
    measure_snapshots(lake, ["undated"])
    put(edges=[edge(7, 8, None), edge(1, 2, at("2016-01-05")), edge(2, 1, at("2016-02-05"))])
    assert measure_snapshots(lake, ["2016-01", "2016-02"]) == ["2016-01", "2016-02"]
    assert lake.partitions(GRAPH_METRICS.key) == lake.partitions(USER_GRAPH_METRICS.key) == ["2016-01", "2016-02"]
    lake.drop("edges", "2016-01")
    assert measure_snapshots(lake, ["2016-01", "2016-02"]) == ["2016-02"]
    assert lake.partitions(GRAPH_METRICS.key) == ["2016-02"]
    for month in ("2016-02", "undated"):
        lake.drop("edges", month)
    assert measure_snapshots(lake, ["2016-02"]) == []
    assert lake.partitions(USER_GRAPH_METRICS.key) == []


@pytest.mark.usefixtures("community")
@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("followers", 9, "2016-02: 12 followers, 3 followees and 3.0 links"),
        ("pagerank", 0.9, "2016-02: PageRank sums to"),
        ("core", 7, "2016-02: a core number is larger than the number of neighbours"),
    ],
)
def test_broken_snapshots_says_what_is_wrong(lake: Lake, column: str, value: float, sentence: str) -> None:
    measure_snapshots(lake, MONTHS)
    assert broken_snapshots(lake, MONTHS) == []
    rows = lake.read(USER_GRAPH_METRICS, ["2016-02"]).to_pylist()
    rows[3][column] = value + (rows[3][column] if column == "followers" else 0)
    lake.write(USER_GRAPH_METRICS, "2016-02", pa.Table.from_pylist(rows, schema=USER_GRAPH_METRICS.schema))
    (found,) = broken_snapshots(lake, MONTHS)
    assert found.startswith(sentence)
    lake.write(USER_GRAPH_METRICS, "2016-02", USER_GRAPH_METRICS.schema.empty_table())
    assert broken_snapshots(lake, MONTHS) == ["2016-02 has no users"]


@pytest.mark.usefixtures("community")
def test_degree_counts_are_shares_of_users_with_at_least_so_many(lake: Lake) -> None:
    measure_snapshots(lake, MONTHS)
    assert degree_counts(lake, "2016-02") == {"followers": ([1, 2], [0.5, 0.25]), "followees": ([1], [0.75])}


def made(lake: Lake, months: list[str]) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("months", sorted({*MONTHS, *months}))
        tags = {"dagster/asset_partition_range_start": months[0], "dagster/asset_partition_range_end": months[-1]}
        resources = {"lake": LakeResource(uri=lake.uri)}
        return dg.materialize([graph_snapshots], resources=resources, instance=instance, tags=tags)


@pytest.mark.usefixtures("community")
def test_graph_snapshots_shows_figures_and_passes_its_checks(lake: Lake) -> None:
    result = made(lake, MONTHS)
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "snapshots_add_up": True,
        "graph_has_links": True,
    }
    shown = {
        event.asset_key.path[-1]: event.metadata for event in result.asset_materializations_for_node("graph_snapshots")
    }
    assert shown["user_graph_metrics"]["degrees"].value.startswith("![figure]")
    assert "| reciprocity |" in shown["graph_metrics"]["newest"].value


def test_graph_snapshots_without_links_says_so(lake: Lake) -> None:
    result = made(lake, ["2016-01"])
    checks = result.get_asset_check_evaluations()
    assert [check.passed for check in checks] == [False, False]
    assert {check.severity for check in checks} == {dg.AssetCheckSeverity.WARN}
    assert lake.partitions(GRAPH_METRICS.key) == []


def test_samples_are_the_same_for_the_same_seed(lake: Lake, put: Put) -> None:
    ends = np.random.default_rng(0).integers(1, 80, (400, 2))
    put(edges=[edge(int(a), int(b), None) for a, b in np.unique(ends, axis=0) if a != b])
    config = SnapshotConfig(distance_sources=10)
    measure_snapshots(lake, ["undated"], config)
    first = lake.fingerprints(GRAPH_METRICS.key)
    lake.drop(GRAPH_METRICS.key, "undated")
    measure_snapshots(lake, ["undated"], config)
    assert lake.fingerprints(GRAPH_METRICS.key) == first
    whole = {row["metric"]: row for row in lake.read(GRAPH_METRICS).to_pylist()}
    assert whole["mean_distance"]["lower"] <= whole["mean_distance"]["value"] <= whole["mean_distance"]["upper"]
