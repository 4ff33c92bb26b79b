import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.users_results import CLASS_EVIDENCE, FEATURES, USER_CLASS_PROFILES, USER_CLASSES
from assets.users.classes import ClassesConfig
from assets.users.profiles import (
    broken_profiles,
    class_names,
    class_tables,
    classified_users,
    misplaced_users,
    profile_matrix,
    profile_rows,
    said_of_profiles,
)

USERS = pa.table(
    {
        "user_id": [1, 2, 3, 4],
        "beauty": [0.2, 0.4, 0.8, 0.6],
        "followers": [1, 3, 0, 0],
        "favorites_received": [0, 8, 0, 0],
        "photos": [1, 9, 2, 4],
        "groups": [0, 0, 0, 0],
        "active_weeks": [1, 7, 2, None],
        "tenure_months": [5, 30, None, 20],
        "is_talented_unseen": [False, False, True, False],
    }
)
FOUND = np.array([1, 1, 2, 2])


def _row(number=1, beauty=0.0, recognition=0.0, photos=0.0, tenure=None):
    return {
        "class_number": number,
        "beauty_standardised": beauty,
        "followers_standardised": recognition - 0.1,
        "favorites_received_standardised": recognition + 0.1,
        "photos_standardised": photos,
        "tenure_months_median": tenure,
    }


def test_profile_rows_are_exact():
    one, other = profile_rows(USERS, FOUND).to_pylist()
    assert (one["users"], one["share_of_users"], one["talented_unseen_share"]) == (2, 0.5, 0.0)
    assert (one["followers_mean"], one["followers_median"], one["photos_median"]) == (2, 2, 5)
    assert (one["active_weeks_mean"], one["tenure_months_median"]) == (4, 17.5)
    # Of the other class one tenure and one number of weeks are known.
    assert (other["active_weeks_median"], other["tenure_months_median"], other["talented_unseen_share"]) == (2, 20, 0.5)
    logs = np.log1p([1, 3, 0, 0])
    assert one["followers_standardised"] == pytest.approx((logs[:2].mean() - logs.mean()) / logs.std())
    assert one["groups_standardised"] == 0


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (_row(beauty=0.3, recognition=-0.01), "talented and unseen"),
        (_row(beauty=0.3, recognition=0.3), "talented and popular"),
        (_row(beauty=0.3, recognition=0.2), "talented"),
        (_row(beauty=0.29, recognition=0.3), "popular"),
        (_row(photos=-0.3, tenure=10), "newcomers"),
        (_row(photos=-0.3, tenure=11), "barely active"),
        (_row(photos=-0.3), "barely active"),
        (_row(photos=0.3), "active"),
        (_row(photos=0.29), "average"),
    ],
)
def test_class_names_follow_the_rules(row, name):
    assert class_names([row], 20.0) == {1: name}


def test_class_names_are_unique_and_start_with_the_most_recognised():
    rows = [_row(1, recognition=0.4), _row(2, recognition=0.9), _row(3)]
    assert class_names(rows, None) == {1: "popular 2", 2: "popular 1", 3: "average"}


def test_profiles_tell_why_a_class_is_called_so():
    reason = profile_rows(USERS, FOUND).to_pylist()[1]["name_reason"]
    assert reason.startswith("talent +0.")
    assert reason.endswith("median tenure 20 of 20 months")


def test_classified_users_have_shrunken_beauty():
    users = pa.table({"user_id": [1, 2], "beauty": [0.1, None], "beauty_shrunken": [0.2, None], "photos": [3, 0]})
    assert classified_users(users).to_pylist() == [{"user_id": 1, "beauty": 0.2, "photos": 3}]


def test_class_tables_fit_their_contracts_and_one_another():
    generator = np.random.default_rng(4)
    kind = np.arange(120) % 2
    columns = {name: np.round(np.array([3, 90])[kind] * generator.lognormal(0, 0.2, 120)) for name in FEATURES}
    columns["beauty"] = np.array([0.7, 0.3])[kind] + 0.01 * generator.standard_normal(120)
    columns |= {"user_id": np.arange(120), "active_weeks": kind, "tenure_months": kind, "is_talented_unseen": kind == 0}
    tables = class_tables(pa.table(columns), ClassesConfig(most_classes=3, refits=4, clouds=4))
    for contract in (USER_CLASSES, USER_CLASS_PROFILES, CLASS_EVIDENCE):
        contract.validate(contract.conform(tables[contract.key]))
    profiles = tables[USER_CLASS_PROFILES.key].to_pylist()
    assert {row["class_name"] for row in profiles} == {"talented and unseen", "popular"}
    assert (broken_profiles(profiles, 120), misplaced_users(tables[USER_CLASSES.key], profiles)) == ("", "")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"users": 1}, "classes hold 3 of 4 users"),
        ({"share_of_users": 0.6}, "shares of users sum to 1.1"),
        ({"photos_standardised": 0.5}, "standardised means of photos balance to "),
    ],
)
def test_broken_profiles_sees_one_bad_row(change, said):
    rows = profile_rows(USERS, FOUND).to_pylist()
    assert broken_profiles(rows, 4) == ""
    assert broken_profiles([{**rows[0], **change}, rows[1]], 4).startswith(said)


def test_broken_profiles_sees_a_name_twice_and_nobody():
    rows = profile_rows(USERS, FOUND).to_pylist()
    assert (
        broken_profiles([{**row, "class_name": "active"} for row in rows], 4) == "classes share a name: active, active"
    )
    assert broken_profiles([], 0) == "classes hold 0 of 0 users"


def test_misplaced_users_sees_a_user_in_another_class_or_nobody():
    profiles = [{"class_number": 1, "class_name": "a", "users": 2}, {"class_number": 2, "class_name": "b", "users": 1}]
    users = pa.table({"class_number": [1, 1, 2], "class_name": ["a", "a", "b"]})
    assert misplaced_users(users, profiles) == ""
    moved = pa.table({"class_number": [1, 2, 2], "class_name": ["a", "b", "b"]})
    assert misplaced_users(moved, profiles) == "profiles and users differ in 1 a, 2 b"
    renamed = pa.table({"class_number": [1, 1, 2], "class_name": ["a", "a", "c"]})
    assert misplaced_users(renamed, profiles) == "profiles and users differ in 2 b, 2 c"
    assert misplaced_users(users.slice(0, 0), []) == "nobody is in a class"


def test_what_is_shown_names_classes_with_their_shares():
    rows = profile_rows(USERS, FOUND).to_pylist()
    lines, columns, values = profile_matrix(rows)
    assert lines[0].endswith("(50%)")
    assert columns == ["beauty b(i)", "followers", "favorites received", "photos", "groups"]
    assert values[0][0] == rows[0]["beauty_standardised"]
    assert said_of_profiles(rows).endswith("50% (median of 2 active weeks)")
