"""Arguments of dbt invocations: which months a run replays, and nothing that would void dbt's parsed state.

Windows travel as ``--event-time-start`` and ``--event-time-end``, never as ``--vars``: every change of
variables makes dbt parse the whole project again.
"""

import re
from collections.abc import Iterable

MICROBATCH = "+config.incremental_strategy:microbatch"
"""Selects the models that replay months, and the views they read."""

EMPTY_WINDOW = ("1970-01", "1970-01")
"""Window of a community without any dated row: makes microbatch tables, which need a window, without rows."""

_BUILD = ("build", "--exclude-resource-type", "unit_test")
_MONTH = re.compile(r"\d{4}-\d{2}")
_GAP_WORTH_A_RUN = 36


def is_month(partition: str) -> bool:
    """Whether a partition is a calendar month; ``undated`` and others are not.

    >>> is_month("2016-03"), is_month("undated")
    (True, False)
    """
    return _MONTH.fullmatch(partition) is not None


def next_month(month: str) -> str:
    """The month after.

    >>> next_month("2015-12")
    '2016-01'
    """
    return _month_name(_month_number(month) + 1)


def month_windows(months: Iterable[str]) -> list[tuple[str, str]]:
    """Few windows that cover all months, each as first and last month, both included; others are ignored.

    Months up to three years apart share a window: replaying an empty or unchanged month in between costs
    some hundredths of a second, another dbt invocation several seconds.

    >>> month_windows(["2016-03", "undated", "2016-01", "2004-02"])
    [('2004-02', '2004-02'), ('2016-01', '2016-03')]
    """
    windows: list[tuple[str, str]] = []
    for month in sorted({month for month in months if is_month(month)}):
        if windows and _month_number(month) - _month_number(windows[-1][1]) <= _GAP_WORTH_A_RUN:
            windows[-1] = (windows[-1][0], month)
        else:
            windows.append((month, month))
    return windows


def event_time_arguments(window: tuple[str, str]) -> list[str]:
    """The window as dbt takes it: from the first day of its first month to the day after its last.

    >>> event_time_arguments(("2015-11", "2015-12"))
    ['--event-time-start', '2015-11-01', '--event-time-end', '2016-01-01']
    """
    first, last = window
    return ["--event-time-start", f"{first}-01", "--event-time-end", f"{next_month(last)}-01"]


def results_selectors(results: Iterable[str]) -> list[str]:
    """What dbt makes of the tables that are computed from marts: all models that read one, and theirs.

    >>> results_selectors(["user_classes", "mixing"])
    ['source:lake.mixing+', 'source:lake.user_classes+']
    """
    return [f"source:lake.{key}+" for key in sorted(results)]


def build_invocations(months: Iterable[str], *, full_refresh: bool) -> list[list[str]]:
    """Dbt invocations that bring the warehouse up to date, to be run in this order.

    All but the last replay one window of the microbatch models; the last replays its window, makes
    everything else and runs all data tests. Unit tests belong to the test suite, not to runs.

    Args:
        months: Months whose rows may have changed; a full refresh takes all months there are.
        full_refresh: Make incremental models from nothing.
    """
    *earlier, last = month_windows(months) or [EMPTY_WINDOW]
    invocations = [["run", "--select", MICROBATCH, *event_time_arguments(window)] for window in earlier]
    invocations.append([*_BUILD, *event_time_arguments(last)])
    if full_refresh:
        invocations[0].append("--full-refresh")
    return invocations


def results_invocations() -> list[list[str]]:
    """The dbt invocation that makes models of results, which are made whole, and runs their data tests."""
    return [[*_BUILD]]


def _month_number(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1


def _month_name(number: int) -> str:
    return f"{number // 12:04d}-{number % 12 + 1:02d}"
