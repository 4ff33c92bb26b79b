"""Images with an object class each, as they are usually kept: a folder per class, or WebDataset tar shards.

Only names and labels are held in memory; images are decoded when a batch needs them, so that a set may be far larger
than memory. An image that cannot be decoded is left out of its batch and remembered with the reason.
"""

import hashlib
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

import numpy as np

from models.decoding import UnscorablePhoto
from models.preprocessing import Preprocessing

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


class LabelledImagesError(ValueError):
    """A folder or shard that holds no labelled images; the message names file and remedy."""


class Image(Protocol):
    """One image, wherever its bytes are."""

    @property
    def name(self) -> str:
        """Name for people; no two images of a set have the same."""

    def read(self) -> bytes:
        """The bytes of the image.

        Raises:
            UnscorablePhoto: They cannot be had.
        """


@dataclass(frozen=True)
class ImageFile:
    """Where the bytes of one image are.

    Attributes:
        file: File that holds them.
        start: First byte.
        size: Number of bytes; -1 is the rest of the file.
        name: Name for people.
    """

    file: Path
    start: int = 0
    size: int = -1
    name: str = ""

    def read(self) -> bytes:
        """The bytes of the image."""
        with self.file.open("rb") as stream:
            stream.seek(self.start)
            return stream.read(self.size)


@dataclass(frozen=True)
class LabelledImages:
    """Images with a class number each.

    Attributes:
        classes: Names of the classes, in the order of their numbers.
        images: The images.
        labels: int64 (n,) class numbers.
    """

    classes: tuple[str, ...]
    images: tuple[Image, ...]
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of names and labels."""
        digest = hashlib.sha256(self.labels.tobytes())
        digest.update("\n".join(image.name for image in self.images).encode())
        return digest.hexdigest()

    def take(self, rows: np.ndarray) -> "LabelledImages":
        """Some of the images, with all classes."""
        return replace(self, images=tuple(self.images[row] for row in rows), labels=self.labels[rows])

    def split(self, share: float, seed: int = 0) -> tuple["LabelledImages", "LabelledImages"]:
        """Two parts, the second with about ``share`` of each class, drawn at random but the same for the same seed."""
        generator = np.random.default_rng(seed)
        held_out = np.zeros(len(self), bool)
        for label in np.unique(self.labels):
            rows = np.flatnonzero(self.labels == label)
            held_out[generator.permutation(rows)[: round(share * len(rows))]] = True
        return self.take(np.flatnonzero(~held_out)), self.take(np.flatnonzero(held_out))


def open_folder(root: Path) -> LabelledImages:
    """Images in one sub-folder per class; classes are numbered in the order of their names.

    Raises:
        LabelledImagesError: There are no sub-folders, or one of them has no images.
    """
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if not folders:
        raise LabelledImagesError(f"{root} has no sub-folders; one per class is needed, named after the class")
    images: list[ImageFile] = []
    labels: list[int] = []
    for label, folder in enumerate(folders):
        found = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _IMAGES)
        if not found:
            raise LabelledImagesError(f"{folder} has no images ({', '.join(sorted(_IMAGES))}); remove it or fill it")
        images += [ImageFile(file, name=str(file.relative_to(root))) for file in found]
        labels += [label] * len(found)
    return LabelledImages(tuple(folder.name for folder in folders), tuple(images), np.array(labels, np.int64))


def open_shards(shards: Sequence[Path], classes: Sequence[str] = ()) -> LabelledImages:
    """Images in WebDataset tar shards: members ``KEY.jpg`` (or another image) and ``KEY.cls`` with the class number.

    Source of the layout: github.com/webdataset/webdataset. Headers are read once, images when they are needed; shards
    must not be compressed.

    Args:
        shards: The tar files.
        classes: Names of the classes; numbers name them where there are none.

    Raises:
        LabelledImagesError: A shard is no plain tar, an image has no label or a label no image, or a label is no number
            or above the last class.
    """
    images: list[ImageFile] = []
    labels: list[int] = []
    for shard in shards:
        found, numbers = _read_shard(shard)
        _refuse_unpaired(shard, found, numbers)
        images += [found[key] for key in sorted(found)]
        labels += [numbers[key] for key in sorted(found)]
    if not images:
        raise LabelledImagesError(f"no images in {len(shards)} shards; members KEY.jpg and KEY.cls are needed")
    names = tuple(classes) or tuple(str(number) for number in range(max(labels) + 1))
    if max(labels) >= len(names):
        raise LabelledImagesError(f"class {max(labels)} has no name; {len(names)} names were given, from class 0")
    return LabelledImages(names, tuple(images), np.array(labels, np.int64))


def _read_shard(shard: Path) -> tuple[dict[str, ImageFile], dict[str, int]]:
    images: dict[str, ImageFile] = {}
    labels: dict[str, int] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                key, _, extension = name.partition(".")
                key = f"{folder}/{key}"
                if extension.lower() == "cls":
                    labels[key] = _class_number(archive, member, shard)
                elif PurePosixPath(name).suffix.lower() in _IMAGES:
                    images[key] = ImageFile(shard, member.offset_data, member.size, f"{shard.name}#{member.name}")
    except tarfile.TarError as error:
        raise LabelledImagesError(f"{shard} is no plain tar file: {error}") from error
    return images, labels


def _class_number(archive: tarfile.TarFile, member: tarfile.TarInfo, shard: Path) -> int:
    stream = archive.extractfile(member)
    text = stream.read().decode(errors="replace").strip() if stream else ""
    if not text.isdecimal():
        raise LabelledImagesError(f"{shard.name}#{member.name} holds {text[:20]!r}; a class number from 0 is needed")
    return int(text)


def _refuse_unpaired(shard: Path, images: Mapping[str, ImageFile], labels: Mapping[str, int]) -> None:
    for missing, kind in ((images.keys() - labels.keys(), ".cls"), (labels.keys() - images.keys(), "image")):
        if missing:
            key = min(missing).lstrip("/")
            raise LabelledImagesError(f"{shard.name}: {key} has no {kind} member ({len(missing):,} such keys)")


@dataclass
class DecodedOnDemand:
    """Labelled images as training takes them: prepared when a batch needs them; see ``training.Photos``.

    Attributes:
        images: The images.
        preprocessing: How they are prepared.
        threads: Decoding threads.
        failures: Images that could not be decoded so far, with the reason.
    """

    images: LabelledImages
    preprocessing: Preprocessing
    threads: int = 2
    failures: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def fingerprint(self) -> str:
        """Hash of names and labels."""
        return self.images.fingerprint

    @cached_property
    def _decoders(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads)

    def batch(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prepared images (k, ...), class numbers (k,), and bool (n,): which of the n rows could be decoded."""
        prepared = list(self._map(self._prepare, [self.images.images[row] for row in rows]))
        readable = np.array([pixels is not None for pixels in prepared], bool)
        inputs = np.zeros((int(readable.sum()), *self.preprocessing.shape), self.preprocessing.dtype)
        for place, pixels in enumerate(pixels for pixels in prepared if pixels is not None):
            inputs[place] = pixels
        return inputs, self.images.labels[rows][readable], readable

    def _map(
        self, prepare: Callable[[Image], np.ndarray | None], images: Sequence[Image]
    ) -> Iterable[np.ndarray | None]:
        return self._decoders.map(prepare, images) if self.threads > 1 else map(prepare, images)

    def _prepare(self, image: Image) -> np.ndarray | None:
        try:
            return self.preprocessing.prepare(image.read())
        except UnscorablePhoto as failure:
            self.failures[image.name] = f"{failure.reason}: {failure.detail}"
            return None
