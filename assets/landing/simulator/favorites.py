"""Favorites: counts per photo are Gamma-Poisson, mostly from followers, the rest from people who came by otherwise.

All favorites of a photo are drawn as it is uploaded, within 60 days of upload; those of later months wait in
``PendingFavorites``, whose size is bounded by three months of photos.
"""

from dataclasses import dataclass, field

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.links import NEVER, positions_within
from assets.landing.simulator.months import DAY, Calendar
from assets.landing.simulator.population import MEAN_TALENT, Population
from assets.landing.simulator.uploads import NewPhotos

WINDOW = 60 * DAY
"""No photo receives favorites later than this after upload."""
RECOGNITION_WINDOW = 30 * DAY
"""Favorites within this time of upload count as recognition (METHODS, social metric)."""
_PHOTO_LUCK_SHAPE = 3.0
_MEAN_DELAY = 6 * DAY
_TAKEN_BACK_SHARE = 0.01
_MOST_PER_PHOTO = 2000.0

Columns = dict[str, np.ndarray]


@dataclass
class PendingFavorites:
    """Favorites that will be given in coming months: columns by month number."""

    by_month: dict[int, list[Columns]] = field(default_factory=dict)

    def add(self, months: Ints, columns: Columns, last_month: int) -> None:
        """File favorites under the months in which they are given; later ones are never seen."""
        for month in np.unique(months):
            if month <= last_month:
                chosen = months == month
                self.by_month.setdefault(int(month), []).append({k: v[chosen] for k, v in columns.items()})

    def take(self, month: int, active: np.ndarray) -> Columns:
        """Favorites of a month by people who have not left, sorted by giver and photo."""
        parts = self.by_month.pop(month, [])
        names = ("user", "photo_id", "owner", "created_at", "removed_at", "is_through_link", "counts_as_recognition")
        if not parts:
            return {name: np.zeros(0, dtype=np.int64) for name in names}
        columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
        order = np.lexsort((columns["photo_id"], columns["user"]))
        order = order[active[columns["user"][order]]]
        return {name: values[order] for name, values in columns.items()}


@dataclass(frozen=True)
class Audience:
    """Who can give favorites in a month.

    Attributes:
        start: Where each person's active followers start (shape people + 1).
        followers: Active followers, person by person.
        members: Everybody active.
        in_degree: Followers of each person, active or not.
    """

    start: Ints
    followers: Ints
    members: Ints
    in_degree: Ints

    @property
    def sizes(self) -> Ints:
        """Active followers of each person."""
        return np.diff(self.start)


def give_favorites(
    config: SimulationConfig,
    calendar: Calendar,
    draws: Draws,
    people: Population,
    month: int,
    photos: NewPhotos,
    audience: Audience,
) -> tuple[Ints, Columns]:
    """All favorites that the month's public photos will get.

    Returns:
        The month number of each favorite and its columns; one row per giver and photo.
    """
    shown = np.flatnonzero(photos.is_public)
    owner, slot = photos.owner[shown], photos.slot[shown]
    followers = audience.sizes[owner]
    link_rate, public_rate = _rates(config, draws, people, month, photos, shown, audience)
    through = draws.poisson("link-favorites", month, np.minimum(link_rate, _MOST_PER_PHOTO), owner, slot)
    through = np.where(followers > 0, through, 0)
    public = draws.poisson("public-favorites", month, np.minimum(public_rate, _MOST_PER_PHOTO), owner, slot)
    from_links = _followers_who_like(draws, people, month, audience, owner, slot, through)
    from_public = _passers_by(draws, people, month, audience, owner, slot, public)
    photo = np.concatenate([np.repeat(shown, through), np.repeat(shown, public)])
    giver = np.concatenate([from_links, from_public])
    number = np.concatenate([positions_within(through), 1_000_000 + positions_within(public)])
    return _dated(calendar, draws, people, month, photos, audience, photo, giver, number)


def _rates(
    config: SimulationConfig,
    draws: Draws,
    people: Population,
    month: int,
    photos: NewPhotos,
    shown: Ints,
    audience: Audience,
) -> tuple[Floats, Floats]:
    owner, slot = photos.owner[shown], photos.slot[shown]
    luck = draws.gamma("photo-luck", month, _PHOTO_LUCK_SHAPE, owner, slot)
    liking = np.exp(config.beauty_attention * (photos.beauty[shown] - MEAN_TALENT)) * people.visibility[owner] * luck
    fame = np.power(1.0 + audience.in_degree[owner], 0.5 * config.popularity)
    return config.favorites_per_follower * audience.sizes[owner] * liking, config.favorites_from_public * liking * fame


def _followers_who_like(
    draws: Draws, people: Population, month: int, audience: Audience, owner: Ints, slot: Ints, counts: Ints
) -> Ints:
    """For each favorite the more generous of two random followers; repeats are dropped later."""
    who, which, number = np.repeat(owner, counts), np.repeat(slot, counts), positions_within(counts)
    if not len(who):
        return who
    pair = [
        audience.followers[audience.start[who] + draws.below(purpose, month, audience.sizes[who], who, which, number)]
        for purpose in ("liker", "other-liker")
    ]
    return np.where(people.log_generosity[pair[0]] >= people.log_generosity[pair[1]], pair[0], pair[1])


def _passers_by(
    draws: Draws, people: Population, month: int, audience: Audience, owner: Ints, slot: Ints, counts: Ints
) -> Ints:
    who, which, number = np.repeat(owner, counts), np.repeat(slot, counts), positions_within(counts)
    pair = [
        audience.members[draws.below(purpose, month, len(audience.members), who, which, number)]
        for purpose in ("passer-by", "other-passer-by")
    ]
    return np.where(people.log_generosity[pair[0]] >= people.log_generosity[pair[1]], pair[0], pair[1])


def _dated(
    calendar: Calendar,
    draws: Draws,
    people: Population,
    month: int,
    photos: NewPhotos,
    audience: Audience,
    photo: Ints,
    giver: Ints,
    number: Ints,
) -> tuple[Ints, Columns]:
    """Give each favorite its instant; drop repeats, own photos and what time forbids."""
    first = np.sort(np.unique(photo * people.size + giver, return_index=True)[1])
    photo, giver, number = photo[first], giver[first], number[first]
    owner, ids = photos.owner[photo], (photos.owner[photo], photos.slot[photo], number)
    delay = -np.log(draws.uniform("favorite-delay", month, *ids)) * _MEAN_DELAY
    created = photos.uploaded_at[photo] + 1 + delay.astype(np.int64)
    removed = created + DAY // 24 + (20 * DAY * draws.uniform("take-back-delay", month, *ids)).astype(np.int64)
    taken_back = (draws.uniform("take-back", month, *ids) < _TAKEN_BACK_SHARE) & (removed < calendar.end)
    possible = (giver != owner) & (delay < WINDOW) & (created > people.joined_at[giver])
    possible &= (created < photos.deleted_at[photo]) & (created < calendar.end)
    columns = {
        "user": giver,
        "photo_id": photos.photo_id[photo],
        "owner": owner,
        "created_at": created,
        "removed_at": np.where(taken_back, removed, NEVER),
        "is_through_link": _follows(audience, people.size, giver, owner),
        "counts_as_recognition": delay < RECOGNITION_WINDOW,
    }
    columns = {name: values[possible] for name, values in columns.items()}
    return calendar.month_index(columns["created_at"]), columns


def _follows(audience: Audience, size: int, giver: Ints, owner: Ints) -> np.ndarray:
    links = np.repeat(np.arange(size), audience.sizes) * size + audience.followers  # sorted by construction
    wanted = owner * size + giver
    place = np.searchsorted(links, wanted)
    found = place < len(links)
    found[found] = links[place[found]] == wanted[found]
    return found
