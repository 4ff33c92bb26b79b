"""Great Expectations behind one function: a frame and a suite in, what is untrue of it out.

The library costs about ten seconds to import and a fifth of a second per validation, whatever the number of
rows up to about 100,000. So it is imported at the first call, keeps one context per process, and should be
given few, full frames.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from assets.community.suites import Statement, statements, suite_of
from assets.contracts.settings import refuse_great_expectations_telemetry
from assets.contracts.table import TableContract

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core.batch_definition import BatchDefinition

EXAMPLES = 5
"""Rows shown of those for which a statement is false."""


@dataclass(frozen=True)
class Failure:
    """A statement that is false of a frame.

    Attributes:
        unexpected_count: Rows for which it is false.
        examples: Up to five of them: column -> value as text.
        error: Why the statement could not be tested; empty where it was.
    """

    unexpected_count: int
    examples: tuple[Mapping[str, str], ...]
    error: str = ""


def is_true_of(frame: "pd.DataFrame", contract: TableContract, kind: str) -> bool:
    """Whether every statement of a table about one kind of frame holds; the fast question."""
    return bool(_validate(frame, contract, kind, {"result_format": "BOOLEAN_ONLY"}).success)


def failures(
    frame: "pd.DataFrame", contract: TableContract, kind: str, shown: list[str]
) -> dict[tuple[str, str], Failure]:
    """What is false of the months in a frame, by (month, statement).

    Args:
        frame: The rows; ``month`` says which month each belongs to.
        contract: The table.
        kind: ``suites.ROWS`` or ``suites.MONTHS``.
        shown: Columns that examples show beside those of the statement.
    """
    named = {statement.name: statement for statement in statements(contract) if statement.frame == kind}
    columns = [column for statement in named.values() for column in statement.shown_columns]
    index = [column for column in dict.fromkeys(["month", *shown, *columns]) if column in frame]
    every_row = {"result_format": "COMPLETE", "unexpected_index_column_names": index}
    found: dict[tuple[str, str], Failure] = {}
    for result in _validate(frame, contract, kind, every_row).results:
        if not result.success:
            statement = named[result.expectation_config.meta["statement"]]
            months = [str(month) for month in frame["month"].unique()]
            failed = _failures_by_month(result, months, _columns_of_examples(statement, shown))
            found |= {(month, statement.name): failure for month, failure in failed.items()}
    return found


def _validate(frame: "pd.DataFrame", contract: TableContract, kind: str, result_format: dict[str, Any]) -> Any:
    with _quiet():
        batch = _batch_definition().get_batch({"dataframe": frame})
        return batch.validate(_suite(contract, kind), result_format=result_format)


def _columns_of_examples(statement: Statement, shown: list[str]) -> list[str]:
    return [column for column in dict.fromkeys([*shown, *statement.shown_columns]) if column != "month"]


def _failures_by_month(result: Any, months: list[str], columns: list[str]) -> dict[str, Failure]:
    """A statement that cannot be tested is false of every month."""
    raised = [e["exception_message"] for e in _exceptions(result.exception_info) if e.get("raised_exception")]
    if raised:
        return {month: Failure(0, (), "; ".join(str(message) for message in raised)) for month in months}
    rows_by_month: dict[str, list[Mapping[str, Any]]] = {}
    for row in result.result["unexpected_index_list"]:
        rows_by_month.setdefault(row["month"], []).append(row)
    return {month: Failure(len(rows), _examples(rows, columns)) for month, rows in rows_by_month.items()}


def _examples(rows: list[Mapping[str, Any]], columns: list[str]) -> tuple[Mapping[str, str], ...]:
    return tuple({name: _text(row[name]) for name in columns if name in row} for row in rows[:EXAMPLES])


def _exceptions(info: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """One exception as it stands, or several by metric: the library gives either."""
    if not info:
        return []
    return [info] if "raised_exception" in info else list(info.values())


def _text(value: Any) -> str:
    return "null" if value is None or str(value) in ("NaT", "nan", "<NA>") else str(value)


@cache
def _suite(contract: TableContract, kind: str) -> "ExpectationSuite":
    _library()
    return suite_of(contract, kind)


@cache
def _batch_definition() -> "BatchDefinition[Any]":
    gx = _library()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("staged").add_dataframe_asset("frames")
    return asset.add_batch_definition_whole_dataframe("whole")


@cache
def _library() -> Any:
    refuse_great_expectations_telemetry()
    import great_expectations as gx

    return gx


@contextmanager
def _quiet() -> Iterator[None]:
    """The library logs a line per validation; people read findings instead."""
    logger = logging.getLogger("great_expectations")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
