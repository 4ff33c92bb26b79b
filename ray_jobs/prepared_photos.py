"""Prepared photos of a training run: decoded once, in threads, into one array on disk that training maps."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from models.decoding import UnscorablePhoto
from models.preprocessing import Preprocessing
from ray_jobs.photo_source import PhotoSource


def prepare_photos(
    source: PhotoSource, uris: Sequence[str], preprocessing: Preprocessing, file: Path, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Read and prepare photos.

    Args:
        source: Where photos come from.
        uris: Photos.
        preprocessing: What is done to them.
        file: Scratch file for the array; it is overwritten.
        threads: Decoding threads.

    Returns:
        A memory map (n, ...) in the order of ``uris``, and bool (n,): which photos could be prepared; rows of
        the others are zero.
    """
    shape = (max(1, len(uris)), *preprocessing.shape)
    prepared = np.lib.format.open_memmap(file, mode="w+", dtype=preprocessing.dtype, shape=shape)
    usable = np.zeros(len(uris), bool)

    def prepare(row: int) -> None:
        try:
            prepared[row] = preprocessing.prepare(source.read(uris[row]))
        except UnscorablePhoto:
            return
        usable[row] = True

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(prepare, source.storage_order(uris)):
            pass
    return prepared[: len(uris)], usable
