import pandas as pd

from assets.community.suites import MONTHS
from assets.community.validation import failures, is_true_of
from assets.contracts.crowd import RATERS

GOOD = {"month": ["2013-04", "2013-05"], "rows": [3, 4], "duplicate_keys": [0, 0], "mistyped_columns": [0, 0]}


def test_is_true_of_a_frame_in_which_all_holds() -> None:
    frame = pd.DataFrame(GOOD)
    assert is_true_of(frame, RATERS, MONTHS)
    assert failures(frame, RATERS, MONTHS, []) == {}


def test_failures_say_which_month_is_wrong() -> None:
    frame = pd.DataFrame({**GOOD, "duplicate_keys": [0, 2]})
    assert not is_true_of(frame, RATERS, MONTHS)
    found = failures(frame, RATERS, MONTHS, ["rows"])
    assert set(found) == {("2013-05", "keys_are_unique")}
    assert found["2013-05", "keys_are_unique"].examples == ({"duplicate_keys": "2", "rows": "4"},)


def test_failures_count_a_statement_that_cannot_be_tested_against_every_month() -> None:
    frame = pd.DataFrame(GOOD).drop(columns="duplicate_keys")
    found = failures(frame, RATERS, MONTHS, [])
    assert set(found) == {("2013-04", "keys_are_unique"), ("2013-05", "keys_are_unique")}
    assert "duplicate_keys" in found["2013-04", "keys_are_unique"].error
