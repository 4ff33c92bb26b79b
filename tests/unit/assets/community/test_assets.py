import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.community import frames
from assets.community.assets import ASSETS, build_table_asset
from assets.community.record import recorded_months
from assets.community.volume import Bounds
from assets.contracts.community import FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.table import TableContract
from assets.partitions import register_months
from assets.resources import LakeResource

Land = Callable[..., None]
At = Callable[[str], datetime]
Publish = Callable[[str], Mapping[str, Any]]


@pytest.fixture
def publish(lake: Lake) -> Iterator[Callable[..., Mapping[str, Any]]]:
    """Run the asset of a table for one month; gives the metadata of its materialization."""
    with dg.DagsterInstance.ephemeral() as instance:
        register_months(instance, ["2013-04", "2013-05"])

        def run(contract: TableContract, month: str) -> Mapping[str, Any]:
            asset, resources = build_table_asset(contract), {"lake": LakeResource(uri=lake.uri)}
            result = dg.materialize([asset], partition_key=month, instance=instance, resources=resources)
            (materialization,) = result.asset_materializations_for_node(contract.key)
            return {name: value.value for name, value in materialization.metadata.items()}

        yield run


@pytest.fixture
def publish_users(publish: Callable[..., Mapping[str, Any]]) -> Publish:
    return functools.partial(publish, USERS)


def refused(at: At, user_id: int) -> dict[str, Any]:
    return {"user_id": user_id, "joined_at": at("2013-04-01"), "opted_in": False}


def modified(lake: Lake) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in Path(lake.uri).rglob("*") if path.is_file()}


def test_metadata_counts_exclusions_of_a_month_without_any_row_to_publish(
    lake: Lake, land: Land, moment: At, publish_users: Publish
) -> None:
    land("flickr", users=[refused(moment, 1), refused(moment, 2)])
    metadata = publish_users("2013-04")
    assert metadata["dagster/row_count"] == 0
    assert "| not_opted_in | 2 |" in metadata["excluded_in_this_run"]
    before = modified(lake)
    assert publish_users("2013-04")["excluded_in_this_run"] == metadata["excluded_in_this_run"]
    assert modified(lake) == before


def test_table_forgets_exclusions_after_its_last_source_is_gone(
    lake: Lake, land: Land, moment: At, publish_users: Publish
) -> None:
    land("flickr", users=[refused(moment, 1)])
    publish_users("2013-04")
    assert recorded_months(lake, "users") == ["2013-04"]
    lake.zone("landed/flickr").drop("users", "2013-04")
    assert "not_opted_in" not in publish_users("2013-04")["excluded_in_this_run"]
    assert recorded_months(lake, "users") == []
    assert publish_users("2013-04") == {"skipped": "nothing of this table has landed"}


@pytest.fixture
def refusing(lake: Lake, land: Land, moment: At) -> dg.ExecuteInProcessResult:
    """Three users; 2 opts out, and the same delivery adds a photo of a user whom nobody knows."""
    people = [{"user_id": i, "joined_at": moment("2013-04-01"), "opted_in": True} for i in (1, 2, 3)]
    uploaded = {"uploaded_at": moment("2013-04-10"), "is_public": True, "uri": ""}
    pictures = [{"photo_id": i, "user_id": i, **uploaded} for i in (1, 2, 3, 99)]
    likes = [{"user_id": i, "photo_id": j, "created_at": moment("2013-04-20")} for i, j in ((1, 2), (2, 3), (3, 1))]
    land("flickr", users=people, photos=pictures[:3], favorites=likes)
    assert run_all(lake).success
    land("flickr", users=[people[0], {**people[1], "opted_in": False}, people[2]], photos=pictures)
    return run_all(lake)


def run_all(lake: Lake, **configuration: Any) -> dg.ExecuteInProcessResult:
    """One run over every asset of the slice, and one that needs photos."""

    @dg.asset(deps=[PHOTOS.key, FAVORITES.key])
    def reader() -> None:
        """Anything downstream."""

    with dg.DagsterInstance.ephemeral() as instance:
        register_months(instance, ["2013-04"])
        return dg.materialize(
            [*ASSETS, reader],
            partition_key="2013-04",
            instance=instance,
            resources={"lake": LakeResource(uri=lake.uri)},
            run_config={"ops": configuration},
            raise_on_error=False,
        )


def test_a_refused_month_stops_neither_somebodys_no_nor_what_follows_but_the_run_fails(
    lake: Lake, refusing: dg.ExecuteInProcessResult
) -> None:
    assert lake.read(USERS)["user_id"].to_pylist() == [1, 3]
    assert lake.read(PHOTOS)["photo_id"].to_pylist() == [1, 3]
    assert lake.read(FAVORITES)["photo_id"].to_pylist() == [1]
    failed = {event.step_key for event in refusing.all_events if event.is_step_failure}
    skipped = {event.step_key for event in refusing.all_events if event.is_step_skipped}
    assert (refusing.success, failed, skipped) == (False, {"refused_months"}, set())
    assert "reader" in {event.step_key for event in refusing.all_events if event.is_step_success}


def test_the_failure_names_table_month_statement_and_remedy(refusing: dg.ExecuteInProcessResult) -> None:
    failure = refusing.failure_data_for_node("refused_months")
    assert failure is not None
    assert failure.user_failure_data is not None
    first, line, *_ = str(failure.user_failure_data.description).splitlines()
    assert first == "1 refused month: photos/2013-04 (user_id_is_in_users)"
    assert line == (
        "photos/2013-04: user_id_is_in_users: false of 1 of 3 rows. "
        "Add the missing rows to `users` (`beautyflow rejected` shows those that did not land), "
        "or take these out, and import again."
    )


def test_the_check_of_a_refused_month_fails_and_metadata_tell_what_was_taken_out(
    refusing: dg.ExecuteInProcessResult,
) -> None:
    failed = [e for e in refusing.get_asset_check_evaluations() if not e.passed and e.severity.value == "ERROR"]
    assert [(e.asset_key.to_user_string(), e.check_name) for e in failed] == [("photos", "user_id_is_in_users")]
    (photos,) = refusing.asset_materializations_for_node("photos")
    assert "| 2013-04 | user_id_is_in_users | 1 |" in str(photos.metadata["refused_in_this_run"].value)


def test_the_volume_of_a_month_is_accepted_on_request_and_the_check_says_so(
    lake: Lake, land: Land, moment: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "bounds", lambda counts, month: Bounds(2, None))
    land("flickr", users=[{"user_id": 1, "joined_at": moment("2013-04-01"), "opted_in": True}])
    assert not run_all(lake).success
    result = run_all(lake, users={"config": {"accept_volume": ["2013-04"]}})
    assert result.success
    checks = {e.check_name: e for e in result.get_asset_check_evaluations() if e.asset_key == dg.AssetKey("users")}
    check = checks["volume_has_not_collapsed"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert check.metadata["accepted_rows_by_month"].value == {"2013-04": 1}
    assert check.description == "False in 1 of 1 month, and accepted there: 2013-04."
    assert [name for name, e in checks.items() if not e.passed] == ["volume_has_not_collapsed"]


def checks_of(result: dg.ExecuteInProcessResult, contract: TableContract) -> dict[str, dg.AssetCheckEvaluation]:
    key = dg.AssetKey(contract.key)
    return {e.check_name: e for e in result.get_asset_check_evaluations() if e.asset_key == key}


def test_checks_stay_unanswered_where_no_row_is_to_be_published_and_metadata_says_so(
    lake: Lake, land: Land, moment: At
) -> None:
    land("flickr", users=[{"user_id": 1, "joined_at": moment("2013-03-01"), "opted_in": True}])
    land(
        "flickr",
        photos=[{"photo_id": 1, "user_id": 1, "uploaded_at": moment("2013-03-02"), "is_public": True, "uri": ""}],
    )
    result = run_all(lake)
    assert result.success
    assert checks_of(result, PHOTOS) == {}
    (photos,) = result.asset_materializations_for_node("photos")
    counted = {name: photos.metadata[name].value for name in ("months_audited", "months_without_rows")}
    assert counted == {"months_audited": 0, "months_without_rows": 1}


def test_the_check_of_the_volume_warns_of_a_month_that_lost_its_rows(lake: Lake, land: Land, moment: At) -> None:
    people = [{"user_id": i, "joined_at": moment("2013-04-01"), "opted_in": True} for i in range(10)]
    land("flickr", users=people)
    assert run_all(lake).success
    lake.zone("landed/flickr").drop("users", "2013-04")
    result = run_all(lake)
    assert result.success
    assert lake.partitions("users") == []
    ((name, check),) = checks_of(result, USERS).items()
    assert (name, check.passed, check.severity) == ("volume_has_not_collapsed", False, dg.AssetCheckSeverity.WARN)
    assert check.description == (
        "No row where there should be some (2013-04: at least 2 expected); see whether a file is missing."
    )
    assert check.metadata["empty_months"].value == ["2013-04"]


def test_failing_checks_say_what_was_found_in_one_line(refusing: dg.ExecuteInProcessResult) -> None:
    told = {e.check_name: e.description or "" for e in refusing.get_asset_check_evaluations() if not e.passed}
    assert told == {
        "user_id_is_in_users": "False in 1 of 1 month, so the news of these are not published "
        "(2013-04: false of 1 of 3 rows)."
    }
    passed = {e.description for e in refusing.get_asset_check_evaluations() if e.passed}
    assert passed == {"True in 1 month."}
