import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.decoding import UnscorablePhoto
from models.pipeline import RUN_PHOTOS, score_overlapped
from models.preprocessing import Preprocessing
from models.scorer import Scores


class MeanScorer:
    """Beauty = mean brightness; notes the batches it was given."""

    decode = None

    def __init__(self) -> None:
        self.preprocessing = Pixels()
        self.batches: list[int] = []

    def __call__(self, batch: np.ndarray) -> Scores:
        self.batches.append(len(batch))
        return Scores((batch.mean(axis=(1, 2, 3)) / 255).astype(np.float32), None)


class Pixels(Preprocessing):
    def __init__(self) -> None:
        super().__init__(input_size=2)

    def prepare(self, content: bytes) -> np.ndarray:
        return np.full((2, 2, 3), content[0], np.uint8)


def read(item: int) -> bytes:
    if item % 10 == 3:
        raise UnscorablePhoto("missing", f"no {item}")
    return bytes([item])


@pytest.fixture
def decoders():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_score_overlapped_answers_for_every_photo_once(decoders):
    scorer = MeanScorer()
    batches = list(score_overlapped(range(100), read, scorer, decoders, batch_size=32))
    scores = {i: b for batch in batches for i, b in zip(batch.items, batch.scores.beauty, strict=True)}
    failures = {i: f.reason for batch in batches for i, f in batch.failures}
    assert scores == {i: pytest.approx(i / 255) for i in range(100) if i % 10 != 3}
    assert failures == dict.fromkeys(range(3, 100, 10), "missing")


def test_score_overlapped_of_nothing_is_nothing(decoders):
    assert list(score_overlapped([], read, MeanScorer(), decoders)) == []


def test_score_overlapped_survives_a_batch_of_failures_alone(decoders):
    (batch,) = score_overlapped([3, 13], read, MeanScorer(), decoders)
    assert batch.items == []
    assert [i for i, _ in batch.failures] == [3, 13]


def test_score_overlapped_reads_no_further_ahead_than_its_window(decoders):
    taken = 0
    lock = threading.Lock()

    def items():
        nonlocal taken
        for i in range(10_000):
            with lock:
                taken += 1
            yield i % 3

    next(score_overlapped(items(), read, MeanScorer(), decoders, batch_size=32, batches_ahead=2))
    assert taken <= 32 + 64 + 2 * RUN_PHOTOS


def test_score_overlapped_raises_what_is_no_fault_of_a_photo(decoders):
    def broken(item: int) -> bytes:
        raise OSError("storage is down")

    with pytest.raises(OSError, match="storage is down"):
        list(score_overlapped([1], broken, MeanScorer(), decoders))
