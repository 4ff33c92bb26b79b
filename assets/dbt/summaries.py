"""What a run shows of the warehouse that it built, read from the published copy."""

from assets.contracts.settings import Settings
from assets.dbt.publish import connect_published


def row_counts(settings: Settings) -> dict[str, int]:
    """Rows of every table of the warehouse; views are left out."""
    with connect_published(settings) as connection:
        names = connection.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
        counts = {}
        for (name,) in names:
            found = connection.table(name).count("*").fetchone()
            counts[name] = int(found[0]) if found else 0
        return counts
