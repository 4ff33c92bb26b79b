from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.contracts.community import USERS
from assets.contracts.lake import Lake
from assets.contracts.landed import landed_source
from assets.landing.assets import landing
from assets.partitions import months
from assets.resources import LakeResource


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def _add(home: Path, source: str, users: str) -> None:
    folder = home / "landing" / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "users.csv").write_text(f"user_id,joined_at,opted_in\n{users}")


def _run(home: Path, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    resource = LakeResource(uri=str(home / "lake"), landing=str(home / "landing"))
    return dg.materialize([landing], resources={"lake": resource}, instance=instance, raise_on_error=False)


def _recorded(instance: dg.DagsterInstance) -> list[object]:
    found = instance.fetch_materializations(dg.AssetKey("landing"), limit=10, ascending=True).records
    return [record.asset_materialization.metadata["changed_months"].value for record in found]


def test_landing_takes_in_what_can_be_read_and_fails_with_every_source_that_cannot(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    for source, users in (("a", "soon"), ("b", "1,2016-03-01,true\n"), ("c", "\x00"), ("d", "2,2016-04-01,true\n")):
        _add(tmp_path, source, users)
    (tmp_path / "landing" / "c" / "edges.txt").write_text("1 2\n")
    result = _run(tmp_path, instance)
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    message = failure.step_failure_data.user_failure_data.description
    assert message.startswith("2 sources could not be imported, the others are in: [a] ")
    assert "; [c] " in message
    assert "\n" not in message
    assert not any(event.is_step_up_for_retry for event in result.all_events)
    assert list(instance.get_dynamic_partitions(months.name or "")) == ["2016-03", "2016-04"]
    assert _recorded(instance) == [["2016-03", "2016-04"]]
    lake = Lake(str(tmp_path / "lake"))
    assert [landed_source(lake, name).read(USERS).num_rows for name in ("a", "b", "c", "d")] == [0, 1, 0, 1]


def test_landing_compares_with_what_a_failed_run_took_in(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    _add(tmp_path, "a", "soon")
    _add(tmp_path, "b", "1,2016-03-01,true\n")
    assert not _run(tmp_path, instance).success
    assert not _run(tmp_path, instance).success
    _add(tmp_path, "a", "2,2016-04-01,true\n")
    assert _run(tmp_path, instance).success
    assert _recorded(instance) == [["2016-03"], [], ["2016-04"]]


def _told(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
    return {e.check_name: (e.passed, e.description) for e in result.get_asset_check_evaluations()}


def test_landing_checks_say_what_was_found(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    assert _told(_run(tmp_path, instance)) == {
        "something_has_landed": (
            False,
            "No row of any table has landed; put a community into the landing folder, or import one.",
        ),
        "few_rows_are_rejected": (False, "There is no row at all."),
    }
    _add(tmp_path, "a", "1,2016-03-01,true\n2,,perhaps\n")
    assert _told(_run(tmp_path, instance)) == {
        "something_has_landed": (True, "2 rows landed."),
        "few_rows_are_rejected": (
            False,
            "1 of 3 rows (33.3%) are in quarantine, most of them 1 for not_a_boolean in users of a; "
            "`beautyflow rejected` shows why.",
        ),
    }
