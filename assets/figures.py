"""Figures of the platform: small PNGs in one style. Draws what it is given and computes nothing.

matplotlib is imported when a figure is drawn, so loading the definitions stays cheap.
"""

import io
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BLUE = "#2f6db3"
_GREY = "#9aa5b1"


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


def curves_figure(curves: Mapping[str, Sequence[float]], title: str, xlabel: str, ylabel: str) -> bytes:
    """One line per named curve against 1, 2, 3 ..."""
    figure, axes = _canvas(title)
    for (name, values), color in zip(curves.items(), [_BLUE, _GREY, "#c2571a", "#3d8b63"], strict=False):
        axes.plot(range(1, len(values) + 1), values, label=name, color=color, linewidth=1.8)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.legend(frameon=False)
    return _png(figure)


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
