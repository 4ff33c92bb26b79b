"""What is left to score in a month, and how its new rows and its old rows become one partition again.

A month is walked in chunks of photos in the order of their ids. What a chunk still lacks is a *part*: the unit that
an actor scores, that is stored as one object, and that a killed job does not have to score again. A part is named
by what is asked, not by when, so a part that is there is the answer.

Rows that were written under an older contract stay as long as they have every column that is required now; without
it, our own photos are scored again, and rows of other models leave.

Calibrated beauty is computed from beauty whenever a month is written, and the calibration is one of the inputs of the
month: a new one makes these columns anew, without looking at a photo.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from assets.contracts.beauty import BEAUTY_CALIBRATION, BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import PARTS, Commit, Lake
from assets.contracts.table import UNDATED, TableContract
from ray_jobs.calibration import UNCALIBRATED, Calibration, calibrated
from ray_jobs.parts import part_from_bytes

_PUBLISHED = (SCORES, UNSCORABLE_PHOTOS)
_PARTS = f"{PARTS}/score_photos"
_PHOTO_COLUMNS = ["photo_id", "uploaded_at", "uri", "is_public"]


class PartLost(RuntimeError):
    """A part that was scored is not there: another job has finished the month meanwhile."""


@dataclass(frozen=True)
class ModelIdentity:
    """Who scores.

    Attributes:
        model_version: Name of the model.
        preprocessing_hash: Identity of what it does to photos.
        weights_sha256: Hash of its weights.
    """

    model_version: str
    preprocessing_hash: str
    weights_sha256: str


@dataclass(frozen=True)
class Chunk:
    """Consecutive photos of a month.

    Attributes:
        photo_ids: Ids of all public photos of the chunk, ascending.
        first: Smallest id that belongs to the chunk.
        last: Largest id that belongs to the chunk.
        pending: Photos with an image but without a score: ``photo_id``, ``uploaded_at``, ``uri``.
        part: Object that holds, or will hold, their results; empty where nothing is pending.
    """

    photo_ids: pa.ChunkedArray
    first: int
    last: int
    pending: pa.Table
    part: str


@dataclass(frozen=True)
class MonthPlan:
    """One month for one model.

    Attributes:
        lake: Where photos and scores are.
        month: Partition.
        model: Who scores.
        part_photos: Photos per chunk.
        code_version: Code that scores.
        calibration: How beauty becomes calibrated beauty; None leaves that empty.
    """

    lake: Lake
    month: str
    model: ModelIdentity
    part_photos: int
    code_version: str
    calibration: Calibration | None = None

    def is_current(self) -> bool:
        """Whether the published month holds all that this model has to say of the photos there are now."""
        if self._has_no_photos():
            return not any(self.lake.commit_of(contract.key, self.month) for contract in _PUBLISHED)
        return all(self._counts(contract) for contract in _PUBLISHED)

    def has_unscorable(self) -> bool:
        """Whether the published month has photos that this model could not score."""
        ours = ds.field("model_version") == self.model.model_version
        return bool(self.lake.dataset(UNSCORABLE_PHOTOS, [self.month]).count_rows(filter=ours))

    def chunks(self) -> Iterator[Chunk]:
        """The month's photos, chunk by chunk."""
        for photos in _slices(self.lake, self.month, self.part_photos):
            ids = photos["photo_id"]
            first, last = ids[0].as_py(), ids[-1].as_py()
            scored = self._scored_ids(first, last)
            lacking = pc.and_(pc.not_equal(photos["uri"], ""), pc.invert(pc.is_in(ids, value_set=scored)))
            pending = photos.filter(lacking).select(["photo_id", "uploaded_at", "uri"]).combine_chunks()
            yield Chunk(ids, first, last, pending, self._part_name(pending) if pending.num_rows else "")

    def pending_parts(self) -> Iterator[Chunk]:
        """Chunks whose part has to be scored yet."""
        there = set(self.lake.names(self._folder))
        return (chunk for chunk in self.chunks() if chunk.part and chunk.part not in there)

    def publish(self) -> tuple[int, int]:
        """Replace the month: rows of photos that are still there, and the results of all parts.

        A month without photos has no scores. Killed between the two commits, the month is published again.

        Returns:
            Photos newly scored, and photos that could not be scored.

        Raises:
            PartLost: A part is not there; plan the month again.
        """
        if self._has_no_photos():
            for contract in _PUBLISHED:
                self.lake.drop(contract.key, self.month)
            return 0, 0
        inputs = self._inputs()
        looked_at = {name: sha for name, sha in inputs.items() if not name.startswith(f"{BEAUTY_CALIBRATION.key}/")}
        counts = _Counts()
        failures = pa.concat_tables([UNSCORABLE_PHOTOS.schema.empty_table(), *self._unscorable_rows(counts)])
        unscorable = self.lake.stage(UNSCORABLE_PHOTOS, self.month, failures)
        batches = (batch for rows in self._score_rows(counts) for batch in rows.to_batches())
        scores = self.lake.stage_stream(SCORES, self.month, batches)
        self.lake.commit(unscorable, code_version=self.code_version, inputs=looked_at)
        self.lake.commit(scores, code_version=self.code_version, inputs=inputs)
        self.forget_parts()
        return counts.scored, counts.unscorable

    def recalibrate(self) -> bool:
        """Make the calibrated columns of this model's rows anew where they come from another calibration.

        Nothing else of the month changes, whatever is still to be scored there.

        A month that this model has not published under the contract as it is now is left to ``publish``.

        Returns:
            Whether the month was written.
        """
        commit = self.lake.commit_of(SCORES.key, self.month)
        if commit is None or commit.schema != SCORES.fingerprint or self._model_input not in commit.inputs:
            return False
        inputs = {**commit.inputs, **self._calibration_input()}
        if inputs == commit.inputs:
            return False
        batches = self.lake.dataset(SCORES, [self.month]).to_batches()
        tables = (self._calibrated(pa.Table.from_batches([batch])) for batch in batches)
        rows = (batch for table in tables for batch in table.to_batches())
        staged = self.lake.stage_stream(SCORES, self.month, rows)
        self.lake.commit(staged, code_version=commit.code_version, inputs=inputs)
        return True

    def forget_parts(self) -> None:
        """Delete the month's parts: a job that was killed right after it published has left them."""
        self.lake.delete_below(self._folder)

    # ---- inside ----

    @property
    def _folder(self) -> str:
        return f"{_PARTS}/{self.model.model_version}/{self.month}"

    def _has_no_photos(self) -> bool:
        return self.lake.commit_of(PHOTOS.key, self.month) is None

    def _part_name(self, pending: pa.Table) -> str:
        digest = hashlib.sha256(self.model.preprocessing_hash.encode())
        digest.update(self.model.weights_sha256.encode())
        digest.update(pending["photo_id"].to_numpy().tobytes())
        digest.update("\n".join(pending["uri"].to_pylist()).encode())
        return f"{self._folder}/{digest.hexdigest()[:32]}.parquet"

    @property
    def _model_input(self) -> str:
        return f"{BEAUTY_MODELS.key}/{self.model.model_version}"

    def _calibration_input(self) -> dict[str, str]:
        fingerprint = self.calibration.fingerprint if self.calibration else UNCALIBRATED
        return {f"{BEAUTY_CALIBRATION.key}/{self.model.model_version}": fingerprint}

    def _looked_at_inputs(self) -> dict[str, str]:
        photos = self.lake.fingerprints(PHOTOS.key, [self.month])
        return {**photos, self._model_input: self.model.weights_sha256}

    def _own_inputs(self) -> dict[str, str]:
        return {**self._looked_at_inputs(), **self._calibration_input()}

    def _commit(self, contract: TableContract) -> Commit | None:
        """What this code has published under the contract as it is now."""
        commit = self.lake.commit_of(contract.key, self.month)
        if commit is None or commit.code_version != self.code_version or commit.schema != contract.fingerprint:
            return None
        return commit

    def _counts(self, contract: TableContract) -> bool:
        commit = self._commit(contract)
        if commit is None:
            return False
        photos = f"{PHOTOS.key}/{self.month}"
        own = self._own_inputs() if contract is SCORES else self._looked_at_inputs()
        return photos in own and own.items() <= commit.inputs.items()

    def _inputs(self) -> dict[str, str]:
        """Our inputs, and those of other models that have scored the same photos with the same code and contracts."""
        scores, unscorable = (self._commit(contract) for contract in _PUBLISHED)
        own = self._own_inputs()
        photos = f"{PHOTOS.key}/{self.month}"
        if scores is None or unscorable is None or scores.inputs.get(photos) != own.get(photos):
            return own
        return {**scores.inputs, **own}

    def _scored_ids(self, first: int, last: int) -> pa.ChunkedArray:
        ours = (ds.field("model_version") == self.model.model_version) & (
            ds.field("preprocessing_hash") == self.model.preprocessing_hash
        )
        return self._old_rows(SCORES, first, last, ours)["photo_id"]

    def _old_rows(self, contract: TableContract, first: int, last: int, also: ds.Expression) -> pa.Table:
        inside = (ds.field("photo_id") >= first) & (ds.field("photo_id") <= last)
        return self.lake.dataset(contract, [self.month]).to_table(filter=inside & also & contract.is_complete)

    def _results(self, chunk: Chunk) -> pa.Table | None:
        if not chunk.part:
            return None
        content = self.lake.get_bytes(chunk.part)
        if content is None:
            raise PartLost(f"{chunk.part} is gone from {self.lake.uri}; another job finished {self.month}")
        return part_from_bytes(content)

    def _score_rows(self, counts: "_Counts") -> Iterator[pa.Table]:
        stale = (ds.field("model_version") == self.model.model_version) & (
            ds.field("preprocessing_hash") != self.model.preprocessing_hash
        )
        order = [(name, "ascending") for name in SCORES.primary_key]
        for chunk in self.chunks():
            old = self._old_rows(SCORES, chunk.first, chunk.last, ~stale)
            tables = [old.filter(pc.is_in(old["photo_id"], value_set=chunk.photo_ids))]
            if (results := self._results(chunk)) is not None:
                new = results.filter(pc.is_null(results["reason"]))
                counts.scored += new.num_rows
                tables.append(SCORES.conform(self._with_identity(new, SCORES)))
            yield self._calibrated(pa.concat_tables(tables)).sort_by(order).combine_chunks()

    def _calibrated(self, rows: pa.Table) -> pa.Table:
        return calibrated(rows, self.model.model_version, self.calibration)

    def _unscorable_rows(self, counts: "_Counts") -> Iterator[pa.Table]:
        """Broken photos are few, so they are held in memory."""
        others = ds.field("model_version") != self.model.model_version
        for chunk in self.chunks():
            old = self._old_rows(UNSCORABLE_PHOTOS, chunk.first, chunk.last, others)
            yield old.filter(pc.is_in(old["photo_id"], value_set=chunk.photo_ids))
            if (results := self._results(chunk)) is not None:
                new = results.filter(pc.is_valid(results["reason"]))
                counts.unscorable += new.num_rows
                yield UNSCORABLE_PHOTOS.conform(self._with_identity(new, UNSCORABLE_PHOTOS))

    def _with_identity(self, results: pa.Table, contract: TableContract) -> pa.Table:
        rows = results.num_rows
        constant: dict[str, Any] = {
            "model_version": pa.array([self.model.model_version] * rows, pa.string()),
            "preprocessing_hash": pa.array([self.model.preprocessing_hash] * rows, pa.string()),
            "scored_at": pa.array([end_of_month(self.month)] * rows, pa.timestamp("us", tz="UTC")),
        }
        for name, values in constant.items():
            results = results.append_column(name, values)
        return results.select([name for name in contract.schema.names if name in results.schema.names])


@dataclass
class _Counts:
    scored: int = 0
    unscorable: int = 0


def end_of_month(month: str) -> datetime | None:
    """The moment in which a month ends, exclusive; None for photos without a date.

    >>> end_of_month("2013-12").isoformat(), end_of_month("undated")
    ('2014-01-01T00:00:00+00:00', None)
    """
    if month == UNDATED:
        return None
    year, number = (int(part) for part in month.split("-"))
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _slices(lake: Lake, month: str, photos: int) -> Iterator[pa.Table]:
    """Public photos of a month in tables of ``photos`` rows; the last may be smaller, none is empty."""
    waiting = PHOTOS.schema.empty_table().select(_PHOTO_COLUMNS)
    for batch in lake.dataset(PHOTOS, [month]).to_batches(columns=_PHOTO_COLUMNS, filter=ds.field("is_public")):
        waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
        while waiting.num_rows >= photos:
            yield waiting.slice(0, photos)
            waiting = waiting.slice(photos)
    if waiting.num_rows:
        yield waiting
