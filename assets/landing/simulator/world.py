"""The simulated world, month by month: state of everybody, and what happens to it.

Memory: some arrays of one value per person, the active links, and the favorites of three months.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.favorites import Audience, Columns, PendingFavorites, give_favorites
from assets.landing.simulator.groups import memberships_of, plan_memberships
from assets.landing.simulator.links import Links, NewLinks, TieContext, make_links
from assets.landing.simulator.months import DAY, Calendar
from assets.landing.simulator.population import ambition, draw_population, drift, waves
from assets.landing.simulator.potential_outcomes import MonthView, PotentialOutcomes, exchange_weight
from assets.landing.simulator.uploads import NewPhotos, month_levels, upload_photos, upload_rates
from assets.statistics import behaviour

PUBLIC_EXPOSURE = 5.0
"""Exposure that a photo has without any follower, in followers."""
_RECOGNITION_PRIOR = 2.0


@dataclass(frozen=True)
class MonthOfLife:
    """What happened in one month.

    Attributes:
        month: Number of the month.
        joined: Positions of the people who joined.
        links: New links.
        photos: New photos.
        favorites: Favorites given in the month, whenever the photo was uploaded.
        memberships: Group memberships that began.
        user_months: State of every member, by column.
        outcomes: Finished cohorts: experiment, month of treatment, columns.
    """

    month: int
    joined: Ints
    links: NewLinks
    photos: NewPhotos
    favorites: Columns
    memberships: Columns
    user_months: Columns
    outcomes: list[tuple[str, int, Columns]]


class World:
    """One world; ``live`` walks through its months once.

    Args:
        config: All knobs.
        categories: How many subject categories there are.
        with_outcomes: Whether to follow the potential outcomes of the experiments.
    """

    def __init__(self, config: SimulationConfig, categories: int, *, with_outcomes: bool = True):
        self.config = config
        self.calendar = Calendar(config.last_month, config.months)
        self.draws = Draws(config.seed)
        self.people = draw_population(config, self.calendar, self.draws)
        n = self.people.size
        self.links = Links(n)
        self.left = np.zeros(n, dtype=bool)
        self.public_photos = np.zeros(n, dtype=np.int64)
        self.beauty_sum = np.zeros(n)
        self.recognised = np.zeros(n, dtype=np.int64)
        self.exposed = np.zeros(n)
        self._categories = categories
        self._memberships = plan_memberships(self.draws, self.people, self.calendar)
        self._pending = PendingFavorites()
        self._outcomes = PotentialOutcomes(config, self.draws) if with_outcomes else None
        self._drift, self._ambition = np.zeros(n), np.zeros(n)
        self._waves = np.zeros(self.people.groups)
        self._gap = np.zeros(n)
        self._photos_so_far = 0

    @property
    def beauty(self) -> Floats:
        """Cumulative latent beauty of everybody's public photos; NaN without any."""
        return np.divide(
            self.beauty_sum, self.public_photos, out=np.full(self.people.size, np.nan), where=self.public_photos > 0
        )

    @property
    def recognition(self) -> Floats:
        """Log of favorites received over those that exposure lets expect, shrunken; NaN without public photos."""
        expected = self.exposed * (self.recognised.sum() / max(self.exposed.sum(), 1.0))
        ratio = np.log((self.recognised + _RECOGNITION_PRIOR) / (expected + _RECOGNITION_PRIOR))
        return np.where(self.public_photos > 0, ratio, np.nan)

    def live(self) -> Iterator[MonthOfLife]:
        """Yield the months in order; the state after a month is visible while it is held."""
        new_links: NewLinks | None = None
        for month in range(self.config.months):
            self.links.advance(self.calendar.start(month), new_links)
            happened = self._live_month(month)
            new_links = happened.links
            yield happened
        self.links.advance(self.calendar.end, new_links)

    def _live_month(self, month: int) -> MonthOfLife:
        config, draws, people = self.config, self.draws, self.people
        self._drift = drift(draws, month, self._drift)
        self._ambition = ambition(draws, month, self._ambition)
        self._waves = waves(draws, month, self._waves)
        presence = self._presence(month)
        view = self._look(month, presence)
        multiplier = behaviour.upload_multiplier(
            config.imbalance_churn, config.recognition_retention, view.imbalance, view.recognition
        )
        levels = month_levels(config, people, self._drift, self._waves, self._ambition)
        photos = upload_photos(
            config,
            self.calendar,
            draws,
            people,
            month,
            view.base_rates * multiplier * view.active,
            levels,
            view.influence,
            self._photos_so_far + 1,
            self._categories,
        )
        favorites = self._favorites(month, view, photos)
        context = TieContext(month, view.active, view.beauty, self._ambition, presence)
        new_links = make_links(config, self.calendar, draws, people, self.links, context)
        memberships = memberships_of(self._memberships, draws, self.calendar, month, view.active)
        outcomes = self._follow(view, photos, new_links)
        leaving = self._leave(month, view)
        self._remember(photos, favorites)
        return MonthOfLife(
            month,
            np.flatnonzero(self.calendar.month_index(people.joined_at) == month),
            new_links,
            photos,
            favorites,
            memberships,
            self._user_months(view, levels, multiplier, leaving),
            outcomes,
        )

    def _presence(self, month: int) -> Floats:
        start, end = self.calendar.start(month), self.calendar.start(month + 1)
        return np.clip((end - np.maximum(self.people.joined_at, start)) / (end - start), 0.0, 1.0)

    def _look(self, month: int, presence: Floats) -> MonthView:
        config, beauty = self.config, self.beauty
        active = (presence > 0) & ~self.left
        attention, attended = self._attend(month, beauty)
        followed = np.divide(attended, attention, out=np.full_like(beauty, np.nan), where=attention > 0)
        gap_before = self._gap
        gap = np.nan_to_num(followed - self.people.talent, nan=0.0)
        self._gap = behaviour.remembered_gap(config.influence_form, gap, gap_before)
        return MonthView(
            month=month,
            start=self.calendar.start(month),
            weeks=(self.calendar.start(month + 1) - self.calendar.start(month)) / (7 * DAY),
            active=active,
            settled=active & (self.people.joined_at < self.calendar.start(month)),
            beauty=beauty,
            talent=self.people.talent,
            attention=attention,
            attended_beauty=attended,
            gap_before=gap_before,
            influence=behaviour.influence_on_beauty(config.influence, config.influence_form, self._gap),
            imbalance=self._plain_exposure(beauty) - beauty,
            recognition=self.recognition,
            base_rates=upload_rates(self.draws, self.people, month, presence),
        )

    def _attend(self, month: int, beauty: Floats) -> tuple[Floats, Floats]:
        """Sum of weights of links to followees with beauty, and of weight times beauty."""
        followed = beauty[self.links.followee]
        seen = ~np.isnan(followed)
        weight = exchange_weight(self.config, month - self.links.created_month) * seen
        return self._sum_by_follower(weight), self._sum_by_follower(weight * np.nan_to_num(followed))

    def _plain_exposure(self, beauty: Floats) -> Floats:
        """Mean cumulative beauty of the followees; NaN where none has any."""
        followed = beauty[self.links.followee]
        count = self._sum_by_follower((~np.isnan(followed)).astype(np.float64))
        total = self._sum_by_follower(np.nan_to_num(followed))
        return np.divide(total, count, out=np.full(self.people.size, np.nan), where=count > 0)

    def _sum_by_follower(self, values: Floats) -> Floats:
        sums = np.bincount(self.links.follower, weights=values, minlength=self.people.size)
        return sums.astype(np.float64, copy=False)

    def _favorites(self, month: int, view: MonthView, photos: NewPhotos) -> Columns:
        start, followers = self.links.followers_among(view.active)
        audience = Audience(start, followers, np.flatnonzero(view.active), self.links.in_degree)
        months, columns = give_favorites(self.config, self.calendar, self.draws, self.people, month, photos, audience)
        self._pending.add(months, columns, self.config.months - 1)
        shown = photos.owner[photos.is_public]
        uploads = np.bincount(shown, minlength=self.people.size)
        self.exposed += uploads * (audience.sizes + PUBLIC_EXPOSURE)
        return self._pending.take(month, view.active)

    def _follow(self, view: MonthView, photos: NewPhotos, new_links: NewLinks) -> list[tuple[str, int, Columns]]:
        if self._outcomes is None:
            return []
        self._outcomes.open_shifts(view)
        finished = self._outcomes.follow_shifts(view) + self._outcomes.follow_exposure(view, photos)
        self._outcomes.open_exposure(view, new_links)
        return finished

    def _leave(self, month: int, view: MonthView) -> Floats:
        probability = behaviour.leaving_probability(
            self.config.base_churn,
            self.config.imbalance_churn,
            self.config.recognition_retention,
            view.imbalance,
            view.recognition,
        )
        chance = self.draws.uniform("leave", month, np.arange(self.people.size))
        self.left |= view.active & (chance < probability)
        return probability

    def _remember(self, photos: NewPhotos, favorites: Columns) -> None:
        n = self.people.size
        shown = photos.is_public
        self.public_photos += np.bincount(photos.owner[shown], minlength=n)
        self.beauty_sum += np.bincount(photos.owner[shown], weights=photos.beauty[shown], minlength=n)
        self.recognised += np.bincount(
            favorites["owner"], weights=favorites["counts_as_recognition"], minlength=n
        ).astype(np.int64)
        self._photos_so_far += photos.count

    def _user_months(self, view: MonthView, levels: Floats, multiplier: Floats, leaving: Floats) -> Columns:
        who = np.flatnonzero(self.people.joined_at < self.calendar.start(view.month + 1))
        columns = {
            "level": levels,
            "influence": view.influence,
            "ambition": self._ambition,
            "cumulative_beauty": view.beauty,
            "imbalance": view.imbalance,
            "recognition": view.recognition,
            "upload_rate": view.base_rates * multiplier,
            "leaving_probability": leaving,
        }
        state = {name: values[who].astype(np.float32) for name, values in columns.items()}
        return {"user_id": who + 1, "is_active": view.active[who], **state}
