"""Images with an object each for pretraining: what a person named, or the community's own photos with their categories.

What a folder or shards must look like is the business of ``models/labelled_images.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from assets.contracts.community import PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.requests import PretrainObjects
from models.evaluation import owners
from models.labelled_images import LabelledImages, LabelledImagesError, open_folder, open_shards
from ray_jobs.photo_source import PhotoSource

_LEAST_PHOTOS = 10
_NO_CATEGORY = "uncategorised"


@dataclass(frozen=True)
class CommunityPhoto:
    """A photo of the community as one of a set of images; see ``models.labelled_images.Image``.

    Attributes:
        source: Reads it.
        name: Its URI.
    """

    source: PhotoSource
    name: str

    def read(self) -> bytes:
        """The bytes of the photo."""
        return self.source.read(self.name)


@dataclass(frozen=True)
class ObjectImages:
    """Images to learn from, and others to test on.

    Attributes:
        train: Images to learn from.
        held_out: Images to test on; of other owners, where owners are known.
        owner: Owner of each image in ``held_out``, or a number of its own.
    """

    train: LabelledImages
    held_out: LabelledImages
    owner: np.ndarray


def categorised_photos(lake: Lake) -> pa.Table:
    """Published photos with an image, of categories with at least ten of them.

    Returns:
        ``photo_id``, ``user_id``, ``uri``, ``category``, sorted by ``photo_id``.
    """
    wanted = (pc.field("uri") != "") & pc.field("is_public") & (pc.field("category") != _NO_CATEGORY)
    photos = lake.dataset(PHOTOS).to_table(columns=["photo_id", "user_id", "uri", "category"], filter=wanted)
    counts = photos.group_by("category").aggregate([([], "count_all")])
    frequent = counts.filter(pc.greater_equal(counts["count_all"], _LEAST_PHOTOS))["category"]
    return photos.filter(pc.is_in(photos["category"], frequent)).sort_by("photo_id").combine_chunks()


def open_images(request: PretrainObjects, photos: pa.Table) -> ObjectImages:
    """The images that a request asks for, split by its seed.

    Args:
        request: Names images, or none.
        photos: From ``categorised_photos``; looked at where the request names none.

    Raises:
        LabelledImagesError: There is nothing to learn from; the message says what to do.
    """
    if request.images:
        images = _open_named([Path(request.media_root) / name for name in request.images])
        train, held_out = images.split(request.validation_share, request.seed)
        return ObjectImages(train, held_out, np.arange(len(held_out)))
    return _open_photos(request, photos)


def _open_named(paths: Sequence[Path]) -> LabelledImages:
    if missing := [str(path) for path in paths if not path.exists()]:
        raise LabelledImagesError(f"{', '.join(missing)} is not there on this machine")
    folders = [path for path in paths if path.is_dir()]
    if not folders:
        return open_shards(paths)
    if len(paths) > 1:
        raise LabelledImagesError(f"{folders[0]} is a folder beside others; name one folder, or shards alone")
    return open_folder(folders[0])


def _open_photos(request: PretrainObjects, photos: pa.Table) -> ObjectImages:
    categories = sorted(set(photos["category"].to_pylist()))
    if len(categories) < 2:
        raise LabelledImagesError(
            f"no images are named, and of the community's published photos {len(categories)} categories have "
            f"{_LEAST_PHOTOS} or more; two are needed. Name a folder with one sub-folder per class, or WebDataset "
            "shards, in `images`"
        )
    source = PhotoSource(request.media_root)
    images = tuple(CommunityPhoto(source, uri) for uri in photos["uri"].to_pylist())
    labels = np.searchsorted(categories, photos["category"].to_pylist()).astype(np.int64)
    owner = owners(photos["user_id"].to_pylist(), photos["photo_id"].to_pylist())
    everything = LabelledImages(tuple(categories), images, labels)
    held_out = _held_out(owner, request.validation_share, request.seed)
    train, test = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return ObjectImages(everything.take(train), everything.take(test), owner[test])


def _held_out(owner: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Whole owners, about ``share`` of them; bool (n,)."""
    names = np.unique(owner)
    drawn = np.random.default_rng(seed).permutation(names)[: round(share * len(names))]
    return np.isin(owner, drawn)
