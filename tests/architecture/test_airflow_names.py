"""The DAGs know Dagster by names only; these are the names that it has."""

import re
from pathlib import Path

from assets.definitions import defs

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def test_dags_name_jobs_and_a_code_location_that_exist() -> None:
    texts = [file.read_text() for file in sorted((PROJECT_ROOT / "dags").glob("*.py"))]
    named = {name for text in texts for name in re.findall(r'job_name="(\w+)"', text)}
    assert {"land_community", "nightly_increment"} <= named
    assert named <= {job.name for job in defs.get_repository_def().get_all_jobs()}
    (location,) = {name for text in texts for name in re.findall(r'location: str = "(\w+)"', text)}
    assert f'code_location_name = "{location}"' in (PROJECT_ROOT / "pyproject.toml").read_text()


def test_landing_reports_the_months_that_the_dags_ask_for() -> None:
    client = (PROJECT_ROOT / "dags" / "dagster_client.py").read_text()
    (label,) = re.findall(r'_CHANGED_LABEL = "(\w+)"', client)
    assert f'"{label}"' in (PROJECT_ROOT / "assets" / "landing" / "assets.py").read_text()
