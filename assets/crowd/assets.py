"""Crowd: which photos people are asked to judge, and the task that asks them.

How photos are drawn stands in ``sampling.py``; the task's content in ``tasks.py``, its images in ``pictures.py``, its
files in ``page.py``, ``label_studio.py`` and ``export.py``. This file says only what the tables are and how they are
made.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.contracts.provenance import code_version_of
from assets.contracts.table import UNDATED
from assets.contracts.wording import counted
from assets.crowd.sampling import Cell, CrowdSampleConfig, count_cells, draw_crowd_sample
from assets.crowd.stored_task import TASK, store_task
from assets.figures import grouped_bars_figure
from assets.metadata import OWNERS, contract_description, contract_metadata, markdown_table, picture
from assets.resources import LakeResource

_SAMPLE_INPUTS = ("photos", "favorites")
_SAMPLE_CODE = code_version_of("assets.crowd.sampling")
_TASK_INPUTS = (CROWD_SAMPLE.key, "photos")


class SampleConfig(dg.Config):
    """How many photos people are asked to judge."""

    photos_per_cell: int = Field(
        default=CrowdSampleConfig.photos_per_cell, description="Photos of each popularity bucket and category."
    )
    seed: int = Field(default=CrowdSampleConfig.seed, description="Another seed gives another sample.")


@dg.asset(
    key=CROWD_SAMPLE.key,
    deps=list(_SAMPLE_INPUTS),
    group_name="crowd",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    description=contract_description(CROWD_SAMPLE),
    metadata=contract_metadata(CROWD_SAMPLE),
    code_version=_SAMPLE_CODE,
    check_specs=[
        dg.AssetCheckSpec(
            "every_cell_is_represented",
            asset=CROWD_SAMPLE.key,
            description="Each popularity bucket and category that holds photos gives as many as it should; a community "
            "without images has no cell, and nobody can be asked about it.",
        )
    ],
)
def crowd_sample(context: dg.AssetExecutionContext, config: SampleConfig, lake: LakeResource) -> dg.MaterializeResult:
    """Photos to rate, replaced whole; unchanged inputs and configuration leave the sample as it is."""
    store = lake.open()
    wanted = CrowdSampleConfig(photos_per_cell=config.photos_per_cell, seed=config.seed)
    version = f"{_SAMPLE_CODE} {wanted}"
    inputs = _fingerprints(store, _SAMPLE_INPUTS)
    if store.is_current(CROWD_SAMPLE, UNDATED, code_version=version, inputs=inputs):
        context.log.info("crowd_sample is up to date")
    else:
        store.write(CROWD_SAMPLE, UNDATED, draw_crowd_sample(store, wanted), code_version=version, inputs=inputs)
    return _sample_result(count_cells(store, store.read(CROWD_SAMPLE)), wanted)


def _sample_result(cells: list[Cell], config: CrowdSampleConfig) -> dg.MaterializeResult:
    short = [cell for cell in cells if cell.drawn != min(cell.photos, config.photos_per_cell)]
    names = [f"{cell.category}, {cell.popularity_bucket}" for cell in cells]
    bars = {"photos there are": [cell.photos for cell in cells], "photos drawn": [cell.drawn for cell in cells]}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(cell.drawn for cell in cells),
            "cells": markdown_table([vars(cell) for cell in cells]),
            "population_and_sample": picture(
                grouped_bars_figure(names, bars, "Photos by category and popularity", "photos")
            ),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="every_cell_is_represented",
                passed=bool(cells) and not short,
                severity=dg.AssetCheckSeverity.ERROR if short else dg.AssetCheckSeverity.WARN,
                description=_cells_verdict(cells, short),
                metadata={"cells": len(cells), "cells_that_fall_short": len(short)},
            )
        ],
    )


def _cells_verdict(cells: list[Cell], short: list[Cell]) -> str:
    if not cells:
        return "there is no public image to draw from"
    if not short:
        return f"{counted(len(cells), 'cell')} of category and popularity, each with its photos"
    first = short[0]
    named = f"{first.category}, {first.popularity_bucket}: {first.drawn:,} drawn of {counted(first.photos, 'photo')}"
    return f"{counted(len(short), 'cell')} of category and popularity short of photos, for example {named}"


class TaskConfig(dg.Config):
    """How the task is put into files."""

    image_url: str = Field(
        default="", description="Address of the images for Label Studio; empty means its own local files."
    )


@dg.asset(
    key=TASK,
    deps=[*_TASK_INPUTS, "landing"],
    group_name="crowd",
    kinds={"html", "json"},
    owners=OWNERS,
    check_specs=[
        dg.AssetCheckSpec(
            "task_holds_every_sampled_photo",
            asset=TASK,
            description="Each sampled photo can be shown; one that cannot is left out, with its reason.",
        )
    ],
)
def crowd_task(context: dg.AssetExecutionContext, config: TaskConfig, lake: LakeResource) -> dg.MaterializeResult:
    """The task for people: a self-contained page, and tasks with a labelling configuration for Label Studio.

    Files lie in the lake below `crowd_task/`, replaced together; an unchanged sample leaves them as they are. Gold
    questions are given to `beautyflow crowd task`, which writes the same files to any folder.
    """
    store = lake.open()
    inputs = _fingerprints(store, _TASK_INPUTS)
    return _task_result(store, store_task(store, lake.landing_folder(), inputs, config.image_url, context.log.info))


def _task_result(store: Lake, stored: Mapping[str, Any]) -> dg.MaterializeResult:
    left_out = stored["left_out"]
    return dg.MaterializeResult(
        metadata={
            "photos": stored["photos"],
            "files": markdown_table([{"file": store.location(name)} for name in stored["entry_points"]]),
            "left_out": markdown_table(left_out),
            "reason": stored["reason"],
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="task_holds_every_sampled_photo",
                passed=stored["photos"] > 0 and not left_out,
                severity=dg.AssetCheckSeverity.WARN,
                description=_task_verdict(stored),
                metadata={"photos": stored["photos"], "left_out": len(left_out)},
            )
        ],
    )


def _task_verdict(stored: Mapping[str, Any]) -> str:
    if not stored["photos"]:
        return str(stored["reason"] or "no photo to show")
    shown = f"{counted(stored['photos'], 'photo')} to rate"
    return f"{shown}, {len(stored['left_out']):,} left out with a reason" if stored["left_out"] else shown


def _fingerprints(store: Lake, tables: tuple[str, ...]) -> dict[str, str]:
    return {name: sha for table in tables for name, sha in store.fingerprints(table).items()}


ASSETS = [crowd_sample, crowd_task]
