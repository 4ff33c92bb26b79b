import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.community.assets import build_table_asset
from assets.community.record import recorded_months
from assets.contracts.community import PHOTOS, USERS
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
    assert "| not_opted_in | 2 |" in metadata["excluded"]
    before = modified(lake)
    assert publish_users("2013-04")["excluded"] == metadata["excluded"]
    assert modified(lake) == before


def test_table_forgets_exclusions_after_its_last_source_is_gone(
    lake: Lake, land: Land, moment: At, publish_users: Publish
) -> None:
    land("flickr", users=[refused(moment, 1)])
    publish_users("2013-04")
    assert recorded_months(lake, "users") == ["2013-04"]
    lake.zone("landed/flickr").drop("users", "2013-04")
    assert "not_opted_in" not in publish_users("2013-04")["excluded"]
    assert recorded_months(lake, "users") == []
    assert publish_users("2013-04") == {"skipped": "nothing of this table has landed"}


def test_a_refused_month_tells_how_many_rows_were_taken_out(
    lake: Lake, land: Land, moment: At, publish: Callable[..., Mapping[str, Any]]
) -> None:
    people = [{"user_id": i, "joined_at": moment("2013-04-01"), "opted_in": True} for i in (1, 2)]
    uploaded = {"uploaded_at": moment("2013-04-10"), "is_public": True, "uri": ""}
    pictures = [{"photo_id": i, "user_id": i, **uploaded} for i in (1, 2, 99)]
    land("flickr", users=people, photos=pictures[:2])
    publish(USERS, "2013-04")
    publish(PHOTOS, "2013-04")
    land("flickr", users=[{**people[0], "opted_in": False}, people[1]], photos=pictures)
    publish(USERS, "2013-04")
    with pytest.raises(dg.Failure, match="user_id_is_in_users; rows taken out that may no longer be public: 1"):
        publish(PHOTOS, "2013-04")
    assert lake.read(PHOTOS)["photo_id"].to_pylist() == [2]
