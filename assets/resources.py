"""What assets reach the world through: the lake, the published warehouse, Ray jobs. Typed, without logic of any asset.

Locations come from ``contracts/settings.py`` when a run starts, so the same definitions serve every
community, and a test passes its own.
"""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.lake import Lake
from assets.contracts.requests import RayRequest
from assets.contracts.settings import PROJECT_ROOT, Settings, gpus_per_worker
from assets.marts import Marts

# Dagster's own Pipes client calls something of its own that is in preview.
warnings.filterwarnings("ignore", category=dg.PreviewWarning, message=".*expected_writer_count.*")


RAY_RETRIES = dg.RetryPolicy(max_retries=2, delay=30, backoff=dg.Backoff.EXPONENTIAL)
"""Of steps that start Ray jobs: a machine that is busy, or lost a disk for a moment, is given time."""


class LakeResource(dg.ConfigurableResource):
    """The community's lake and its landing folder.

    Attributes:
        uri: Root of the lake; empty means what the environment says.
        landing: Folder in which sources arrive; empty means what the environment says.
    """

    uri: str = Field(default="", description="Folder or s3:// URI; empty: BEAUTYFLOW_LAKE, or <home>/lake.")
    landing: str = Field(default="", description="Landing folder; empty: <home>/landing.")

    def open(self) -> Lake:
        """The lake."""
        return Lake(self.uri or Settings.from_environment().lake_uri)

    def landing_folder(self) -> str:
        """Where sources arrive; relative photo URIs start here."""
        return self.landing or str(Settings.from_environment().landing)


class WarehouseResource(dg.ConfigurableResource):
    """The published warehouse, for assets that are computed from marts.

    Attributes:
        path: The published copy; empty means that of the community of the environment.
    """

    path: str = Field(default="", description="DuckDB file; empty: <home>/published/warehouse.duckdb.")

    def open(self) -> Marts:
        """Its tables."""
        return Marts(Path(self.path) if self.path else Settings.from_environment().published_warehouse)


class RayJobs(dg.ConfigurableResource):
    """Runs Ray jobs in a process of their own, through Dagster Pipes.

    The job connects to the cluster that ``RAY_ADDRESS`` names, or starts Ray on this machine.

    Attributes:
        num_gpus: Share of a GPU per worker or actor; 0 runs the same code on CPUs, None asks the environment.
    """

    num_gpus: float | None = Field(
        default=None, description="Share of a GPU per worker or actor; 0 means CPU; empty: BEAUTYFLOW_GPUS, or 0."
    )

    def gpus(self) -> float:
        """Share of a GPU per worker or actor.

        Raises:
            ValueError: ``BEAUTYFLOW_GPUS`` is no number from 0 up.
        """
        return gpus_per_worker() if self.num_gpus is None else self.num_gpus

    def run(self, context: dg.AssetExecutionContext, request: RayRequest) -> Mapping[str, Any]:
        """Run a request to its end and return what the job reported.

        Raises:
            dagster.Failure: The job failed, in its own words, or ended without any; its log is in the run's stdout
                and stderr. It is not repeated where it would fail again.
        """
        client = dg.PipesSubprocessClient(cwd=str(PROJECT_ROOT))
        invocation = client.run(
            context=context,
            command=[sys.executable, "-m", request.job],
            extras={"request": request.to_dict()},
        )
        messages = invocation.get_custom_messages()
        if not messages:
            raise dg.Failure(f"{request.job} ended without a report; see its log in this step's stdout and stderr")
        report = dict(messages[-1])
        if "failure" in report:
            raise dg.Failure(f"{request.job}: {report['failure']}", allow_retries=bool(report["again"]))
        return report
