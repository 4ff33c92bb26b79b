"""How long users of each class stay: Kaplan-Meier curves, medians and the log-rank test, whole and from a landmark.

Curves come from statsmodels: lifelines 0.30 does not install beside pandas 3, which this platform pins. Intervals are
log-log (Kalbfleisch and Prentice 2002, section 1.4) from Greenwood's variance; of the median, Brookmeyer and Crowley
(1982).

Classes over the whole history are made of sums that grow with time, so long stayers stand in classes of many photos:
immortal time. The landmark analysis (Anderson, Cain and Gelber 1983) takes users who are still there at the end of the
month of day 180, puts them into as many classes by what was known then, and counts time from there on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.users_results import (
    CLASS_SURVIVAL,
    CLASS_SURVIVAL_MEDIANS,
    CLASS_SURVIVAL_TESTS,
    LANDMARK,
    WHOLE_HISTORY,
)
from assets.statistics.intervals import NORMAL_95
from assets.users.classes import FEWEST_USERS, ClassesConfig, classify, standardised
from assets.users.measures import numbers
from assets.users.profiles import profile_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = Sequence[Mapping[str, Any]]

LANDMARK_DAYS = 180
MOST_STEPS = 200
_YEAR = 365
SHOWN_AT_RISK = 10
_ROUNDING = 1e-12

READ_MARTS = ("fct_user_retention", "fct_user_months")

_HALF = 0.5 + 1e-9
"""Products of shares that make one half exactly may come out a rounding above it."""

DURATIONS_OF_USERS = """
    select user_id, duration_days, is_churned
    from fct_user_retention
    where duration_days is not null
    order by user_id
"""

# The month's row says how things stood at its end, so that is the landmark.
USERS_AT_LANDMARK = """
    select
        months.user_id,
        months.beauty_cumulative as beauty,
        months.followers,
        months.favorites_received_cumulative as favorites_received,
        months.photos_cumulative as photos,
        months.member_of_groups as "groups",
        months.active_weeks_cumulative as active_weeks,
        months.tenure_months,
        false as is_talented_unseen,
        retention.duration_days,
        retention.is_churned,
        (
            epoch_us((months.event_month + interval 1 month)::timestamptz) - epoch_us(retention.started_at)
        ) / 86400e6 as landmark_days
    from fct_user_retention as retention
    inner join fct_user_months as months
        on
            retention.user_id = months.user_id
            and months.event_month = date_trunc('month', retention.started_at + ? * interval 1 day)
    where retention.duration_days is not null and months.beauty_cumulative is not null
    order by months.user_id
"""


def survival_tables(
    durations: pa.Table, classes: pa.Table, landmark: pa.Table, day: int, config: ClassesConfig
) -> dict[str, pa.Table]:
    """Rows of all tables of survival, by key.

    Args:
        durations: ``user_id``, ``duration_days`` and ``is_churned``.
        classes: ``user_id``, ``class_number`` and ``class_name``.
        landmark: Users as they stood at the landmark: what ``profile_rows`` reads, ``duration_days``, ``is_churned``
            and ``landmark_days``, the day of each user's landmark.
        day: Earliest day of the landmark.
        config: How classes at the landmark are made.
    """
    whole = with_class(durations, classes)
    number = len(set(classes["class_number"].to_pylist()))
    groups = {WHOLE_HISTORY: whole, LANDMARK: from_landmark(landmark, number, config)}
    curves: list[dict[str, Any]] = []
    medians: list[dict[str, Any]] = []
    tests: list[dict[str, Any]] = []
    for basis, users in groups.items():
        if not users.num_rows:
            continue
        found, middle = _curves(basis, users)
        curves += found
        medians += middle
        tests.append({"landmark_days": day if basis == LANDMARK else 0, **_log_rank(basis, users)})
    return {
        contract.key: pa.Table.from_pylist(rows, schema=contract.schema)
        for contract, rows in (
            (CLASS_SURVIVAL, curves),
            (CLASS_SURVIVAL_MEDIANS, medians),
            (CLASS_SURVIVAL_TESTS, tests),
        )
    }


def with_class(durations: pa.Table, classes: pa.Table) -> pa.Table:
    """Users with a known duration and a class, both side by side, ascending by ``user_id``."""
    return durations.join(classes, "user_id", join_type="inner").sort_by("user_id")


def from_landmark(users: pa.Table, number: int, config: ClassesConfig) -> pa.Table:
    """Users still there at their landmark, with classes by what was known then and the days that they stay after it.

    Args:
        users: As ``survival_tables`` takes them.
        number: Number of classes.
        config: How classes are made.

    Returns:
        ``user_id``, ``duration_days``, ``is_churned``, ``class_number`` and ``class_name``; empty where fewer than 50
        users are left, or they are too much alike.
    """
    there = users.filter(pa.array(numbers(users, "duration_days") > numbers(users, "landmark_days")))
    points = standardised(there) if there.num_rows else np.empty((0, 1))
    columns = ("user_id", "duration_days", "is_churned")
    if there.num_rows < FEWEST_USERS or len(np.unique(points, axis=0)) < number:
        nothing = there.slice(0, 0).select(columns)
        return nothing.append_column("class_number", pa.array([], pa.int64())).append_column(
            "class_name", pa.array([], pa.string())
        )
    found = classify(points, number, config)
    named = {row["class_number"]: row["class_name"] for row in profile_rows(there, found).to_pylist()}
    rest = numbers(there, "duration_days") - numbers(there, "landmark_days")
    return pa.table(
        {
            "user_id": there["user_id"],
            "duration_days": rest,
            "is_churned": there["is_churned"],
            "class_number": found,
            "class_name": [named[int(one)] for one in found],
        }
    )


def kaplan_meier(days: Floats, churned: NDArray[np.bool_], most_steps: int = MOST_STEPS) -> list[dict[str, Any]]:
    """Steps of a Kaplan-Meier curve: one before anybody left, one per time at which somebody does, one at the end.

    Args:
        days: Time of each user, shape (users,), none negative.
        churned: Whether it ended with leaving, shape (users,); else it is censored.
        most_steps: Steps that are kept, at least 3; the curve is thinned evenly over times at which somebody left.

    Returns:
        ``step``, ``days``, ``survival``, ``lower``, ``upper``, ``at_risk``, in order of time.

    Raises:
        ValueError: There is nobody, or a time is negative.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    if not len(days) or days.min() < 0:
        raise ValueError(f"need users with times of 0 days or more, found {len(days)} users")
    rows = [{"days": 0.0, "survival": 1.0, "lower": 1.0, "upper": 1.0, "at_risk": len(days)}]
    if churned.any():
        curve = SurvfuncRight(days, churned.astype(np.int64))
        # It is the exponential of a sum of logarithms, whose last digit may carry it past 1.
        survival = np.clip(curve.surv_prob, 0.0, 1.0)
        lower, upper = _log_log(survival, np.asarray(curve.surv_prob_se))
        kept = _thinned(len(survival), most_steps - 2)
        rows += [
            {
                "days": float(curve.surv_times[i]),
                "survival": float(survival[i]),
                "lower": lower[i],
                "upper": upper[i],
                "at_risk": int(curve.n_risk[i]),
            }
            for i in kept
        ]
    end = float(days.max())
    if end > rows[-1]["days"]:
        rows.append({**rows[-1], "days": end, "at_risk": int((days == end).sum())})
    return [{"step": step, **row} for step, row in enumerate(rows)]


def _log_log(survival: Floats, error: Floats) -> tuple[list[float | None], list[float | None]]:
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = NORMAL_95 * error / (survival * np.abs(np.log(survival)))
        ends = survival ** np.exp(reach), survival ** np.exp(-reach)
    defined = (survival > 0) & (survival < 1)
    lower, upper = ([float(v) if ok else None for v, ok in zip(end, defined, strict=True)] for end in ends)
    return lower, upper


def _thinned(number: int, most: int) -> Ints:
    """Positions of at most so many of the numbered things, evenly, the first and the last among them.

    >>> _thinned(5, 3).tolist(), _thinned(2, 3).tolist()
    ([0, 2, 4], [0, 1])
    """
    return np.unique(np.linspace(0, number - 1, min(number, most)).round().astype(np.int64))


def median_stay(days: Floats, churned: NDArray[np.bool_]) -> tuple[float | None, float | None, float | None]:
    """Median time of staying by Kaplan-Meier with the ends of its 95 % log-log interval; None for what is not reached.

    Args:
        days: Time of each user, shape (users,).
        churned: Whether it ended with leaving, shape (users,).
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    if not churned.any():
        return None, None, None
    curve = SurvfuncRight(days, churned.astype(np.int64))
    survival = np.clip(curve.surv_prob, 0.0, 1.0)
    lower, upper = (
        np.array([np.nan if value is None else value for value in end])
        for end in _log_log(survival, np.asarray(curve.surv_prob_se))
    )
    times = np.asarray(curve.surv_times, dtype=np.float64)
    # Where all have left the band is not defined; it has come down by then.
    gone = survival <= 0
    return _first(times, survival <= _HALF), _first(times, (lower <= _HALF) | gone), _first(times, upper <= _HALF)


def _first(times: Floats, true: NDArray[np.bool_]) -> float | None:
    return float(times[np.argmax(true)]) if true.any() else None


def log_rank(days: Floats, churned: NDArray[np.bool_], groups: Ints) -> tuple[float | None, float | None]:
    """Log-rank statistic and p-value of the hypothesis that all groups leave alike (Mantel 1966).

    Args:
        days: Time of each user, shape (users,).
        churned: Whether it ended with leaving, shape (users,).
        groups: Group of each user, shape (users,).

    Returns:
        Chi-squared and p-value; None where nobody left, or there is one group.
    """
    from scipy import stats
    from statsmodels.duration.survfunc import survdiff

    kinds = len(np.unique(groups))
    if not churned.any() or kinds < 2:
        return None, None
    statistic, _ = survdiff(days, churned.astype(np.int64), groups)
    if not np.isfinite(statistic):
        return None, None
    # survdiff takes 1 - cdf, which is 0 from 1e-16 on.
    return float(statistic), float(stats.chi2.sf(statistic, kinds - 1))


def _curves(basis: str, users: pa.Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    number, days, churned = _columns(users)
    names = dict(zip(users["class_number"].to_pylist(), users["class_name"].to_pylist(), strict=True))
    curves, medians = [], []
    for one in np.unique(number):
        own = number == one
        head = {"basis": basis, "class_number": int(one), "class_name": names[int(one)]}
        curves += [{**head, **row} for row in kaplan_meier(days[own], churned[own])]
        middle = zip(("median_days", "lower_days", "upper_days"), median_stay(days[own], churned[own]), strict=True)
        medians.append({**head, "users": int(own.sum()), "churned": int(churned[own].sum()), **dict(middle)})
    return curves, medians


def _columns(users: pa.Table) -> tuple[Ints, Floats, NDArray[np.bool_]]:
    churned = users["is_churned"].to_numpy().astype(np.bool_)
    return users["class_number"].to_numpy(), numbers(users, "duration_days"), churned


def _log_rank(basis: str, users: pa.Table) -> dict[str, Any]:
    number, days, churned = _columns(users)
    statistic, p_value = log_rank(days, churned, number)
    classes = len(np.unique(number))
    return {
        "basis": basis,
        "classes": classes,
        "users": len(days),
        "chi_squared": statistic,
        "degrees_of_freedom": classes - 1,
        "p_value": p_value,
    }


def broken_survival(rows: Rows) -> list[str]:
    """Curves that do not start at 1, rise, leave their band, or along which days or users at risk go the wrong way."""
    return [name for name, steps in _by_class(rows).items() if not _falls(steps)]


def _by_class(rows: Rows) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["step"]):
        found.setdefault(f"{row['class_name']} ({row['basis']})", []).append(row)
    return found


def _falls(steps: Sequence[Mapping[str, Any]]) -> bool:
    days, survival, risk = (np.array([row[name] for row in steps]) for name in ("days", "survival", "at_risk"))
    starts = days[0] == 0 and survival[0] == 1
    falls = (np.diff(survival) <= _ROUNDING).all() and (np.diff(risk) <= 0).all() and (np.diff(days) >= 0).all()
    inside = all(
        row["lower"] is None or row["lower"] - _ROUNDING <= row["survival"] <= row["upper"] + _ROUNDING for row in steps
    )
    return bool(starts and falls and inside)


def uncounted_users(rows: Rows, durations: pa.Table, classes: pa.Table) -> str:
    """What is wrong with the curves over the whole history; empty if they start with every classified user once."""
    known = with_class(durations, classes).num_rows
    started = [row["at_risk"] for row in rows if row["basis"] == WHOLE_HISTORY and row["step"] == 0]
    if sum(started) != known or not known:
        return f"curves start with {sum(started)} users, {known} have a class and a duration"
    return ""


def broken_medians(medians: Rows, curves: Rows) -> list[str]:
    """Classes whose median leaves its interval, or half of whom have left by the curve and not by the median."""
    end = {name: steps[-1]["survival"] for name, steps in _by_class(curves).items()}
    broken = []
    for row in medians:
        name = f"{row['class_name']} ({row['basis']})"
        middle, lower, upper = (row[f"{which}_days"] for which in ("median", "lower", "upper"))
        reached = name in end and (middle is not None) == (end[name] <= _HALF)
        above = lower is None or middle is None or lower <= middle
        below = upper is None or (middle is not None and middle <= upper)
        broken += [] if reached and above and below and row["churned"] <= row["users"] else [name]
    return broken


def broken_tests(tests: Rows, medians: Rows) -> list[str]:
    """Bases whose test compares other users or classes than their curves, or that have no test."""
    held: dict[str, tuple[int, int]] = {}
    for row in medians:
        classes, users = held.get(row["basis"], (0, 0))
        held[row["basis"]] = (classes + 1, users + row["users"])
    tested = {row["basis"]: (row["classes"], row["users"]) for row in tests}
    return sorted(basis for basis in held.keys() | tested if held.get(basis) != tested.get(basis))


def shown_steps(rows: Rows, basis: str) -> dict[str, dict[str, list[float | None]]]:
    """What the figure draws of one basis: class -> days, survival and band, while ten users or more are at risk."""
    shown = [row for row in rows if row["basis"] == basis and row["at_risk"] >= SHOWN_AT_RISK]
    return {
        steps[0]["class_name"]: {
            name: [row[column] for row in steps]
            for name, column in (("x", "days"), ("y", "survival"), ("lower", "lower"), ("upper", "upper"))
        }
        for steps in _by_class(shown).values()
    }


def shown_medians(rows: Rows) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    """What the figure draws: basis -> class -> median and its interval; nan where half are still there."""
    shown: dict[str, dict[str, tuple[float, float | None, float | None]]] = {}
    for row in rows:
        median = float("nan") if row["median_days"] is None else row["median_days"]
        left = f"{row['class_name']} ({row['churned']:,} of {row['users']:,} left)"
        shown.setdefault(_words(row["basis"]), {})[left] = (median, row["lower_days"], row["upper_days"])
    return shown


def shown_tests(rows: Rows) -> dict[str, tuple[float, float | None, float | None]]:
    """What the figure draws: basis -> p-value."""
    return {_words(row["basis"]): (row["p_value"], None, None) for row in rows if row["p_value"] is not None}


def _words(basis: str) -> str:
    return basis.replace("_", " ")


def said_of_survival(curves: Rows, tests: Rows) -> str:
    """Who is still there a year after the landmark, or the start where there is no landmark, and the test."""
    bases = [row["basis"] for row in tests]
    basis = LANDMARK if LANDMARK in bases else WHOLE_HISTORY
    since = "the landmark" if basis == LANDMARK else "the start, by classes that favor long stayers"
    stays = [f"{name} {_still_there(steps, _YEAR)}" for name, steps in shown_steps(curves, basis).items()]
    test = next(row for row in tests if row["basis"] == basis)
    chi = "" if test["chi_squared"] is None else f"; log-rank {test['chi_squared']:.1f}, p = {test['p_value']:.2g}"
    return f"Still there {_YEAR} days after {since}: {', '.join(stays)}{chi}"


def _still_there(steps: Mapping[str, Sequence[float | None]], day: float) -> str:
    known = [
        survival for then, survival in zip(steps["x"], steps["y"], strict=True) if then is not None and then <= day
    ]
    end = steps["x"][-1]
    return "unknown" if end is None or end < day or known[-1] is None else f"{known[-1]:.0%}"
