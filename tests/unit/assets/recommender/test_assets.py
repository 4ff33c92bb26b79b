"""Assets of the recommender on communities of a few hundred links, on one, and on none."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.community import BLOCKS, EDGES, USERS
from assets.contracts.lake import Lake
from assets.contracts.recommendations import (
    LINK_CANDIDATES,
    RECOMMENDATION_RUNS,
    RECOMMENDATIONS,
    RECOMMENDER_EVALUATION,
    RECOMMENDER_ROUNDS,
)
from assets.marts import Marts
from assets.recommender import assets
from assets.recommender.assets import ASSETS, CandidateSettings
from assets.recommender.candidates import CandidateConfig
from assets.recommender.suggesting import suggestions
from assets.recommender.trial_assets import ASSETS as TRIALS
from assets.recommender.trial_assets import EvaluationSettings, RoundSettings
from assets.resources import LakeResource, WarehouseResource

TABLES = (LINK_CANDIDATES, RECOMMENDATIONS, RECOMMENDATION_RUNS, RECOMMENDER_EVALUATION, RECOMMENDER_ROUNDS)
QUICK = {
    "recommender_evaluation": EvaluationSettings(seeds=1, resamples=3, slots=5),
    "recommender_rounds": RoundSettings(rounds=2, seeds=1),
}
UNTRIED = {
    "recommender_evaluation": EvaluationSettings(most_users=1),
    "recommender_rounds": RoundSettings(most_users=1),
}
Make = Callable[..., dict[str, tuple[bool, str]]]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def make(lake: Lake) -> Make:
    def made(marts: Marts, **settings: Any) -> dict[str, tuple[bool, str]]:
        result = dg.materialize(
            [*ASSETS, *TRIALS],
            run_config=dg.RunConfig(ops={**QUICK, **settings}),
            resources={"lake": LakeResource(uri=lake.uri), "published": WarehouseResource(path=str(marts.path))},
        )
        return {
            check.check_name: (check.passed, check.description or "") for check in result.get_asset_check_evaluations()
        }

    return made


@pytest.fixture
def town(lake: Lake, publish: Callable[..., Marts]) -> Marts:
    """Sixty users, links of twelve months, two blocks; beauty of all."""
    rng = np.random.default_rng(4)
    users = range(1, 61)
    _write(
        lake,
        USERS,
        [{"user_id": user, "opted_in": True, "joined_at": datetime(2015, 1, 1, tzinfo=UTC)} for user in users],
    )
    for month in range(1, 13):
        ends = {
            tuple(pair)
            for pair in (1 + np.floor(60 * rng.random((60, 2)) ** 1.5)).astype(int).tolist()
            if pair[0] != pair[1]
        }
        made = datetime(2015, month, 10, tzinfo=UTC)
        rows = [{"follower_id": one, "followee_id": other, "created_at": made} for one, other in sorted(ends)]
        _write(lake, EDGES, rows, f"2015-{month:02d}")
    _write(lake, BLOCKS, [{"user_id": 1, "blocked_user_id": 2}, {"user_id": 3, "blocked_user_id": 4}])
    beauty = dict(zip(users, rng.random(60).tolist(), strict=True))
    months = [datetime(2015, month, 1, tzinfo=UTC).date() for month in range(1, 13)]
    return publish(
        dim_users=[(user,) for user in users],
        fct_user_beauty=list(beauty.items()),
        fct_talented_unseen_users=[(7,), (8,)],
        fct_talented_unseen_monthly=[
            (user, month, b, user in (7, 8)) for user, b in beauty.items() for month in months
        ],
        fct_user_months=[(month,) for month in months],
    )


def _write(lake: Lake, contract: Any, rows: list[dict[str, Any]], partition: str = "undated") -> None:
    columns = [{name: row.get(name) for name in contract.schema.names} for row in rows]
    if contract is USERS:
        partition = "2015-01"
    lake.write(contract, partition, pa.Table.from_pylist(columns, schema=contract.schema))


def test_all_tables_are_made_and_every_check_passes(town: Marts, lake: Lake, make: Make) -> None:
    checks = make(town)
    assert len(checks) == 8
    candidates = lake.read(LINK_CANDIDATES).num_rows
    assert checks["candidates_are_two_steps_away_and_not_followed"][1] == (
        f"true of {candidates:,} candidates; somebody in between was looked up for {(candidates + 1) // 2:,}"
    )
    assert {name for name, (passed, _) in checks.items() if not passed} == set()
    recommended = lake.read(RECOMMENDATIONS).to_pylist()
    followed = {(row["follower_id"], row["followee_id"]) for row in lake.read(EDGES).to_pylist()}
    assert len(recommended) > 300
    pairs = {(row["user_id"], row["recommended_user_id"]) for row in recommended}
    assert not pairs & (followed | {(1, 2), (2, 1), (3, 4), (4, 3)})
    assert all("you follow" in row["reason"] and "beauty 0." in row["reason"] for row in recommended)


def test_a_second_run_writes_nothing(town: Marts, lake: Lake, make: Make) -> None:
    make(town)
    before = {contract.key: lake.commit_of(contract.key, "undated") for contract in TABLES}
    assert all(before.values())
    make(town)
    assert {contract.key: lake.commit_of(contract.key, "undated") for contract in TABLES} == before


def test_chances_are_learned_from_candidates_found_alike_and_current_ones_are_taken_as_they_are(
    town: Marts, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(
        assets, "suggestions", lambda *rest, found_by: given.append(found_by) or suggestions(*rest, found_by=found_by)
    )
    monkeypatch.setattr(assets, "still_open", None)
    checks = make(town, link_candidates=CandidateSettings(most_candidates=7, seed=3))
    assert all(passed for passed, _ in checks.values())
    assert given == [CandidateConfig(most_candidates=7, seed=3)]


def test_a_block_takes_effect_though_candidates_are_those_of_before(town: Marts, lake: Lake, make: Make) -> None:
    make(town)
    first = lake.read(RECOMMENDATIONS).to_pylist()[0]
    pair = first["user_id"], first["recommended_user_id"]
    _write(lake, BLOCKS, [{"user_id": pair[1], "blocked_user_id": pair[0]}])
    dg.materialize(
        [*ASSETS],
        selection=[RECOMMENDATIONS.key, RECOMMENDATION_RUNS.key],
        resources={"lake": LakeResource(uri=lake.uri), "published": WarehouseResource(path=str(town.path))},
    )
    found = lake.read(RECOMMENDATIONS).to_pylist()
    assert len(found) > 300
    assert pair not in {(row["user_id"], row["recommended_user_id"]) for row in found}


def test_recommendations_without_candidates_say_what_to_do(town: Marts, lake: Lake) -> None:
    result = dg.materialize(
        [*ASSETS],
        selection=[RECOMMENDATIONS.key, RECOMMENDATION_RUNS.key],
        resources={"lake": LakeResource(uri=lake.uri), "published": WarehouseResource(path=str(town.path))},
    )
    said = {check.description for check in result.get_asset_check_evaluations()}
    assert said == {"candidates have not been found yet: materialize link_candidates first"}


def test_without_links_there_is_a_reason_and_no_table(lake: Lake, publish: Callable[..., Marts], make: Make) -> None:
    _write(lake, USERS, [{"user_id": 1, "opted_in": True, "joined_at": datetime(2015, 1, 1, tzinfo=UTC)}])
    checks = make(publish(dim_users=[(1,)]))
    assert len(checks) == 8
    assert {passed for passed, _ in checks.values()} == {False}
    assert all("nobody follows" in said or "no link came" in said for _, said in checks.values())
    assert [contract.key for contract in TABLES if lake.partitions(contract.key)] == []


def test_tables_of_a_community_that_lost_its_links_are_forgotten(town: Marts, lake: Lake, make: Make) -> None:
    make(town)
    for month in lake.partitions(EDGES.key):
        lake.drop(EDGES.key, month)
    make(town)
    assert [contract.key for contract in TABLES if lake.partitions(contract.key)] == []


def test_whoever_opts_out_is_not_recommended_nor_told_of_anybody(town: Marts, lake: Lake, make: Make) -> None:
    """The warehouse may know them still: it is built at another time."""
    make(town, **UNTRIED)
    ends = ("user_id", "recommended_user_id")
    before = lake.read(RECOMMENDATIONS)
    assert all(9 in before[name].to_pylist() for name in ends)
    _write(lake, USERS, [row for row in lake.read(USERS).to_pylist() if row["user_id"] != 9])
    for month in lake.partitions(EDGES.key):
        links = lake.read(EDGES, [month]).to_pylist()
        _write(lake, EDGES, [row for row in links if 9 not in (row["follower_id"], row["followee_id"])], month)
    assert make(town, **UNTRIED)["recommendations_keep_to_their_limits"][0]
    after = lake.read(RECOMMENDATIONS)
    assert after.num_rows > 300
    assert not any(9 in after[name].to_pylist() for name in ends)


def test_large_communities_are_recommended_to_but_not_tried(town: Marts, lake: Lake, make: Make) -> None:
    checks = make(
        town,
        recommender_evaluation=EvaluationSettings(most_users=59),
        recommender_rounds=RoundSettings(most_users=59),
    )
    untried = {name: said for name, (passed, said) in checks.items() if not passed}
    assert len(untried) == 4
    assert all("60 users are more than the 59 of `most_users`" in said for said in untried.values())
    assert lake.partitions(RECOMMENDATIONS.key)
    assert not lake.partitions(RECOMMENDER_EVALUATION.key) + lake.partitions(RECOMMENDER_ROUNDS.key)
