import duckdb
import numpy as np
import pyarrow as pa

from assets.users.measures import MEASURES_OF_USERS, numbers


def _marts(months):
    connection = duckdb.connect()
    connection.execute(
        "create table dim_users as "
        "select * from (values (1, 4, 7, 2), (2, 0, 0, 1)) t (user_id, photos, followers, followees)"
    )
    connection.execute(
        "create table fct_user_beauty as select 1 as user_id, 0.5::double as beauty, 0.25::double as beauty_shrunken"
    )
    connection.execute("create table fct_talented_unseen_users as select 1 as user_id")
    connection.execute(
        "create table fct_user_months (user_id bigint, event_month date, favorites_received_cumulative bigint, "
        "member_of_groups bigint, active_weeks_cumulative bigint, tenure_months bigint)"
    )
    if months:
        connection.executemany("insert into fct_user_months values (?, ?, ?, ?, ?, ?)", months)
    return connection.execute(MEASURES_OF_USERS).to_arrow_table().to_pylist()


def test_measures_of_users_are_those_of_the_newest_month():
    one, other = _marts([(1, "2016-01-01", 2, 1, 3, 0), (1, "2016-02-01", 5, 2, 4, 1), (2, "2016-01-01", 8, 1, 1, 0)])
    assert (one["favorites_received"], one["groups"], one["active_weeks"], one["tenure_months"]) == (5, 2, 4, 1)
    assert (one["beauty"], one["beauty_shrunken"], one["is_talented_unseen"]) == (0.5, 0.25, True)
    # Nothing is known of the newest month of the other: nothing happened at a known time.
    assert (other["favorites_received"], other["groups"], other["active_weeks"]) == (0, 0, 0)
    assert (other["beauty"], other["tenure_months"], other["is_talented_unseen"]) == (None, None, False)


def test_measures_of_users_are_unknown_without_a_panel():
    assert {row["favorites_received"] for row in _marts([])} == {None}


def test_numbers_are_nan_where_unknown():
    assert np.array_equal(numbers(pa.table({"n": [1, None]}), "n"), [1, np.nan], equal_nan=True)
