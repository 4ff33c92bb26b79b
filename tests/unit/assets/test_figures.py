"""What figures say besides their lines: ticks, legends, and nothing where there is nothing."""

from datetime import date

import pytest

from assets import figures
from assets.figures import courses_figure

DAYS = [date(2020, 1, 1), date(2020, 2, 1), date(2021, 3, 1)]


@pytest.fixture
def drawn(monkeypatch):
    """The figure behind each PNG."""
    kept = []
    encode = figures._png
    monkeypatch.setattr(figures, "_png", lambda figure: kept.append(figure) or encode(figure))
    return kept


def test_courses_have_a_legend_where_lines_are_others_than_above(drawn):
    line = (DAYS, [1.0, 2.0, float("nan")])
    panels = {"a": {"x": line, "y": line}, "b": {"x": line, "y": line}, "c": {"z": line}, "d": {}}
    assert courses_figure(panels, "title", "month").startswith(b"\x89PNG")
    legends = [panel.get_legend() for panel in drawn[0].axes]
    assert [[text.get_text() for text in legend.get_texts()] if legend else [] for legend in legends] == [
        ["x", "y"],
        [],
        ["z"],
        [],
    ]


def test_lines_of_courses_differ_in_color_first(drawn):
    courses_figure({"a": {str(number): ([0, 1], [0, 1]) for number in range(12)}}, "title", "month")
    lines = drawn[0].axes[0].get_lines()
    assert len({line.get_color() for line in lines[:8]}) == 8
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 12


def test_ticks_of_dates_are_few(drawn):
    courses_figure({"a": {"x": (DAYS, [1.0, 2.0, 3.0])}}, "title", "month")
    assert 2 <= len(drawn[0].axes[0].get_xticks()) <= 8
