"""The contact sheet: overlays of all explained photos of a network on one page, with score and strongest attributes.

It lies in the lake and not in the run history, because it shows photos: whoever withdraws one takes it from the sheet
with the next run, and nothing is ever taken from a run history.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from assets.beauty.explanations import read_explanations, strongest_attributes
from assets.contracts.explanations import PHOTO_EXPLANATIONS
from assets.contracts.lake import Lake

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FOLDER = f"{PHOTO_EXPLANATIONS.key}/sheets"
_COLUMNS = 3
_MOST_PHOTOS = 48
_CHARACTERS = 62
_TITLE = "Where the network sees beauty: orange raises the score, blue lowers it; attributes are those of a second model"


def sheet_name(model_version: str) -> str:
    """Object of the lake that holds the sheet of a network."""
    return f"{_FOLDER}/{model_version}.png"


def has_sheet(lake: Lake, model_version: str) -> bool:
    """Whether there is a sheet of this network."""
    return sheet_name(model_version) in lake.names(_FOLDER)


def forget_sheets(lake: Lake) -> None:
    """Delete the sheets of all networks."""
    lake.delete_below(_FOLDER)


def store_sheet(lake: Lake, model_version: str) -> None:
    """Draw the sheet of a network and put it into the lake; without an explained photo there is none."""
    rows = read_explanations(lake, model_version)[:_MOST_PHOTOS]
    pictures = lake.get_many([row["overlay"] for row in rows])
    shown = [(row, png) for row, png in zip(rows, pictures, strict=True) if png is not None]
    if shown:
        lake.put_bytes(sheet_name(model_version), draw_sheet(shown, strongest_attributes(lake, model_version)))
    else:
        lake.delete(sheet_name(model_version))


def draw_sheet(
    shown: Sequence[tuple[Mapping[str, Any], bytes]], attributes: Mapping[int, Sequence[Mapping[str, Any]]]
) -> bytes:
    """A page of overlays as a PNG.

    Args:
        shown: Rows of ``photo_explanations`` with the PNG of each.
        attributes: Photo -> rows of ``photo_attributes`` to say below it.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = -(-len(shown) // _COLUMNS)
    figure = Figure(figsize=(4.9 * _COLUMNS, 3.9 * lines + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(_TITLE, x=0.01, ha="left", fontsize=12, fontweight="bold")
    grid = figure.subplots(lines, _COLUMNS, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, (row, png) in zip(grid, shown, strict=False):
        _draw_photo(axes, row, png, attributes.get(row["photo_id"], ()))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    return buffer.getvalue()


def _draw_photo(axes: "Axes", row: Mapping[str, Any], png: bytes, attributes: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.image import imread

    axes.imshow(imread(io.BytesIO(png)))
    title = f"photo {row['photo_id']}   beauty {row['beauty']:.2f}   by its attributes {row['attribute_beauty']:.2f}"
    axes.set_title(title, loc="left", fontsize=9.5, fontweight="bold")
    said = [textwrap.fill(each["sentence"], _CHARACTERS, subsequent_indent="   ") for each in attributes]
    axes.text(0, -0.03, "\n".join(said), transform=axes.transAxes, va="top", fontsize=8.5, linespacing=1.3)
