"""What must be true of every month of a community table, derived from its contract.

A statement is a name that is true when all is well, with the Great Expectations expectation that tests
it. A new contract gets its statements by existing. Two kinds of frames are tested:

* *rows*: the staged rows of some months, with what they refer to joined in: for a reference from
  ``column``, ``<column>__known`` says whether the referenced row is published, ``<column>__refused`` which refused
  month it stands in if it is not, ``<column>__moment`` when it came into being; ``<column>__differs`` whether it
  names another row than the first reference to the same table; ``month`` is the partition and ``event_month`` the
  month of the row's event time;
* *months*: one row per staged month with ``rows``, ``duplicate_keys``, ``keys_elsewhere``,
  ``mistyped_columns``, ``rows_low`` and ``rows_high`` (see ``volume.py``), which DuckDB aggregates out of core.

Great Expectations takes ten seconds to import, so only ``suite_of`` touches it; statements are plain values
that asset definitions may list. How the frames are made and what comes of them is in ``audit.py``.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from assets.contracts.registry import all_contracts
from assets.contracts.table import Reference, TableContract

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

ROWS, MONTHS = "rows", "months"
MUST_BE_TRUE = ("opted_in", "is_public")
"""Flags that only hold true once a table is published."""
COLLAPSED, EXPLODED = "volume_has_not_collapsed", "volume_has_not_exploded"
VOLUME = (COLLAPSED, EXPLODED)
"""Statements that may be false of a month in which nothing is wrong; see ``volume.py``."""

_AGAIN = "or take these rows out, and import again."
_ACCEPT = "If there really are so many rows: `beautyflow materialize --accept-volume {month}`."
_DEFECT = "No file can cause this; please report it, with what `beautyflow validate` prints."


@dataclass(frozen=True)
class Statement:
    """Something that must be true of a month.

    Attributes:
        name: The statement, as an identifier; unique in its table.
        description: The same for people.
        remedy: What a person does where it is false; ``{month}`` stands for the partition.
        frame: ``rows`` or ``months``.
        columns: Columns that a row needs for the statement to say anything about it.
        expectation: Class name of the expectation in Great Expectations.
        arguments: Its arguments.
    """

    name: str
    description: str
    remedy: str
    frame: str
    columns: tuple[str, ...]
    expectation: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown_columns(self) -> tuple[str, ...]:
        """Columns that tell a person why a row is wrong; what only the test needs is none of them."""
        tested = (self.arguments[name] for name in ("column", "column_A", "column_B") if name in self.arguments)
        return tuple(dict.fromkeys(c for c in (*self.columns, *tested) if not c.endswith(("__known", "__differs"))))


@cache
def statements(contract: TableContract) -> tuple[Statement, ...]:
    """Everything that must be true of a month of a table; about one statement per column and reference."""
    found = (
        *_month_statements(contract),
        *_column_statements(contract),
        *_reference_statements(contract),
        *_time_statements(contract),
    )
    twice = [name for name, times in Counter(s.name for s in found).items() if times > 1]
    if twice:
        raise ValueError(f"{contract.key} has two statements called {twice[0]!r}")
    return found


def suite_of(contract: TableContract, frame: str) -> "ExpectationSuite":
    """The expectations of a table for one kind of frame; ``meta["statement"]`` names each one's statement."""
    import great_expectations as gx

    suite = gx.ExpectationSuite(name=f"{contract.key}_{frame}")
    for statement in statements(contract):
        if statement.frame == frame:
            expectation = getattr(gx.expectations, statement.expectation)
            suite.add_expectation(expectation(**statement.arguments, meta={"statement": statement.name}))
    return suite


def reference_statement(reference: Reference) -> str:
    """Name of the statement that a reference names a published row."""
    return f"{reference.column}_is_in_{reference.to_table}"


def event_time_of(table: str) -> str | None:
    """Event time of a referenced table; None where it has none."""
    return all_contracts()[table].event_time


def other_moments(contract: TableContract) -> list[str]:
    """Timestamps of a table besides its event time: when a link, favorite or membership ended."""
    return [c.name for c in contract.columns if pa.types.is_timestamp(c.type) and c.name != contract.event_time]


def keys_are_timeless(contract: TableContract) -> bool:
    """Whether a key may occur in one month only, because the event time is no part of it."""
    return contract.event_time is not None and contract.event_time not in contract.primary_key


def pairs_of_one_table(contract: TableContract) -> list[tuple[str, str]]:
    """Pairs of columns that name rows of the same table, such as both ends of a link."""
    named = [(r.to_table, r.column) for r in contract.references]
    return [
        (first, second) for i, (table, first) in enumerate(named) for other, second in named[i + 1 :] if table == other
    ]


def _month_statements(contract: TableContract) -> Iterator[Statement]:
    key = ", ".join(f"`{name}`" for name in contract.primary_key)
    yield _zero_to_zero(
        "types_are_as_declared", "Every column has the type of the contract.", _DEFECT, "mistyped_columns"
    )
    yield _zero_to_zero(
        "keys_are_unique",
        f"No two rows of the month share {key}.",
        "Keep one row of each key, and import again.",
        "duplicate_keys",
    )
    if keys_are_timeless(contract):
        yield _zero_to_zero(
            "keys_occur_in_no_other_month",
            f"No other month has a row with {key}.",
            "Keep one row of each key, import again, and materialize all months.",
            "keys_elsewhere",
        )
    yield Statement(
        "month_is_not_empty",
        "The month holds at least one row.",
        _DEFECT,
        MONTHS,
        ("rows",),
        "ExpectColumnValuesToBeBetween",
        {"column": "rows", "min_value": 1},
    )
    if contract.event_time is not None:
        yield _at_least(COLLAPSED, "Not far fewer rows than the months before.", _ACCEPT, "rows", "rows_low")
        yield _at_least(EXPLODED, "Not far more rows than the months before.", _ACCEPT, "rows_high", "rows")


def _column_statements(contract: TableContract) -> Iterator[Statement]:
    for column in contract.columns:
        if not column.nullable:
            yield Statement(
                f"{column.name}_is_present",
                f"Every row has `{column.name}`.",
                f"Fill in `{column.name}`, {_AGAIN}",
                ROWS,
                (),
                "ExpectColumnValuesToNotBeNull",
                {"column": column.name},
            )
        if column.minimum is not None or column.maximum is not None:
            yield Statement(
                f"{column.name}_is_in_range",
                f"`{column.name}` lies in {_range(column.minimum, column.maximum)}.",
                f"Correct `{column.name}`, {_AGAIN}",
                ROWS,
                (column.name,),
                "ExpectColumnValuesToBeBetween",
                {"column": column.name, "min_value": column.minimum, "max_value": column.maximum},
            )
        if column.name in MUST_BE_TRUE:
            yield Statement(
                f"{column.name}_is_true",
                f"Only rows with `{column.name}` are published.",
                _DEFECT,
                ROWS,
                (column.name,),
                "ExpectColumnValuesToBeInSet",
                {"column": column.name, "value_set": [True]},
            )


def _reference_statements(contract: TableContract) -> Iterator[Statement]:
    for reference in contract.references:
        yield Statement(
            reference_statement(reference),
            f"`{reference.column}` names a published row of `{reference.to_table}`.",
            f"Add the missing rows to `{reference.to_table}` (`beautyflow rejected` shows those that did not land), "
            "or take these out, and import again.",
            ROWS,
            (reference.column,),
            "ExpectColumnValuesToBeInSet",
            {"column": f"{reference.column}__known", "value_set": [True]},
        )
    for first, second in pairs_of_one_table(contract):
        yield Statement(
            f"{first}_is_not_{second}",
            f"`{first}` and `{second}` differ: nobody relates to themselves.",
            "Take these rows out, and import again.",
            ROWS,
            (first, second),
            "ExpectColumnValuesToBeInSet",
            {"column": f"{second}__differs", "value_set": [True]},
        )


def _time_statements(contract: TableContract) -> Iterator[Statement]:
    event = contract.event_time
    if event is None:
        return
    yield Statement(
        "event_month_is_the_partition",
        f"`{event}` lies in the month of the partition, neither before nor after.",
        _DEFECT,
        ROWS,
        (),
        "ExpectColumnPairValuesToBeEqual",
        {"column_A": "event_month", "column_B": "month", "ignore_row_if": "neither"},
    )
    for end in other_moments(contract):
        yield _at_least(
            f"{end}_is_not_before_{event}",
            f"`{end}` is not before `{event}`.",
            f"Correct `{end}` or `{event}`, {_AGAIN}",
            end,
            event,
            frame=ROWS,
        )
    for reference in contract.references:
        if (began := event_time_of(reference.to_table)) is not None:
            yield _order_statement(event, reference, began)


def _order_statement(event: str, reference: Reference, began: str) -> Statement:
    return _at_least(
        f"{event}_is_not_before_{began}_of_{reference.column}",
        f"`{event}` is not before `{began}` of the row of `{reference.to_table}` that `{reference.column}` names.",
        f"Correct `{event}`, or `{began}` in `{reference.to_table}`, {_AGAIN}",
        event,
        f"{reference.column}__moment",
        frame=ROWS,
    )


def _zero_to_zero(name: str, description: str, remedy: str, column: str) -> Statement:
    arguments = {"column": column, "min_value": 0, "max_value": 0}
    return Statement(name, description, remedy, MONTHS, (column,), "ExpectColumnValuesToBeBetween", arguments)


def _at_least(name: str, description: str, remedy: str, larger: str, smaller: str, *, frame: str = MONTHS) -> Statement:
    return Statement(
        name,
        description,
        remedy,
        frame,
        (larger, smaller),
        "ExpectColumnPairValuesAToBeGreaterThanB",
        {"column_A": larger, "column_B": smaller, "or_equal": True, "ignore_row_if": "either_value_is_missing"},
    )


def _range(minimum: float | None, maximum: float | None) -> str:
    low = "(-inf" if minimum is None else f"[{minimum:g}"
    high = "inf)" if maximum is None else f"{maximum:g}]"
    return f"{low}, {high}"
