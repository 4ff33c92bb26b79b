"""`beautyflow recommend`: the recommendations of one user, or why there are none."""

from typing import Annotated

import typer

from assets.contracts.settings import Settings

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
_OTHERS = 'who has some: beautyflow sql "select distinct user_id from fct_recommendations limit 5"'


def recommend_command(
    user: Annotated[int, typer.Option(help="Identifier of the user.")],
    output: Annotated[str, typer.Option("--format", help="`table`, `csv` or `json`.")] = "table",
    rows: Annotated[int, typer.Option(min=1, help="Most recommendations to print.")] = 20,
) -> None:
    """Whom the platform suggests to a user, best first, and why; `beautyflow materialize` decides it.

    Exit code 2 if there is nobody to suggest, with the reason.

    Example: `beautyflow recommend --user 42 --rows 5`
    """
    from assets.dbt.query import QueryFailure

    try:
        typer.echo(print_recommendations(Settings.from_environment(), user, output, rows))
    except QueryFailure as failure:
        typer.echo(f"beautyflow: {failure}", err=True)
        raise typer.Exit(2) from failure


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
    from assets.dbt.query import QueryFailure, print_query, run_query

    query = _RECOMMENDED.format(user=int(user))
    if not run_query(settings, query, 1)[1]:
        raise QueryFailure(_why_none(settings, user))
    return print_query(settings, query, output, rows)


def _why_none(settings: Settings, user: int) -> str:
    from assets.dbt.query import run_query

    ((known, followees, candidates, all_recommendations),) = run_query(settings, _KNOWN.format(user=int(user)))[1]
    if not known:
        return f"there is no user {user}, or they did not agree to be studied"
    if not all_recommendations:
        return "nothing is recommended to anybody yet; run `beautyflow materialize`"
    if not followees:
        return f"user {user} follows nobody, and recommendations are followees of followees; {_OTHERS}"
    if not candidates:
        return f"user {user} follows everybody already whom their followees follow; {_OTHERS}"
    return (
        f"all {candidates} candidates of user {user} are taken up elsewhere, have no beauty, or would move the beauty "
        f"that they follow too far from their own; {_OTHERS}"
    )
