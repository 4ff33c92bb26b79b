"""What a person sees at the end of the demo: the talented and unseen, and where to go on."""

from assets.contracts.settings import Settings
from assets.dbt.query import print_query

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


def show_results(settings: Settings) -> str:
    """The ten most beautiful yet unseen users, where the tables are, and how to open the UI."""
    return "\n".join(
        [
            "",
            "The ten most beautiful yet unseen users: shrunken mean beauty of their photos in the top quarter of the",
            "community, recognition by others in the bottom half.",
            print_query(settings, _UNSEEN, "table", 10),
            "",
            f"Lake tables (Parquet):  {settings.lake_uri}",
            f"Warehouse (DuckDB):     {settings.published_warehouse}",
            'Ask it something:       beautyflow sql "select * from fct_user_beauty limit 5"',
            "See what there is:      beautyflow status",
            "Open the Dagster UI:    make ui   (then http://localhost:3000)",
        ]
    )
