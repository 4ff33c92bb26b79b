from datetime import UTC, datetime

import dagster as dg
import pytest

from assets.automation import nightly
from assets.definitions import defs
from assets.partitions import register_months


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
