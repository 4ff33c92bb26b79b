import duckdb
import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.users_results import (
    CLASS_SURVIVAL,
    CLASS_SURVIVAL_MEDIANS,
    CLASS_SURVIVAL_TESTS,
    LANDMARK,
    WHOLE_HISTORY,
)
from assets.users.classes import ClassesConfig
from assets.users.survival import (
    USERS_AT_LANDMARK,
    broken_medians,
    broken_survival,
    broken_tests,
    from_landmark,
    kaplan_meier,
    log_rank,
    median_stay,
    said_of_survival,
    shown_medians,
    shown_steps,
    shown_tests,
    survival_tables,
    uncounted_users,
)

# Weeks of remission of leukaemia (Freireich et al. 1963; Gehan 1965), as R's survival package gives the results.
TREATED = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], float)
TREATED_RELAPSED = np.arange(21) < 9
CONTROL = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], float)
ALL_RELAPSED = np.ones(21, bool)


def test_kaplan_meier_of_the_leukaemia_trial_is_as_published():
    steps = kaplan_meier(TREATED, TREATED_RELAPSED)
    at = {step["days"]: step for step in steps}
    assert [step["step"] for step in steps] == list(range(9))
    assert (steps[0]["survival"], steps[0]["at_risk"]) == (1, 21)
    assert [round(at[week]["survival"], 4) for week in (6, 7, 10, 13, 16, 22, 23)] == [
        0.8571, 0.8067, 0.7529, 0.6902, 0.6275, 0.5378, 0.4482
    ]  # fmt: skip
    assert [at[week]["at_risk"] for week in (6, 7, 10, 13, 16, 22, 23)] == [21, 17, 15, 12, 11, 7, 6]
    # Greenwood's standard error 0.0764 at week 6, on the log-log scale.
    assert (at[6]["lower"], at[6]["upper"]) == pytest.approx((0.6197, 0.9516), abs=1e-4)
    assert steps[-1]["days"] == 35
    assert steps[-1]["survival"] == at[23]["survival"]


def test_median_stay_of_the_leukaemia_trial_is_as_published():
    assert median_stay(TREATED, TREATED_RELAPSED) == (23, 13, None)
    assert median_stay(CONTROL, ALL_RELAPSED) == (8, 4, 11)


@pytest.mark.parametrize("users", range(2, 60, 2))
def test_median_stay_is_reached_where_exactly_one_half_is_left(users):
    """Products of shares may come out a rounding above one half."""
    days = np.arange(1.0, users + 1)
    assert median_stay(days, np.ones(users, bool))[0] == users / 2


def test_log_rank_of_the_leukaemia_trial_is_as_published():
    groups = np.repeat([1, 2], 21)
    statistic, p_value = log_rank(np.r_[TREATED, CONTROL], np.r_[TREATED_RELAPSED, ALL_RELAPSED], groups)
    assert statistic == pytest.approx(16.79, abs=0.005)
    assert p_value == pytest.approx(4.17e-5, rel=0.01)


def test_log_rank_of_classes_that_cannot_be_compared_is_none():
    days, churned = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
    assert log_rank(days, churned, np.array([1, 1, 1])) == (None, None)
    assert log_rank(days, np.zeros(3, bool), np.array([1, 2, 2])) == (None, None)


def test_log_rank_finds_nothing_where_nothing_is():
    """5 % level: at most 19 of 200 by the 99 % binomial region."""
    generator = np.random.default_rng(6)
    found = 0
    for _ in range(200):
        days, end = generator.exponential(300, 90), generator.uniform(0, 700, 90)
        _, p_value = log_rank(np.minimum(days, end), days <= end, np.arange(90) % 3)
        found += p_value < 0.05
    assert 3 <= found <= 19


def test_kaplan_meier_starts_at_one_even_where_some_leave_at_once():
    steps = kaplan_meier(np.array([0.0, 0.0, 5.0, 8.0]), np.array([True, False, True, True]))
    assert [(step["days"], step["survival"], step["at_risk"]) for step in steps] == [
        (0, 1, 4), (0, 0.75, 4), (5, 0.375, 2), (8, 0, 1)
    ]  # fmt: skip
    assert (steps[-1]["lower"], steps[-1]["upper"]) == (None, None)


def test_kaplan_meier_of_users_who_all_stay_is_flat():
    steps = kaplan_meier(np.array([3.0, 9.0]), np.zeros(2, bool))
    assert [(step["days"], step["survival"], step["at_risk"]) for step in steps] == [(0, 1, 2), (9, 1, 1)]
    assert median_stay(np.array([3.0, 9.0]), np.zeros(2, bool)) == (None, None, None)


def test_kaplan_meier_is_thinned_and_keeps_its_ends():
    days = np.arange(1.0, 1001.0)
    steps = kaplan_meier(days, np.ones(1000, bool))
    assert len(steps) == 199
    assert (steps[1]["days"], steps[-1]["days"], steps[-1]["survival"]) == (1, 1000, 0)
    whole = {step["days"]: step["survival"] for step in kaplan_meier(days, np.ones(1000, bool), 2000)}
    assert all(step["survival"] == pytest.approx(whole[step["days"]]) for step in steps)


@pytest.mark.parametrize("days", [[], [-1.0]])
def test_kaplan_meier_refuses_nobody_and_negative_times(days):
    with pytest.raises(ValueError, match="need users with times of 0 days or more"):
        kaplan_meier(np.array(days), np.ones(len(days), bool))


def _landmark(users=120, **columns):
    """Users of two classes at day 190: half of them were much followed."""
    kind = np.arange(users) % 2
    generator = np.random.default_rng(8)
    known = {
        "user_id": np.arange(users),
        "beauty": np.array([0.7, 0.3])[kind] + 0.01 * generator.standard_normal(users),
        **{
            name: np.round(np.array([3, 90])[kind] * generator.lognormal(0, 0.2, users))
            for name in ("followers", "favorites_received", "photos", "groups")
        },
        "active_weeks": kind,
        "tenure_months": kind,
        "is_talented_unseen": kind < 0,
        "duration_days": 191.0 + np.arange(users) // 2,
        "is_churned": np.arange(users) % 3 > 0,
        "landmark_days": np.full(users, 190.0),
    }
    return pa.table(known | columns)


@pytest.fixture
def tables():
    classes = pa.table({"user_id": np.arange(40), "class_number": np.arange(40) % 2 + 1, "class_name": ["a", "b"] * 20})
    durations = pa.table(
        {
            "user_id": np.arange(1, 60),
            "duration_days": np.arange(1.0, 60.0),
            "is_churned": np.arange(1, 60) % 4 > 0,
        }
    )
    return durations, classes, survival_tables(durations, classes, _landmark(), 180, ClassesConfig())


def test_survival_tables_fit_their_contracts_and_pass_their_checks(tables):
    durations, classes, made = tables
    for contract in (CLASS_SURVIVAL, CLASS_SURVIVAL_MEDIANS, CLASS_SURVIVAL_TESTS):
        contract.validate(contract.conform(made[contract.key]))
    curves, medians, tests = (table.to_pylist() for table in made.values())
    assert [(row["basis"], row["landmark_days"], row["users"]) for row in tests] == [
        (WHOLE_HISTORY, 0, 39),
        (LANDMARK, 180, 120),
    ]
    assert {row["class_name"] for row in medians if row["basis"] == LANDMARK} == {"talented and unseen", "popular"}
    assert broken_survival(curves) == broken_medians(medians, curves) == broken_tests(tests, medians) == []
    assert uncounted_users(curves, durations, classes) == ""


def test_from_landmark_leaves_out_who_had_left_and_counts_days_from_it():
    stayed = _landmark()["duration_days"].to_numpy()
    gone = from_landmark(_landmark(duration_days=np.where(np.arange(120) < 40, 190.0, stayed)), 2, ClassesConfig())
    assert gone["user_id"].to_pylist() == list(range(40, 120))
    assert gone["duration_days"].to_pylist()[0] == stayed[40] - 190
    assert set(gone["class_name"].to_pylist()) == {"talented and unseen", "popular"}


def test_from_landmark_is_empty_where_too_few_are_left():
    assert from_landmark(_landmark(49), 2, ClassesConfig()).num_rows == 0
    assert from_landmark(_landmark().slice(0, 0), 2, ClassesConfig()).num_rows == 0


def test_a_landmark_does_not_favor_who_stays_long():
    """Photos pile up while users stay, and cause nothing: classes by all of them differ, by early ones they do not."""
    generator = np.random.default_rng(9)
    stays = generator.exponential(400, 600)
    photos = np.round(stays / 5 + generator.exponential(5, 600))
    by_photos = (photos > np.median(photos)).astype(int)
    assert log_rank(stays, np.ones(600, bool), by_photos)[1] < 1e-6
    there = stays > 180
    early = np.round(36 + generator.exponential(5, 600))
    by_early = (early > np.median(early)).astype(int)
    assert log_rank(stays[there] - 180, np.ones(there.sum(), bool), by_early[there])[1] > 0.01


def test_users_at_landmark_are_read_as_they_stood_at_the_end_of_its_month():
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(
        "create table fct_user_retention as select * from (values "
        "(1, timestamptz '2016-01-10 00:00:00+00', 400.0::double, true), "
        "(2, timestamptz '2016-01-10 00:00:00+00', null, null), (3, null, 4.0, false)) "
        "t (user_id, started_at, duration_days, is_churned)"
    )
    connection.execute(
        "create table fct_user_months as select u::bigint as user_id, m::date as event_month, "
        "0.5::double as beauty_cumulative, "
        "month(m) as followers, 1 as favorites_received_cumulative, 2 as photos_cumulative, 3 as member_of_groups, "
        "4 as active_weeks_cumulative, month(m) - 1 as tenure_months "
        "from range(1, 4) as users (u), range(date '2016-01-01', date '2016-12-01', interval 1 month) as months (m)"
    )
    rows = connection.execute(USERS_AT_LANDMARK, [180]).to_arrow_table().to_pylist()
    # Day 180 is the 8th of July; the landmark is the end of July, day 204 from the 10th of January on.
    assert [(row["user_id"], row["followers"], row["landmark_days"]) for row in rows] == [(1, 7, 204.0)]


def _bent(rows, step, **change):
    return [{**row, **change} if row["step"] == step and row["class_name"] == "a" else row for row in rows]


@pytest.mark.parametrize(
    ("step", "change"),
    [
        (0, {"survival": 0.99}),
        (0, {"days": 1.0}),
        (3, {"survival": 1.0, "upper": 1.0}),
        (3, {"at_risk": 99}),
        (3, {"days": 0.5}),
        (3, {"upper": 0.1}),
        (3, {"lower": 0.99}),
    ],
)
def test_broken_survival_sees_one_bad_step(tables, step, change):
    rows = tables[2][CLASS_SURVIVAL.key].to_pylist()
    assert broken_survival(_bent(rows, step, **change)) == ["a (whole_history)"]


def test_uncounted_users_sees_who_is_missing_or_counted_twice(tables):
    durations, classes, made = tables
    rows = made[CLASS_SURVIVAL.key].to_pylist()
    said = uncounted_users(_bent(rows, 0, at_risk=3), durations, classes)
    assert said == "curves start with 23 users, 39 have a class and a duration"
    assert uncounted_users(rows, durations.slice(0, 20), classes).endswith("20 have a class and a duration")
    assert uncounted_users([], durations.slice(0, 0), classes).startswith("curves start with 0 users")


@pytest.mark.parametrize("change", [{"median_days": None}, {"lower_days": 900.0}, {"upper_days": 0.5}, {"churned": 99}])
def test_broken_medians_sees_one_bad_row(tables, change):
    curves, medians = (tables[2][contract.key].to_pylist() for contract in (CLASS_SURVIVAL, CLASS_SURVIVAL_MEDIANS))
    assert broken_medians([{**medians[0], **change}, *medians[1:]], curves) == ["a (whole_history)"]


def test_broken_tests_sees_other_users_and_what_is_missing(tables):
    medians, tests = (table.to_pylist() for table in list(tables[2].values())[1:])
    assert broken_tests([{**tests[0], "users": 7}, tests[1]], medians) == [WHOLE_HISTORY]
    assert broken_tests([{**tests[0], "classes": 3}, tests[1]], medians) == [WHOLE_HISTORY]
    assert broken_tests(tests[:1], medians) == [LANDMARK]
    assert broken_tests(tests, []) == [LANDMARK, WHOLE_HISTORY]


def test_shown_steps_end_where_fewer_than_ten_are_left(tables):
    rows = tables[2][CLASS_SURVIVAL.key].to_pylist()
    shown = shown_steps(rows, WHOLE_HISTORY)
    assert list(shown) == ["a", "b"]
    at_risk = {row["days"]: row["at_risk"] for row in rows if row["class_name"] == "a"}
    assert min(at_risk[day] for day in shown["a"]["x"]) >= 10
    assert min(at_risk.values()) < 10


def test_medians_and_tests_that_are_known_are_shown(tables):
    medians, tests = (table.to_pylist() for table in list(tables[2].values())[1:])
    row = {**medians[0], "class_name": "a", "users": 1200, "churned": 9, "median_days": None}
    shown = shown_medians([row, {**row, "class_name": "b", "median_days": 5.0, "lower_days": 2.0, "upper_days": None}])
    (median, *_), known = (shown["whole history"][f"{name} (9 of 1,200 left)"] for name in "ab")
    assert np.isnan(median)
    assert known == (5.0, 2.0, None)
    assert shown_tests([{**tests[0], "p_value": None}, tests[1]]) == {"landmark": (tests[1]["p_value"], None, None)}


def test_said_of_survival_speaks_of_the_landmark_where_there_is_one():
    flat = {"class_name": "popular", "lower": None, "upper": None, "at_risk": 50}
    steps = [
        {**flat, "basis": basis, "step": step, "days": day, "survival": left}
        for basis, end in ((WHOLE_HISTORY, 300.0), (LANDMARK, 400.0))
        for step, (day, left) in enumerate([(0.0, 1.0), (200.0, 0.8), (end, 0.7)])
    ]
    tests = [{"basis": basis, "chi_squared": 6.0, "p_value": 0.02} for basis in (WHOLE_HISTORY, LANDMARK)]
    assert said_of_survival(steps, tests) == (
        "Still there 365 days after the landmark: popular 80%; log-rank 6.0, p = 0.02"
    )
    assert said_of_survival(steps, [{**tests[0], "chi_squared": None}]) == (
        "Still there 365 days after the start, by classes that favor long stayers: popular unknown"
    )
