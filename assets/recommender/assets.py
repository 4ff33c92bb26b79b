"""Whom to suggest to whom: candidates two steps away, and the links that deliver most beauty within limits.

Candidates are found in ``candidates.py`` and kept by ``candidate_store.py``; slots are shared out in ``flow.py``.
"""

import json
from collections.abc import Iterator

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.contracts.community import BLOCKS, EDGES, USER_QUALITY, USERS
from assets.contracts.provenance import code_version_of
from assets.contracts.recommendations import (
    CANDIDATE_NEIGHBOURHOODS,
    LINK_CANDIDATES,
    RECOMMENDATION_RUNS,
    RECOMMENDATIONS,
)
from assets.contracts.wording import counted
from assets.figures import histogram_figure, intervals_figure
from assets.metadata import markdown_table, not_made, picture, table_result, table_spec
from assets.recommender.candidate_store import (
    CONFIGURATION,
    are_current,
    are_of_today,
    configuration_of,
    graph_inputs,
    read_arcs,
    write_candidates,
)
from assets.recommender.candidates import CandidateConfig
from assets.recommender.past import BEAUTY_MONTHLY, BEAUTY_TODAY, LAST_MONTH, READ_MARTS, graph_at, read_links
from assets.recommender.recommender import CAPACITY_TIMES, DEMAND_SHARE, Limits, fair_capacity
from assets.recommender.suggesting import (
    GAP_PROMISED,
    broken_limits,
    examples,
    imbalance_shown,
    looked_up,
    paths_shown,
    recommendation_rows,
    run_row,
    said_of_run,
    still_open,
    suggestions,
    wrong_candidates,
)
from assets.recommender.today import graph_today, spread_of
from assets.resources import LakeResource, WarehouseResource
from assets.whole_tables import made_together, unmade

CANDIDATE_TABLES = (LINK_CANDIDATES, CANDIDATE_NEIGHBOURHOODS)
TABLES = (RECOMMENDATIONS, RECOMMENDATION_RUNS)
NO_LINKS = "nobody follows anybody, so nobody is two steps away"
NOT_FOUND_YET = "candidates have not been found yet: materialize link_candidates first"
NO_CANDIDATES = "nobody has a candidate: all followees of followees are followed already"
CODE = code_version_of("assets.recommender", "assets.statistics.behaviour", "assets.statistics.gini")
_TRUE_CANDIDATES = "candidates_are_two_steps_away_and_not_followed"
_COUNTED = "neighbourhoods_count_their_candidates"
_KEPT = "recommendations_keep_to_their_limits"
_NEAR = "gap_to_the_best_possible_is_small"


class CandidateSettings(dg.Config):
    """How candidates are found; the same values give the same ones."""

    most_followees: int = Field(default=100, ge=1, description="Followees that represent somebody who follows more.")
    most_candidates: int = Field(default=200, ge=1, description="Candidates per user.")
    explored: float = Field(default=0.25, ge=0, le=1, description="Share of them drawn by chance where there are more.")
    seed: int = Field(default=0, ge=0, description="Seed of both draws.")


class RecommendationSettings(dg.Config):
    """Limits of what is recommended."""

    slots: int = Field(default=20, ge=1, description="Recommendations per user at most.")
    capacity_times: float = Field(
        default=CAPACITY_TIMES,
        gt=0,
        description="Slots that may point to anybody, in multiples of what each would have if all candidates had the "
        "same.",
    )
    demand_share: float = Field(
        default=DEMAND_SHARE,
        ge=0,
        le=1,
        description="Share of the slots that would point to somebody without a capacity, and that may, where these are "
        "more: 0 is most equal, 1 most accurate.",
    )
    imbalance: float = Field(
        default=0.1, ge=0, description="How far the beauty that somebody follows may come to lie from their own."
    )


@dg.multi_asset(
    name="link_candidates",
    specs=[
        table_spec(contract, "recommender", [EDGES.key, USERS.key, BLOCKS.key], {"parquet"}, CODE)
        for contract in CANDIDATE_TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _TRUE_CANDIDATES,
            asset=LINK_CANDIDATES.key,
            description="A followee of the user follows the candidate, which is looked up for some of them; the user "
            "does not, and no block bars it.",
        ),
        dg.AssetCheckSpec(
            _COUNTED,
            asset=CANDIDATE_NEIGHBOURHOODS.key,
            description="Each user's number of candidates is that of the rows.",
        ),
    ],
)
def link_candidates(
    context: dg.AssetExecutionContext, config: CandidateSettings, lake: LakeResource
) -> Iterator[dg.MaterializeResult]:
    """Whom could each user be told of? Found anew only where two steps around a user have changed."""
    store = lake.open()
    links = read_links(store)
    if not len(links.follower):
        unmade(store, *CANDIDATE_TABLES)
        yield not_made(LINK_CANDIDATES.key, NO_LINKS, _TRUE_CANDIDATES)
        yield not_made(CANDIDATE_NEIGHBOURHOODS.key, NO_LINKS, _COUNTED)
        return
    inputs = {**graph_inputs(store), CONFIGURATION: json.dumps(config.model_dump(), sort_keys=True)}
    graph = graph_at(links, None)
    if are_current(store, CODE, inputs):
        context.log.info("candidates: up to date")
    else:
        anew = write_candidates(store, graph, CandidateConfig(**config.model_dump()), CODE, inputs)
        context.log.info(f"candidates of {counted(anew, 'user')} found anew")
    arcs = read_arcs(store, graph)
    wrong = wrong_candidates(graph, arcs)
    said = f"true of {counted(len(arcs), 'candidate')}; somebody in between was looked up for {len(looked_up(arcs)):,}"
    counts = store.read(CANDIDATE_NEIGHBOURHOODS)["candidates"].to_numpy()
    yield table_result(
        LINK_CANDIDATES,
        len(arcs),
        {_TRUE_CANDIDATES: (not wrong and len(arcs) > 0, wrong or said)},
        figure=picture(
            histogram_figure(*spread_of(paths_shown(arcs)), "Ways to candidates", "log10 of two-step paths")
        ),
    )
    yield table_result(
        CANDIDATE_NEIGHBOURHOODS,
        len(counts),
        {
            _COUNTED: (
                bool((counts == arcs.counts).all()) and len(counts) > 0,
                f"{counted(int((counts > 0).sum()), 'user')} of {len(counts)} have candidates",
            )
        },
        figure=picture(histogram_figure(*spread_of(counts), "Candidates per user", "candidates")),
    )


@dg.multi_asset(
    name="recommendations",
    specs=[
        table_spec(
            contract,
            "recommender",
            [LINK_CANDIDATES.key, EDGES.key, USERS.key, BLOCKS.key, USER_QUALITY.key, *READ_MARTS],
            {"parquet"},
            CODE,
        )
        for contract in TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _KEPT,
            asset=RECOMMENDATIONS.key,
            description="Everybody is there, on both sides; nobody is recommended whom a user follows or bars, more "
            "often than capacity allows, or so that the beauty followed moves further from one's own than the limit.",
        ),
        dg.AssetCheckSpec(
            _NEAR,
            asset=RECOMMENDATION_RUNS.key,
            description=f"At most {GAP_PROMISED:.0%} more could be delivered, by a bound that holds for any choice.",
        ),
    ],
)
def recommendations(
    context: dg.AssetExecutionContext, config: RecommendationSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Which links deliver most beauty without overwhelming anybody?"""
    store, marts = lake.open(), published.open()
    links = read_links(store)
    graph = graph_today(store, marts, links)
    arcs = read_arcs(store, graph)
    if not are_of_today(store, CODE):
        arcs = still_open(graph, arcs)
    if not len(arcs):
        unmade(store, *TABLES)
        are_found = bool(store.partitions(LINK_CANDIDATES.key))
        reason = (NO_CANDIDATES if are_found else NOT_FOUND_YET) if len(links.follower) else NO_LINKS
        yield not_made(RECOMMENDATIONS.key, reason, _KEPT)
        yield not_made(RECOMMENDATION_RUNS.key, reason, _NEAR)
        return
    read = (LINK_CANDIDATES, EDGES, USERS, BLOCKS, USER_QUALITY)
    inputs = {name: sha for table in read for name, sha in store.fingerprints(table.key).items()}
    asked = {"beauty": BEAUTY_TODAY, "beauty_before": BEAUTY_MONTHLY, "last_month": LAST_MONTH}
    inputs |= {name: marts.fingerprint_of(query) for name, query in asked.items()}

    def compute() -> dict[str, pa.Table]:
        capacity = fair_capacity(arcs, config.slots, config.capacity_times)
        limits = Limits(config.slots, capacity, config.imbalance, config.demand_share)
        found = suggestions(graph, arcs, limits, found_by=configuration_of(store))
        return {
            RECOMMENDATIONS.key: recommendation_rows(found),
            RECOMMENDATION_RUNS.key: pa.Table.from_pylist([run_row(found)], schema=RECOMMENDATION_RUNS.schema),
        }

    tables = made_together(context, store, TABLES, inputs, config.model_dump(), compute)
    rows, run = tables[RECOMMENDATIONS.key], tables[RECOMMENDATION_RUNS.key].to_pylist()[0]
    broken = broken_limits(graph, rows, run)
    received = rows["recommended_user_id"].value_counts().field("counts").to_numpy()
    yield table_result(
        RECOMMENDATIONS,
        rows.num_rows,
        {_KEPT: (not broken and rows.num_rows > 0, broken or f"true of {counted(rows.num_rows, 'recommendation')}")},
        finding=said_of_run(run),
        first=markdown_table(examples(rows.slice(0, 200).to_pylist())),
        exposure=picture(
            histogram_figure(*spread_of(received), "How often users are recommended", "slots that point to a user")
        ),
    )
    yield table_result(
        RECOMMENDATION_RUNS,
        1,
        {_NEAR: (run["gap"] <= GAP_PROMISED, f"{100 * run['gap']:.2f} % of the bound are missing at most")},
        finding=said_of_run(run),
        imbalance=picture(
            intervals_figure(
                {"users with recommendations": imbalance_shown(run)},
                "How far what users follow lies from their own beauty (line: limit)",
                "mean distance",
                (run["imbalance_limit"],),
            )
        ),
        all=markdown_table([run]),
    )


ASSETS = [link_candidates, recommendations]
