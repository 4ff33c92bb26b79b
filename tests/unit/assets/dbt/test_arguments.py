from assets.dbt.arguments import build_invocations, event_time_arguments, month_windows, next_month


def test_build_invocations_full_refresh_covers_all_months_in_one_build():
    assert build_invocations(["2016-03", "undated", "2016-01"], full_refresh=True) == [
        [
            "build", "--exclude-resource-type", "unit_test",
            "--event-time-start", "2016-01-01", "--event-time-end", "2016-04-01", "--full-refresh",
        ]
    ]  # fmt: skip


def test_build_invocations_replays_far_months_first_and_refreshes_once():
    first, last = build_invocations(["2004-02", "2016-12"], full_refresh=True)
    assert first == [
        "run", "--select", "+config.incremental_strategy:microbatch",
        "--event-time-start", "2004-02-01", "--event-time-end", "2004-03-01", "--full-refresh",
    ]  # fmt: skip
    assert last[-4:] == ["--event-time-start", "2016-12-01", "--event-time-end", "2017-01-01"]


def test_build_invocations_without_dated_rows_still_gives_a_window():
    (only,) = build_invocations(["undated"], full_refresh=False)
    assert only[-4:] == ["--event-time-start", "1970-01-01", "--event-time-end", "1970-02-01"]


def test_build_invocations_never_passes_vars():
    for full_refresh in (True, False):
        for arguments in build_invocations(["2004-02", "2016-12"], full_refresh=full_refresh):
            assert "--vars" not in arguments


def test_month_windows_joins_months_up_to_three_years_apart():
    assert month_windows(["2010-01", "2013-01"]) == [("2010-01", "2013-01")]
    assert month_windows(["2010-01", "2013-02"]) == [("2010-01", "2010-01"), ("2013-02", "2013-02")]
    assert month_windows([]) == []


def test_event_time_arguments_end_is_exclusive_across_a_year():
    assert event_time_arguments(("2015-12", "2015-12"))[-1] == "2016-01-01"


def test_next_month_of_december_is_january():
    assert next_month("1999-12") == "2000-01"
