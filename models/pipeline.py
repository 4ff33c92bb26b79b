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

from models.decoding import UnscorablePhoto
from models.scorer import Scorer, Scores

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
    prepared: np.ndarray
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


def _score(runs: list[_Run[Item]], scorer: Scorer) -> ScoredBatch[Item]:
    batch = runs[0].prepared if len(runs) == 1 else np.concatenate([run.prepared for run in runs])
    return ScoredBatch(
        [item for run in runs for item in run.items],
        scorer(batch),
        [failure for run in runs for failure in run.failures],
    )
