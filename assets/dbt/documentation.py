"""Documentation of the warehouse: every model with its grain, columns, tests and lineage, as one HTML page.

``python -m assets.dbt.documentation`` (``make docs``) writes it for the community that the environment names.
"""

from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.build import artifacts_folder, run_dbt
from assets.dbt.catalog import catalog_path, write_catalog


def write_documentation(settings: Settings) -> Path:
    """Generate the page from the project and from the warehouse as it was built last, if one was.

    Raises:
        DbtFailure: With the end of dbt's output.
    """
    if not catalog_path(settings).exists():
        write_catalog(Lake(settings.lake_uri), catalog_path(settings))
    run_dbt(settings, ["docs", "generate", "--static"])
    return artifacts_folder(settings) / "static_index.html"


if __name__ == "__main__":
    print(write_documentation(Settings.from_environment()))
