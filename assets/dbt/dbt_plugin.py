"""What dbt-duckdb calls when it opens the warehouse (``plugins`` in ``dbt_project/profiles.yml``)."""

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from assets.contracts.settings import Settings
from assets.dbt.object_storage import connect_storage


class Plugin(BasePlugin):
    """Lets dbt's connection read the lake, wherever it is."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the extension and make the secret, for a lake on object storage."""
        connect_storage(conn, Settings.from_environment())
