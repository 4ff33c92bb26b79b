import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from assets.automation import nightly
from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import VACUUM_GRACE
from assets.definitions import defs
from assets.partitions import register_months
from assets.resources import LakeResource


@pytest.mark.parametrize(
    ("landed", "tonight", "months"),
    [
        (["2016-02", "2016-03"], datetime(2016, 3, 20, 2, 30, tzinfo=UTC), ["2016-03"]),
        (["2016-02", "2016-03"], datetime(2016, 3, 2, 2, 30, tzinfo=UTC), ["2016-02", "2016-03"]),
        (["2016-02"], datetime(2016, 3, 2, 2, 30, tzinfo=UTC), ["2016-02"]),
        (["2016-01"], datetime(2016, 3, 2, 2, 30, tzinfo=UTC), []),
    ],
)
def test_nightly_runs_the_months_that_still_move_and_have_landed(landed, tonight, months) -> None:
    with dg.instance_for_test() as instance:
        register_months(instance, landed)
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=tonight, repository_def=defs.get_repository_def()
        )
        tick = nightly.evaluate_tick(context)
    assert [request.partition_key for request in tick.run_requests or []] == months
    assert bool(tick.skip_message) == (not months)


def _age(lake: Lake, days: float) -> None:
    moment = time.time() - days * 86_400
    for path in Path(lake.uri).rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def _users(*ids: int) -> pa.Table:
    return pa.table({"user_id": ids, "opted_in": [True] * len(ids)})


def test_vacuum_lake_deletes_what_was_replaced_and_leaves_what_counts(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    lake.write(USERS, "undated", _users(1))
    lake.write(USERS, "undated", _users(1, 2))
    replaced, committed = Path(lake.location("users/data")), lake.files("users")
    job, resources = defs.resolve_job_def("vacuum_lake"), {"lake": LakeResource(uri=lake.uri)}

    _age(lake, VACUUM_GRACE / timedelta(days=1) - 1)
    assert job.execute_in_process(resources=resources).success
    assert len(list(replaced.iterdir())) == 2

    _age(lake, VACUUM_GRACE / timedelta(days=1) + 1)
    assert job.execute_in_process(resources=resources).success
    assert [str(path) for path in replaced.iterdir()] == committed
    assert lake.read(USERS)["user_id"].to_pylist() == [1, 2]


def test_schedules_are_off_until_someone_switches_them_on() -> None:
    schedules = defs.get_repository_def().schedule_defs
    assert {(schedule.name, schedule.job_name) for schedule in schedules} == {
        ("nightly", "nightly_increment"),
        ("weekly_vacuum", "vacuum_lake"),
    }
    assert {schedule.default_status for schedule in schedules} == {dg.DefaultScheduleStatus.STOPPED}
