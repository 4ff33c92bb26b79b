import math

import pytest

from assets.community.volume import HISTORY, bounds, fewest_expected


def months(counts: list[int], first: int = 1) -> dict[str, int]:
    return {f"{2010 + (first + i - 1) // 12}-{(first + i - 1) % 12 + 1:02d}": rows for i, rows in enumerate(counts)}


def test_bounds_of_a_steady_history_are_a_factor_of_five() -> None:
    found = bounds(months([1000] * 6 + [0, 1000]), "2010-07")
    assert found.low == pytest.approx(200)
    assert found.high == pytest.approx(5000)


def test_bounds_need_six_months() -> None:
    found = bounds(months([1000] * (HISTORY - 1)), "2010-06")
    assert (found.low, found.high) == (None, None)


def test_bounds_leave_undated_rows_alone() -> None:
    assert bounds(months([1000] * 8) | {"undated": 3}, "undated").high is None


def test_bounds_of_the_newest_month_have_no_lower_end_because_it_is_open() -> None:
    found = bounds(months([1000] * 6 + [10]), "2010-07")
    assert found.low is None
    assert found.high == pytest.approx(5000)


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.3, 2.0])
def test_bounds_follow_growth_and_its_end(factor: float) -> None:
    counts = [round(1000 * factor**i) for i in range(6)]
    for following in (counts[-1] * factor, counts[-1]):
        found = bounds(months([*counts, round(following), 1]), "2010-07")
        assert found.low is not None
        assert found.high is not None
        assert found.low < following < found.high


def test_bounds_count_the_calendar_where_months_are_missing() -> None:
    doubling = {f"2010-{m:02d}": 1000 * 2**m for m in (1, 2, 3, 5, 6, 8)}
    found = bounds(doubling, "2010-10")
    assert found.high == pytest.approx(5 * 1000 * 2**10, rel=0.01)


def test_bounds_allow_small_counts_their_chance() -> None:
    found = bounds(months([4] * 6), "2010-07")
    assert found.high == pytest.approx(4 * math.exp(3))


def test_bounds_widen_with_a_restless_history() -> None:
    calm, restless = bounds(months([1000] * 6), "2010-07"), bounds(months([1000, 100, 4000, 300, 2000, 150]), "2010-07")
    assert calm.high is not None
    assert restless.high is not None
    assert restless.high > 10 * calm.high


def test_fewest_expected_goes_by_the_months_before_but_for_the_newest_month_of_all() -> None:
    counts = months([1000] * 6)
    assert fewest_expected(counts, "2010-07", newest="2010-08", before=0) == pytest.approx(200)
    assert fewest_expected(counts, "2010-07", newest="2010-07", before=0) is None
    assert fewest_expected(months([1000] * 5), "2010-06", newest="2010-08", before=0) is None


def test_fewest_expected_lets_rare_rows_stay_away() -> None:
    assert fewest_expected(months([4] * 6), "2010-07", newest="2010-08", before=0) is None


@pytest.mark.parametrize(("before", "expected"), [(0, None), (4, None), (5, 1), (1000, 200)])
def test_fewest_expected_goes_by_what_the_month_held(before: int, expected: float | None) -> None:
    assert fewest_expected({}, "2010-07", newest="2010-07", before=before) == expected
