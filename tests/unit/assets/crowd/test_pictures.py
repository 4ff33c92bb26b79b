import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from assets.crowd.pictures import LeftOut, PictureSize, bounded_jpeg, load_pictures
from assets.crowd.tasks import TaskPhoto

NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (600, 900, 3), dtype=np.uint8))


def file_of(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    image.load()
    return image


def test_bounded_jpeg_shrinks_the_longer_side_and_never_enlarges() -> None:
    large, small = Image.new("RGB", (3000, 1500), "red"), Image.new("RGB", (60, 40), "red")
    assert opened(bounded_jpeg(file_of(large), PictureSize(max_side=300))).size == (300, 150)
    assert opened(bounded_jpeg(file_of(small), PictureSize(max_side=300))).size == (60, 40)


@pytest.mark.parametrize("max_bytes", [120_000, 30_000, 4_000])
def test_bounded_jpeg_keeps_to_its_bytes_even_for_noise(max_bytes: int) -> None:
    jpeg = bounded_jpeg(file_of(NOISE), PictureSize(max_bytes=max_bytes))
    assert max_bytes / 4 < len(jpeg) <= max_bytes
    assert opened(jpeg).width / opened(jpeg).height == pytest.approx(1.5, abs=0.05)


def test_bounded_jpeg_stands_upright_and_tells_no_secrets() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x013B] = "a name"
    image = Image.new("RGB", (40, 20), "black")
    image.paste("white", (0, 0, 20, 20))
    shown = opened(bounded_jpeg(file_of(image, "JPEG", exif=exif), PictureSize()))
    assert shown.size == (20, 40)
    assert shown.getpixel((10, 5)) > (200, 200, 200)
    assert not shown.getexif()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "CMYK", "L", "I;16"])
def test_bounded_jpeg_takes_every_kind_of_image(mode: str) -> None:
    image = Image.new("I;16", (40, 20)) if mode == "I;16" else Image.new("RGB", (40, 20), "red").convert(mode)
    shown = opened(bounded_jpeg(file_of(image, "TIFF" if mode == "CMYK" else "PNG"), PictureSize()))
    assert (shown.mode, shown.size) == ("RGB", (40, 20))


def test_bounded_jpeg_shows_transparency_on_white() -> None:
    shown = opened(bounded_jpeg(file_of(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), PictureSize()))
    assert shown.getpixel((4, 4)) == (255, 255, 255)


def test_bounded_jpeg_refuses_what_is_no_image(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = file_of(NOISE, "JPEG")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400_000)
    for content in (b"", b"no image", whole[: len(whole) // 2]):
        with pytest.raises(ValueError, match="cannot be shown"):
            bounded_jpeg(content, PictureSize())
    with pytest.raises(ValueError, match=r"cannot be shown: .* decompression bomb"):
        bounded_jpeg(whole, PictureSize())


def test_load_pictures_leaves_out_what_cannot_be_shown_in_the_order_of_the_task(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(file_of(Image.new("RGB", (9, 9))))
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    photos = [TaskPhoto(3, "none.jpg"), TaskPhoto(1, "a.png"), TaskPhoto(2, "broken.jpg")]
    pictures = load_pictures(photos, str(tmp_path))
    assert list(pictures.jpegs) == [1]
    assert [(each.photo_id, each.uri) for each in pictures.left_out] == [(3, "none.jpg"), (2, "broken.jpg")]
    assert "No such file" in pictures.left_out[0].reason
    assert isinstance(pictures.left_out[1], LeftOut)
    assert pictures.left_out[1].reason.startswith("cannot be shown: cannot identify image file")


@pytest.mark.parametrize("bounds", [(31, 200_000), (900, 3_999)])
def test_picture_size_refuses_bounds_that_no_picture_can_meet(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 32 pixels and 4000 bytes needed"):
        PictureSize(*bounds)
