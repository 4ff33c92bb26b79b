"""A landing folder whose photos were sampled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture
def sampled(put: Callable[..., None], tmp_path: Path) -> Path:
    """A landing folder with images 1 and 3; photos 1, 2 and 3 are published and sampled in this order."""
    folder = tmp_path / "landing"
    folder.mkdir()
    for number in (1, 3):
        Image.new("RGB", (40, 20), "red").save(folder / f"{number}.png")
    cell = {"popularity_bucket": "tail", "category": "sea", "favorites": 0, "cell_photos": 3}
    put(
        photos=[{"photo_id": n, "is_public": True, "uri": f"{n}.png"} for n in (1, 2, 3)],
        crowd_sample=[{"photo_id": n, "position": n, **cell} for n in (1, 2, 3)],
    )
    return folder
