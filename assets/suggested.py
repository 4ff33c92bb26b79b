"""What `beautyflow recommend` prints: the recommendations of one user, or why there are none."""

from assets.contracts.settings import Settings
from assets.dbt.query import QueryFailure, print_query, run_query

_RECOMMENDED = """
    select
        rank,
        recommended_user_id,
        round(score, 4) as score,
        round(acceptance, 3) as acceptance,
        is_to_talented_unseen as talented_unseen,
        reason
    from fct_recommendations
    where user_id = {user}
    order by rank
"""
_KNOWN = """
    select
        (select count(*) from dim_users where user_id = {user}),
        (select max(followees) from dim_users where user_id = {user}),
        (select count(*) from stg_lake__link_candidates where user_id = {user}),
        (select count(*) from fct_recommendations)
"""


def print_recommendations(settings: Settings, user: int, output: str = "table", rows: int = 20) -> str:
    """Recommendations of a user as text, best first.

    Args:
        settings: The community.
        user: Identifier.
        output: ``table``, ``csv`` or ``json``.
        rows: Most to print.

    Raises:
        QueryFailure: There are none, with the reason; or as ``print_query``.
    """
    query = _RECOMMENDED.format(user=int(user))
    if not run_query(settings, query, 1)[1]:
        raise QueryFailure(_why_none(settings, user))
    return print_query(settings, query, output, rows)


def _why_none(settings: Settings, user: int) -> str:
    ((known, followees, candidates, all_recommendations),) = run_query(settings, _KNOWN.format(user=int(user)))[1]
    if not known:
        return f"there is no user {user}, or they did not agree to be studied"
    if not all_recommendations:
        return "nothing is recommended to anybody yet; run `beautyflow materialize`"
    if not followees:
        return f"user {user} follows nobody, and recommendations are followees of followees"
    if not candidates:
        return f"user {user} follows everybody already whom their followees follow"
    return (
        f"all {candidates} candidates of user {user} are taken up elsewhere, have no beauty, or would move the beauty "
        "that they follow too far from their own"
    )
