"""Photos of a month: how many, when, how beautiful, and what becomes of them."""

from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.links import NEVER, positions_within
from assets.landing.simulator.months import DAY, Calendar
from assets.landing.simulator.population import Population

_MONTH_NOISE_SD = 0.35
_SHOCK_SCALE = 0.12
_AMBITION_SCALE = 0.06
_MEAN_LIFE_OF_DELETED_PHOTOS = 60 * DAY
_OWN_CATEGORY_SHARE = 0.6


@dataclass(frozen=True)
class NewPhotos:
    """Photos uploaded in one month, in order of time.

    Attributes:
        photo_id: From 1 on, in order of upload over the whole community.
        owner: Position of the owner.
        slot: Number of the photo among the owner's of this month; the same photo in another world.
        uploaded_at, deleted_at: Microseconds; ``NEVER`` where a photo stays.
        is_public: Whether everyone may see it.
        category: Position in the list of categories.
        beauty: Latent beauty in [0, 1].
        without_influence: Beauty before influence and before clipping to [0, 1].
    """

    photo_id: Ints
    owner: Ints
    slot: Ints
    uploaded_at: Ints
    deleted_at: Ints
    is_public: np.ndarray
    category: Ints
    beauty: Floats
    without_influence: Floats

    @property
    def count(self) -> int:
        """Number of photos."""
        return len(self.photo_id)


def upload_rates(draws: Draws, people: Population, month: int, presence: Floats) -> Floats:
    """Uploads expected of each person in a month before strain and neglect, had they not left."""
    noise = np.exp(_MONTH_NOISE_SD * draws.normal("upload-noise", month, np.arange(people.size)))
    return people.upload_rate * presence * noise


def month_levels(
    config: SimulationConfig, people: Population, drift: Floats, waves: Floats, ambition: Floats
) -> Floats:
    """Each person's beauty of the month before influence."""
    level = people.talent + config.drift_sd * drift
    if config.shocks:
        level = level + config.shocks * _SHOCK_SCALE * waves[people.home_group]
    if config.unobserved:
        level = level + config.unobserved * _AMBITION_SCALE * ambition
    return level


def upload_photos(
    config: SimulationConfig,
    calendar: Calendar,
    draws: Draws,
    people: Population,
    month: int,
    rates: Floats,
    levels: Floats,
    influence: Floats,
    first_id: int,
    categories: int,
) -> NewPhotos:
    """Photos of a month; ``rates``, ``levels`` and ``influence`` hold one value per person."""
    counts = draws.poisson("upload-count", month, rates, np.arange(people.size))
    owner, slot = np.repeat(np.arange(people.size), counts), positions_within(counts)
    uploaded = _upload_times(calendar, draws, people, month, owner, slot)
    order = np.lexsort((slot, owner, uploaded))
    owner, slot, uploaded = owner[order], slot[order], uploaded[order]
    own = levels[owner] + config.photo_sd * draws.normal("photo", month, owner, slot)
    return NewPhotos(
        photo_id=first_id + np.arange(len(owner)),
        owner=owner,
        slot=slot,
        uploaded_at=uploaded,
        deleted_at=_deletion_times(config, calendar, draws, month, owner, slot, uploaded),
        is_public=draws.uniform("private", month, owner, slot) >= config.private_photos,
        category=_categories(draws, people, month, owner, slot, categories),
        beauty=np.clip(own + influence[owner], 0.0, 1.0),
        without_influence=own,
    )


def _upload_times(calendar: Calendar, draws: Draws, people: Population, month: int, owner: Ints, slot: Ints) -> Ints:
    earliest = np.maximum(people.joined_at[owner], calendar.start(month))
    span = calendar.start(month + 1) - 2 - earliest
    return earliest + 1 + (span * draws.uniform("upload-time", month, owner, slot)).astype(np.int64)


def _deletion_times(
    config: SimulationConfig, calendar: Calendar, draws: Draws, month: int, owner: Ints, slot: Ints, uploaded: Ints
) -> Ints:
    deleted = draws.uniform("delete", month, owner, slot) < config.deleted_photos
    life = -np.log(draws.uniform("delete-life", month, owner, slot)) * _MEAN_LIFE_OF_DELETED_PHOTOS
    instant = uploaded + DAY // 24 + life.astype(np.int64)
    return np.where(deleted & (instant < calendar.end), instant, NEVER)


def _categories(draws: Draws, people: Population, month: int, owner: Ints, slot: Ints, categories: int) -> Ints:
    """Mostly the favourite subject of a person, sometimes any."""
    favourite = draws.below("favourite-category", 0, categories, np.arange(people.size))[owner]
    other = draws.below("category", month, categories, owner, slot)
    return np.where(draws.uniform("own-category", month, owner, slot) < _OWN_CATEGORY_SHARE, favourite, other)
