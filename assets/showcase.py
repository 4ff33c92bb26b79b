"""What a person sees at the end of the demo: the talented unseen, experiments, recommendations, where to go on."""

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
    round(naive_effect, 3) as before_matching
from stg_lake__matching_experiments
order by experiment
"""
_RECOMMENDED = """
select
    user_id,
    recommended_user_id,
    round(recommended_beauty, 2) as beauty,
    recommended_followers as followers,
    reason
from fct_recommendations
where is_to_talented_unseen
order by rank, score desc, user_id
limit 5
"""
_RECOMMENDERS = """
with evaluation as (
    select
        recommender,
        max(case when metric = 'recall' then value end) as recall,
        max(case when metric = 'exposure_gini' then value end) as exposure_gini,
        max(case when metric = 'imbalance' then value end) as imbalance,
        max(case when metric = 'talented_unseen_reached' then value end) as talented_unseen_reached
    from stg_lake__recommender_evaluation
    group by recommender
)

select
    recommender,
    round(recall, 3) as recall,
    round(exposure_gini, 3) as exposure_gini,
    round(imbalance, 3) as imbalance,
    round(talented_unseen_reached, 3) as talented_unseen_reached
from evaluation
order by recall desc
"""
_HOW_MANY = """
select
    count(*),
    count(*) filter (followers = 0),
    (select count(distinct recommended_user_id) from fct_recommendations where is_to_talented_unseen)
from fct_talented_unseen_users
"""


def show_results(settings: Settings) -> str:
    """The ten most beautiful yet unseen users of a simulated community, what experiments found, where the tables are.

    Raises:
        QueryFailure: Nothing was published yet.
    """
    ((found, unfollowed, recommended),) = run_query(settings, _HOW_MANY)[1]
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
            "Talented unseen users whom somebody should be told of (`beautyflow recommend --user ID`, with a user_id",
            f"of these, shows all of one user). {recommended:,} of the {found:,} are recommended to somebody;",
            f"{unfollowed:,} of them have no follower, and recommendations are followees of followees:",
            print_query(settings, _RECOMMENDED, "table", 5),
            "",
            "How recommenders do on links that were hidden from them, those of the last three months (in communities",
            "without times a tenth of all links). beauty_flow is what is recommended; with beauty_flow_0.7 the popular",
            "keep seven tenths of the attention that they would have without a limit, instead of 45 %:",
            print_query(settings, _RECOMMENDERS, "table", 20),
            "",
            f"Lake tables (Parquet):  {settings.lake_uri}",
            f"Warehouse (DuckDB):     {settings.published_warehouse}",
            'Ask it something:       beautyflow sql "select * from fct_user_beauty limit 5"',
            "See what there is:      beautyflow status",
            "Open the Dagster UI:    make ui   (then http://localhost:3000)",
        ]
    )
