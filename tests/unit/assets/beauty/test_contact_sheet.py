import io

import numpy as np
import pytest
from PIL import Image

from assets.beauty.contact_sheet import draw_sheet, forget_sheet, has_sheet, sheet_name, store_sheet
from assets.contracts.explanations import overlay_name
from assets.contracts.lake import Lake
from tests.unit.assets.beauty.explained import attributes, explanation, png, store_explanations


def sheet(ids: list[int]) -> np.ndarray:
    shown = [(explanation("m-1", i), png(200 + i)) for i in ids]
    content = draw_sheet(shown, {i: attributes("m-1", i) for i in ids})
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        return np.asarray(image)


@pytest.mark.parametrize("photos", [1, 3, 4])
def test_draw_sheet_shows_every_photo_in_lines_of_three(photos: int) -> None:
    page = sheet(list(range(1, photos + 1)))
    shades = {int(shade) for shade in np.unique(page[..., 0][(page[..., 1] == 10) & (page[..., 2] == 10)])}
    assert shades == {200 + i for i in range(1, photos + 1)}
    assert page.shape[1] == sheet([1]).shape[1]
    assert (page.shape[0] > sheet([1]).shape[0]) == (photos > 3)


def test_store_sheet_replaces_the_sheet_of_a_network_and_of_no_photo_there_is_none(lake: Lake) -> None:
    store_explanations(lake, "m-1", [1, 2])
    store_sheet(lake, "m-1")
    both = lake.get_bytes(sheet_name("m-1"))
    assert has_sheet(lake, "m-1")
    lake.delete(overlay_name("m-1", 2))
    store_sheet(lake, "m-1")
    assert lake.get_bytes(sheet_name("m-1")) != both
    lake.delete(overlay_name("m-1", 1))
    store_sheet(lake, "m-1")
    assert not has_sheet(lake, "m-1")


def test_forget_sheet_deletes_that_of_one_network(lake: Lake) -> None:
    for version in ("m-1", "m-2"):
        store_explanations(lake, version, [1])
        store_sheet(lake, version)
    forget_sheet(lake, "m-1")
    assert not has_sheet(lake, "m-1")
    assert has_sheet(lake, "m-2")
