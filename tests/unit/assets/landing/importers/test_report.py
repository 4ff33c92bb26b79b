from assets.landing.importers.report import ImportReport, TableReport, report_from_dict


def test_render_shows_counts_reasons_and_notes():
    report = ImportReport(
        "flickr",
        "canonical",
        False,
        {
            "users": TableReport(1_200, {}, ("2015-01", "undated"), 200, undated=30),
            "photos": TableReport(1, {}, ("2015-01",), undated=0),
            "favorites": TableReport(2, {}, ("undated",), undated=2),
            "blocks": TableReport(1, {}, ("undated",), undated=1),
            "raters": TableReport(5, {}, ("undated",)),
            "edges": TableReport(0, {"self_follow": 3}, undated=0),
        },
        ("ignored the column hat",),
        ("users.csv has no column 'joined_at'",),
    )
    assert report.render().splitlines() == [
        "flickr (canonical): 1,209 rows landed, 3 in quarantine",
        "  blocks: 1 row, undated, 0 in quarantine",
        "  edges: 0 rows, 3 in quarantine",
        "    self_follow: 3",
        "  favorites: 2 rows, all undated, 0 in quarantine",
        "  photos: 1 row in 1 month, 0 in quarantine",
        "  raters: 5 rows, 0 in quarantine",
        "  users: 1,200 rows in 1 month, 30 of them undated, 0 in quarantine (200 derived)",
        "  warning: users.csv has no column 'joined_at'",
        "  note: ignored the column hat",
    ]


def test_report_from_dict_reads_what_to_dict_wrote():
    report = ImportReport(
        "a",
        "scores",
        False,
        {"scores": TableReport(2, {"out_of_range": 1}, ("undated",), 1, 2, ("s",))},
        ("n",),
        ("w",),
    )
    again = report_from_dict("a", "scores", report.to_dict())
    assert (again.tables, again.notes, again.warnings) == (report.tables, report.notes, report.warnings)
    assert again.skipped
