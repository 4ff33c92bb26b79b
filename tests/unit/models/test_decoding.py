import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from models.decoding import UnscorablePhoto, decode_rgb, resize, turned


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def photo(width: int = 96, height: int = 64) -> Image.Image:
    rows, columns = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([rows * 2, columns * 2, rows + columns], axis=-1).astype(np.uint8))


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of_size(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b"")


def jpeg_of_size(width: int, height: int) -> bytes:
    content = bytearray(encoded(photo(), "JPEG"))
    start = content.index(b"\xff\xc0")
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


POISON = {
    "empty": b"",
    "truncated": encoded(photo(400, 300), "JPEG")[:2500],
    "truncated_png": encoded(photo(400, 300), "PNG")[:-600],
    "corrupt": b"this is not an image at all",
    "corrupt_jpeg": b"\xff\xd8\xff" + bytes(range(200)),
    "animated": encoded(photo(), "GIF", save_all=True, append_images=[Image.new("RGB", (96, 64), "red")]),
    "animated_webp": encoded(photo(), "WEBP", save_all=True, append_images=[Image.new("RGB", (96, 64), "red")]),
    "cmyk": encoded(photo().convert("CMYK"), "JPEG"),
    "cmyk_tiff": encoded(photo().convert("CMYK"), "TIFF"),
    "sixteen_bit": encoded(Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)), "PNG"),
    "too_large": png_of_size(20_000, 20_000),
    "too_large_warning": png_of_size(10_000, 10_000),
    "too_large_jpeg": jpeg_of_size(60_000, 60_000),
}


@pytest.mark.parametrize("name", POISON)
def test_decode_rgb_refuses_poison_with_its_reason(name):
    with pytest.raises(UnscorablePhoto) as caught:
        decode_rgb(POISON[name])
    assert name.startswith(caught.value.reason)
    assert caught.value.detail


@pytest.mark.parametrize("error", [struct.error("short"), zlib.error("bad"), KeyError("tag"), RuntimeError("odd")])
def test_decode_rgb_blames_the_photo_for_whatever_a_decoder_stumbles_over(error, monkeypatch):
    def stumble(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Image, "open", stumble)
    with pytest.raises(UnscorablePhoto) as caught:
        decode_rgb(b"\x89PNG\r\n\x1a\n")
    assert caught.value.reason == "corrupt"


def test_decode_rgb_refuses_16_bit_colour_which_pillow_would_cut_silently():
    rows = b"".join(b"\0" + bytes(8 * 6) for _ in range(8))
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    with pytest.raises(UnscorablePhoto, match="more than 8 bits"):
        decode_rgb(b"\x89PNG\r\n\x1a\n" + body)


def tiff_of_depth(bits: int) -> bytes:
    """8 x 8 pixels of uncompressed colour, little-endian; Pillow cannot write more than 8 bits per channel."""
    pixels = bytes(8 * 8 * 3 * bits // 8)
    tags = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, 14)]
    tags += [(277, 3, 1, 3), (278, 3, 1, 8), (279, 4, 1, len(pixels)), (284, 3, 1, 1)]
    header = b"II*\0" + struct.pack("<I", 14 + len(pixels)) + struct.pack("<HHH", bits, bits, bits)
    directory = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return header + pixels + struct.pack("<H", len(tags)) + directory + bytes(4)


@pytest.mark.parametrize(("bits", "refused"), [(8, False), (16, True)])
def test_decode_rgb_refuses_tiffs_of_16_bit_colour(bits, refused):
    content = tiff_of_depth(bits)
    assert Image.open(io.BytesIO(content)).mode == "RGB"
    if not refused:
        assert decode_rgb(content).shape == (8, 8, 3)
        return
    with pytest.raises(UnscorablePhoto, match="TIFF with more than 8 bits") as caught:
        decode_rgb(content)
    assert caught.value.reason == "sixteen_bit"


@pytest.mark.parametrize(
    ("header", "sample", "refused"),
    [
        (b"P6 8 8 255\n", 1, False),
        (b"P6\n# made by hand, 8 8 65535\n8 8\n200\n", 1, False),
        (b"P6 8 8 65535\n", 2, True),
        (b"P6\n#c\n8\t8\n#c\n1023\n", 2, True),
    ],
)
def test_decode_rgb_refuses_ppms_of_more_than_8_bits(header, sample, refused):
    content = header + bytes(8 * 8 * 3 * sample)
    assert Image.open(io.BytesIO(content)).mode == "RGB"
    if not refused:
        assert decode_rgb(content).shape == (8, 8, 3)
        return
    with pytest.raises(UnscorablePhoto, match="PPM with more than 8 bits") as caught:
        decode_rgb(content)
    assert caught.value.reason == "sixteen_bit"


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_decode_rgb_keeps_the_pixels_of_lossless_files(kind):
    np.testing.assert_array_equal(decode_rgb(encoded(photo(), kind)), np.asarray(photo()))


def test_decode_rgb_gives_three_channels_for_grayscale():
    pixels = decode_rgb(encoded(photo().convert("L"), "JPEG"))
    assert pixels.shape == (64, 96, 3)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_decode_rgb_shows_white_where_an_image_is_transparent():
    assert decode_rgb(encoded(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")).tolist()[0][0] == [255, 255, 255]


def test_decode_rgb_scales_jpegs_down_but_never_below_what_is_needed():
    content = encoded(photo(800, 640), "JPEG")
    assert decode_rgb(content, at_least=96).shape == (160, 200, 3)
    assert decode_rgb(content, at_least=96, dct_scaling=False).shape == (640, 800, 3)


def test_decode_rgb_survives_stray_bytes_that_libjpeg_only_warns_about():
    content = encoded(photo(), "JPEG")
    with_stray = content[:-2] + b"\x00\x12\x34" + content[-2:]
    assert decode_rgb(with_stray).shape == (64, 96, 3)


def test_decode_rgb_turns_photos_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = decode_rgb(encoded(photo(), "JPEG", exif=exif, quality=95))
    assert upright.shape == (96, 64, 3)
    expected = np.asarray(photo().transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(upright.astype(int) - expected).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_agrees_with_pillow(orientation):
    from PIL import ImageOps

    image = photo(6, 4)
    exif = Image.Exif()
    exif[0x0112] = orientation
    saved = Image.open(io.BytesIO(encoded(image, "PNG", exif=exif)))
    np.testing.assert_array_equal(turned(np.asarray(image), orientation), np.asarray(ImageOps.exif_transpose(saved)))


def test_resize_averages_areas():
    checker = np.indices((8, 8)).sum(axis=0) % 2 * 255
    pixels = np.repeat(checker[..., None], 3, axis=2).astype(np.uint8)
    assert set(np.unique(resize(pixels, 4, 4)).tolist()) <= {127, 128}
