"""What an actor does: read, decode and score the photos of one part, all three overlapped."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.lake import Lake
from models.pipeline import ScoredBatch, score_overlapped
from models.scorer import Scorer, ScorerConfig
from ray_jobs.cluster import usable_cpus
from ray_jobs.model_store import read_weights
from ray_jobs.parts import PART_SCHEMA, part_bytes
from ray_jobs.photo_source import PhotoSource

_DETAIL_CHARACTERS = 300


class PhotoScorer:
    """Scores photos, one part per call. Several threads may call it: they share the decoders.

    Args:
        weights: Weights file or its bytes.
        media_root: Where relative photo URIs start.
        config: Engine, device and threads of the network.
        batch_size: Photos per forward pass.
        decoders: Threads that read and decode.
    """

    def __init__(
        self,
        weights: bytes | Path,
        media_root: str,
        config: ScorerConfig | None = None,
        batch_size: int = 128,
        decoders: int = 2,
    ) -> None:
        self._scorer = Scorer(weights, config)
        self._source = PhotoSource(media_root)
        self._batch_size = batch_size
        self._decoders = ThreadPoolExecutor(decoders)

    def __call__(self, photos: pa.Table) -> pa.Table:
        """Score one part.

        Args:
            photos: Columns ``photo_id``, ``uploaded_at`` and ``uri``.

        Returns:
            Table of ``PART_SCHEMA`` in the order of ``photos``: every photo once.
        """
        uris = photos["uri"].to_pylist()
        part = _Part(len(uris))
        read: Callable[[int], bytes] = lambda row: self._source.read(uris[row])  # noqa: E731 (a one-line adapter)
        for batch in score_overlapped(
            self._source.storage_order(uris), read, self._scorer, self._decoders, batch_size=self._batch_size
        ):
            part.take(batch)
        return part.table(photos)


class PartScorer:
    """The Ray actor: scores parts and leaves each in the lake, where a later run finds it.

    Args:
        lake_uri: Lake that holds the weights and takes the parts.
        model: Row of ``beauty_model``.
        media_root: Where relative photo URIs start.
        config: Engine, device and threads of the network.
        batch_size: Photos per forward pass.
    """

    def __init__(
        self, lake_uri: str, model: dict[str, Any], media_root: str, config: ScorerConfig, batch_size: int
    ) -> None:
        self._lake = Lake(lake_uri)
        self._score = PhotoScorer(read_weights(self._lake, model), media_root, config, batch_size, usable_cpus())

    def is_ready(self) -> bool:
        """Whether it has started; Ray answers only then."""
        return True

    def store_part(self, name: str, photos: pa.Table) -> str:
        """Score photos, write the result under ``name`` in one atomic step, and return the name."""
        self._lake.put_bytes(name, part_bytes(self._score(photos)))
        return name


class _Part:
    """Results of the photos of a part, filled batch by batch in any order."""

    def __init__(self, photos: int) -> None:
        self._columns = np.full((4, photos), np.nan, np.float32)
        self._reason: list[str | None] = [None] * photos
        self._detail: list[str | None] = [None] * photos

    def take(self, batch: ScoredBatch[int]) -> None:
        self._columns[0, batch.items] = batch.scores.beauty
        if batch.scores.probabilities is not None:
            self._columns[1:, batch.items] = batch.scores.probabilities.T
        for row, failure in batch.failures:
            self._reason[row] = failure.reason
            self._detail[row] = failure.detail[:_DETAIL_CHARACTERS]

    def table(self, photos: pa.Table) -> pa.Table:
        scores: list[Any] = [pa.array(column, from_pandas=True) for column in self._columns]
        results = [*scores, pa.array(self._reason, pa.string()), pa.array(self._detail, pa.string())]
        given = [photos[name] for name in ("photo_id", "uploaded_at", "uri")]
        return pa.Table.from_arrays([*given, *results], schema=PART_SCHEMA)
