from assets.landing.importers.report import ImportReport, TableReport, report_from_dict


def test_render_shows_counts_reasons_and_notes():
    report = ImportReport(
        "flickr",
        "canonical",
        False,
        {"users": TableReport(1_200, {}, ("2015-01", "undated"), 200), "edges": TableReport(0, {"self_follow": 3})},
        ("ignored the column hat",),
    )
    assert report.render().splitlines() == [
        "flickr (canonical): 1,200 rows landed, 3 in quarantine",
        "  edges: 0 rows in 0 months, 3 in quarantine",
        "    self_follow: 3",
        "  users: 1,200 rows in 2 months, 0 in quarantine (200 derived)",
        "  note: ignored the column hat",
    ]


def test_report_from_dict_reads_what_to_dict_wrote():
    report = ImportReport("a", "scores", False, {"scores": TableReport(2, {"out_of_range": 1}, ("undated",))}, ("n",))
    again = report_from_dict("a", "scores", report.to_dict())
    assert (again.tables, again.notes, again.skipped) == (report.tables, report.notes, True)
