"""For whom the effects of the matching experiments are larger: declared groups, and what a causal forest finds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.causal.declared import ANY_UNITS, EXPERIENCE, MART, NO_UNITS
from assets.causal.experiment_checks import misplaced_effects
from assets.causal.experiments import EXPERIMENTS
from assets.causal.group_tables import (
    calibration_row,
    group_rows,
    groups_shown,
    quarter_rows,
    said_of_groups,
    slopes_shown,
    unjudged_forests,
)
from assets.causal.heterogeneity import calibrated_forest, classes_of, cores_of, effects_by_group
from assets.contracts.experiments import EFFECT_GROUPS, FOREST_CALIBRATION
from assets.contracts.lake import Lake
from assets.contracts.network import USER_GRAPH_METRICS
from assets.contracts.provenance import code_version_of
from assets.contracts.users_results import USER_CLASSES
from assets.contracts.wording import counted
from assets.figures import intervals_figure
from assets.marts import Marts
from assets.metadata import markdown_table, not_made, picture, table_result, table_spec
from assets.resources import LakeResource, WarehouseResource
from assets.whole_tables import made_together, unmade

TABLES = (EFFECT_GROUPS, FOREST_CALIBRATION)
_CODE = code_version_of("assets.causal", "assets.statistics")
CHECKS = {
    EFFECT_GROUPS.key: (
        "groups_have_effects_or_reasons",
        "Effects of groups lie in their intervals, or have a reason why there is none.",
    ),
    FOREST_CALIBRATION.key: (
        "forests_are_judged_on_unseen_users",
        "Each experiment has a forest that was judged, with all its quarters, or a reason why not.",
    ),
}


class ForestSettings(dg.Config):
    """How forests are grown; the same values give the same forests."""

    trees: int = Field(default=200, ge=4, multiple_of=4, description="Trees of each of the two forests.")
    seed: int = Field(default=0, ge=0, description="Seed of halves and forests.")


@dg.multi_asset(
    name="effect_heterogeneity",
    specs=[
        table_spec(contract, "causal", [MART, USER_CLASSES.key, USER_GRAPH_METRICS.key], {"parquet"}, _CODE)
        for contract in TABLES
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=key, description=said) for key, (name, said) in CHECKS.items()],
)
def effect_heterogeneity(
    context: dg.AssetExecutionContext, config: ForestSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """For whom are the effects of the experiments larger?"""
    store, marts = lake.open(), published.open()
    if not marts.read(ANY_UNITS).num_rows:
        unmade(store, *TABLES)
        yield from (not_made(key, NO_UNITS, check) for key, (check, _) in CHECKS.items())
        return
    inputs = {one.name: marts.fingerprint_of(one.query()) for one in EXPERIMENTS}
    inputs |= store.fingerprints(USER_CLASSES.key) | store.fingerprints(USER_GRAPH_METRICS.key)
    tables = made_together(
        context, store, TABLES, inputs, config.model_dump(), lambda: _tables(context, store, marts, config)
    )
    yield from _results({key: table.to_pylist() for key, table in tables.items()})


def _tables(
    context: dg.AssetExecutionContext, lake: Lake, marts: Marts, config: ForestSettings
) -> Mapping[str, pa.Table]:
    groups: list[dict[str, Any]] = []
    forests: list[dict[str, Any]] = []
    classes = lake.read(USER_CLASSES, columns=["user_id", "class_name"])
    cores = lake.read(USER_GRAPH_METRICS, columns=["snapshot_month", "user_id", "core"])
    for experiment in EXPERIMENTS:
        context.log.info(f"{experiment.name}: groups and forest")
        units = marts.read(experiment.query())
        groups += group_rows(experiment.name, effects_by_group(units, experiment, _groupings(units, classes, cores)))
        calibration, reason = calibrated_forest(units, experiment, trees=config.trees, seed=config.seed)
        groups += [] if calibration is None else quarter_rows(experiment.name, calibration)
        forests.append(calibration_row(experiment.name, calibration, reason))
    found = {EFFECT_GROUPS: groups, FOREST_CALIBRATION: forests}
    return {contract.key: pa.Table.from_pylist(rows, schema=contract.schema) for contract, rows in found.items()}


def _groupings(units: pa.Table, classes: pa.Table, cores: pa.Table) -> dict[str, pa.Array]:
    return {
        EXPERIENCE: units[EXPERIENCE].combine_chunks(),
        "user_class": classes_of(units, classes),
        "core": cores_of(units, cores),
    }


def _results(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[dg.MaterializeResult]:
    groups, forests = tables[EFFECT_GROUPS.key], tables[FOREST_CALIBRATION.key]
    said = said_of_groups(groups, forests)
    figures = {
        EFFECT_GROUPS: {
            name: picture(intervals_figure(shown, f"{name}: effect by group", "effect", (0.0,)))
            for name, shown in groups_shown(groups).items()
        },
        FOREST_CALIBRATION: {
            "slopes": picture(
                intervals_figure(
                    slopes_shown(forests), "Do predicted effects hold? (1: yes, 0: no)", "slope", (0.0, 1.0)
                )
            )
        },
    }
    wrong = {
        EFFECT_GROUPS: misplaced_effects(groups, "grouping", "group_name"),
        FOREST_CALIBRATION: unjudged_forests(forests, groups),
    }
    for contract in TABLES:
        rows = tables[contract.key]
        fine = f"true of {counted(len(rows), 'row')}" if rows else "there is nothing to look at"
        yield table_result(
            contract,
            len(rows),
            {CHECKS[contract.key][0]: (bool(rows) and not wrong[contract], wrong[contract] or fine)},
            finding=said,
            **figures[contract],
            all=markdown_table(rows),
        )


ASSETS = [effect_heterogeneity]
