"""What is planted on the user-months that an experiment matched, from the sealed truth of a simulated community."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.causal.comparable import comparable, with_numbers
from assets.causal.declared import MONTH, TREATED, USER, MatchingExperiment
from assets.causal.matched import Pairs
from assets.causal.reports import Report
from assets.causal.sample import Floats, Integers
from assets.statistics import behaviour

TRUTH = {
    "exposure_to_quality": ("E1", "beauty_3", 0),
    "imbalance_above": ("E2", "left_6", 1),
    "imbalance_below": ("E2", "left_6", 1),
    "recognition_to_retention": ("E3", "left_6", 1),
}
"""Folder and outcome of the truth, and months by which the experiment's month comes after that of the truth.

E2 and E3 of the truth look at the end of a month, the experiments at the beginning of the next one.
"""
_MONTHS_OF_LEAVING = 6


@dataclass(frozen=True)
class Planted:
    """Effects that are planted on a matched sample; NaN where there is none.

    Attributes:
        effect: Mean of those matched whom the truth itself calls treated.
        between: What an estimate without error would find between those compared. For E1, links to whom the scores call
            beautiful, and the truth does not, count with 0. For E2 and E3, each treated user keeps everything but takes
            the true imbalance, or recognition, of those compared, in the months that follow too.
        share: Share of the matched treated whom the truth calls treated.
    """

    effect: float = np.nan
    between: float = np.nan
    share: float = np.nan


def planted(connection: Any, truth: Path, units: pa.Table, one: Report) -> Planted:
    """What is planted on a matched sample.

    Args:
        connection: A database to ask.
        truth: Folder of the truth of the community.
        units: User-months that the report was made from.
        one: The report.
    """
    if one.result is None or one.matched is None:
        return Planted()
    folder, outcome, later = TRUTH[one.experiment.name]
    connection.register("matched", one.matched)
    effect, between, share = connection.execute(
        f"""
        select
            avg(effect) filter (is_treated),
            sum(weight * coalesce(effect, 0)) filter (is_treated) / sum(weight) filter (is_treated)
            - sum(weight * coalesce(effect, 0)) filter (not is_treated) / sum(weight) filter (not is_treated),
            count(effect) filter (is_treated) / count(*) filter (is_treated)
        from matched
        left join (
            select
                user_id,
                {outcome}_treated - {outcome}_comparison as effect,
                strftime(
                    cast(right(parse_filename(filename, true), 7) || '-01' as date) + interval {later} month, '%Y-%m'
                ) as event_month
            from read_parquet('{truth / folder}/*.parquet', filename = true)
        ) using (user_id, event_month)
        """
    ).fetchone()
    if folder != "E1":
        between = _moved(connection, truth, folder, *_matched_units(units, one.experiment), one.result.matched.pairs)
    return Planted(np.nan if effect is None else effect, between, share)


def _moved(connection: Any, truth: Path, folder: str, user: Integers, month: Integers, pairs: Pairs) -> float:
    """Mean over matched treated of their chance of leaving, less that with the state of whom they are compared with."""
    ages = month[pairs.focal][:, None] + np.arange(_MONTHS_OF_LEAVING)
    treated, compared = user[pairs.focal][:, None], user[pairs.match][:, None]
    theirs = month[pairs.match][:, None] + np.arange(_MONTHS_OF_LEAVING)
    imbalance, recognition = _states(connection, truth)
    here, there = (treated, ages), (compared, theirs)
    moved = (there, here) if folder == "E2" else (here, there)
    knobs = json.loads((truth / "parameters.json").read_text())["knobs"]
    left = _leaves(knobs, imbalance[here], recognition[here])
    moved_left = _leaves(knobs, imbalance[moved[0]], recognition[moved[1]])
    return float(np.average(left - moved_left, weights=pairs.weight))


def _leaves(knobs: dict[str, Any], imbalance: Floats, recognition: Floats) -> Floats:
    """Chance of leaving within the months of the columns."""
    causes = (knobs["base_churn"], knobs["imbalance_churn"], knobs["recognition_retention"])
    return 1 - np.prod(1 - behaviour.leaving_probability(*causes, imbalance, recognition), axis=1)


def _matched_units(units: pa.Table, experiment: MatchingExperiment) -> tuple[Integers, Integers]:
    """User and month (since 1970) of the rows that the pairs of a report speak of."""
    chosen = units.filter(units[TREATED].is_valid())
    complete = with_numbers(chosen, (experiment.outcome, *experiment.covariates))
    rows = comparable(complete, experiment, experiment.outcome).units
    month = rows[MONTH].to_numpy(zero_copy_only=False).astype("datetime64[M]").astype(np.int64)
    return rows[USER].to_numpy(), month


def _states(connection: Any, truth: Path) -> tuple[Floats, Floats]:
    """(user, month since 1970) imbalance and recognition when a month began; NaN where they are not known."""
    rows = connection.execute(
        f"""
        select
            user_id,
            date_diff('month', date '1970-01-01', cast(right(parse_filename(filename, true), 7) || '-01' as date)),
            imbalance,
            recognition
        from read_parquet('{truth}/user_months/*.parquet', filename = true)
        """
    ).fetchnumpy()
    user, month, *values = (np.asarray(np.ma.filled(column, np.nan)) for column in rows.values())
    states = np.full((len(values), int(user.max()) + 1, int(month.max()) + 1), np.nan)
    states[:, user.astype(np.int64), month.astype(np.int64)] = values
    return states[0], states[1]
