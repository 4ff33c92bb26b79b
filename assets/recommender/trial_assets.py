"""How recommenders compare: on links that came, and over months in a stated model."""

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.contracts.community import BLOCKS, EDGES, USER_QUALITY, USERS
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.recommendations import MEASURES, RECOMMENDER_EVALUATION, RECOMMENDER_ROUNDS
from assets.contracts.wording import counted
from assets.figures import courses_figure, frontier_figure
from assets.marts import Marts
from assets.metadata import (
    OWNERS,
    contract_description,
    contract_metadata,
    markdown_table,
    not_made,
    picture,
    table_result,
)
from assets.recommender.candidates import CandidateConfig
from assets.recommender.past import BEAUTY_MONTHLY, BEAUTY_TODAY, READ_MARTS, read_links
from assets.recommender.recommender import CAPACITY_TIMES, DEMAND_SHARE, Limits
from assets.recommender.registry import recommenders
from assets.recommender.rounds import RoundsConfig, round_rows
from assets.recommender.today import graph_of_trial
from assets.recommender.trial_tables import (
    broken_rounds,
    courses_shown,
    evaluation_rows,
    evaluation_table,
    is_ours,
    last_round,
    misplaced_metrics,
    missing_recommenders,
    points_shown,
    said_of_evaluation,
    said_of_rounds,
    title_of,
    trial_of,
    uneven_starts,
)
from assets.resources import LakeResource, WarehouseResource
from assets.whole_tables import made_whole, unmade

READ_TABLES = (EDGES.key, USERS.key, BLOCKS.key, USER_QUALITY.key)
_CODE = code_version_of("assets.recommender", "assets.statistics")
_NO_TRIAL = "no link came in the last three months to somebody two steps away, so nothing can be tried"
_SHOWN = ("balance", "inclusion", "exposure_gini", "active_users")


class EvaluationSettings(dg.Config):
    """How recommenders are tried; the same values give the same numbers."""

    slots: int = Field(default=20, ge=1, description="Recommendations per user.")
    capacity_times: float = Field(
        default=CAPACITY_TIMES, gt=0, description="Capacity of ours, in multiples of the fair one."
    )
    demand_share: float = Field(
        default=DEMAND_SHARE, ge=0, le=1, description="Share of their demand that the popular keep with ours."
    )
    imbalance: float = Field(default=0.1, ge=0, description="Limit of imbalance of ours.")
    seeds: int = Field(default=2, ge=1, description="Repetitions of what is drawn.")
    resamples: int = Field(default=100, ge=2, description="Bootstrap resamples of users.")
    most_users: int = Field(default=100_000, ge=1, description="Larger communities are not tried: it takes hours.")


class RoundSettings(dg.Config):
    """The stated model; see ``RoundsConfig`` for what is not here."""

    rounds: int = Field(default=50, ge=1, description="Months that go by.")
    most_users: int = Field(default=20_000, ge=1, description="Larger communities are not simulated: it takes hours.")
    seeds: int = Field(default=2, ge=1, description="Repetitions.")
    slots: int = Field(default=RoundsConfig.slots, ge=1, description="Recommendations per user and month.")
    capacity_times: float = Field(
        default=RoundsConfig.capacity_times, gt=0, description="Capacity, in multiples of the fair one."
    )
    demand_share: float = Field(
        default=RoundsConfig.demand_share, ge=0, le=1, description="Share of their demand that the popular keep."
    )
    acceptance: float = Field(default=RoundsConfig.acceptance, ge=0, le=1, description="Chance of the first rank.")
    homophily: float = Field(default=RoundsConfig.homophily, ge=0, description="How fast it falls with a gap.")
    influence: float = Field(default=RoundsConfig.influence, ge=0, le=1, description="As in the simulator.")
    base_churn: float = Field(default=RoundsConfig.base_churn, ge=0, lt=1, description="Chance of leaving a month.")
    imbalance_churn: float = Field(default=RoundsConfig.imbalance_churn, ge=0, description="As in the simulator.")
    recognition_retention: float = Field(
        default=RoundsConfig.recognition_retention, ge=0, description="As in the simulator."
    )


_EVALUATION_CHECKS = {
    "metrics_are_possible": "Shares lie in [0, 1]; exposure is no more equal than candidates and capacity allow.",
    "every_recommender_is_tried": "Each recommender of the platform has each metric.",
}
_ROUND_CHECKS = {
    "communities_are_alike_at_the_start": "No recommender changed the community that the next one starts from: before "
    "anything is recommended, measures are the same for all.",
    "rounds_follow_one_another": "No round is missing; nobody comes back and no link is lost.",
}


@dg.asset(
    key=RECOMMENDER_EVALUATION.key,
    deps=[*READ_TABLES, *READ_MARTS],
    group_name="recommender",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(RECOMMENDER_EVALUATION),
    metadata=contract_metadata(RECOMMENDER_EVALUATION),
    code_version=_CODE,
    check_specs=[
        dg.AssetCheckSpec(name, asset=RECOMMENDER_EVALUATION.key, description=said)
        for name, said in _EVALUATION_CHECKS.items()
    ],
)
def recommender_evaluation(
    context: dg.AssetExecutionContext, config: EvaluationSettings, lake: LakeResource, published: WarehouseResource
) -> dg.MaterializeResult:
    """Who finds the links that came, and who spreads attention?"""
    store, marts = lake.open(), published.open()
    links = read_links(store)
    graph, follower, followee, known = graph_of_trial(store, marts, links)
    if graph.nodes > config.most_users:
        unmade(store, RECOMMENDER_EVALUATION)
        return not_made(RECOMMENDER_EVALUATION.key, _too_many(graph.nodes, config.most_users), *_EVALUATION_CHECKS)
    limits = Limits(config.slots, 1, config.imbalance, config.demand_share)
    trial = trial_of(graph, follower, followee, known, CandidateConfig(), limits)
    if not len(follower) or not len(trial.arcs):
        unmade(store, RECOMMENDER_EVALUATION)
        return not_made(RECOMMENDER_EVALUATION.key, _NO_TRIAL, *_EVALUATION_CHECKS)
    inputs = _inputs(store, marts)

    def compute() -> pa.Table:
        context.log.info(f"{counted(graph.nodes, 'user')}, {counted(len(follower), 'new link')} to be found")
        rows = evaluation_rows(trial, config.capacity_times, range(config.seeds), config.resamples)
        return pa.Table.from_pylist(rows, schema=RECOMMENDER_EVALUATION.schema)

    rows = made_whole(context, store, RECOMMENDER_EVALUATION, inputs, config.model_dump(), compute).to_pylist()
    misplaced, missing = misplaced_metrics(rows), missing_recommenders(rows)
    points = points_shown(rows)
    return table_result(
        RECOMMENDER_EVALUATION,
        len(rows),
        {
            "metrics_are_possible": (not misplaced and bool(rows), misplaced or f"true of {len(rows)} rows"),
            "every_recommender_is_tried": (not missing, missing or f"{len(recommenders())} recommenders"),
        },
        finding=said_of_evaluation(rows),
        frontier=picture(
            frontier_figure(
                {title_of(name): point for name, point in points.items() if not is_ours(name)},
                sorted(point for name, point in points.items() if is_ours(name)),
                "Accuracy and inequality of exposure",
                "Gini coefficient of slots (less is more equal)",
                "recall",
            )
        ),
        all=markdown_table(evaluation_table(rows)),
    )


@dg.asset(
    key=RECOMMENDER_ROUNDS.key,
    deps=[*READ_TABLES, *READ_MARTS],
    group_name="recommender",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(RECOMMENDER_ROUNDS),
    metadata=contract_metadata(RECOMMENDER_ROUNDS),
    code_version=_CODE,
    check_specs=[
        dg.AssetCheckSpec(name, asset=RECOMMENDER_ROUNDS.key, description=said) for name, said in _ROUND_CHECKS.items()
    ],
)
def recommender_rounds(
    context: dg.AssetExecutionContext, config: RoundSettings, lake: LakeResource, published: WarehouseResource
) -> dg.MaterializeResult:
    """What would each recommender make of this community in some years, from where the evaluation starts?

    That is three months ago, or without a tenth of the links: chances are learned without the links to be found.
    """
    store, marts = lake.open(), published.open()
    links = read_links(store)
    graph, _, _, known = graph_of_trial(store, marts, links)
    if not graph.links or graph.nodes > config.most_users:
        unmade(store, RECOMMENDER_ROUNDS)
        reason = _too_many(graph.nodes, config.most_users) if graph.links else _NO_TRIAL
        return not_made(RECOMMENDER_ROUNDS.key, reason, *_ROUND_CHECKS)
    inputs = _inputs(store, marts)
    chosen = RoundsConfig(
        **{name: value for name, value in config.model_dump().items() if name not in ("seeds", "most_users")}
    )

    def compute() -> pa.Table:
        everybody = {name: cls() for name, cls in recommenders().items()}
        rows = list(round_rows(graph, known.is_talented_unseen, everybody, chosen, range(config.seeds)))
        return pa.Table.from_pylist(rows, schema=RECOMMENDER_ROUNDS.schema)

    rows = made_whole(context, store, RECOMMENDER_ROUNDS, inputs, config.model_dump(), compute).to_pylist()
    uneven, broken = uneven_starts(rows), broken_rounds(rows, config.rounds)
    return table_result(
        RECOMMENDER_ROUNDS,
        len(rows),
        {
            "communities_are_alike_at_the_start": (
                not uneven and bool(rows),
                uneven or f"true of {len(MEASURES)} measures of {len(recommenders())} recommenders",
            ),
            "rounds_follow_one_another": (not broken, broken or f"{config.rounds} rounds of each recommender"),
        },
        finding=said_of_rounds(rows),
        courses=picture(courses_figure(courses_shown(rows, _SHOWN), "What comes of recommendations", "months")),
        at_the_end=markdown_table(last_round(rows)),
    )


def _inputs(lake: Lake, marts: Marts) -> dict[str, str]:
    """Fingerprints of all that a trial rests on."""
    inputs = {name: value for key in READ_TABLES for name, value in lake.fingerprints(key).items()}
    return inputs | {"beauty": marts.fingerprint_of(BEAUTY_MONTHLY), "today": marts.fingerprint_of(BEAUTY_TODAY)}


def _too_many(users: int, most: int) -> str:
    return (
        f"{counted(users, 'user')} are more than the {most:,} of `most_users`; raise it in the configuration, or sample"
    )


ASSETS = [recommender_evaluation, recommender_rounds]
