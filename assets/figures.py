"""Figures of the platform: small PNGs in one style. Draws what it is given and computes nothing.

matplotlib is imported when a figure is drawn, so loading the definitions stays cheap.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import cycle, pairwise, product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle
    from matplotlib.typing import ColorType

_BLUE = "#2f6db3"
_GREY = "#9aa5b1"
_COLORS = (_BLUE, "#c2571a", "#3d8b63", _GREY)
_MANY_COLORS = (_BLUE, "#c2571a", "#3d8b63", "#7b5ea7", "#b8902f", "#5b6770", "#c0588a", "#3aa3b5")


def months_figure(counts: Mapping[str, int], title: str, unit: str) -> bytes:
    """Bars of a count by month, in the order of the keys."""
    figure, axes = _canvas(title)
    positions = range(len(counts))
    axes.bar(positions, list(counts.values()), color=_BLUE, width=0.85)
    step = max(1, len(counts) // 8)
    axes.set_xticks(list(positions)[::step], list(counts)[::step])
    axes.set_ylabel(unit)
    return _png(figure)


def histogram_figure(edges: Sequence[float], counts: Sequence[int], title: str, xlabel: str) -> bytes:
    """Histogram from bin edges (one more than counts) and counts."""
    figure, axes = _canvas(title)
    widths = [right - left for left, right in pairwise(edges)]
    axes.bar(edges[:-1], counts, width=widths, align="edge", color=_BLUE, edgecolor="white", linewidth=0.4)
    axes.set_xlabel(xlabel)
    axes.set_ylabel("count")
    return _png(figure)


def tail_figure(
    groups: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    title: str,
    xlabel: str,
    ylabel: str,
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
) -> bytes:
    """Shares with at least so much, on two logarithmic scales; a group is (values, shares), as is a line through it."""
    figure, axes = _canvas(title)
    for (name, (values, shares)), color in zip(groups.items(), cycle(_COLORS), strict=False):
        axes.plot(values, shares, "o", markersize=3, color=color, label=name)
        if lines and name in lines:
            axes.plot(*lines[name], color=color, linewidth=1.4)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _png(figure)


def curves_figure(curves: Mapping[str, Sequence[float]], title: str, xlabel: str) -> bytes:
    """One panel per named curve, each with a scale of its own, against 1, 2, 3 ..."""
    figure = _panels(1.2 + 1.6 * len(curves))
    for number, ((name, values), color) in enumerate(zip(curves.items(), cycle(_COLORS), strict=False), 1):
        panel = _panel(figure, len(curves), number)
        panel.plot(range(1, len(values) + 1), values, marker="o", markersize=3, color=color, linewidth=1.8)
        panel.set_ylabel(name)
    figure.suptitle(title, x=0.02, ha="left")
    if curves:
        figure.axes[-1].set_xlabel(xlabel)
    return _png(figure)


def reliability_figure(
    curves: Mapping[str, Mapping[str, Sequence[float]]], title: str, xlabel: str, ylabel: str
) -> bytes:
    """Observed against predicted, with the diagonal; a curve is ``predicted``, ``observed``, ``lower``, ``upper``."""
    figure, axes = _canvas(title)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="perfect")
    for (name, points), color in zip(curves.items(), ["#c2571a", _BLUE, "#3d8b63"], strict=False):
        axes.plot(points["predicted"], points["observed"], marker="o", markersize=4, label=name, color=color)
        axes.vlines(points["predicted"], points["lower"], points["upper"], color=color, linewidth=1)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _png(figure)


def grouped_bars_figure(groups: Sequence[str], series: Mapping[str, Sequence[float]], title: str, ylabel: str) -> bytes:
    """Bars side by side: one group per name, one bar of each named series in it, on a logarithmic scale."""
    figure, axes = _canvas(title)
    width = 0.8 / max(1, len(series))
    for i, (name, values) in enumerate(series.items()):
        positions = [group + i * width for group in range(len(groups))]
        axes.bar(positions, list(values), width=width, align="edge", label=name, color=(_GREY, *_COLORS[:3])[i % 4])
    axes.set_xticks([group + 0.4 for group in range(len(groups))], list(groups), rotation=30, ha="right", fontsize=8)
    axes.set_yscale("log")
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _png(figure)


def intervals_figure(
    groups: Mapping[str, Mapping[str, tuple[float, float | None, float | None]]],
    title: str,
    xlabel: str,
    marks: Sequence[float] = (),
) -> bytes:
    """Values with their intervals, one line per label and one color per group; a group is label -> (value, ends).

    ``marks`` are values of x that others are held against.
    """
    figure, axes = _canvas(title)
    labels = list(dict.fromkeys(label for group in groups.values() for label in group))
    figure.set_figheight(max(3.2, 0.9 + 0.28 * len(labels)))
    figure.set_figwidth(7.2 + 0.08 * max(0, max(map(len, labels), default=0) - 30))
    for mark in marks:
        axes.axvline(mark, color=_GREY, linewidth=0.8, linestyle="--")
    step = 0.6 / max(1, len(groups))
    colors = cycle(_COLORS if len(groups) <= len(_COLORS) else _MANY_COLORS)
    for number, ((name, group), color) in enumerate(zip(groups.items(), colors, strict=False)):
        heights = [labels.index(label) + (number - (len(groups) - 1) / 2) * step for label in group]
        axes.plot([value for value, _, _ in group.values()], heights, "o", markersize=4, color=color, label=name)
        for height, (_, lower, upper) in zip(heights, group.values(), strict=True):
            if lower is not None and upper is not None:
                axes.hlines(height, lower, upper, color=color, linewidth=1.4)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(xlabel)
    if len(groups) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return _png(figure)


def bands_figure(
    panels: Mapping[str, Mapping[str, Sequence[float | None]]],
    title: str,
    xlabel: str,
    *,
    logarithmic: bool = False,
) -> bytes:
    """One panel per named curve with a band around it, on a linear or logarithmic scale of x.

    A curve is ``x``, ``y``, ``lower``, ``upper``, None where unknown.
    """
    figure = _panels(1.0 + 2.0 * len(panels))
    for number, ((name, curve), color) in enumerate(zip(panels.items(), cycle(_COLORS), strict=False), 1):
        panel = _panel(figure, len(panels), number)
        known = _known(curve)
        panel.fill_between(known["x"], known["lower"], known["upper"], color=color, alpha=0.18, linewidth=0)
        panel.plot(known["x"], known["y"], marker="o", markersize=3, color=color, linewidth=1.6)
        if logarithmic:
            panel.set_xscale("log")
        panel.set_ylabel(name)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11, fontweight="bold")
    if panels:
        figure.axes[-1].set_xlabel(xlabel)
    return _png(figure)


def lines_figure(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str, xlabel: str, ylabel: str
) -> bytes:
    """Lines from 0 to 1 in one panel with the diagonal; a curve is (x, y)."""
    figure, axes = _canvas(title)
    figure.set_figheight(4.0)
    axes.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="all alike")
    for (name, (x, y)), color in zip(curves.items(), cycle(_MANY_COLORS), strict=False):
        axes.plot(x, y, color=color, linewidth=1.8, label=name)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False, loc="upper left")
    return _png(figure)


def heat_map_figure(
    lines: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    title: str,
    *,
    reach: float,
    clear: Sequence[Sequence[bool]] | None = None,
) -> bytes:
    """Numbers on squares from blue (``-reach``) over white to orange; grey squares where ``clear`` is false.

    A square without a number stays empty.
    """
    from matplotlib.colors import LinearSegmentedColormap

    figure, axes = _canvas(title)
    figure.set_size_inches(max(7.2, 1.8 + 0.85 * len(columns)), 1.2 + 0.42 * len(lines))
    colors = LinearSegmentedColormap.from_list("beside_zero", [_BLUE, "#ffffff", "#c2571a"])
    axes.grid(visible=False)
    for line, row in enumerate(values):
        for column, value in enumerate(row):
            if value is None:
                continue
            shown = clear is None or clear[line][column]
            shade = colors((max(-reach, min(reach, value)) / reach + 1) / 2) if shown else "#eceff2"
            axes.add_patch(_square(column, line, shade))
            strong = shown and abs(value) > 0.7 * reach
            ink = "white" if strong else ("black" if shown else _GREY)
            axes.text(column, line, f"{value:.2f}", ha="center", va="center", fontsize=9, color=ink)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_xticks(range(len(columns)), [name.replace(" ", "\n") for name in columns], fontsize=9)
    axes.set_yticks(range(len(lines)), lines, fontsize=9)
    axes.tick_params(length=0)
    axes.spines[["left", "bottom"]].set_visible(False)
    return _png(figure)


def steps_figure(
    curves: Mapping[str, Mapping[str, Sequence[float | None]]], title: str, xlabel: str, ylabel: str
) -> bytes:
    """Step curves with bands in one panel; a curve is ``x``, ``y``, ``lower``, ``upper``, None where unknown."""
    figure, axes = _canvas(title)
    figure.set_figheight(3.8)
    for (name, curve), color in zip(curves.items(), cycle(_MANY_COLORS), strict=False):
        known = _known(curve)
        axes.fill_between(known["x"], known["lower"], known["upper"], step="post", color=color, alpha=0.15, linewidth=0)
        axes.step(known["x"], known["y"], where="post", color=color, linewidth=1.8, label=name)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return _png(figure)


def _square(column: int, line: int, color: "ColorType") -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, line - 0.5), 1, 1, facecolor=color, edgecolor="white", linewidth=1.5)


def event_study_figure(
    panels: Mapping[str, Mapping[str, Mapping[str, Sequence[float | None]]]],
    title: str,
    xlabel: str,
    *,
    beside_zero: bool = True,
) -> bytes:
    """Panels below one another, each with several curves and their bands around an event at 0.

    A panel is name -> curve; a curve is ``x``, ``y``, ``lower``, ``upper``, None where unknown.
    ``beside_zero`` draws the line that differences are held against.
    """
    figure = _panels(1.0 + 2.3 * len(panels))
    for number, (name, curves) in enumerate(panels.items(), 1):
        panel = _panel(figure, len(panels), number)
        if beside_zero:
            panel.axhline(0, color=_GREY, linewidth=0.8)
        panel.axvline(0, color=_GREY, linewidth=0.8, linestyle="--")
        for (label, curve), color in zip(curves.items(), cycle(_COLORS), strict=False):
            known = _known(curve)
            panel.fill_between(known["x"], known["lower"], known["upper"], color=color, alpha=0.15, linewidth=0)
            panel.plot(known["x"], known["y"], marker="o", markersize=3, color=color, linewidth=1.6, label=label)
        panel.set_ylabel(name)
        panel.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    figure.suptitle(title, x=0.02, ha="left", fontsize=10, fontweight="bold")
    if panels:
        figure.axes[-1].set_xlabel(xlabel)
    return _png(figure)


def frontier_figure(
    points: Mapping[str, tuple[float, float]],
    frontier: Sequence[tuple[float, float]],
    title: str,
    xlabel: str,
    ylabel: str,
) -> bytes:
    """Named points (x, y), and others that a line joins in the order of x."""
    figure, axes = _canvas(title)
    figure.set_figheight(4.2)
    if frontier:
        axes.plot(*zip(*frontier, strict=True), "o-", color="#c2571a", markersize=5, linewidth=1.6, label="beauty flow")
    others = [color for color in _MANY_COLORS if color != "#c2571a"]
    for (name, (x, y)), (marker, color) in zip(points.items(), product("sD^v", others), strict=False):
        axes.plot([x], [y], marker, color=color, markersize=6, label=name.replace("_", " "))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    return _png(figure)


def courses_figure(
    panels: Mapping[str, Mapping[str, tuple[Sequence[float] | Sequence[date], Sequence[float]]]],
    title: str,
    xlabel: str,
) -> bytes:
    """Panels below one another, each with several named lines (x, y); a legend where lines are others than above.

    x are numbers, or dates.
    """
    figure, above = _panels(1.0 + 2.1 * len(panels)), None
    for number, (name, lines) in enumerate(panels.items(), 1):
        panel = _panel(figure, len(panels), number)
        for (label, (x, y)), (dashes, color) in zip(lines.items(), product(("-", "--"), _MANY_COLORS), strict=False):
            panel.plot(x, y, color=color, linestyle=dashes, linewidth=1.4, label=label.replace("_", " "))  # type: ignore[arg-type]
            _date_axis(panel, x)
        panel.set_ylabel(name.replace("_", " "))
        if lines and list(lines) != above:
            panel.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
        above = list(lines)
    figure.suptitle(title, x=0.02, ha="left", fontsize=11, fontweight="bold")
    if panels:
        figure.axes[-1].set_xlabel(xlabel)
    return _png(figure)


def _date_axis(panel: "Axes", x: Sequence[float] | Sequence[date]) -> None:
    """Few ticks with short names, where x are dates."""
    if x and isinstance(x[0], date):
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        ticks = AutoDateLocator(minticks=3)  # type: ignore[no-untyped-call]
        panel.xaxis.set_major_locator(ticks)
        panel.xaxis.set_major_formatter(ConciseDateFormatter(ticks))  # type: ignore[no-untyped-call]


def _known(curve: Mapping[str, Sequence[float | None]]) -> dict[str, list[float]]:
    """A curve with nan where it is not known."""
    return {key: [float("nan") if value is None else value for value in values] for key, values in curve.items()}


def _panels(height: float) -> "Figure":
    """A figure without any panel yet."""
    figure, axes = _canvas("")
    axes.remove()
    figure.set_figheight(height)
    return figure


def _panel(figure: "Figure", panels: int, number: int) -> "Axes":
    """The next of panels below one another, the first one is 1."""
    panel = figure.add_subplot(panels, 1, number)
    panel.spines[["top", "right"]].set_visible(False)
    return panel


def _canvas(title: str) -> "tuple[Figure, Axes]":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e8ec", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
