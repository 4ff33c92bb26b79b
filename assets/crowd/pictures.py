"""Images as people see them in a task: upright, without metadata, of a bounded size.

Networks see photos through ``models/``; this is about screens. Every picture is a JPEG in RGB whose longer side
and size in bytes are bounded, so that a page with hundreds of them can be sent as one file. Camera metadata, which may
hold places and names, does not go along.
"""

import io
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assets.contracts.photo_files import PhotoFiles, PhotoUnreadable
from assets.crowd.tasks import TaskPhoto

if TYPE_CHECKING:
    from PIL import Image

_QUALITIES = (88, 80, 70, 60, 45, 30)
_SMALLER = 0.7
_THREADS = 4


@dataclass(frozen=True)
class PictureSize:
    """Bounds of one picture.

    Attributes:
        max_side: Longer side in pixels; smaller photos stay as they are.
        max_bytes: Size of the JPEG in bytes.
    """

    max_side: int = 900
    max_bytes: int = 200_000

    def __post_init__(self) -> None:
        """Refuse bounds that no picture can meet.

        Raises:
            ValueError: A side below 32 pixels, or fewer than 4,000 bytes.
        """
        if self.max_side < 32 or self.max_bytes < 4_000:
            raise ValueError(
                f"max_side is {self.max_side} and max_bytes {self.max_bytes}; at least 32 pixels and 4000 bytes needed"
            )


@dataclass(frozen=True)
class LeftOut:
    """A photo that cannot be shown.

    Attributes:
        photo_id: The photo.
        uri: Where its image should be.
        reason: What was found, in words.
    """

    photo_id: int
    uri: str
    reason: str


@dataclass(frozen=True)
class Pictures:
    """Pictures of a task.

    Attributes:
        jpegs: Photo -> JPEG.
        left_out: Photos that have no picture, in the order of the task.
    """

    jpegs: dict[int, bytes]
    left_out: tuple[LeftOut, ...]


def load_pictures(photos: Sequence[TaskPhoto], media_root: str, size: PictureSize | None = None) -> Pictures:
    """Read photos and make pictures of them.

    Args:
        photos: Photos of a task.
        media_root: Folder or object-storage URI that relative photo URIs start from.
        size: Bounds of a picture.

    Raises:
        OSError: The storage failed; this is no fault of a photo.
    """
    size = size or PictureSize()
    files = PhotoFiles(media_root)
    made: dict[int, bytes | LeftOut] = {}

    def make(row: int) -> None:
        photo = photos[row]
        try:
            made[photo.photo_id] = bounded_jpeg(files.read(photo.uri), size)
        except (PhotoUnreadable, ValueError) as error:
            reason = error.detail if isinstance(error, PhotoUnreadable) else str(error)
            made[photo.photo_id] = LeftOut(photo.photo_id, photo.uri, reason)

    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(make, files.storage_order([photo.uri for photo in photos])):
            pass
    outcomes = [(photo.photo_id, made[photo.photo_id]) for photo in photos]
    return Pictures(
        jpegs={photo: outcome for photo, outcome in outcomes if isinstance(outcome, bytes)},
        left_out=tuple(outcome for _, outcome in outcomes if isinstance(outcome, LeftOut)),
    )


def bounded_jpeg(content: bytes, size: PictureSize) -> bytes:
    """An image file as a JPEG within bounds: first with fewer details, then smaller.

    Args:
        content: Bytes of an image file that Pillow can read; of an animation the first picture counts.
        size: Bounds.

    Raises:
        ValueError: It is no image, it is broken, or it has more pixels than Pillow holds to be safe.
    """
    from PIL import Image

    image = _upright_rgb(content)
    side = size.max_side
    while True:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in _QUALITIES:
            buffer = io.BytesIO()
            image.save(buffer, "JPEG", quality=quality, optimize=True)
            if buffer.tell() <= size.max_bytes:
                return buffer.getvalue()
        side = int(max(image.size) * _SMALLER)


def _upright_rgb(content: bytes) -> "Image.Image":
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            # Between one and two times the bomb limit Pillow only warns.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content)) as image:
                return _on_white(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"cannot be shown: {error}") from error


def _on_white(image: "Image.Image") -> "Image.Image":
    """Without transparency, as browsers show it on a white page."""
    from PIL import Image

    if not image.has_transparency_data:
        return image.convert("RGB")
    pixels = image.convert("RGBA")
    page = Image.new("RGBA", pixels.size, "white")
    return Image.alpha_composite(page, pixels).convert("RGB")
