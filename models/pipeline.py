"""Overlap of decoding and inference: threads prepare photos while the caller's thread scores the batch before.

Decoders and ONNX Runtime (or torch) release the interpreter lock, so one process keeps all cores busy. Memory is
bound by the window of batches in flight, whatever the number of photos.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from models.decoding import UnscorablePhoto
from models.nvjpeg import Decode, squares
from models.scorer import Batch, Scorer, Scores

Item = TypeVar("Item")

RUN_PHOTOS = 16
"""Photos per task of a decoding thread: so many that handing over tasks costs nothing beside decoding."""


@dataclass(frozen=True)
class ScoredBatch(Generic[Item]):
    """Result of one forward pass.

    Attributes:
        items: Photos that were scored, in the order of ``scores``.
        scores: Their scores.
        failures: Photos that could not be scored, with the reason.
    """

    items: list[Item]
    scores: Scores
    failures: list[tuple[Item, UnscorablePhoto]]


@dataclass(frozen=True)
class _Run(Generic[Item]):
    items: list[Item]
    prepared: Batch
    failures: list[tuple[Item, UnscorablePhoto]]


def score_overlapped(
    items: Iterable[Item],
    read: Callable[[Item], bytes],
    scorer: Scorer,
    decoders: Executor,
    *,
    batch_size: int = 128,
    batches_ahead: int = 2,
) -> Iterator[ScoredBatch[Item]]:
    """Read, decode and score photos.

    Args:
        items: What identifies a photo to ``read``, in reading order.
        read: Gives the bytes of a photo; called in decoder threads; may raise ``UnscorablePhoto``.
        scorer: Scores prepared photos; called in the caller's thread.
        decoders: Threads that read and prepare.
        batch_size: Photos per forward pass.
        batches_ahead: Batches that decoders may be ahead of the scorer.

    Yields:
        Batches in the order of ``items``; the last may be smaller.
    """
    prepared = _prepared_runs(items, read, scorer, decoders, window=-(-batches_ahead * batch_size // RUN_PHOTOS))
    waiting: list[_Run[Item]] = []
    for run in prepared:
        waiting.append(run)
        if sum(len(r.items) for r in waiting) >= batch_size:
            yield _score(waiting, scorer)
            waiting = []
    if waiting:
        yield _score(waiting, scorer)


def _prepared_runs(
    items: Iterable[Item], read: Callable[[Item], bytes], scorer: Scorer, decoders: Executor, window: int
) -> Iterator[_Run[Item]]:
    source = iter(items)
    flying: deque[Future[_Run[Item]]] = deque()
    while True:
        while len(flying) < window and (run := list(islice(source, RUN_PHOTOS))):
            flying.append(decoders.submit(_prepare, run, read, scorer))
        if not flying:
            return
        yield flying.popleft().result()


def _prepare(run: Sequence[Item], read: Callable[[Item], bytes], scorer: Scorer) -> _Run[Item]:
    if scorer.decode is not None:
        return _prepare_on_gpu(run, read, scorer, scorer.decode)
    preprocessing = scorer.preprocessing
    prepared = np.empty((len(run), *preprocessing.shape), preprocessing.dtype)
    good: list[Item] = []
    failures: list[tuple[Item, UnscorablePhoto]] = []
    for item in run:
        try:
            prepared[len(good)] = preprocessing.prepare(read(item))
        except UnscorablePhoto as failure:
            failures.append((item, failure))
        else:
            good.append(item)
    return _Run(good, prepared[: len(good)], failures)


def _prepare_on_gpu(run: Sequence[Item], read: Callable[[Item], bytes], scorer: Scorer, decode: Decode) -> _Run[Item]:
    contents: list[tuple[Item, bytes]] = []
    failures: list[tuple[Item, UnscorablePhoto]] = []
    for item in run:
        try:
            contents.append((item, read(item)))
        except UnscorablePhoto as failure:
            failures.append((item, failure))
    found = squares([content for _, content in contents], scorer.preprocessing.input_size, decode, scorer.config.device)
    good = [item for position, (item, _) in enumerate(contents) if position not in found.failures]
    failures += [(contents[position][0], failure) for position, failure in found.failures.items()]
    return _Run(good, found.pixels, failures)


def _together(parts: Sequence[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)  # type: ignore[arg-type]
    return np.concatenate(parts)


def _score(runs: list[_Run[Item]], scorer: Scorer) -> ScoredBatch[Item]:
    batch = _together([run.prepared for run in runs])
    return ScoredBatch(
        [item for run in runs for item in run.items],
        scorer(batch),
        [failure for run in runs for failure in run.failures],
    )
