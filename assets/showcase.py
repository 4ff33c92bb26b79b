"""What a person sees at the end of the demo: the talented and unseen, what experiments found, and where to go on."""

from assets.contracts.settings import Settings
from assets.contracts.wording import counted
from assets.dbt.query import print_query, run_query

_UNSEEN = """
select
    user_id,
    photos,
    round(beauty_shrunken, 3) as beauty,
    favorites_received,
    followers,
    round(100 * recognition_percentile, 1) as recognition_percentile
from fct_talented_unseen_users
order by beauty_shrunken desc, user_id
limit 10
"""
_EXPERIMENTS = """
select
    replace(experiment, '_', ' ') as experiment,
    outcome,
    verdict,
    round(effect, 3) as effect,
    round(lower, 3) as lower,
    round(upper, 3) as upper,
    round(naive_effect, 3) as unmatched
from stg_lake__matching_experiments
order by experiment
"""
_HOW_MANY = "select count(*) from fct_talented_unseen_users"


def show_results(settings: Settings) -> str:
    """The ten most beautiful yet unseen users of a simulated community, what experiments found, where the tables are.

    Raises:
        QueryFailure: Nothing was published yet.
    """
    ((found,),) = run_query(settings, _HOW_MANY)[1]
    return "\n".join(
        [
            "",
            f"Found {counted(found, 'talented unseen user')}: five scored photos or more, their shrunken mean beauty",
            "in the top quarter of the community, recognition by others in the bottom half. The simulator counts",
            "another number, by the beauty that it planted: sealed truth, which no score has seen.",
            "The most beautiful of those found, ten at most:",
            print_query(settings, _UNSEEN, "table", 10),
            "",
            "What matching experiments found (lake.matching_experiments says why not to believe them):",
            print_query(settings, _EXPERIMENTS, "table", 10),
            "",
            f"Lake tables (Parquet):  {settings.lake_uri}",
            f"Warehouse (DuckDB):     {settings.published_warehouse}",
            'Ask it something:       beautyflow sql "select * from fct_user_beauty limit 5"',
            "See what there is:      beautyflow status",
            "Open the Dagster UI:    make ui   (then http://localhost:3000)",
        ]
    )
