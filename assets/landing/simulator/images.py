"""JPEGs of a simulated community: rendered by a pool of processes, one tar shard per month.

A shard is the same bytes whatever the number of processes: members in order of ``photo_id``, all times zero.
"""

import io
import os
import tarfile
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from assets.landing.simulator.uploads import NewPhotos

Renderer = Callable[[float, str, int, int], bytes]

_PHOTOS_PER_TASK = 64
_MONTHS_IN_FLIGHT = 3


def subject_categories() -> tuple[str, ...]:
    """Categories that the renderer can draw."""
    from assets.landing.simulator.renderer import CATEGORIES

    return CATEGORIES


def render_batch(batch: list[tuple[float, str, int]], size: int) -> list[bytes]:
    """Render (latent beauty, category, seed) triples, in a process of the pool."""
    from assets.landing.simulator.renderer import render_photo

    return [render_photo(beauty, category, seed, size) for beauty, category, seed in batch]


def _start_worker() -> None:
    """Keep OpenCV to one thread, as the pool has a process per core already, and end with the parent.

    A worker whose parent is killed would wait for work for ever: it holds both ends of the queue.
    """
    import cv2

    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class ImageShards:
    """Writer of ``<folder>/YYYY-MM.tar`` with members ``<photo_id>.jpg``; a context manager.

    Args:
        folder: Where the shards go.
        size: Longer side of the photos, in pixels.
        workers: Processes that render; 1 renders in this process.
        categories: Names of the categories.
    """

    def __init__(self, folder: Path, size: int, workers: int, categories: tuple[str, ...]):
        self._folder = folder
        self._size = size
        self._categories = categories
        self._waiting: deque[tuple[str, list[int], list[Future[list[bytes]]]]] = deque()
        # A fresh interpreter per process: a fork would copy the threads' locks of Arrow and BLAS.
        self._pool: Executor = (
            ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
            if workers > 1
            else _InThisProcess()
        )
        folder.mkdir(parents=True)

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is still being rendered; after an error, drop it."""
        try:
            while self._waiting and kind is None:
                self._write_oldest()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, month: str, photos: NewPhotos, seeds: np.ndarray) -> None:
        """Have a month rendered; waits while too many months are in flight."""
        if not photos.count:
            return
        names = [self._categories[number] for number in photos.category.tolist()]
        work = list(zip(photos.beauty.tolist(), names, seeds.tolist(), strict=True))
        tasks = [
            self._pool.submit(render_batch, work[start : start + _PHOTOS_PER_TASK], self._size)
            for start in range(0, len(work), _PHOTOS_PER_TASK)
        ]
        self._waiting.append((month, photos.photo_id.tolist(), tasks))
        while len(self._waiting) > _MONTHS_IN_FLIGHT:
            self._write_oldest()

    def _write_oldest(self) -> None:
        month, photo_ids, tasks = self._waiting.popleft()
        images = (image for task in tasks for image in task.result())
        with tarfile.open(self._folder / f"{month}.tar", "w", format=tarfile.USTAR_FORMAT) as shard:
            for photo_id, image in zip(photo_ids, images, strict=True):
                member = tarfile.TarInfo(f"{photo_id}.jpg")
                member.size = len(image)
                shard.addfile(member, io.BytesIO(image))


class _InThisProcess(Executor):
    """An executor without processes."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Run now."""
        future: Future[list[bytes]] = Future()
        future.set_result(fn(*args, **kwargs))
        return future
