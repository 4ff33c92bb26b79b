"""Group memberships: the home group soon after joining, some others later, some left again."""

from dataclasses import dataclass

import numpy as np

from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.links import NEVER
from assets.landing.simulator.months import DAY, Calendar
from assets.landing.simulator.population import Population

_MOST_GROUPS = 6
_MEAN_WAIT = (10 * DAY, 120 * DAY)
_LEFT_SHARE = 0.1
_MEAN_STAY_OF_LEAVERS = 200 * DAY


@dataclass(frozen=True)
class Memberships:
    """When somebody will enter a group if they are still around (shape people x 6, microseconds; ``NEVER`` else)."""

    group: Ints
    joined_at: Ints


def plan_memberships(draws: Draws, people: Population, calendar: Calendar) -> Memberships:
    """Draw every possible membership once; memory is six pairs of numbers per person."""
    who, number = np.arange(people.size)[:, None], np.arange(_MOST_GROUPS)[None, :]
    group = draws.below("group", 0, people.groups, who, number)
    group[:, 0] = people.home_group
    joins = draws.uniform("joins-group", 0, who, number) < _eagerness(people)[:, None]
    joins[:, 0] |= draws.uniform("joins-home", 0, who[:, 0]) < 0.8
    for later in range(1, _MOST_GROUPS):
        joins[:, later] &= (group[:, :later] != group[:, later : later + 1]).all(axis=1)
    mean_wait = np.where(number == 0, *_MEAN_WAIT)
    wait = -np.log(draws.uniform("group-wait", 0, who, number)) * mean_wait
    instant = people.joined_at[:, None] + 1 + wait.astype(np.int64)
    return Memberships(group, np.where(joins & (instant < calendar.end), instant, NEVER))


def memberships_of(
    plan: Memberships, draws: Draws, calendar: Calendar, month: int, active: np.ndarray
) -> dict[str, np.ndarray]:
    """Memberships that begin in a month: columns user, group_id, joined_at and left_at."""
    begins = (plan.joined_at >= calendar.start(month)) & (plan.joined_at < calendar.start(month + 1))
    user, number = np.nonzero(begins & active[:, None])
    joined = plan.joined_at[user, number]
    stay = -np.log(draws.uniform("group-stay", 0, user, number)) * _MEAN_STAY_OF_LEAVERS
    left = joined + DAY // 24 + stay.astype(np.int64)
    leaves = (draws.uniform("leaves-group", 0, user, number) < _LEFT_SHARE) & (left < calendar.end)
    return {
        "user": user,
        "group_id": plan.group[user, number] + 1,
        "joined_at": joined,
        "left_at": np.where(leaves, left, NEVER),
    }


def _eagerness(people: Population) -> Floats:
    """Probability of each possible membership: grows with sociability."""
    return 0.6 / (1.0 + np.exp(-people.log_generosity))
