"""Drift: does the platform still give a photo the score that it gave when it scored it?

A random sample of scored photos is scored once more. Nothing but a change of the image, of a library or of the
machine can make a difference; more than ``TOLERANCE`` is one. The sample is drawn anew for each date of the data, and
the same for the same date.
"""

from collections import Counter
from dataclasses import dataclass

import pyarrow as pa

from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import BEAUTY_MODELS, SCORES, UNSCORABLE_PHOTOS
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED

ZONE = "drift"
"""Zone of the lake that holds the newest re-scoring."""
TOLERANCE = 1e-4
"""Largest difference between two ways of computing the same score (METHODS section 3)."""
ABSENT = "no longer published with an image"


@dataclass(frozen=True)
class DriftSample:
    """Photos to score once more.

    Attributes:
        model_version: Who scored them.
        data_date: Date of the newest photo that it scored, ``undated`` where no photo has a time; it is the seed.
        scores: Columns ``photo_id`` and ``beauty``: what is on record.
    """

    model_version: str
    data_date: str
    scores: pa.Table


@dataclass(frozen=True)
class Drift:
    """How a sample of scores compares with those on record.

    Attributes:
        photos: Photos of the sample.
        compared: Those that could be scored again.
        drifted: Those among them whose score differs by more than ``TOLERANCE``.
        largest: Largest difference; None where no photo was compared.
        worst_photo_id: The photo with that difference.
        unreadable: Photos that could not be scored again, by reason.
    """

    photos: int
    compared: int
    drifted: int
    largest: float | None
    worst_photo_id: int | None
    unreadable: dict[str, int]

    @property
    def verdict(self) -> str:
        """What was found, and what to do about it, as sentences."""
        lost = sum(self.unreadable.values())
        reasons = ", ".join(f"{count} {reason}" for reason, count in self.unreadable.items())
        gone = f" {lost} could not be scored again ({reasons}): bring the images back." if lost else ""
        if self.largest is None:
            return f"None of {self.photos:,} photos could be compared.{gone}"
        compared = f"{self.compared:,} of {self.photos:,} photos scored again, largest difference {self.largest:.2g}"
        if not self.drifted:
            return f"{compared}.{gone}"
        return (
            f"{compared} (photo {self.worst_photo_id}), {self.drifted:,} above {TOLERANCE:g}: an image, a library or "
            f"the machine has changed; find out which before scores of both kinds stand side by side.{gone}"
        )


def draw_sample(lake: Lake, photos: int, model_version: str = "") -> DriftSample | None:
    """Draw scored photos at random, the same ones for the same data.

    Args:
        lake: The lake; scores and models are read.
        photos: Size of the sample; all photos where there are fewer.
        model_version: Whose scores; empty means the newest trained model that has scores.

    Returns:
        The sample; None where no trained model, or not this one, has scored anything.
    """
    with scratch_database() as connection:
        connection.register("scores", lake.dataset(SCORES))
        connection.register("beauty_model", lake.dataset(BEAUTY_MODELS))
        found = connection.execute(
            """
            select model_version, coalesce(strftime(max(uploaded_at), '%Y-%m-%d'), $undated)
            from scores join beauty_model using (model_version)
            where $version in ('', model_version)
            group by model_version, sequence
            order by sequence desc
            limit 1
            """,
            {"version": model_version, "undated": UNDATED},
        ).fetchone()
        if found is None:
            return None
        version, data_date = found
        drawn = connection.execute(
            """
            select photo_id, beauty
            from scores
            where model_version = $version
            order by md5_number_lower(photo_id || '@' || $date), photo_id
            limit $photos
            """,
            {"version": version, "date": data_date, "photos": photos},
        ).to_arrow_table()
    return DriftSample(version, data_date, drawn)


def compare(lake: Lake, sample: DriftSample) -> Drift:
    """Compare what is on record with what the zone ``ZONE`` holds of the same photos and the same model version."""
    zone = lake.zone(ZONE)
    versions = [sample.model_version]
    scored, failed = zone.read(SCORES, versions), zone.read(UNSCORABLE_PHOTOS, versions)
    again = dict(zip(scored["photo_id"].to_pylist(), scored["beauty"].to_pylist(), strict=True))
    reason = dict(zip(failed["photo_id"].to_pylist(), failed["reason"].to_pylist(), strict=True))
    on_record = dict(zip(sample.scores["photo_id"].to_pylist(), sample.scores["beauty"].to_pylist(), strict=True))
    difference = {photo: abs(again[photo] - beauty) for photo, beauty in on_record.items() if photo in again}
    worst = max(difference, key=lambda photo: difference[photo], default=None)
    lost = Counter(reason.get(photo, ABSENT) for photo in on_record if photo not in again)
    return Drift(
        photos=len(on_record),
        compared=len(difference),
        drifted=sum(each > TOLERANCE for each in difference.values()),
        largest=None if worst is None else difference[worst],
        worst_photo_id=worst,
        unreadable=dict(sorted(lost.items())),
    )
