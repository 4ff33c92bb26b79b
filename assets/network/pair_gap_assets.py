"""Homophily or influence: whether users are alike before one follows the other, and whether they become so after.

What is compared is in ``event_study.py``, and what must be true of it in ``pair_gap_tables.py``.
"""

from collections.abc import Iterator

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.contracts.community import EDGES
from assets.contracts.lake import Lake
from assets.contracts.pair_gaps import HOMOPHILY_AND_INFLUENCE, PAIR_GAP_STUDY
from assets.contracts.provenance import code_version_of
from assets.contracts.wording import counted
from assets.figures import event_study_figure, intervals_figure
from assets.marts import Marts
from assets.metadata import (
    check_result,
    markdown_table,
    not_made,
    picture,
    table_spec,
)
from assets.network.event_study import StudyConfig
from assets.network.pair_gap_tables import (
    BEAUTY_BY_MONTH,
    HOMOPHILY,
    INFLUENCE,
    NOISE_WITHIN_MONTHS,
    lacking_months,
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
from assets.whole_tables import made_together, unmade

TABLES = (PAIR_GAP_STUDY, HOMOPHILY_AND_INFLUENCE)
MARTS = ("fct_user_beauty_monthly", "int_user_beauty__monthly_noise")
_CODE = code_version_of(
    "assets.network.dyadic",
    "assets.network.event_study",
    "assets.network.never_linked",
    "assets.network.pair_events",
    "assets.network.pair_gap_tables",
)
_SIDES, _ENOUGH, _NEVER, _BALANCED = (
    "gaps_are_known_before_and_after_links",
    "there_are_enough_pairs",
    "never_linked_pairs_have_no_link",
    "pairs_are_balanced",
)
_MOST_IMBALANCE = 0.1
_LEAST_PAIRS = 500

CHECKS = {
    _SIDES: (PAIR_GAP_STUDY.key, "Some linked pairs have gaps before, and some after, the month of the link."),
    _ENOUGH: (HOMOPHILY_AND_INFLUENCE.key, f"Both readings rest on at least {_LEAST_PAIRS} matched linked pairs."),
    _NEVER: (HOMOPHILY_AND_INFLUENCE.key, "No pair that is taken for never linked has a link in either direction."),
    _BALANCED: (
        HOMOPHILY_AND_INFLUENCE.key,
        f"Standardised mean differences of what pairs are matched on are at most {_MOST_IMBALANCE:g}.",
    ),
}


class PairGapConfig(dg.Config):
    """What is looked at; the same values give the same numbers."""

    pairs: int = Field(default=StudyConfig.pairs, ge=1, description="Links that are drawn, for each of both questions.")
    months: int = Field(default=StudyConfig.months, ge=1, description="Months before and after a link.")
    after: int = Field(default=StudyConfig.after, ge=1, description="Months for which a link is new.")
    least_photos: int = Field(default=StudyConfig.least_photos, ge=1, description="Photos that a user needs before.")
    strangers: int = Field(default=StudyConfig.strangers, ge=1, description="Never-linked pairs per link, at most.")
    seed: int = Field(default=StudyConfig.seed, ge=0, description="Seed of the draws.")


@dg.multi_asset(
    name="pair_gaps_around_links",
    specs=[table_spec(contract, "network", [*MARTS, EDGES.key], {"parquet"}, _CODE) for contract in TABLES],
    check_specs=[dg.AssetCheckSpec(name, asset=key, description=said) for name, (key, said) in CHECKS.items()],
)
def pair_gaps_around_links(
    context: dg.AssetExecutionContext, config: PairGapConfig, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Gaps in beauty around links beside never-linked pairs, and what they say of homophily and influence."""
    store, marts = lake.open(), published.open()
    noise = marts.read(NOISE_WITHIN_MONTHS)["variance_within_month"].drop_null().to_pylist()
    if reason := _lacking(store, noise):
        unmade(store, *TABLES)
        yield from (
            not_made(contract.key, reason, *(name for name, (key, _) in CHECKS.items() if key == contract.key))
            for contract in TABLES
        )
        return
    inputs = {
        "beauty_by_month": marts.fingerprint_of(BEAUTY_BY_MONTH),
        "noise_within_months": marts.fingerprint_of(NOISE_WITHIN_MONTHS),
        **store.fingerprints(EDGES.key),
    }
    chosen = config.model_dump()
    tables = made_together(
        context, store, TABLES, inputs, chosen, lambda: _study(store, marts, noise[0], StudyConfig(**chosen))
    )
    yield from _results(tables)


def _lacking(store: Lake, noise: list[float]) -> str:
    if not store.partitions(EDGES.key):
        return "there are no links between users"
    return "" if noise else "no user has two photos of one month with beauty, so the noise of a month is not known"


def _study(store: Lake, marts: Marts, within: float, config: StudyConfig) -> dict[str, pa.Table]:
    known, first = months_of(marts.read(BEAUTY_BY_MONTH))
    return study_tables(known, links_of(store, known, first), within, config)


def _results(tables: dict[str, pa.Table]) -> Iterator[dg.MaterializeResult]:
    gaps, readings = (tables[contract.key].to_pylist() for contract in TABLES)
    said = said_of_readings(readings)
    sides = lacking_months(gaps)
    yield dg.MaterializeResult(
        asset_key=PAIR_GAP_STUDY.key,
        metadata={
            "dagster/row_count": len(gaps),
            "finding": said,
            "figure": picture(
                event_study_figure(
                    study_panels(gaps),
                    "Gaps in beauty around links, beside never-linked pairs",
                    "months since the link",
                )
            ),
        },
        check_results=[check_result(PAIR_GAP_STUDY, _SIDES, not sides, sides or "true of linked pairs", is_error=True)],
    )
    wrong, apart = once_linked(readings), unbalanced(readings, _MOST_IMBALANCE)
    pairs = {row["reading"]: row["linked_pairs"] for row in readings}
    fewest = min((pairs.get(name, 0) for name in (HOMOPHILY, INFLUENCE)), default=0)
    yield dg.MaterializeResult(
        asset_key=HOMOPHILY_AND_INFLUENCE.key,
        metadata={
            "dagster/row_count": len(readings),
            "finding": said,
            "figure": picture(
                intervals_figure(
                    {"share": readings_shown(readings)}, "Homophily and influence", "share of the gap", (0.0,)
                )
            ),
            "readings": markdown_table(readings),
        },
        check_results=[
            check_result(
                HOMOPHILY_AND_INFLUENCE,
                _ENOUGH,
                fewest >= _LEAST_PAIRS,
                f"the smaller of both readings rests on {counted(fewest, 'matched pair')}",
            ),
            check_result(
                HOMOPHILY_AND_INFLUENCE, _NEVER, not wrong, wrong or "true of all never-linked pairs", is_error=True
            ),
            check_result(
                HOMOPHILY_AND_INFLUENCE,
                _BALANCED,
                not apart,
                f"too far apart: {apart}" if apart else "true of all readings",
            ),
        ],
    )


ASSETS = [pair_gaps_around_links]
