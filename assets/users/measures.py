"""What is known of each user today, from the marts: the rows that inequality, correlations and classes start from."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

READ_MARTS = ("dim_users", "fct_user_beauty", "fct_user_months", "fct_talented_unseen_users")

# Users of whom the panel says nothing have done and received nothing at a known time; without a panel nobody knows.
MEASURES_OF_USERS = """
    with newest as (
        select
            user_id,
            favorites_received_cumulative as favorites_received,
            member_of_groups as "groups",
            active_weeks_cumulative as active_weeks,
            tenure_months
        from fct_user_months
        where event_month = (select max(event_month) from fct_user_months)
    ),

    known as (
        select case when count(*) > 0 then 0 end as nothing
        from newest
    )

    select
        users.user_id,
        beauty.beauty,
        beauty.beauty_shrunken,
        users.photos,
        coalesce(newest.favorites_received, known.nothing) as favorites_received,
        users.followers,
        users.followees,
        coalesce(newest."groups", known.nothing) as "groups",
        coalesce(newest.active_weeks, known.nothing) as active_weeks,
        newest.tenure_months,
        unseen.user_id is not null as is_talented_unseen
    from dim_users as users
    cross join known
    left join fct_user_beauty as beauty on users.user_id = beauty.user_id
    left join newest on users.user_id = newest.user_id
    left join fct_talented_unseen_users as unseen on users.user_id = unseen.user_id
    order by users.user_id
"""


def numbers(users: pa.Table, name: str) -> Floats:
    """A column as floats, shape (users,); nan where unknown."""
    column: Floats = users[name].cast(pa.float64()).to_numpy()
    return column
