import io

import numpy as np
from PIL import Image

from models.example_sheet import example_sheet
from models.labelled_images import DecodedOnDemand, open_folder
from models.preprocessing import Preprocessing


def test_example_sheet_has_a_row_per_class_and_leaves_unreadable_images_black(tmp_path):
    for name, color, count in (("blue", (0, 0, 255), 12), ("red", (255, 0, 0), 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (40, 40), color).save(tmp_path / name / f"{number}.png")
    (tmp_path / "red" / "0.png").write_bytes(b"no image")
    images = DecodedOnDemand(open_folder(tmp_path), Preprocessing(input_size=32), threads=1)
    sheet = np.asarray(Image.open(io.BytesIO(example_sheet(images))))
    assert sheet.shape == (64, 320, 3)
    assert (sheet[:32] == (0, 0, 255)).all()
    assert not sheet[32:, :32].any()
    assert (sheet[32:, 32:64] == (255, 0, 0)).all()
    assert not sheet[32:, 64:].any()
