"""What a run shows of the warehouse that it built, read from the published copy."""

from collections.abc import Sequence

from assets.contracts.settings import Settings
from assets.dbt.publish import connect_published

_BINS = 40


def row_counts(settings: Settings) -> dict[str, int]:
    """Rows of every table of the warehouse; views are left out."""
    with connect_published(settings) as connection:
        names = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
        counts = {}
        for (name,) in names:
            found = connection.table(name).count("*").fetchone()
            counts[name] = int(found[0]) if found else 0
        return counts


def beauty_histogram(settings: Settings) -> tuple[Sequence[float], Sequence[int]]:
    """Edges of equal bins of shrunken beauty from 0 to 1, one more than counts, and users in each."""
    with connect_published(settings) as connection:
        found = connection.execute(
            "select least(cast(floor(beauty_shrunken * ?) as integer), ? - 1) as bin, count(*) from fct_user_beauty"
            " group by bin",
            [_BINS, _BINS],
        ).fetchall()
    counts = dict(found)
    return [edge / _BINS for edge in range(_BINS + 1)], [counts.get(position, 0) for position in range(_BINS)]


def uploads_by_month(settings: Settings) -> dict[str, int]:
    """Uploads by month ``YYYY-MM``, in order."""
    with connect_published(settings) as connection:
        return dict(
            connection.execute(
                "select strftime(event_month, '%Y-%m'), uploads from fct_community_monthly order by event_month"
            ).fetchall()
        )
