"""How tables are split: by calendar month, and only into the months that really landed.

Months are a dynamic partition set, because they come with the data: a community may start in 2004 or
last week, and rows without a time need a partition too (``undated``), which a calendar cannot hold.
``docs/adr/0005-months-as-dynamic-partitions.md`` weighs the alternatives.
"""

import warnings
from collections.abc import Iterable

import dagster as dg

# Backfill policies are beta in this pinned version; `one_run` below is the one place to change if they move.
warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*backfill_policy.*")

months = dg.DynamicPartitionsDefinition(name="months")
"""Months ``YYYY-MM`` of event time (upload, join, link, favorite), in UTC, and ``undated``."""

one_run = dg.BackfillPolicy.single_run()
"""A backfill of many months is one run: starting a process, Ray or dbt costs more than a month does."""


def register_months(instance: dg.DagsterInstance, found: Iterable[str]) -> list[str]:
    """Add months to the partition set and keep it in calendar order, which ranges rely on.

    Dagster lists dynamic partitions in order of insertion. A month that arrives late is therefore
    inserted by adding the later ones again; what was materialized for them stays on record.

    Returns:
        The months that were not there before.
    """
    present = list(instance.get_dynamic_partitions(_name()))
    added = sorted(set(found) - set(present))
    wanted = sorted({*present, *added})
    kept = _shared_prefix(present, wanted)
    for month in present[kept:]:
        instance.delete_dynamic_partition(_name(), month)
    if wanted[kept:]:
        instance.add_dynamic_partitions(_name(), wanted[kept:])
    return added


def _name() -> str:
    if months.name is None:
        raise ValueError("the month partition set has no name")
    return months.name


def _shared_prefix(left: list[str], right: list[str]) -> int:
    for position, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return position
    return min(len(left), len(right))


def month_ranges(wanted: Iterable[str], known: list[str]) -> list[tuple[str, str]]:
    """Runs of neighbouring months, each as first and last, in the order of ``known``.

    >>> month_ranges(["2016-03", "2016-01", "2015-12"], ["2015-12", "2016-01", "2016-02", "2016-03"])
    [('2015-12', '2016-01'), ('2016-03', '2016-03')]
    """
    chosen = set(wanted)
    ranges: list[tuple[str, str]] = []
    previous_chosen = False
    for month in known:
        if month in chosen:
            ranges = [*ranges[:-1], (ranges[-1][0], month)] if previous_chosen else [*ranges, (month, month)]
        previous_chosen = month in chosen
    return ranges
