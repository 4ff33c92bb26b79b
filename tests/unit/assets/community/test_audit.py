"""Every statement of every published table is false of one bad row, and of it alone."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from assets.community.audit import audit_month, audit_months
from assets.community.publishing import StagedMonth, published_tables
from assets.community.refusals import Refusal, write_refusal
from assets.community.suites import Statement, statements
from assets.contracts.community import EDGES, FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake, Staged
from assets.contracts.table import Column, TableContract

PutUnchecked = Callable[[TableContract, str, pa.Table], Staged]

ROWS = 6
PUBLISHED = 200
START = datetime(2001, 1, 1, tzinfo=UTC)
LATE, UNKNOWN, BELOW_RANGE = 500, 999, -1
"""Ids: of what came into being after all events, of nothing, and outside the range though it exists."""


@pytest.fixture
def community(lake: Lake, put_unchecked: PutUnchecked) -> Lake:
    """Published users and photos that good rows refer to; among them one with an id below the range."""
    for contract, column in ((USERS, "user_id"), (PHOTOS, "photo_id")):
        rows = [good_row(contract, START, 0, 0) | {column: i} for i in (*range(PUBLISHED), BELOW_RANGE)]
        rows.append(good_row(contract, START + timedelta(days=10_000), 0, 0) | {column: LATE})
        lake.commit(put_unchecked(contract, "1999-01", as_table(contract, rows)))
    return lake


def month_number(number: int) -> tuple[str, datetime]:
    start = datetime(2001 + number // 12, 1 + number % 12, 5, tzinfo=UTC)
    return f"{start:%Y-%m}", start


def good_rows(contract: TableContract, start: datetime, offset: int) -> list[dict[str, Any]]:
    return [good_row(contract, start, i, offset) for i in range(ROWS)]


def good_row(contract: TableContract, start: datetime, i: int, offset: int) -> dict[str, Any]:
    """References name the first published ids, other keys are unique over all months."""
    row = {column.name: good_value(contract, column, start, i, offset) for column in contract.columns}
    return row | {reference.column: ROWS * offset + i + k for k, reference in enumerate(contract.references)}


def good_value(contract: TableContract, column: Column, start: datetime, i: int, offset: int) -> Any:
    if pa.types.is_timestamp(column.type):
        moment = start + timedelta(hours=i)
        return moment if column.name == contract.event_time else moment + timedelta(days=1)
    if pa.types.is_integer(column.type):
        return 10_000 + 100 * offset + i if column.maximum is None else int(column.maximum)
    if pa.types.is_floating(column.type):
        return 0.5
    if pa.types.is_boolean(column.type):
        return True
    return f"value {offset} {i}" if pa.types.is_string(column.type) else None


def as_table(contract: TableContract, rows: list[dict[str, Any]]) -> pa.Table:
    nullable = pa.schema([pa.field(c.name, c.type) for c in contract.columns])
    return pa.Table.from_pylist(rows, schema=nullable)


def made_false(contract: TableContract, statement: Statement, rows: list[dict[str, Any]]) -> pa.Table:
    """The rows with one of them changed so that the statement is false of it."""
    bad, arguments = rows[0], statement.arguments
    if statement.name == "types_are_as_declared":
        table = as_table(contract, rows)
        name = contract.primary_key[0]
        return table.set_column(table.column_names.index(name), name, table[name].cast(pa.int32()))
    if statement.name == "keys_are_unique":
        return as_table(contract, [*rows, bad])
    if statement.name.endswith("_is_present"):
        bad[arguments["column"]] = None
    elif statement.name.endswith("_is_in_range"):
        is_reference = arguments["column"] in {reference.column for reference in contract.references}
        bad[arguments["column"]] = BELOW_RANGE if is_reference else arguments["min_value"] - 2
    elif statement.name.endswith("_is_true"):
        bad[arguments["column"]] = False
    elif "__differs" in str(arguments):
        bad[statement.columns[1]] = bad[statement.columns[0]]
    elif "__known" in str(arguments):
        bad[arguments["column"].removesuffix("__known")] = UNKNOWN
    elif "__moment" in str(arguments):
        bad[arguments["column_B"].removesuffix("__moment")] = LATE
    elif statement.name == "event_month_is_the_partition":
        moved = {n: v + timedelta(days=40) for n, v in bad.items() if isinstance(v, datetime)}
        bad.update(moved)
    else:
        bad[arguments["column_A"]] = bad[arguments["column_B"]] - timedelta(minutes=1)
    return as_table(contract, rows)


def staged_month(staged: Staged) -> StagedMonth:
    return StagedMonth(staged.table, staged.partition, staged, False, staged.rows)


def of_one_row(contract: TableContract) -> Iterator[Statement]:
    """Statements that one row can break; the others are about many rows and have tests of their own."""
    apart = (
        "volume_has_not_collapsed",
        "volume_has_not_exploded",
        "month_is_not_empty",
        "keys_occur_in_no_other_month",
    )
    return (s for s in statements(contract) if s.name not in apart)


@pytest.mark.parametrize("contract", published_tables(), ids=lambda contract: contract.key)
def test_audit_months_finds_exactly_the_statement_that_one_bad_row_breaks(
    contract: TableContract, community: Lake, put_unchecked: PutUnchecked
) -> None:
    expected: dict[str, set[str]] = {}
    months = []
    for number, statement in enumerate([None, *of_one_row(contract)]):
        month, start = month_number(number)
        rows = good_rows(contract, start, number)
        table = as_table(contract, rows) if statement is None else made_false(contract, statement, rows)
        months.append(staged_month(put_unchecked(contract, month, table)))
        expected[month] = set() if statement is None else {statement.name}
    findings = audit_months(community, contract, months)
    failed = {month: {f.name for f in found if not f.passed} for month, found in findings.items()}
    mistyped = next(month for month, names in expected.items() if names == {"types_are_as_declared"})
    of_rows = {s.name for s in statements(contract) if s.frame == "rows"}
    assert failed.pop(mistyped) == {"types_are_as_declared"} | of_rows
    expected.pop(mistyped)
    assert failed == expected
    bad = [f for month, found in findings.items() if month != mistyped for f in found if not f.passed]
    assert all(f.unexpected_count == 1 and len(f.examples) == 1 for f in bad)
    assert set(bad[0].examples[0]) >= set(contract.primary_key)


@pytest.mark.parametrize("contract", published_tables(), ids=lambda contract: contract.key)
def test_audit_month_finds_nothing_true_of_an_empty_month(contract: TableContract, lake: Lake) -> None:
    findings = audit_month(lake, contract, staged_month(lake.stage(contract, "2001-01", contract.schema.empty_table())))
    assert [f.name for f in findings] == [s.name for s in statements(contract)]
    assert {(f.passed, f.rows_checked, f.observed) for f in findings} == {(False, 0, "the month is empty")}


def test_audit_months_calls_a_key_repeated_that_another_month_holds(
    community: Lake, put_unchecked: PutUnchecked
) -> None:
    published, again, once = (good_rows(FAVORITES, month_number(n)[1], 0) for n in range(3))
    community.commit(put_unchecked(FAVORITES, "2001-01", as_table(FAVORITES, published)))
    months = [
        staged_month(put_unchecked(FAVORITES, "2001-02", as_table(FAVORITES, again[:2]))),
        staged_month(put_unchecked(FAVORITES, "2001-03", as_table(FAVORITES, once))),
    ]
    found = audit_months(community, FAVORITES, months[:1])["2001-02"]
    elsewhere = next(f for f in found if f.name == "keys_occur_in_no_other_month")
    assert (elsewhere.passed, elsewhere.unexpected_count) == (False, 2)
    assert elsewhere.examples == ({"user_id": "0", "photo_id": "1"}, {"user_id": "1", "photo_id": "2"})
    both = audit_months(community, FAVORITES, months)
    assert [f.unexpected_count for f in both["2001-03"] if f.name == "keys_occur_in_no_other_month"] == [ROWS]


def test_audit_months_does_not_hold_a_replaced_month_against_itself(
    community: Lake, put_unchecked: PutUnchecked
) -> None:
    rows = as_table(FAVORITES, good_rows(FAVORITES, START + timedelta(days=4), 0))
    community.commit(put_unchecked(FAVORITES, "2001-01", rows))
    findings = audit_month(community, FAVORITES, staged_month(put_unchecked(FAVORITES, "2001-01", rows)))
    assert [f.name for f in findings if not f.passed] == []


@pytest.mark.parametrize(
    ("rows", "broken"),
    [(1_000, set()), (40, {"volume_has_not_collapsed"}), (25_000, {"volume_has_not_exploded"})],
)
def test_audit_months_compares_volume_with_months_before(
    rows: int, broken: set[str], community: Lake, put_unchecked: PutUnchecked
) -> None:
    for number in (0, 1, 2, 3, 4, 5, 7):
        month, start = month_number(number)
        staged = put_unchecked(EDGES, month, as_table(EDGES, good_rows(EDGES, start, number)))
        community.commit(replace(staged, rows=1_000 + 10 * number))
    month, start = month_number(6)
    staged = replace(put_unchecked(EDGES, month, as_table(EDGES, good_rows(EDGES, start, 6))), rows=rows)
    findings = audit_month(community, EDGES, staged_month(staged))
    assert {f.name for f in findings if not f.passed} == broken


def test_audit_months_adds_up_a_month_that_is_larger_than_a_frame(community: Lake, put_unchecked: PutUnchecked) -> None:
    rows = good_rows(PHOTOS, START + timedelta(days=4), 0)
    for i in (0, 3, 5):
        rows[i]["is_public"] = False
    staged = put_unchecked(PHOTOS, "2001-01", as_table(PHOTOS, rows))
    findings = audit_months(community, PHOTOS, [staged_month(staged)], frame_rows=2)["2001-01"]
    public = next(f for f in findings if f.name == "is_public_is_true")
    assert (public.unexpected_count, public.rows_checked) == (3, ROWS)
    assert sorted(example["photo_id"] for example in public.examples) == ["10000", "10003", "10005"]
    assert public.observed == "false of 3 of 6 rows"
    assert [f.name for f in findings if not f.passed] == ["is_public_is_true"]


def test_audit_months_says_that_undated_rows_leave_time_order_open(
    community: Lake, put_unchecked: PutUnchecked
) -> None:
    rows = [row | {"created_at": None, "removed_at": None} for row in good_rows(EDGES, START, 0)]
    staged = put_unchecked(EDGES, "undated", as_table(EDGES, rows))
    findings = audit_month(community, EDGES, staged_month(staged))
    assert all(f.passed for f in findings)
    order = next(f for f in findings if f.name == "removed_at_is_not_before_created_at")
    assert (order.rows_checked, order.observed) == (0, "no row has removed_at and created_at")


def test_audit_months_counts_apart_what_names_a_refused_row_and_shows_the_others(
    community: Lake, land: Callable[..., None], put_unchecked: PutUnchecked
) -> None:
    refused = range(700, 705)
    land("club", users=[{"user_id": i, "joined_at": START, "opted_in": True} for i in refused])
    write_refusal(community, Refusal("users", "2001-01", {"opted_in_is_present": "false of 1 of 5 rows"}))
    rows = good_rows(PHOTOS, START + timedelta(days=4), 0)
    for row, user_id in zip(rows, (*refused, UNKNOWN), strict=True):
        row["user_id"] = user_id
    staged = put_unchecked(PHOTOS, "2001-01", as_table(PHOTOS, rows))
    findings = audit_months(community, PHOTOS, [staged_month(staged)], frame_rows=2)["2001-01"]
    (known,) = [f for f in findings if not f.passed]
    assert (known.unexpected_count, dict(known.follows_from), known.only_follows) == (6, {"users/2001-01": 5}, False)
    assert known.observed == "false of 6 of 6 rows, 5 of them because users/2001-01 is refused"
    assert known.examples == ({"photo_id": "10005", "user_id": "999"},)
