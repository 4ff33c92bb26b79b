from datetime import UTC, datetime

import pyarrow as pa
import pytest

from assets.contracts.table import Column, ContractViolation, TableContract, month_of


def with_column(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    position = table.schema.get_field_index(name)
    field = table.schema.field(name)
    return table.set_column(position, field, pa.chunked_array([pa.array(values, field.type)]))


def test_conform_orders_casts_and_fills_columns(visits):
    loose = pa.table({"visited_at": [datetime(2016, 3, 5, tzinfo=UTC)], "user_id": pa.array([7], pa.int32())})
    assert visits.conform(loose).to_pylist() == [
        {"user_id": 7, "place": None, "visited_at": datetime(2016, 3, 5, tzinfo=UTC), "liking": None}
    ]
    assert visits.conform(loose).schema == visits.schema


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"place": ["Bath"]}, r"visits: missing columns \['user_id'\], unknown columns \[\]; expected \['user_id', "),
        ({"user_id": [1], "colour": ["red"]}, r"missing columns \[\], unknown columns \['colour'\]"),
        ({"user_id": ["seven"]}, "visits.user_id: cannot become int64: .*seven"),
        ({"user_id": [1.5]}, "visits.user_id: cannot become int64: .*1.5"),
    ],
)
def test_conform_says_what_does_not_fit(visits, table, message):
    with pytest.raises(ContractViolation, match=message):
        visits.conform(pa.table(table))


def test_conform_refuses_a_column_given_twice(visits):
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["user_id", "user_id"])
    with pytest.raises(ContractViolation, match=r"visits: columns \['user_id'\] occur more than once"):
        visits.conform(twice)


def test_is_complete_leaves_out_rows_without_a_required_value(visits, make_visits):
    rows = with_column(with_column(make_visits(1, 2, 3), "user_id", [1, None, 3]), "liking", [None, 0.5, 0.5])
    assert rows.filter(visits.is_complete)["user_id"].to_pylist() == [1, 3]


def test_validate_passes_good_rows(visits, make_visits):
    visits.validate(make_visits(1, 2, 3), "2016-03")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("user_id", [1, None, None], "visits.user_id: 2 rows are null, none may be"),
        ("user_id", [1, -4, -5], "visits.user_id: 2 rows are below the minimum 0, for example -4"),
        ("liking", [0.1, 1.25, None], "visits.liking: 1 rows are above the maximum 1, for example 1.25"),
        ("liking", [0.1, float("nan"), 0.2], "visits.liking: 1 rows are not a number; store null instead"),
        ("user_id", [3, 3, 4], r"visits: 1 keys occur more than once, for example {'user_id': 3, 'place': 'Bath', "),
    ],
)
def test_validate_names_column_count_and_example(visits, make_visits, column, values, message):
    bad = with_column(make_visits(1, 2, 3), column, values)
    with pytest.raises(ContractViolation, match=message):
        visits.validate(bad)


def test_validate_asks_for_conform_first(visits, make_visits):
    with pytest.raises(
        ContractViolation, match=r"visits: schema is (.|\n)*contract says (.|\n)*; call conform\(\) first"
    ):
        visits.validate(make_visits(1).select(["place", "user_id"]))


@pytest.mark.parametrize(
    ("partition", "moment"),
    [
        ("2016-03", datetime(2016, 3, 1, tzinfo=UTC)),
        ("2016-03", datetime(2016, 3, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2015-12", datetime(2015, 12, 31, tzinfo=UTC)),
        ("undated", None),
        ("any-other-name", None),
    ],
)
def test_validate_accepts_rows_of_the_partition(visits, make_visits, partition, moment):
    visits.validate(with_column(make_visits(1), "visited_at", [moment]), partition)


@pytest.mark.parametrize(
    ("partition", "moment"),
    [
        ("2016-03", datetime(2016, 4, 1, tzinfo=UTC)),
        ("2016-03", datetime(2016, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2015-12", datetime(2016, 1, 1, tzinfo=UTC)),
        ("2016-03", None),
        ("undated", datetime(2016, 3, 1, tzinfo=UTC)),
    ],
)
def test_validate_refuses_rows_of_another_partition(visits, make_visits, partition, moment):
    with pytest.raises(ContractViolation, match=f"visits.visited_at: 1 rows are outside of the partition {partition}"):
        visits.validate(with_column(make_visits(1), "visited_at", [moment]), partition)


def test_fingerprint_changes_with_names_types_and_nullability_only(visits):
    def variant(**values: object) -> str:
        first = Column(**{"name": "user_id", "type": pa.int64(), "description": "Who.", **values})
        return TableContract("visits", "", "", (first, *visits.columns[1:]), ("user_id",)).fingerprint

    same = variant()
    assert same == visits.fingerprint == variant(description="Somebody else.", minimum=3)
    assert len({same, variant(name="id"), variant(type=pa.int32()), variant(nullable=True)}) == 4


def test_column_names_the_ones_there_are(visits):
    assert visits.column("place").description == "Where."
    with pytest.raises(KeyError, match="visits has no column 'colour'; it has .*'user_id'"):
        visits.column("colour")


def test_month_of_is_the_calendar_month():
    assert month_of(datetime(2016, 12, 31, 23, 59, tzinfo=UTC)) == "2016-12"
