"""A warehouse without its data tests, for tests that compare another one with it, or build upon it."""

from collections.abc import Sequence
from unittest import mock

from assets.contracts.settings import Settings
from assets.dbt.build import build_warehouse, run_dbt
from assets.dbt.changes import BuildPlan


def build_models(settings: Settings) -> BuildPlan:
    """As `build_warehouse`, without data tests, which take longer than the models of a tiny community."""

    def run_models(settings: Settings, arguments: Sequence[str]) -> str:
        return run_dbt(settings, [*arguments, "--exclude-resource-type", "test"])

    with mock.patch("assets.dbt.build.run_dbt", run_models):
        return build_warehouse(settings)
