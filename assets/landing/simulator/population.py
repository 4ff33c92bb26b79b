"""Who there is: traits that never change, drawn once for everybody.

Talent, appeal to followers and luck with attention are independent of one another, so that people of great
talent and small audience exist.
"""

from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.months import Calendar

MEAN_TALENT = 0.48
"""Centre of talent on the beauty scale."""
_ACTIVITY_IN_SOCIABILITY = 0.6
_SOCIABILITY_IN_APPEAL = 0.7
_MOST_UPLOADS_PER_MONTH = 120.0
_MOST_LINKS_PER_MONTH = 60.0
_UNSOCIAL_HANDICAP = 3.0
_PEOPLE_PER_GROUP = 40


@dataclass(frozen=True)
class Population:
    """Traits of people 0..n-1, ordered by when they join; ``user_id`` is the position plus 1.

    Attributes:
        joined_at: Microseconds.
        talent: Beauty that a person's photos have on average before all influences.
        upload_rate: Uploads per month.
        link_rate: Follows started per month.
        log_appeal: Log attractiveness to followers.
        log_generosity: Log eagerness to give favorites.
        visibility: Factor on favorites received, with median 1.
        home_group: Group whose waves of taste a person shares.
        groups: How many groups there are.
        opted_in: Whether a person agreed to be studied.
        is_pro: Whether a person has a professional account.
    """

    joined_at: Ints
    talent: Floats
    upload_rate: Floats
    link_rate: Floats
    log_appeal: Floats
    log_generosity: Floats
    visibility: Floats
    home_group: Ints
    groups: int
    opted_in: np.ndarray
    is_pro: np.ndarray

    @property
    def size(self) -> int:
        """Number of people."""
        return len(self.talent)


def draw_population(config: SimulationConfig, calendar: Calendar, draws: Draws) -> Population:
    """Draw everybody who will ever join."""
    who = np.arange(config.users)
    activity = draws.normal("activity", 0, who)
    sociability = _correlated(activity, draws.normal("sociability", 0, who), _ACTIVITY_IN_SOCIABILITY)
    appeal = _correlated(sociability, draws.normal("appeal", 0, who), _SOCIABILITY_IN_APPEAL)
    groups = max(4, config.users // _PEOPLE_PER_GROUP)
    is_pro = draws.uniform("professional", 0, who) < config.professionals
    rate = _lognormal(config.photos_per_month, config.activity_sd, activity) * np.where(is_pro, 1.3, 1.0)
    is_social = draws.uniform("social", 0, who) >= config.unsocial
    link_rate = _lognormal(config.links_per_month / max(1 - config.unsocial, 0.01), config.sociability_sd, sociability)
    return Population(
        joined_at=_joining_times(config, calendar, draws),
        talent=np.clip(MEAN_TALENT + config.talent_sd * draws.normal("talent", 0, who), 0.02, 0.98),
        upload_rate=np.minimum(rate, _MOST_UPLOADS_PER_MONTH),
        link_rate=np.where(is_social, np.minimum(link_rate, _MOST_LINKS_PER_MONTH), 0.0),
        log_appeal=config.attractiveness_sd * appeal - np.where(is_social, 0.0, _UNSOCIAL_HANDICAP),
        log_generosity=sociability,
        visibility=np.exp(config.visibility_sd * draws.normal("visibility", 0, who)),
        home_group=_home_groups(groups, draws, who),
        groups=groups,
        opted_in=draws.uniform("opted-in", 0, who) >= config.opted_out,
        is_pro=is_pro,
    )


def _correlated(known: Floats, fresh: Floats, correlation: float) -> Floats:
    return correlation * known + np.sqrt(1 - correlation**2) * fresh


def _lognormal(mean: float, log_sd: float, normal: Floats) -> Floats:
    return mean * np.exp(log_sd * normal - log_sd**2 / 2)


def _joining_times(config: SimulationConfig, calendar: Calendar, draws: Draws) -> Ints:
    """Founders come in the first month, the others at a rate that falls slowly, as growth levels off."""
    who = np.arange(config.users)
    founder = draws.uniform("founder", 0, who) < config.founders
    moment = draws.uniform("joining", 0, who)
    length = calendar.end - calendar.start(0)
    later = 1 - (1 - moment) ** 0.8
    span = np.where(founder, calendar.start(1) - calendar.start(0), length * 0.999)
    instants = calendar.start(0) + (np.where(founder, moment, later) * span).astype(np.int64)
    return np.sort(instants)


def _home_groups(groups: int, draws: Draws, who: Ints) -> Ints:
    """Groups of unequal size: the square of a uniform favours the first ones."""
    return np.minimum((draws.uniform("home-group", 0, who) ** 2 * groups).astype(np.int64), groups - 1)


def ambition(draws: Draws, month: int, before: Floats) -> Floats:
    """The unobserved trait of the next month: a standard autoregression with coefficient 0.8."""
    fresh = draws.normal("ambition", month, np.arange(len(before)))
    return fresh if month == 0 else 0.8 * before + 0.6 * fresh


def drift(draws: Draws, month: int, before: Floats) -> Floats:
    """A person's own ups and downs: a standard autoregression with coefficient 0.9."""
    fresh = draws.normal("drift", month, np.arange(len(before)))
    return fresh if month == 0 else 0.9 * before + np.sqrt(1 - 0.81) * fresh


def waves(draws: Draws, month: int, before: Floats) -> Floats:
    """Waves of taste, one per group: a standard autoregression with coefficient 0.6."""
    fresh = draws.normal("wave", month, np.arange(len(before)))
    return fresh if month == 0 else 0.6 * before + 0.8 * fresh
