"""Real networks, imported as a user would, through the assets of the graph: published values come out exactly.

The published warehouse holds no beauty of anybody: these networks have no photos. Bitcoin OTC has ready-made quality.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from assets.community.publication import publish_months
from assets.contracts.community import EDGES, USER_QUALITY, USERS
from assets.contracts.lake import Lake
from assets.contracts.mixing import BEAUTY_MIXING, CORE_PROFILES, MAJORITY_ILLUSION
from assets.contracts.network import DEGREE_FITS, GRAPH_METRICS, USER_GRAPH_METRICS
from assets.contracts.recommendations import RECOMMENDER_EVALUATION
from assets.contracts.table import UNDATED
from assets.landing.importers import import_source
from assets.network.assets import GraphSnapshotConfig, graph_snapshots
from assets.network.degree_assets import degree_fits
from assets.network.mixing_assets import ChanceSettings, beauty_against_chance, core_profiles
from assets.partitions import months
from assets.recommender.assets import link_candidates, recommendations
from assets.recommender.trial_assets import EvaluationSettings, recommender_evaluation
from assets.resources import LakeResource, WarehouseResource

CONFIG = dg.RunConfig(
    ops={
        "graph_snapshots": GraphSnapshotConfig(distance_sources=20),
        "beauty_against_chance": ChanceSettings(shuffles=20, rewirings=3, swaps=0),
    }
)

Analyse = Callable[..., dict[str, bool]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def analyse(tmp_path: Path, lake: Lake) -> Analyse:
    """Import, audit and publish a network, run its assets on its last month, and return what each check says."""
    marts = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(marts)) as connection:
        connection.execute("create table fct_user_beauty (user_id bigint, beauty double, photos bigint)")
        connection.execute("create table fct_user_recognition (user_id bigint, favorites_received bigint)")

    def run(source_format: str, path: Path) -> dict[str, bool]:
        import_source(source_format, path, name="real", lake=lake, landing_root=tmp_path / "landing")
        zone = lake.zone("landed/real")
        for contract in (USERS, EDGES, USER_QUALITY):
            if landed := zone.partitions(contract.key):
                outcome = publish_months(lake, contract, landed, [])
                assert not outcome.refused
        newest = lake.partitions(EDGES.key)[-1]
        with dg.DagsterInstance.ephemeral() as instance:
            instance.add_dynamic_partitions(months.name or "", [newest])
            result = dg.materialize(
                [graph_snapshots, degree_fits, beauty_against_chance, core_profiles],
                partition_key=newest,
                run_config=CONFIG,
                resources={"lake": LakeResource(uri=lake.uri), "published": WarehouseResource(path=str(marts))},
                instance=instance,
            )
        return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}

    return run


def metrics(lake: Lake) -> dict[str, float]:
    return {row["metric"]: row["value"] for row in lake.read(GRAPH_METRICS).to_pylist()}


def test_wiki_vote_has_its_published_values(reference_data: Path, lake: Lake, analyse: Analyse) -> None:
    checks = analyse("edge_list", reference_data / "graphs" / "Wiki-Vote.txt")
    assert lake.partitions(GRAPH_METRICS.key) == [UNDATED]
    found = metrics(lake)
    expected = {
        "users": 7_115,
        "links": 103_689,
        "largest_weak_component": 7_066,
        "largest_strong_component": 1_300,
        "triangles": 608_389,
        "mean_local_clustering": 0.1409,
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=5e-5)
    assert checks["snapshots_add_up"]
    assert checks["graph_has_links"]
    assert checks["tails_are_close_to_their_fit"]
    assert not checks["draws_of_null_models_are_different"], "there is nothing that users could be alike in"
    assert lake.partitions(BEAUTY_MIXING.key) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("karate", {"triangles": 45, "degree_assortativity_undirected": -0.475613}),
        (
            "polblogs",
            {"triangles": 101_043, "transitivity": 0.225959, "degree_assortativity_undirected": -0.221233},
        ),
    ],
)
def test_undirected_networks_have_their_published_values(
    name: str, expected: dict[str, Any], reference_data: Path, lake: Lake, analyse: Analyse
) -> None:
    analyse("metis", reference_data / "graphs" / f"{name}.graph")
    found = metrics(lake)
    assert {metric: found[metric] for metric in expected} == pytest.approx(expected, abs=5e-7)
    assert found["reciprocity"] == 1, "an undirected link lands as two"


def test_bitcoin_otc_mixes_by_ready_made_quality(reference_data: Path, lake: Lake, analyse: Analyse) -> None:
    checks = analyse("edge_list", reference_data / "bitcoin_otc" / "soc-sign-bitcoinotc.csv")
    assert all(checks.values()), checks
    assert lake.partitions(GRAPH_METRICS.key) == ["2016-01"]
    found = metrics(lake)
    assert (found["users"], found["links"]) == (5_881, 35_592)
    mixing = {(row["metric"], row["null_model"]): row for row in lake.read(BEAUTY_MIXING).to_pylist()}
    assert mixing["assortativity", "rewired_links"]["value"] == pytest.approx(0.371, abs=5e-4)
    assert mixing["assortativity", "rewired_links"]["z"] > 10
    assert lake.read(MAJORITY_ILLUSION).num_rows == 26
    assert sum(lake.read(CORE_PROFILES)["users"].to_pylist()) == 5_881
    assert set(lake.read(DEGREE_FITS)["side"].to_pylist()) == {"followers", "followees"}


def test_flickr_is_reciprocal_and_every_user_has_a_position(reference_data: Path, lake: Lake, analyse: Analyse) -> None:
    checks = analyse("matlab_network", reference_data / "flickr_aane" / "Flickr.mat")
    found = metrics(lake)
    assert (found["users"], found["links"], found["reciprocity"]) == (7_575, 479_476, 1)
    assert checks["snapshots_add_up"]
    assert lake.read(USER_GRAPH_METRICS).num_rows == 7_575


def test_recommenders_find_links_of_real_users_that_came_later(
    reference_data: Path, tmp_path: Path, lake: Lake, analyse: Analyse
) -> None:
    analyse("edge_list", reference_data / "bitcoin_otc" / "soc-sign-bitcoinotc.csv")
    marts = tmp_path / "marts.duckdb"
    with duckdb.connect(str(marts)) as connection:
        connection.register("published", lake.read(USERS, columns=["user_id"]))
        connection.execute(
            f"""
            create table dim_users as select user_id from published;
            create table fct_user_beauty (user_id bigint, beauty_shrunken double);
            create table fct_talented_unseen_users (user_id bigint);
            create table fct_talented_unseen_monthly (
                user_id bigint, event_month date, beauty_shrunken double, is_talented_unseen boolean
            );
            create table fct_user_months as select date '{lake.partitions(EDGES.key)[-1]}-01' as event_month
            """
        )
    result = dg.materialize(
        [link_candidates, recommendations, recommender_evaluation],
        run_config=dg.RunConfig(ops={"recommender_evaluation": EvaluationSettings(seeds=1, resamples=2)}),
        resources={"lake": LakeResource(uri=lake.uri), "published": WarehouseResource(path=str(marts))},
    )
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == {
        "candidates_are_two_steps_away_and_not_followed": True,
        "neighbourhoods_count_their_candidates": True,
        "recommendations_keep_to_their_limits": True,
        "gap_to_the_best_possible_is_small": True,
        "metrics_are_possible": True,
        "every_recommender_is_tried": True,
    }
    found = {(row["recommender"], row["metric"]): row["value"] for row in lake.read(RECOMMENDER_EVALUATION).to_pylist()}
    # Quality is the percentile of ready-made ratings; 113 links came in the last three months, half of them far away.
    assert found["adamic_adar", "recall"] > 2 * found["random", "recall"] > 0
    assert found["beauty_flow", "recall"] > 0.95 * found["adamic_adar", "recall"]
    assert found["beauty_flow", "exposure_gini"] < found["adamic_adar", "exposure_gini"] - 0.15
    assert found["beauty_flow", "imbalance"] < found["adamic_adar", "imbalance"]
