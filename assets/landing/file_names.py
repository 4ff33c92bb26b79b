"""What names of landed files tell: unfinished ones, and images."""

import os

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp")
_UNFINISHED = (".tmp", ".part")


def is_unfinished(name: str) -> bool:
    """Whether a file or folder is hidden, or still being copied.

    >>> is_unfinished("users.csv.part"), is_unfinished(".users.csv"), is_unfinished("users.csv")
    (True, True, False)
    """
    return name.startswith(".") or name.lower().endswith(_UNFINISHED)


def is_image(name: str) -> bool:
    """Whether a file is a single image: by its ending, or named by a photo's number alone.

    >>> is_image("12.JPG"), is_image("12"), is_image("shard.tar"), is_image("users.csv")
    (True, True, False, False)
    """
    stem, suffix = os.path.splitext(name)
    return suffix.lower() in IMAGE_SUFFIXES or (not suffix and stem.isdecimal())
