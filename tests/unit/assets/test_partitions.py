from collections.abc import Iterator

import dagster as dg
import pytest

from assets.partitions import month_ranges, register_months


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


def test_register_months_adds_only_what_is_new(instance: dg.DagsterInstance) -> None:
    assert register_months(instance, ["2016-02", "2016-01"]) == ["2016-01", "2016-02"]
    assert register_months(instance, ["2016-02", "2016-03"]) == ["2016-03"]
    assert list(instance.get_dynamic_partitions("months")) == ["2016-01", "2016-02", "2016-03"]


def test_register_months_keeps_calendar_order_when_a_month_is_late(instance: dg.DagsterInstance) -> None:
    register_months(instance, ["2016-01", "2016-04", "undated"])
    assert register_months(instance, ["2016-02"]) == ["2016-02"]
    register_months(instance, ["2016-05"])
    assert list(instance.get_dynamic_partitions("months")) == ["2016-01", "2016-02", "2016-04", "2016-05", "undated"]


def test_register_months_without_news_touches_nothing(instance: dg.DagsterInstance) -> None:
    register_months(instance, ["2016-01"])
    assert register_months(instance, []) == []
    assert list(instance.get_dynamic_partitions("months")) == ["2016-01"]


def test_month_ranges_splits_where_a_known_month_is_not_wanted() -> None:
    known = ["2015-12", "2016-01", "2016-02", "2016-03", "undated"]
    assert month_ranges(["2016-03", "undated", "2015-12"], known) == [("2015-12", "2015-12"), ("2016-03", "undated")]
    assert month_ranges([], known) == []
