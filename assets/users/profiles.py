"""What users of each class are like, and names that say so.

Rules for names, the first that fits, in standard deviations from all users' mean of log(1 + x). *Talent* is beauty;
*recognition* is the mean of followers and favorites received. A class stands out from 0.3 on, either way.

1. talented: talent stands out. "talented and unseen" with recognition below 0, "talented and popular" where recognition
   stands out too, else "talented".
2. popular: recognition stands out.
3. few photos: photos stand out below. "newcomers" where half of the class has joined within half the median tenure of
   all, else "barely active".
4. active: photos stand out.
5. average.

Classes of one name are numbered by recognition, the most recognised first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.users_results import CLASS_EVIDENCE, FEATURES, USER_CLASS_PROFILES, USER_CLASSES
from assets.users.classes import ClassesConfig, classify, evidence, standardised
from assets.users.measures import numbers

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = Sequence[Mapping[str, Any]]

STANDS_OUT = 0.3


def classified_users(users: pa.Table) -> pa.Table:
    """Users of ``MEASURES_OF_USERS`` who have b(i), which is the shrunken one from here on."""
    having = users.filter(users["beauty_shrunken"].is_valid())
    return having.drop_columns(["beauty"]).rename_columns({"beauty_shrunken": "beauty"})


def class_tables(users: pa.Table, config: ClassesConfig) -> dict[str, pa.Table]:
    """Rows of ``user_classes``, ``user_class_profiles`` and ``class_evidence``, by key.

    Args:
        users: As ``classified_users`` gives them.
        config: How classes are made.
    """
    points = standardised(users)
    tried = evidence(points, config)
    number = next((row["classes"] for row in tried if row["is_chosen"]), 1)
    found = classify(points, number, config)
    profiles = profile_rows(users, found)
    named = dict(zip(profiles["class_number"].to_pylist(), profiles["class_name"].to_pylist(), strict=True))
    assigned = {
        "user_id": users["user_id"],
        "class_number": found,
        "class_name": [named[number] for number in found.tolist()],
    }
    return {
        USER_CLASSES.key: pa.table(assigned),
        USER_CLASS_PROFILES.key: profiles,
        CLASS_EVIDENCE.key: pa.Table.from_pylist(tried, schema=CLASS_EVIDENCE.schema),
    }


def profile_rows(users: pa.Table, found: Ints) -> pa.Table:
    """Rows of ``user_class_profiles``.

    Args:
        users: Classified users: the columns of ``FEATURES``, ``active_weeks``, ``tenure_months`` and
            ``is_talented_unseen``.
        found: Number of the class of each, shape (users,).
    """
    points = standardised(users)
    all_tenure = _median(numbers(users, "tenure_months"))
    rows = [_profile(users, points, found, number) for number in np.unique(found)]
    named = class_names(rows, all_tenure)
    reasons = {row["class_number"]: _reason(row, all_tenure) for row in rows}
    described = [
        {**row, "class_name": named[row["class_number"]], "name_reason": reasons[row["class_number"]]} for row in rows
    ]
    return pa.Table.from_pylist(described, schema=USER_CLASS_PROFILES.schema)


def _profile(users: pa.Table, points: Floats, found: Ints, number: int) -> dict[str, Any]:
    there = found == number
    row: dict[str, Any] = {
        "class_number": int(number),
        "users": int(there.sum()),
        "share_of_users": float(there.mean()),
        "active_weeks_mean": _mean(numbers(users, "active_weeks")[there]),
        "active_weeks_median": _median(numbers(users, "active_weeks")[there]),
        "tenure_months_median": _median(numbers(users, "tenure_months")[there]),
        "talented_unseen_share": float(numbers(users, "is_talented_unseen")[there].mean()),
    }
    for position, name in enumerate(FEATURES):
        own = numbers(users, name)[there]
        row[f"{name}_standardised"] = float(points[there, position].mean())
        row |= {f"{name}_mean": _mean(own), f"{name}_median": _median(own)}
    return row


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _median(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else None


def class_names(rows: Rows, all_tenure: float | None) -> dict[int, str]:
    """A name for each class by the rules at the head of this file: class number -> name.

    Args:
        rows: Rows of ``user_class_profiles``, names not needed.
        all_tenure: Median tenure of all classified users, months.
    """
    plain = {row["class_number"]: _name(row, all_tenure) for row in rows}
    recognised = sorted(rows, key=lambda row: (-_recognition(row), row["class_number"]))
    named = {}
    for name in set(plain.values()):
        same = [row["class_number"] for row in recognised if plain[row["class_number"]] == name]
        for place, number in enumerate(same, 1):
            named[number] = name if len(same) == 1 else f"{name} {place}"
    return named


def _recognition(row: Mapping[str, Any]) -> float:
    return float((row["followers_standardised"] + row["favorites_received_standardised"]) / 2)


def _name(row: Mapping[str, Any], all_tenure: float | None) -> str:
    recognition, photos = _recognition(row), row["photos_standardised"]
    if row["beauty_standardised"] >= STANDS_OUT:
        return _talented(recognition)
    if recognition >= STANDS_OUT:
        return "popular"
    if photos <= -STANDS_OUT:
        return "newcomers" if _is_new(row, all_tenure) else "barely active"
    return "active" if photos >= STANDS_OUT else "average"


def _talented(recognition: float) -> str:
    if recognition < 0:
        return "talented and unseen"
    return "talented and popular" if recognition >= STANDS_OUT else "talented"


def _is_new(row: Mapping[str, Any], all_tenure: float | None) -> bool:
    tenure = row["tenure_months_median"]
    return tenure is not None and all_tenure is not None and bool(tenure <= all_tenure / 2)


def _reason(row: Mapping[str, Any], all_tenure: float | None) -> str:
    said = (
        f"talent {row['beauty_standardised']:+.2f}, recognition {_recognition(row):+.2f}, "
        f"photos {row['photos_standardised']:+.2f}"
    )
    if row["tenure_months_median"] is None or all_tenure is None:
        return said
    return f"{said}; median tenure {row['tenure_months_median']:g} of {all_tenure:g} months"


def broken_profiles(rows: Rows, users: int) -> str:
    """What is wrong with the profiles; empty if they hold all users, names are unique, and means balance to 0."""
    held = sum(row["users"] for row in rows)
    if held != users or not users:
        return f"classes hold {held} of {users} users"
    if abs(sum(row["share_of_users"] for row in rows) - 1) > 1e-9:
        return f"shares of users sum to {sum(row['share_of_users'] for row in rows)}"
    if len({row["class_name"] for row in rows}) < len(rows):
        return f"classes share a name: {', '.join(sorted(row['class_name'] for row in rows))}"
    for name in FEATURES:
        balance = sum(row["share_of_users"] * row[f"{name}_standardised"] for row in rows)
        if abs(balance) > 1e-6:
            return f"standardised means of {name} balance to {balance:.2g}, not 0"
    return ""


def misplaced_users(assigned: pa.Table, profiles: Rows) -> str:
    """What is wrong with ``user_classes``; empty if classes hold as many users, under the same names, as profiles."""
    if not assigned.num_rows:
        return "nobody is in a class"
    classes = assigned.group_by(["class_number", "class_name"]).aggregate([([], "count_all")]).to_pylist()
    held = {(row["class_number"], row["class_name"]): row["count_all"] for row in classes}
    described = {(row["class_number"], row["class_name"]): row["users"] for row in profiles}
    differing = sorted(f"{key[0]} {key[1]}" for key in held.keys() | described if held.get(key) != described.get(key))
    return f"profiles and users differ in {', '.join(differing)}" if differing else ""


def profile_matrix(rows: Rows) -> tuple[list[str], list[str], list[list[float | None]]]:
    """What the heat map draws: classes with their shares, features, standardised means."""
    lines = [f"{row['class_name']} ({row['share_of_users']:.0%})" for row in rows]
    columns = ["beauty b(i)", *(name.replace("_", " ") for name in FEATURES if name != "beauty")]
    return lines, columns, [[row[f"{name}_standardised"] for name in FEATURES] for row in rows]


def said_of_profiles(rows: Rows) -> str:
    """Classes with their shares and active weeks, in a sentence."""
    return "; ".join(
        f"{row['class_name']} {row['share_of_users']:.0%}"
        + ("" if row["active_weeks_median"] is None else f" (median of {row['active_weeks_median']:g} active weeks)")
        for row in rows
    )


def sizes_shown(rows: Rows) -> dict[str, tuple[float, None, None]]:
    """Class -> its users; a count has no interval."""
    return {row["class_name"]: (row["users"], None, None) for row in rows}
