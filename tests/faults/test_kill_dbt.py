"""kill -9 of dbt at random moments: the published copy always answers, and the next run heals."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES
from assets.contracts.community import PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.dbt.build import build_warehouse
from assets.dbt.changes import forget_build
from assets.dbt.query import run_query

pytestmark = pytest.mark.faults

KILLS = 15
TOTALS = "select photos, beauty from fct_user_beauty order by user_id"


def _write_month(settings, month):
    """One photo of one user in a month; beauty is a binary fraction, so that means are exact."""
    lake = Lake(settings.lake_uri)
    uploaded = datetime(2016, month, 5, tzinfo=UTC)
    photo = {"photo_id": month, "user_id": 1, "uploaded_at": uploaded, "is_public": True, "uri": ""}
    score = {"photo_id": month, "model_version": "ready", "preprocessing_hash": "none", "uploaded_at": uploaded}
    lake.write(PHOTOS, f"2016-{month:02d}", pa.Table.from_pylist([photo], schema=PHOTOS.schema))
    rows = [{**score, "beauty": 0.5 if month % 2 else 0.25}]
    lake.write(SCORES, f"2016-{month:02d}", pa.Table.from_pylist(rows, schema=SCORES.schema))


@pytest.mark.timeout(1800)
def test_a_build_killed_at_random_moments_is_healed_by_the_next(tmp_path):
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    user = {"user_id": 1, "joined_at": datetime(2016, 1, 1, tzinfo=UTC), "opted_in": True}
    Lake(settings.lake_uri).write(USERS, "2016-01", pa.Table.from_pylist([user], schema=USERS.schema))
    _write_month(settings, 1)
    started = time.monotonic()
    build_warehouse(settings)
    seconds = time.monotonic() - started
    _write_month(settings, 2)
    rng = random.Random(5)
    killed = 0
    for _ in range(KILLS):
        killed += _kill_after(settings, rng.uniform(0, seconds))
        assert run_query(settings, TOTALS)[1] in ([(1, 0.5)], [(2, 0.375)])
    assert killed >= KILLS // 2
    build_warehouse(settings)
    assert run_query(settings, TOTALS)[1] == [(2, 0.375)]
    assert build_warehouse(settings).up_to_date


def _kill_after(settings, seconds):
    """Start a full build and kill it; whether it was still running then."""
    forget_build(settings)
    script = (
        "from assets.contracts.settings import Settings; from assets.dbt.build import build_warehouse;"
        "build_warehouse(Settings.from_environment())"
    )
    environment = {**os.environ, "BEAUTYFLOW_HOME": str(settings.home), "BEAUTYFLOW_LAKE": settings.lake_uri}
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT_ROOT, env=environment, start_new_session=True
    ) as build:
        time.sleep(seconds)
        running = build.poll() is None
        if running:
            os.killpg(build.pid, signal.SIGKILL)
    return running
