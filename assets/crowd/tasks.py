"""The rating task: what is asked, of which photos, in which order, and where gold questions stand.

The wording follows the crowd experiment of Aiello et al. ("Beautiful and damned"): one question, and the request to
judge intrinsic beauty instead of the subject's appeal. ``page.py`` and ``label_studio.py`` turn a task into files,
``pictures.py`` prepares its images.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from assets.contracts.community import PHOTOS
from assets.contracts.crowd_sample import CROWD_SAMPLE
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED

QUESTION = "How beautiful is this image?"
GUIDANCE = (
    "Judge the beauty of the image itself: composition, light, colour, sharpness, mood. "
    "Do not judge what it shows. A beautiful picture of a spider is beautiful; a careless picture of a sunset is not."
)
LEVELS: Mapping[int, str] = {
    1: "Not beautiful at all",
    2: "Slightly beautiful",
    3: "Moderately beautiful",
    4: "Very beautiful",
    5: "Extremely beautiful",
}
"""Answers, least beautiful first."""

_GOLD_COLUMNS = ("photo_id", "gold_rating")


@dataclass(frozen=True)
class TaskPhoto:
    """One photo to rate.

    Attributes:
        photo_id: The photo.
        uri: Where its image is.
        gold_rating: Known answer, where the photo is a gold question; raters are not told.
    """

    photo_id: int
    uri: str
    gold_rating: int | None = None


@dataclass(frozen=True)
class CrowdTask:
    """Photos to rate, in order.

    Attributes:
        photos: The photos; none stands twice.
    """

    photos: tuple[TaskPhoto, ...]

    @property
    def task_id(self) -> str:
        """Twelve hexadecimal digits that change with the question, the levels, the photos, their order and gold."""
        asked = [[photo.photo_id, photo.gold_rating] for photo in self.photos]
        content = json.dumps([QUESTION, GUIDANCE, list(LEVELS.values()), asked])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


def build_task(lake: Lake, gold: Mapping[int, int] | None = None) -> CrowdTask:
    """The sampled photos in the order of the sample, with gold questions mixed in.

    A gold photo that is in the sample keeps its place. Each of the others comes at a place that nobody can guess in a
    stretch of its own, so that gold is spread over the whole task; the same photos give the same places.

    Args:
        lake: The lake; the sample and published photos are read.
        gold: Photo -> known answer.

    Raises:
        ValueError: There is no sample, or a gold photo is unknown, has no image or has an answer outside the levels.
    """
    gold = dict(gold or {})
    _refuse_bad_levels(gold)
    sample = lake.read(CROWD_SAMPLE, [UNDATED], columns=["photo_id", "position"]).sort_by("position")
    sampled: list[int] = sample["photo_id"].to_pylist()
    if not sampled:
        raise ValueError("there is no sample to ask about; materialize `crowd_sample` on a community with images")
    uris = _uris(lake, {*sampled, *gold})
    if unknown := sorted(photo for photo in gold if photo not in uris):
        raise ValueError(f"gold photo {unknown[0]} is no published photo with an image; take it out of the gold file")
    order = _mix(sampled, [photo for photo in gold if photo not in set(sampled)])
    return CrowdTask(tuple(TaskPhoto(photo, uris[photo], gold.get(photo)) for photo in order if photo in uris))


def read_gold(path: Path) -> dict[int, int]:
    """Gold questions from a CSV file with the columns ``photo_id`` and ``gold_rating``.

    Raises:
        ValueError: With file, line and column: a column is missing, a value is no whole number, a rating lies outside
            the levels, or a photo stands twice.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in _GOLD_COLUMNS if name not in (reader.fieldnames or ())]:
            raise ValueError(f"{path}, line 1: there is no column {missing[0]}; expected {', '.join(_GOLD_COLUMNS)}")
        gold: dict[int, int] = {}
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            photo, rating = (_whole_number(row[name], f"{where}, {name}") for name in _GOLD_COLUMNS)
            if photo in gold:
                raise ValueError(f"{where}, photo_id: photo {photo} stands twice; keep one known answer per photo")
            if rating not in LEVELS:
                raise ValueError(f"{where}, gold_rating: found {rating}, expected {min(LEVELS)} to {max(LEVELS)}")
            gold[photo] = rating
    if not gold:
        raise ValueError(f"{path}: there is no gold question; add rows, or leave the option out")
    return gold


def _whole_number(text: str | None, where: str) -> int:
    if text is None or not text.strip().isdecimal():
        raise ValueError(f"{where}: found {text or 'nothing'!r}, expected a whole number")
    return int(text)


def _refuse_bad_levels(gold: Mapping[int, int]) -> None:
    for photo, rating in gold.items():
        if rating not in LEVELS:
            raise ValueError(f"gold photo {photo} has the answer {rating}; expected {min(LEVELS)} to {max(LEVELS)}")


def _uris(lake: Lake, photos: set[int]) -> dict[int, str]:
    """Photo -> URI of those that are published and have an image."""
    import pyarrow.dataset as ds

    wanted = ds.field("photo_id").isin(sorted(photos)) & (ds.field("uri") != "")
    rows = lake.dataset(PHOTOS).to_table(columns=["photo_id", "uri"], filter=wanted)
    return dict(zip(rows["photo_id"].to_pylist(), rows["uri"].to_pylist(), strict=True))


def _mix(sampled: list[int], gold: Iterable[int]) -> list[int]:
    """The sample with gold photos put in: one in each of as many equal stretches, at a place told by a hash."""
    shuffled = sorted(gold, key=lambda photo: _lot("stretch", photo))
    places = [(i + _lot("place", photo)) / len(shuffled) * len(sampled) for i, photo in enumerate(shuffled)]
    placed = [(place, 0, photo) for place, photo in zip(places, shuffled, strict=True)]
    placed += [(float(place), 1, photo) for place, photo in enumerate(sampled)]
    return [photo for _, _, photo in sorted(placed)]


def _lot(purpose: str, photo: int) -> float:
    """A number in [0, 1) that a photo always gets for a purpose."""
    return int.from_bytes(hashlib.sha256(f"{purpose} {photo}".encode()).digest()[:6], "big") / 2**48
