"""People who judge a few photos on five levels: a stated noise model, gold questions, and some who do not try.

A judgement is the photo's latent beauty, plus the rater's own bias (standard deviation 0.05), plus a normal error of
the configured standard deviation, cut into five levels. Raters who do not try answer uniformly at random, and fast.
A tenth of the photos are gold questions, whose known answer is the level of their latent beauty.
"""

from dataclasses import dataclass, field

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Ints
from assets.landing.simulator.months import Calendar
from assets.landing.simulator.uploads import NewPhotos

LEVEL_BOUNDS = (0.28, 0.41, 0.55, 0.68)
"""Latent beauty at which a judgement passes from one level to the next."""
_BIAS_SD = 0.05
_GOLD_SHARE = 0.1
_PHOTOS_PER_RATER = 80
_COUNTRIES = ("BR", "DE", "FR", "GB", "IN", "JP", "US")


@dataclass(frozen=True)
class Ratings:
    """Columns of ``crowd_ratings`` (times in microseconds, 0 for no gold rating) and of ``raters``."""

    columns: dict[str, np.ndarray]
    raters: dict[str, np.ndarray]


@dataclass
class RatedSample:
    """A uniform sample of the public photos of opted-in people: those with the smallest random keys so far."""

    config: SimulationConfig
    draws: Draws
    keys: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    photo_id: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    uploaded_at: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    beauty: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def offer(self, month: int, photos: NewPhotos, opted_in: np.ndarray) -> None:
        """Let a month's photos into the sample."""
        shown = photos.is_public & opted_in[photos.owner]
        keys = self.draws.bits("rated-sample", month, photos.owner[shown], photos.slot[shown])
        keys = np.concatenate([self.keys, keys])
        kept = np.argsort(keys, kind="stable")[: self.config.rated_photos]
        self.keys = keys[kept]
        for name in ("photo_id", "uploaded_at", "beauty"):
            fresh = getattr(photos, name)[shown]
            setattr(self, name, np.concatenate([getattr(self, name), fresh])[kept])

    def rate(self, calendar: Calendar) -> Ratings:
        """Have the sample judged in the last month."""
        config, draws = self.config, self.draws
        pool = max(config.raters_per_photo, len(self.keys) * config.raters_per_photo // _PHOTOS_PER_RATER)
        careless = draws.uniform("careless", 0, np.arange(pool)) < config.bad_raters
        photo, rater = self._assignments(pool)
        judgement = self.beauty[photo] + _BIAS_SD * draws.normal("rater-bias", 0, rater)
        judgement += config.rater_noise * draws.normal("judgement", 0, self.photo_id[photo], rater)
        guess = 1 + draws.below("guess", 0, 5, self.photo_id[photo], rater)
        gold = draws.uniform("gold", 0, self.photo_id) < _GOLD_SHARE
        columns = {
            "photo_id": self.photo_id[photo],
            "rater_id": rater + 1,
            "rating": np.where(careless[rater], guess, level_of(judgement)),
            "rated_at": self._times(calendar, photo, rater),
            "duration_ms": self._durations(careless, photo, rater),
            "is_gold": gold[photo],
            "gold_rating": np.where(gold[photo], level_of(self.beauty[photo]), 0),
        }
        order = np.lexsort((columns["rater_id"], columns["photo_id"]))
        return Ratings({name: values[order] for name, values in columns.items()}, self._raters(pool, careless))

    def _assignments(self, pool: int) -> tuple[Ints, Ints]:
        """Positions of photo and rater of each judgement: raters in turn from a random first one."""
        first = self.draws.below("first-rater", 0, pool, self.photo_id)
        turn = np.arange(self.config.raters_per_photo)
        rater = (first[:, None] + turn[None, :]) % pool
        return np.repeat(np.arange(len(self.photo_id)), len(turn)), rater.ravel()

    def _times(self, calendar: Calendar, photo: Ints, rater: Ints) -> Ints:
        earliest = np.maximum(self.uploaded_at[photo], calendar.start(calendar.months - 1))
        share = self.draws.uniform("rating-time", 0, self.photo_id[photo], rater)
        return earliest + 1 + ((calendar.end - 2 - earliest) * share).astype(np.int64)

    def _durations(self, careless: np.ndarray, photo: Ints, rater: Ints) -> Ints:
        log_seconds = 0.5 * self.draws.normal("rating-duration", 0, self.photo_id[photo], rater)
        typical = np.where(careless[rater], 900.0, 4500.0)
        return (typical * np.exp(log_seconds)).astype(np.int64)

    def _raters(self, pool: int, careless: np.ndarray) -> dict[str, np.ndarray]:
        who = np.arange(pool)
        record = 0.95 - 0.15 * careless + 0.04 * self.draws.normal("track-record", 0, who)
        return {
            "rater_id": who + 1,
            "country": np.array(_COUNTRIES)[self.draws.below("country", 0, len(_COUNTRIES), who)],
            "track_record": np.clip(record, 0.0, 1.0).round(3),
        }


def level_of(beauty: np.ndarray) -> Ints:
    """Level from 1 to 5 of a beauty.

    >>> level_of(np.array([0.1, 0.5, 0.9])).tolist()
    [1, 3, 5]
    """
    return 1 + np.searchsorted(LEVEL_BOUNDS, beauty, side="right")
