"""Who follows whom: the active links as arrays sorted by follower, and how new ones come about.

A person draws a few candidates (followees of followees, receivers of links in proportion to what they have,
members of the home group, anybody) and chooses one by a multinomial logit: similarity (homophily), popularity,
appeal, and with the unobserved trait beauty itself. A new link may be answered.
"""

from dataclasses import dataclass, field

import numpy as np

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.draws import Draws, Floats, Ints
from assets.landing.simulator.months import DAY, Calendar
from assets.landing.simulator.population import Population

NEVER = np.iinfo(np.int64).max
_CANDIDATES = 6
_HOMOPHILY_SLOPE = 25.0
_POPULARITY_SLOPE = 0.5
_AMBITION_SLOPE = 4.0
_MEAN_LIFE_OF_REMOVED_LINKS = 150 * DAY
_NEWCOMER_BOOST = 3.0


def _empty(dtype: type = np.int64) -> np.ndarray:
    return np.zeros(0, dtype=dtype)


@dataclass
class Links:
    """Active links, sorted by follower and followee; nothing is kept of links that ended.

    Attributes:
        people: Number of people.
        follower, followee: Ends of each link.
        created_month: Month in which it was made.
        removed_at: Microsecond at which it ends; ``NEVER`` if it stays.
    """

    people: int
    follower: np.ndarray = field(default_factory=lambda: _empty(np.int32))
    followee: np.ndarray = field(default_factory=lambda: _empty(np.int32))
    created_month: np.ndarray = field(default_factory=lambda: _empty(np.int16))
    removed_at: Ints = field(default_factory=_empty)

    def __post_init__(self) -> None:
        """Index what there is."""
        self._index()

    def _index(self) -> None:
        self.keys = self.follower.astype(np.int64) * self.people + self.followee
        self.out_degree = np.bincount(self.follower, minlength=self.people)
        self.in_degree = np.bincount(self.followee, minlength=self.people)
        self.out_start = np.concatenate([[0], np.cumsum(self.out_degree)])

    @property
    def count(self) -> int:
        """Number of active links."""
        return len(self.follower)

    def has(self, follower: Ints, followee: Ints) -> np.ndarray:
        """Whether each link is active."""
        wanted = follower * self.people + followee
        place = np.searchsorted(self.keys, wanted)
        found = place < self.count
        found[found] = self.keys[place[found]] == wanted[found]
        return found

    def advance(self, now: int, new: "NewLinks | None") -> None:
        """Add last month's links and forget those that ended before ``now``."""
        parts: list[Links | NewLinks] = [self] if new is None else [self, new]
        stays = [part.removed_at > now for part in parts]
        columns = {
            name: np.concatenate([getattr(part, name)[keep] for part, keep in zip(parts, stays, strict=True)])
            for name in ("follower", "followee", "created_month", "removed_at")
        }
        order = np.argsort(columns["follower"].astype(np.int64) * self.people + columns["followee"], kind="stable")
        self.follower = columns["follower"][order].astype(np.int32)
        self.followee = columns["followee"][order].astype(np.int32)
        self.created_month = columns["created_month"][order].astype(np.int16)
        self.removed_at = columns["removed_at"][order]
        self._index()

    def followers_among(self, chosen: np.ndarray) -> tuple[Ints, Ints]:
        """Followers of everybody, chosen people only: (starts of shape n + 1, follower of each link)."""
        kept = chosen[self.follower]
        followee, follower = self.followee[kept], self.follower[kept]
        order = np.argsort(followee, kind="stable")
        counts = np.bincount(followee, minlength=self.people)
        return np.concatenate([[0], np.cumsum(counts)]), follower[order].astype(np.int64)


@dataclass(frozen=True)
class NewLinks:
    """Links made in one month, those that answer others last.

    Attributes:
        follower, followee: Ends.
        created_at, removed_at: Microseconds; ``NEVER`` where a link stays.
        created_month: The month.
        answers: Whether the link answers one made in the same month.
    """

    follower: Ints
    followee: Ints
    created_at: Ints
    removed_at: Ints
    created_month: np.ndarray
    answers: np.ndarray

    @property
    def count(self) -> int:
        """Number of links."""
        return len(self.follower)


@dataclass(frozen=True)
class Pools:
    """Whom one can meet: members who have not left, in all and by home group (starts of shape groups + 1)."""

    members: Ints
    group_start: Ints
    by_group: Ints

    @classmethod
    def of(cls, people: Population, active: np.ndarray) -> "Pools":
        """Pools of the active people."""
        members = np.flatnonzero(active)
        group = people.home_group[members]
        counts = np.bincount(group, minlength=people.groups)
        return cls(members, np.concatenate([[0], np.cumsum(counts)]), members[np.argsort(group, kind="stable")])


@dataclass(frozen=True)
class TieContext:
    """What decides new links of a month.

    Attributes:
        active: Whether a person is a member who has not left.
        beauty: Cumulative beauty at the start of the month; NaN without photos.
        ambition: The unobserved trait.
        presence: Share of the month for which a person is a member.
    """

    month: int
    active: np.ndarray
    beauty: Floats
    ambition: Floats
    presence: Floats


def make_links(
    config: SimulationConfig, calendar: Calendar, draws: Draws, people: Population, links: Links, context: TieContext
) -> NewLinks:
    """All links of a month: chosen ones, then answers to them; none is already active, none goes to oneself."""
    follower, slot = _slots(calendar, draws, people, context)
    followee = _choose(config, draws, people, links, context, follower, slot)
    follower, followee, slot = follower[followee >= 0], followee[followee >= 0], slot[followee >= 0]
    first = _first_of_each(follower * links.people + followee)
    follower, followee = follower[first], followee[first]
    created = _between(
        calendar,
        context.month,
        people,
        follower,
        followee,
        draws.uniform("link-time", context.month, follower, followee),
    )
    back = _answered(config, draws, people, links, context, follower, followee)
    delay = draws.uniform("answer-time", context.month, followee[back], follower[back]) ** 2
    answered_at = created[back] + ((calendar.start(context.month + 1) - 1 - created[back]) * delay).astype(np.int64)
    ends_follower = np.concatenate([follower, followee[back]])
    ends_followee = np.concatenate([followee, follower[back]])
    created = np.concatenate([created, answered_at])
    return NewLinks(
        ends_follower,
        ends_followee,
        created,
        _removal_times(config, calendar, draws, context.month, ends_follower, ends_followee, created),
        np.full(len(created), context.month, dtype=np.int16),
        np.arange(len(created)) >= len(follower),
    )


def _slots(calendar: Calendar, draws: Draws, people: Population, context: TieContext) -> tuple[Ints, Ints]:
    newcomer = calendar.month_index(people.joined_at) == context.month
    rate = people.link_rate * context.presence * np.where(newcomer, _NEWCOMER_BOOST, 1.0) * context.active
    counts = draws.poisson("link-count", context.month, rate, np.arange(people.size))
    follower = np.repeat(np.arange(people.size), counts)
    return follower, positions_within(counts)


def positions_within(counts: Ints) -> Ints:
    """0, 1, 2 ... within each run: ``[2, 0, 3]`` gives ``[0, 1, 0, 1, 2]``."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)


def _choose(
    config: SimulationConfig,
    draws: Draws,
    people: Population,
    links: Links,
    context: TieContext,
    follower: Ints,
    slot: Ints,
) -> Ints:
    """Followee of each slot; -1 where no candidate will do."""
    best = np.full(len(follower), -np.inf)
    chosen = np.full(len(follower), -1)
    pools = Pools.of(people, context.active)
    for number in range(_CANDIDATES):
        candidate = _propose(config, draws, people, links, context.month, pools, follower, slot, number)
        utility = _utility(config, people, links, context, follower, candidate)
        utility += draws.gumbel("taste", context.month, follower, slot, number)
        ruled_out = (candidate == follower) | ~context.active[candidate] | links.has(follower, candidate)
        utility[ruled_out] = -np.inf
        better = utility > best
        best[better], chosen[better] = utility[better], candidate[better]
    return chosen


def _propose(
    config: SimulationConfig,
    draws: Draws,
    people: Population,
    links: Links,
    month: int,
    pools: Pools,
    follower: Ints,
    slot: Ints,
    number: int,
) -> Ints:
    """One candidate per slot; where closure finds nobody, a stranger."""
    ids = (follower, slot, number)
    candidate = _propose_stranger(config, draws, people, links, month, pools, ids)
    if not links.count:
        return candidate
    closing = (draws.uniform("source", month, *ids) < config.closure) & (links.out_degree[follower] > 0)
    middle = _random_followee(links, follower, draws.uniform("middle", month, *ids))
    closing &= links.out_degree[middle] > 0
    candidate[closing] = _random_followee(links, middle, draws.uniform("far", month, *ids))[closing]
    return candidate


def _propose_stranger(
    config: SimulationConfig,
    draws: Draws,
    people: Population,
    links: Links,
    month: int,
    pools: Pools,
    ids: tuple[Ints, Ints, int],
) -> Ints:
    """With probability p the receiver of a random link, else a group mate or anybody, half each."""
    source = draws.uniform("stranger", month, *ids)
    candidate = pools.members[draws.below("anybody", month, len(pools.members), *ids)]
    group = people.home_group[ids[0]]
    size = pools.group_start[group + 1] - pools.group_start[group]
    place = pools.group_start[group] + draws.below("group-mate", month, size, *ids)
    familiar = source < config.popularity + (1 - config.popularity) / 2
    candidate[familiar] = pools.by_group[place[familiar]]
    if links.count:
        popular = source < config.popularity
        candidate[popular] = links.followee[draws.below("popular", month, links.count, *ids)][popular]
    return candidate


def _random_followee(links: Links, who: Ints, chance: Floats) -> Ints:
    """A followee of each person; anybody's where a person has none, for the caller to ignore."""
    place = links.out_start[who] + (chance * links.out_degree[who]).astype(np.int64)
    return links.followee[np.minimum(place, links.count - 1)].astype(np.int64)


def _utility(
    config: SimulationConfig, people: Population, links: Links, context: TieContext, follower: Ints, candidate: Ints
) -> Floats:
    utility = people.log_appeal[candidate].copy()
    if config.popularity:
        utility += config.popularity * _POPULARITY_SLOPE * np.log1p(links.in_degree[candidate])
    if config.homophily:
        gap = np.abs(context.beauty[follower] - context.beauty[candidate])
        utility -= config.homophily * _HOMOPHILY_SLOPE * np.nan_to_num(gap, nan=0.15)
    if config.unobserved:
        pull = np.nan_to_num(context.beauty[candidate] - 0.5, nan=-0.1)
        utility += config.unobserved * _AMBITION_SLOPE * context.ambition[follower] * pull
    return utility


def _first_of_each(keys: Ints) -> Ints:
    return np.sort(np.unique(keys, return_index=True)[1])


def _answered(
    config: SimulationConfig,
    draws: Draws,
    people: Population,
    links: Links,
    context: TieContext,
    follower: Ints,
    followee: Ints,
) -> Ints:
    """Positions of the new links that are answered: not where the answer is there already."""
    chance = draws.uniform("answer", context.month, follower, followee) < config.reciprocation
    chance &= people.link_rate[followee] > 0
    there = links.has(followee, follower) | np.isin(
        followee * links.people + follower, follower * links.people + followee
    )
    return np.flatnonzero(chance & ~there)


def _between(calendar: Calendar, month: int, people: Population, follower: Ints, followee: Ints, share: Floats) -> Ints:
    """Instants within the month, after both ends have joined."""
    earliest = np.maximum(people.joined_at[follower], people.joined_at[followee])
    earliest = np.maximum(earliest, calendar.start(month))
    return earliest + 1 + ((calendar.start(month + 1) - 2 - earliest) * share).astype(np.int64)


def _removal_times(
    config: SimulationConfig,
    calendar: Calendar,
    draws: Draws,
    month: int,
    follower: Ints,
    followee: Ints,
    created: Ints,
) -> Ints:
    """When each link ends, drawn as it is made, so that its row can be written at once."""
    ends = draws.uniform("unfollow", month, follower, followee) < config.unfollow
    life = -np.log(draws.uniform("unfollow-life", month, follower, followee)) * _MEAN_LIFE_OF_REMOVED_LINKS
    removed = created + DAY // 24 + life.astype(np.int64)
    return np.where(ends & (removed < calendar.end), removed, NEVER)
