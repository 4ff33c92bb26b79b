"""Rows of the tables of the event study, what their pages show, and what must be true of them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.community import EDGES
from assets.contracts.lake import Lake
from assets.contracts.pair_gaps import HOMOPHILY_AND_INFLUENCE, PAIR_GAP_STUDY
from assets.contracts.table import UNDATED
from assets.network.dyadic import Estimate
from assets.network.event_study import (
    ANY_GAP,
    DIFFERENCE,
    LINKED,
    NEVER_LINKED,
    SAME_GAP,
    FollowerMonths,
    PairStudy,
    StudyConfig,
    arrange_followers,
    arrange_pairs,
    gap_rows,
    homophily,
    pull,
)
from assets.network.never_linked import prior_of
from assets.network.pair_events import UNDATED_MONTH, Integers, LinkTimes, MonthOfLinks, UserMonths, link_times

Rows = Sequence[Mapping[str, Any]]

BEAUTY_BY_MONTH = """
select user_id, event_month, photos, beauty
from fct_user_beauty_monthly
where photos > 0
order by user_id, event_month
"""
NOISE_WITHIN_MONTHS = "select variance_within_month from int_user_beauty__monthly_noise"

HOMOPHILY, INFLUENCE, TOO_EARLY = "homophily", "influence", "too_early"
_AGES = {INFLUENCE: (1, None), TOO_EARLY: (0, 0)}
DEFINITIONS = {
    HOMOPHILY: "Share by which the squared gap in beauty of linked pairs is smaller, before the link, than that of "
    "never-linked pairs of the same users and month.",
    INFLUENCE: "Share of the gap to new followees that followers close while links are new, beyond followers of the "
    "same month and expected beauty who were never linked to these followees.",
    TOO_EARLY: "What influence would be in the month of the link itself, when it has hardly begun. Above 0 where "
    "choice passes for influence, or where users followed before were like the new ones.",
}
_LABELS = {LINKED: "linked", NEVER_LINKED: "never linked"}


def months_of(rows: pa.Table) -> tuple[UserMonths, date]:
    """Photos of users by month, and the first month.

    Args:
        rows: ``user_id``, ``event_month``, ``photos`` and ``beauty``; at least one.
    """
    months = rows["event_month"].to_numpy().astype("datetime64[M]").astype(np.int64)
    first = int(months.min())
    known = UserMonths.of(
        rows["user_id"].to_numpy(),
        months - first,
        rows["photos"].to_numpy(),
        rows["beauty"].to_numpy(),
        int(months.max()) - first + 1,
    )
    return known, np.datetime64(first, "M").astype("datetime64[D]").item()


def links_of(lake: Lake, known: UserMonths, first: date) -> LinkTimes:
    """Links of the lake, one month in memory at a time."""
    start = 12 * first.year + first.month

    def by_month() -> Iterator[MonthOfLinks]:
        for partition in lake.partitions(EDGES.key):
            rows = lake.read(EDGES, [partition], ["follower_id", "followee_id"])
            month = UNDATED_MONTH
            if partition != UNDATED:
                year, number = partition.split("-")
                month = 12 * int(year) + int(number) - start
            yield month, rows["follower_id"].to_numpy(), rows["followee_id"].to_numpy()

    return link_times(known, by_month())


def study_tables(known: UserMonths, links: LinkTimes, within: float, config: StudyConfig) -> dict[str, pa.Table]:
    """Both tables by key.

    Args:
        known: Photos of users by month.
        links: Links between them.
        within: Variance of a photo around the mean of its owner's month.
        config: What is looked at.
    """
    prior = prior_of(known, within)
    pairs = arrange_pairs(known, links, prior, config)
    followers = {
        reading: arrange_followers(known, links, prior, config, (ages[0], config.after if ages[1] is None else ages[1]))
        for reading, ages in _AGES.items()
    }
    readings = [_homophily_row(pairs, links), *(_pull_row(name, study, links) for name, study in followers.items())]
    return {
        PAIR_GAP_STUDY.key: pa.Table.from_pylist(gap_rows(pairs), schema=PAIR_GAP_STUDY.schema),
        HOMOPHILY_AND_INFLUENCE.key: pa.Table.from_pylist(readings, schema=HOMOPHILY_AND_INFLUENCE.schema),
    }


def _homophily_row(study: PairStudy, links: LinkTimes) -> dict[str, Any]:
    one, other, _, _ = study.ends(ANY_GAP, NEVER_LINKED)
    two, third, _, _ = study.ends(SAME_GAP, NEVER_LINKED)
    crossed = links_among(links, np.concatenate([one, two]), np.concatenate([other, third]))
    linked = len(np.unique(study.matches[ANY_GAP].row))
    return _row(HOMOPHILY, homophily(study), linked, len(one), crossed, study.imbalance[ANY_GAP])


def _pull_row(reading: str, study: FollowerMonths, links: LinkTimes) -> dict[str, Any]:
    row, stranger = study.matches.row, study.follower[study.matches.stranger]
    crossed = links_among(links, stranger, study.followee[row])
    return _row(reading, pull(study), len(np.unique(row)), len(row), crossed, study.imbalance)


def _row(
    reading: str, estimate: Estimate, linked: int, never_linked: int, crossed: int, imbalance: float
) -> dict[str, Any]:
    numbers = {
        "value": estimate.value,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "largest_imbalance": imbalance,
    }
    return {
        "reading": reading,
        **{name: None if np.isnan(number) else number for name, number in numbers.items()},
        "is_found": bool(estimate.lower > 0),
        "linked_pairs": linked,
        "never_linked_pairs": never_linked,
        "never_linked_pairs_with_a_link": crossed,
        "definition": DEFINITIONS[reading],
    }


def links_among(links: LinkTimes, one: Integers, other: Integers) -> int:
    """How many pairs have a link in either direction, found by another way than the one that chose them."""
    scale = max(1, links.users)
    linked, wanted = (
        np.minimum(first, second) * scale + np.maximum(first, second)
        for first, second in (np.divmod(links.key, scale), (one, other))
    )
    return int(np.isin(wanted, linked).sum())


def lacking_months(rows: Rows) -> str:
    """What is wrong with ``pair_gap_study``; empty if linked pairs have gaps before and after the month of the link."""
    known = {row["relative_month"] for row in rows if row["pair_group"] == LINKED and row["squared_gap"] is not None}
    sides = {"before": any(month < 0 for month in known), "after": any(month > 0 for month in known)}
    missing = [side for side, is_there in sides.items() if not is_there]
    return f"no linked pair has photos of both users {' or '.join(missing)} the link" if missing else ""


def once_linked(rows: Rows) -> str:
    """What is wrong with never-linked pairs; empty if there are some for each reading, and none has a link."""
    if not rows or any(not row["never_linked_pairs"] for row in rows):
        return "a reading has no never-linked pairs"
    linked = sum(row["never_linked_pairs_with_a_link"] for row in rows)
    return f"{linked} pairs that should never have been linked have a link" if linked else ""


def unbalanced(rows: Rows, most: float) -> str:
    """Readings whose pairs differ in what they are matched on, or that have no pairs; empty if none."""
    wrong = [
        f"{row['reading']} {row['largest_imbalance']}"
        for row in rows
        if row["largest_imbalance"] is None or row["largest_imbalance"] > most
    ]
    return ", ".join(wrong) if rows else "no reading"


def study_panels(rows: Rows) -> dict[str, dict[str, dict[str, list[float | None]]]]:
    """What ``event_study_figure`` draws: linked and never-linked pairs, and their difference under both comparisons."""
    found = {"squared gap": {label: _curve(rows, ANY_GAP, group) for group, label in _LABELS.items()}}
    found["linked less never linked"] = {
        "any gap before": _curve(rows, ANY_GAP, DIFFERENCE),
        "same gap before": _curve(rows, SAME_GAP, DIFFERENCE),
    }
    return found


def _curve(rows: Rows, comparison: str, group: str) -> dict[str, list[float | None]]:
    held = [row for row in rows if row["comparison"] == comparison and row["pair_group"] == group]
    names = {"x": "relative_month", "y": "squared_gap", "lower": "lower", "upper": "upper"}
    return {name: [row[column] for row in held] for name, column in names.items()}


def readings_shown(rows: Rows) -> dict[str, tuple[float, float | None, float | None]]:
    """Reading -> value and ends of its interval, where it is defined."""
    return {
        row["reading"].replace("_", " "): (row["value"], row["lower"], row["upper"])
        for row in rows
        if row["value"] is not None
    }


def said_of_readings(rows: Rows) -> str:
    """Both readings in a sentence; influence that is seen before it can be there is not to be relied on."""
    is_early = any(row["reading"] == TOO_EARLY and row["is_found"] for row in rows)
    return "; ".join(
        _said(row, is_doubtful=is_early and _is_influence(row)) for row in rows if row["reading"] != TOO_EARLY
    )


def _is_influence(row: Mapping[str, Any]) -> bool:
    return bool(row["reading"] == INFLUENCE and row["is_found"])


def _said(row: Mapping[str, Any], *, is_doubtful: bool) -> str:
    if row["lower"] is None:
        return f"{row['reading']}: cannot be told"
    ends = f"{row['value']:.0%} ({row['lower']:.0%} to {row['upper']:.0%})"
    if is_doubtful:
        return f"{row['reading']}: not credible, since it is found too early, too; {ends}"
    if row["is_found"]:
        return f"{row['reading']}: found, {ends}"
    return f"{row['reading']}: {'the opposite, ' if row['upper'] < 0 else 'not found, '}{ends}"
