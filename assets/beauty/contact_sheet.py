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
    from PIL import Image, ImageFont

_FOLDER = f"{PHOTO_EXPLANATIONS.key}/sheets"
_COLUMNS = 3
_MOST_PHOTOS = 48
_CHARACTERS = 84
_WIDTH, _LINE, _MARGIN = 500, 22, 18
"""Width of a panel, height of a line of text and space between panels, pixels."""
_SCALE = 0.77
_INK = (30, 34, 40)
_TITLE = "Where the network sees beauty: orange raises the score, blue lowers it; attributes are a second model's"


def sheet_name(model_version: str) -> str:
    """Object of the lake that holds the sheet of a network."""
    return f"{_FOLDER}/{model_version}.png"


def has_sheet(lake: Lake, model_version: str) -> bool:
    """Whether there is a sheet of this network."""
    return sheet_name(model_version) in lake.names(_FOLDER)


def forget_sheet(lake: Lake, model_version: str) -> None:
    """Delete the sheet of a network."""
    lake.delete(sheet_name(model_version))


def store_sheet(lake: Lake, model_version: str) -> None:
    """Draw the sheet of a network and put it into the lake; without an explained photo there is none."""
    rows = read_explanations(lake, model_version)[:_MOST_PHOTOS]
    pictures = lake.get_many([row["overlay"] for row in rows])
    shown = [(row, png) for row, png in zip(rows, pictures, strict=True) if png is not None]
    if shown:
        lake.put_bytes(sheet_name(model_version), draw_sheet(shown, strongest_attributes(lake, model_version)))
    else:
        forget_sheet(lake, model_version)


def draw_sheet(
    shown: Sequence[tuple[Mapping[str, Any], bytes]], attributes: Mapping[int, Sequence[Mapping[str, Any]]]
) -> bytes:
    """A page of overlays as a PNG, in lines of ``_COLUMNS``.

    Args:
        shown: Rows of ``photo_explanations`` with the PNG of each.
        attributes: Photo -> rows of ``photo_attributes`` to say below it.
    """
    from PIL import Image, ImageDraw

    panels = [_draw_panel(row, png, attributes.get(row["photo_id"], ())) for row, png in shown]
    lines = [panels[start : start + _COLUMNS] for start in range(0, len(panels), _COLUMNS)]
    heights = [max(panel.height for panel in line) + _MARGIN for line in lines]
    page = Image.new("RGB", (_COLUMNS * (_WIDTH + _MARGIN) + _MARGIN, 2 * _MARGIN + _LINE + sum(heights)), "white")
    ImageDraw.Draw(page).text((_MARGIN, _MARGIN), _TITLE, fill=_INK, font=_font(17))
    top = 2 * _MARGIN + _LINE
    for line, height in zip(lines, heights, strict=True):
        for column, panel in enumerate(line):
            page.paste(panel, (_MARGIN + column * (_WIDTH + _MARGIN), top))
        top += height
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def _draw_panel(row: Mapping[str, Any], png: bytes, attributes: Sequence[Mapping[str, Any]]) -> "Image.Image":
    """One overlay with its scores above and its attributes below."""
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(png)) as image:
        scale = min(1.0, _SCALE, _WIDTH / image.width)
        overlay = image.convert("RGB").resize((round(image.width * scale), round(image.height * scale)))
    said = [line for each in attributes for line in textwrap.wrap(each["sentence"], _CHARACTERS)]
    panel = Image.new("RGB", (_WIDTH, overlay.height + _LINE * (len(said) + 1) + 4), "white")
    draw = ImageDraw.Draw(panel)
    title = f"photo {row['photo_id']}    beauty {row['beauty']:.2f}    by its attributes {row['attribute_beauty']:.2f}"
    draw.text((0, 0), title, fill=_INK, font=_font(15))
    panel.paste(overlay, (0, _LINE))
    for number, line in enumerate(said):
        draw.text((0, _LINE * (number + 1) + overlay.height), line, fill=_INK, font=_font(13))
    return panel


def _font(size: int) -> "ImageFont.ImageFont | ImageFont.FreeTypeFont":
    from PIL import ImageFont

    return ImageFont.load_default(size)
