"""Where one community lives: the only reader of ``BEAUTYFLOW_*`` environment variables.

A community has one home folder. Everything in it can be deleted and made again except ``landing/``.
The simulator's sealed truth is not listed here on purpose: assets must not know where it is.
"""

import os
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
VACUUM_GRACE = timedelta(days=7)
"""How long the vacuum leaves replaced files to readers that are still at it."""
VACUUM_LEAST = timedelta(hours=1)
"""What no one may shorten: writers that have staged a file need it, and imports their workspace."""


@dataclass(frozen=True)
class Settings:
    """Locations of one community.

    Attributes:
        home: Folder of the community (``BEAUTYFLOW_HOME``, default ``var/`` in the project root).
        lake_uri: Root of the lake: a folder or an object-storage URI such as
            ``s3://bucket/prefix`` (``BEAUTYFLOW_LAKE``, default ``<home>/lake``).
    """

    home: Path
    lake_uri: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the environment now; nothing is cached, so that tests and runs can differ."""
        home = Path(os.environ.get("BEAUTYFLOW_HOME") or PROJECT_ROOT / "var").expanduser().absolute()
        return cls(home=home, lake_uri=os.environ.get("BEAUTYFLOW_LAKE") or str(home / "lake"))

    @property
    def landing(self) -> Path:
        """Folder in which communities arrive, one folder per source."""
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        """DuckDB file that dbt alone writes."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def published_warehouse(self) -> Path:
        """Read-only copy of the warehouse for people, replaced by rename after each dbt run.

        It has the name of the original, because dbt's views call the database by it.
        """
        return self.home / "published" / self.warehouse.name

    @property
    def checkpoints(self) -> Path:
        """Published weights that `beautyflow models pull` brought."""
        return self.home / "checkpoints"

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance folder: run history, event log, schedules' state."""
        return self.home / "dagster"


def use_home(home: Path) -> None:
    """Choose the community for this process and the processes it starts."""
    os.environ["BEAUTYFLOW_HOME"] = str(home.expanduser().absolute())


def child_environment(settings: Settings, **more: str) -> dict[str, str]:
    """Environment of a process that works on this community, telemetry off."""
    return {
        **os.environ,
        "BEAUTYFLOW_HOME": str(settings.home),
        "BEAUTYFLOW_LAKE": settings.lake_uri,
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "GX_ANALYTICS_ENABLED": "false",
        **more,
    }


def ray_address() -> str:
    """Address of a running Ray cluster (``RAY_ADDRESS``); empty means that jobs start Ray on this machine."""
    return os.environ.get("RAY_ADDRESS", "")


def gpus_per_worker() -> float:
    """Share of a GPU that each training worker and scoring actor takes (``BEAUTYFLOW_GPUS``); 0, the default: CPU.

    Raises:
        ValueError: It is no number from 0 up.
    """
    text = os.environ.get("BEAUTYFLOW_GPUS") or "0"
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise ValueError(f"BEAUTYFLOW_GPUS is {text!r}; it is the share of a GPU per worker, such as 1 or 0.5, or 0")
    return share


def refuse_ray_telemetry() -> None:
    """Turn off Ray's usage statistics in this process and its children; Ray takes this from the environment only."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


def keep_working_folder() -> None:
    """Leave Ray Train's workers in the folder of their job, where relative paths start; it asks the environment."""
    os.environ["RAY_CHDIR_TO_TRIAL_DIR"] = "0"


def refuse_great_expectations_telemetry() -> None:
    """Turn off Great Expectations' analytics in this process; it looks at the environment when it is imported."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


@dataclass(frozen=True)
class ObjectStorageCredentials:
    """How to sign requests to object storage: the usual ``AWS_*`` variables, which Arrow reads by itself.

    Attributes:
        key_id: ``AWS_ACCESS_KEY_ID``; empty where the lake is public or in a folder.
        secret: ``AWS_SECRET_ACCESS_KEY``.
        token: ``AWS_SESSION_TOKEN`` of temporary credentials.
        region: ``AWS_REGION`` or ``AWS_DEFAULT_REGION``.
        endpoint: ``AWS_ENDPOINT_URL``; empty for the provider's own.
    """

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    region: str
    endpoint: str

    @classmethod
    def from_environment(cls) -> "ObjectStorageCredentials":
        """Read the environment now."""
        return cls(
            key_id=os.environ.get("AWS_ACCESS_KEY_ID", ""),
            secret=os.environ.get("AWS_SECRET_ACCESS_KEY", ""),
            token=os.environ.get("AWS_SESSION_TOKEN", ""),
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", ""),
            endpoint=os.environ.get("AWS_ENDPOINT_URL", ""),
        )
