"""The matching experiments on the user-months of the warehouse, with what speaks against each of them.

What is asked stands in ``experiments.py``. Tables are written whole, and left alone where their inputs are the same.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.causal import experiment_checks as checks
from assets.causal.around import AROUND, linked_query, trajectory_query, trajectory_rows
from assets.causal.declared import ANY_UNITS, MART, NO_UNITS, MatchingExperiment
from assets.causal.experiment_figures import (
    balance_shown,
    bounds_shown,
    doses_shown,
    dropped_shown,
    effects_shown,
    staying_shown,
    trajectories_shown,
    ways_shown,
)
from assets.causal.experiment_tables import (
    balance_rows,
    bound_rows,
    dose_rows,
    dropped_rows,
    effect_rows,
    experiment_row,
    judged,
)
from assets.causal.experiments import EXPERIMENTS
from assets.causal.reports import Report, report, with_placebo_treatments, without_linked
from assets.causal.staying import STAYING, rising_curves, survival_rows
from assets.contracts.community import EDGES
from assets.contracts.experiments import (
    DOSE_RESPONSES,
    EXPERIMENT_BALANCE,
    EXPERIMENT_BOUNDS,
    EXPERIMENT_DROPPED,
    EXPERIMENT_EFFECTS,
    EXPERIMENT_SURVIVAL,
    EXPERIMENT_TRAJECTORIES,
    MATCHING_EXPERIMENTS,
)
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.table import TableContract
from assets.contracts.wording import counted
from assets.figures import bands_figure, courses_figure, event_study_figure, intervals_figure, steps_figure
from assets.marts import Marts
from assets.metadata import check_result, markdown_table, not_made, picture, table_spec
from assets.resources import LakeResource, WarehouseResource
from assets.whole_tables import made_together, unmade

TABLES = (
    MATCHING_EXPERIMENTS,
    EXPERIMENT_EFFECTS,
    EXPERIMENT_BALANCE,
    EXPERIMENT_DROPPED,
    EXPERIMENT_BOUNDS,
    EXPERIMENT_TRAJECTORIES,
    EXPERIMENT_SURVIVAL,
    DOSE_RESPONSES,
)
MARTS = (MART, "fct_user_months", "fct_user_retention")
_CODE = code_version_of("assets.causal", "assets.statistics")

CHECKS = {
    "verdicts_follow_from_balance_and_placebos": (
        MATCHING_EXPERIMENTS.key,
        "What is unbalanced, or finds something where there can be nothing, is not credible; nothing else is.",
    ),
    "experiments_are_credible": (MATCHING_EXPERIMENTS.key, "No experiment is refuted, and each can be made."),
    "effects_lie_in_their_intervals": (
        EXPERIMENT_EFFECTS.key,
        "Effects lie in their intervals, or have a reason why there is none.",
    ),
    "balance_has_the_differences_of_results": (
        EXPERIMENT_BALANCE.key,
        "The largest difference of an experiment is that of its table of balance.",
    ),
    "treated_are_matched_or_left_out_for_a_reason": (
        EXPERIMENT_DROPPED.key,
        "All treated user-months are matched, or counted among those left out.",
    ),
    "bounds_widen_as_gamma_grows": (EXPERIMENT_BOUNDS.key, "A stronger hidden trait leaves less certain."),
    "arms_are_together_before_treatment": (
        EXPERIMENT_TRAJECTORIES.key,
        "In the three months before the treatment, intervals of the arms meet.",
    ),
    "survival_never_rises": (EXPERIMENT_SURVIVAL.key, "Curves never rise, and lie in their intervals."),
    "doses_have_one_reference": (DOSE_RESPONSES.key, "One range of each dose is what the others are compared with."),
}
_WARNINGS = ("experiments_are_credible", "arms_are_together_before_treatment")


class ExperimentSettings(dg.Config):
    """How hard results are tried to be refuted."""

    shuffles: int = Field(default=5, ge=0, description="Times that each treatment is shuffled among the user-months.")


@dg.multi_asset(
    name="matching_experiments",
    specs=[table_spec(contract, "causal", [*MARTS, EDGES.key], {"parquet"}, _CODE) for contract in TABLES],
    check_specs=[dg.AssetCheckSpec(name, asset=key, description=said) for name, (key, said) in CHECKS.items()],
)
def matching_experiments(
    context: dg.AssetExecutionContext, config: ExperimentSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """What do exposure to beauty, imbalance and missing recognition do, and what speaks against it?"""
    store, marts = lake.open(), published.open()
    if not marts.read(ANY_UNITS).num_rows:
        unmade(store, *TABLES)
        yield from (
            not_made(contract.key, NO_UNITS, *(name for name, (key, _) in CHECKS.items() if key == contract.key))
            for contract in TABLES
        )
        return
    inputs = {one.name: marts.fingerprint_of(one.query(all_doses=True)) for one in EXPERIMENTS}
    inputs |= {
        f"{one.name}/{placebo.name}": marts.fingerprint_of(one.with_placebo(placebo).query())
        for one in EXPERIMENTS
        for placebo in one.placebo_treatments
    }
    inputs |= store.fingerprints(EDGES.key)
    inputs |= {name: marts.fingerprint_of(query) for name, query in AROUND.items()}
    tables = made_together(
        context, store, TABLES, inputs, config.model_dump(), lambda: _tables(context, store, marts, config.shuffles)
    )
    yield from _results({key: table.to_pylist() for key, table in tables.items()})


def _tables(context: dg.AssetExecutionContext, lake: Lake, marts: Marts, shuffles: int) -> Mapping[str, pa.Table]:
    rows: dict[TableContract, list[dict[str, Any]]] = {contract: [] for contract in TABLES}
    for experiment in EXPERIMENTS:
        context.log.info(f"{experiment.name}: {experiment.question}")
        for contract, found in _rows(_report(lake, marts, experiment, shuffles), marts).items():
            rows[contract] += found
    rows[MATCHING_EXPERIMENTS] = judged(rows[MATCHING_EXPERIMENTS])
    return {contract.key: pa.Table.from_pylist(found, schema=contract.schema) for contract, found in rows.items()}


def _rows(found: Report, marts: Marts) -> Mapping[TableContract, Iterable[dict[str, Any]]]:
    """All that is kept of a report, so that only one is in memory at a time."""
    return {
        MATCHING_EXPERIMENTS: [experiment_row(found)],
        EXPERIMENT_EFFECTS: effect_rows(found),
        EXPERIMENT_BALANCE: balance_rows(found),
        EXPERIMENT_DROPPED: dropped_rows(found),
        EXPERIMENT_BOUNDS: bound_rows(found),
        EXPERIMENT_TRAJECTORIES: _around(marts, found),
        EXPERIMENT_SURVIVAL: _staying(marts, found),
        DOSE_RESPONSES: dose_rows(found),
    }


def _report(lake: Lake, marts: Marts, experiment: MatchingExperiment, shuffles: int) -> Report:
    units = marts.read(experiment.query(all_doses=True))
    found = report(units, experiment, shuffles=shuffles)
    placebos = {one.name: marts.read(experiment.with_placebo(one).query()) for one in experiment.placebo_treatments}
    found = with_placebo_treatments(found, placebos)
    if not lake.partitions(EDGES.key):
        return found
    linked = marts.read(linked_query(experiment), tables={"units": units.select(_UNIT), "edges": lake.dataset(EDGES)})
    return without_linked(found, units, linked)


_UNIT = ["user_id", "event_month", "is_treated"]


def _around(marts: Marts, found: Report) -> list[dict[str, Any]]:
    if found.matched is None or found.experiment.trajectory is None:
        return []
    answer = marts.read(trajectory_query(found.experiment), tables={"matched": found.matched})
    return trajectory_rows(found.experiment, answer)


def _staying(marts: Marts, found: Report) -> list[dict[str, Any]]:
    if found.matched is None or not found.experiment.follows_staying:
        return []
    return survival_rows(found.experiment, marts.read(STAYING, tables={"matched": found.matched}))


def _results(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dg.MaterializeResult]:
    experiments, effects = tables[MATCHING_EXPERIMENTS.key], tables[EXPERIMENT_EFFECTS.key]
    trajectories, balance = tables[EXPERIMENT_TRAJECTORIES.key], tables[EXPERIMENT_BALANCE.key]
    doses = tables[DOSE_RESPONSES.key]
    wrong = {
        "verdicts_follow_from_balance_and_placebos": checks.wrong_verdicts(experiments, effects),
        "experiments_are_credible": checks.not_credible(experiments),
        "effects_lie_in_their_intervals": checks.misplaced_effects(effects, "kind", "name"),
        "balance_has_the_differences_of_results": checks.uneven_balance(balance, experiments),
        "treated_are_matched_or_left_out_for_a_reason": checks.lost_units(tables[EXPERIMENT_DROPPED.key], experiments),
        "bounds_widen_as_gamma_grows": checks.narrowing_bounds(tables[EXPERIMENT_BOUNDS.key]),
        "arms_are_together_before_treatment": checks.apart_before(trajectories),
        "survival_never_rises": rising_curves(tables[EXPERIMENT_SURVIVAL.key]),
        "doses_have_one_reference": checks.without_reference(doses),
    }
    said = " ".join(row["finding"] for row in experiments)
    figures = {
        MATCHING_EXPERIMENTS: {
            "effects": picture(
                intervals_figure(effects_shown(experiments), "Effects on the treated", "standard deviations", (0.0,))
            )
        },
        EXPERIMENT_EFFECTS: {
            name: picture(intervals_figure(shown, f"{name}: other ways", "effect", (0.0,)))
            for name, shown in ways_shown(experiments, effects).items()
        },
        EXPERIMENT_BALANCE: {
            name: picture(
                intervals_figure(shown, f"{name}: difference of the arms", "|standardised mean difference|", (0.1,))
            )
            for name, shown in balance_shown(balance).items()
        },
        EXPERIMENT_DROPPED: {
            "shares": picture(
                intervals_figure(dropped_shown(tables[EXPERIMENT_DROPPED.key]), "Who is left out", "share of the arm")
            )
        },
        EXPERIMENT_BOUNDS: {
            "p_values": picture(
                courses_figure(
                    bounds_shown(tables[EXPERIMENT_BOUNDS.key]),
                    "What a hidden trait would have to do (above 0.05 nothing is left)",
                    "gamma: factor on the odds of treatment",
                )
            )
        },
        EXPERIMENT_TRAJECTORIES: {
            "figure": picture(
                event_study_figure(
                    trajectories_shown(trajectories),
                    "Matched arms around the treatment",
                    "months since the treatment",
                    beside_zero=False,
                )
            )
        },
        EXPERIMENT_SURVIVAL: {
            name: picture(steps_figure(shown, f"{name}: who stays", "days since the treatment", "still there"))
            for name, shown in staying_shown(tables[EXPERIMENT_SURVIVAL.key]).items()
        },
        DOSE_RESPONSES: {
            name: picture(bands_figure({"effect": curve}, f"{name}: effect by dose", dose))
            for name, (dose, curve) in doses_shown(doses).items()
        },
    }
    for contract in TABLES:
        rows = tables[contract.key]
        yield dg.MaterializeResult(
            asset_key=contract.key,
            metadata={
                "dagster/row_count": len(rows),
                "finding": said,
                **figures.get(contract, {}),
                "all": markdown_table(rows[:200]),
            },
            check_results=[
                check_result(
                    contract,
                    name,
                    bool(rows) and not wrong[name],
                    wrong[name] or (f"true of {counted(len(rows), 'row')}" if rows else "there is nothing to look at"),
                    is_error=bool(rows) and name not in _WARNINGS,
                )
                for name, (key, _) in CHECKS.items()
                if key == contract.key
            ],
        )


ASSETS = [matching_experiments]
