"""The follow graph of a community as it was known at a moment, from the tables of the lake and the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.community import BLOCKS, EDGES, USER_QUALITY, USERS
from assets.contracts.lake import Lake
from assets.recommender.chance import pair_chances
from assets.recommender.follow_graph import Floats, FollowGraph, Integers, distinct, follow_graph, is_among

HORIZON = 3
"""Months whose links are learned from, and months whose links are predicted."""
HELD_OUT = 0.1
"""Share of the links of a community without times that stand in for those of a later time."""
_NEVER = np.iinfo(np.int64).max
_ALWAYS = np.iinfo(np.int64).min

READ_MARTS = (
    "dim_users",
    "fct_user_beauty",
    "fct_talented_unseen_users",
    "fct_talented_unseen_monthly",
    "fct_user_months",
)

BEAUTY_TODAY = """
    select
        users.user_id,
        beauty.beauty_shrunken as beauty,
        unseen.user_id is not null as is_talented_unseen
    from dim_users as users
    left join fct_user_beauty as beauty on users.user_id = beauty.user_id
    left join fct_talented_unseen_users as unseen on users.user_id = unseen.user_id
    order by users.user_id
"""
BEAUTY_BEFORE = """
    select
        user_id,
        beauty_shrunken as beauty,
        is_talented_unseen
    from fct_talented_unseen_monthly
    where event_month = ?
    order by user_id
"""
BEAUTY_MONTHLY = """
    select
        user_id,
        event_month,
        beauty_shrunken as beauty,
        is_talented_unseen
    from fct_talented_unseen_monthly
"""
ANY_BEAUTY = "select 1 from fct_user_beauty where beauty_shrunken is not null limit 1"
LAST_MONTH = "select max(event_month) as last_month from fct_user_months"


class Answering(Protocol):
    """What answers queries of the warehouse, such as ``assets.marts.Marts``."""

    def read(self, query: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Rows of a query."""


@dataclass(frozen=True)
class Links:
    """All links of a community that there ever were.

    Attributes:
        users: (n,) ids, ascending.
        joined_at: (n,) microseconds since 1970; of users without a time the earliest there is.
        follower: (m,) ids.
        followee: (m,) ids.
        created_at: (m,) microseconds; the earliest there is without a time.
        removed_at: (m,) microseconds; the latest there is for links that stand.
        blocks: Ids of those who block, and of those whom they block.
        blocked_at: When they did, as ``created_at``; None where it does not matter.
    """

    users: Integers
    joined_at: Integers
    follower: Integers
    followee: Integers
    created_at: Integers
    removed_at: Integers
    blocks: tuple[Integers, Integers]
    blocked_at: Integers | None = None

    @property
    def are_dated(self) -> bool:
        """Whether any link has a time."""
        return bool((self.created_at > _ALWAYS).any())


@dataclass(frozen=True)
class Known:
    """What is known of users at a moment; rows in ascending order of ids, not all users need be there.

    Attributes:
        user_id: (k,).
        beauty: (k,) nan where there is none.
        is_talented_unseen: (k,).
    """

    user_id: Integers
    beauty: Floats
    is_talented_unseen: NDArray[np.bool_]

    def of(self, users: Integers) -> "Known":
        """The same for some users, with nan and False for those of whom nothing is known."""
        place = np.minimum(np.searchsorted(self.user_id, users), max(0, len(self.user_id) - 1))
        there = self.user_id[place] == users if len(self.user_id) else np.zeros(len(users), bool)
        beauty, unseen = np.full(len(users), np.nan), np.zeros(len(users), bool)
        beauty[there] = self.beauty[place[there]]
        unseen[there] = self.is_talented_unseen[place[there]]
        return Known(users, beauty, unseen)


def read_links(lake: Lake) -> Links:
    """Links, users and blocks as they are published."""
    links = lake.read(EDGES, columns=["follower_id", "followee_id", "created_at", "removed_at"])
    users = lake.read(USERS, columns=["user_id", "joined_at"])
    blocks = lake.read(BLOCKS, columns=["user_id", "blocked_user_id", "created_at"])
    ids = [links[name].to_numpy() for name in ("follower_id", "followee_id")]
    known, place = np.unique(np.concatenate([users["user_id"].to_numpy(), *ids]), return_index=True)
    joined = np.full(len(known), _ALWAYS)
    is_user = place < users.num_rows
    joined[is_user] = _moments(users["joined_at"], _ALWAYS)[place[is_user]]
    return Links(
        known,
        joined,
        ids[0],
        ids[1],
        _moments(links["created_at"], _ALWAYS),
        _moments(links["removed_at"], _NEVER),
        (blocks["user_id"].to_numpy(), blocks["blocked_user_id"].to_numpy()),
        _moments(blocks["created_at"], _ALWAYS),
    )


def _moments(column: pa.ChunkedArray, unknown: int) -> Integers:
    moments: Integers = column.cast(pa.int64()).fill_null(unknown).to_numpy()
    return moments


def beauty_known(marts: Answering, lake: Lake, month: date | None = None) -> Known:
    """Beauty of users today, or when a month began; percentile of ready-made quality where nobody has beauty today.

    Ready-made quality has no time: what it says of a month may rest on what came after it.

    Args:
        marts: The warehouse.
        lake: Where ready-made quality is.
        month: First day of a month; None for today.
    """
    if lake.partitions(USER_QUALITY.key) and not marts.read(ANY_BEAUTY).num_rows:
        return _ready_made(lake)
    found = marts.read(BEAUTY_TODAY) if month is None else marts.read(BEAUTY_BEFORE, [month])
    beauty = found["beauty"].cast(pa.float64()).to_numpy()
    return Known(found["user_id"].to_numpy(), beauty, found["is_talented_unseen"].to_numpy())


def _ready_made(lake: Lake) -> Known:
    """Share of the other users of whom the first source says less, those of whom it says the same halved."""
    from scipy.stats import rankdata

    rows = lake.read(USER_QUALITY, columns=["user_id", "source", "value"])
    sources = rows["source"].to_numpy()
    kept = sources == sources.min()
    ids, values = rows["user_id"].to_numpy()[kept], rows["value"].to_numpy()[kept]
    order = np.argsort(ids)
    rank = (rankdata(values) - 1) / max(1, len(values) - 1)
    return Known(ids[order], rank[order], np.zeros(len(ids), bool))


def graph_at(
    links: Links,
    moment: int | None,
    known: Known | None = None,
    members: Integers | None = None,
    before: FollowGraph | None = None,
) -> FollowGraph:
    """The graph of links that stood at a moment, among users who had joined by then or had a link.

    Args:
        links: All links.
        moment: Microseconds since 1970; None for now.
        known: Beauty of users, at that moment or before it; None where it does not matter.
        members: Ids of the users; by default those who were there.
        before: The graph earlier, of the same users.
    """
    cut = _NEVER if moment is None else moment
    stood = (links.created_at < cut) & (links.removed_at >= cut)
    users = members if members is not None else members_at(links, moment)
    stood &= np.isin(links.follower, users) & np.isin(links.followee, users)
    beauty = None if known is None else known.of(users).beauty
    blocks = links.blocks
    if links.blocked_at is not None:
        blocks = (blocks[0][links.blocked_at < cut], blocks[1][links.blocked_at < cut])
    return follow_graph(users, links.follower[stood], links.followee[stood], beauty, blocks, before)


def members_at(links: Links, moment: int | None) -> Integers:
    """Ids of users who had joined before a moment, or had a link by then."""
    if moment is None:
        return links.users
    earlier = links.created_at < moment
    linked = np.concatenate([links.follower[earlier], links.followee[earlier]])
    return distinct(np.concatenate([links.users[links.joined_at < moment], linked]))


def with_history(links: Links, moment: int | None, known: Sequence[Known], moments: Sequence[int]) -> FollowGraph:
    """The graph at a moment, with those at two moments before it of the same users, for what learns from them.

    Args:
        links: All links.
        moment: As in ``graph_at``.
        known: Beauty at the moment, and at the two before.
        moments: The two before, the later one first.
    """
    members = members_at(links, moment)
    earliest = graph_at(links, moments[1], known[2], members)
    earlier = graph_at(links, moments[0], known[1], members, earliest)
    return graph_at(links, moment, known[0], members, earlier)


def held_out(links: Links, known: Known, seed: int = 0) -> tuple[FollowGraph, Integers, Integers]:
    """A community without times: some links are hidden as if they came later, and more from the graphs before.

    Links between two users are hidden together: one would give the other away, above all where links have no direction.

    Returns:
        The graph, and positions of the ends of the links that are hidden from it.
    """
    low, high = np.minimum(links.follower, links.followee), np.maximum(links.follower, links.followee)
    chance = pair_chances("links that are hidden", seed, low, high)
    whole = graph_at(links, None, known)
    graphs: list[FollowGraph] = []
    for number in (3, 2, 1):
        shown = chance >= number * HELD_OUT
        part = replace(
            links,
            follower=links.follower[shown],
            followee=links.followee[shown],
            created_at=links.created_at[shown],
            removed_at=links.removed_at[shown],
        )
        graphs.append(graph_at(part, None, known, whole.users, graphs[-1] if graphs else None))
    graph = graphs[-1]
    is_new = ~graph.has(whole.follower, whole.followee.astype(np.int64))
    return graph, whole.follower[is_new], whole.followee[is_new].astype(np.int64)


def new_links(links: Links, graph: FollowGraph, since: int) -> tuple[Integers, Integers]:
    """Positions of the ends of links that came since a moment, among users who were there, each pair once.

    Links that stood at the moment do not count again, nor do pairs that a block bars.
    """
    came = links.created_at >= since
    ends = [np.searchsorted(graph.users, column[came]) for column in (links.follower, links.followee)]
    there = [is_among(graph.users, column[came]) for column in (links.follower, links.followee)]
    both = there[0] & there[1] & (ends[0] != ends[1])
    keys = distinct(ends[0][both] * graph.nodes + ends[1][both])
    keys = keys[~is_among(graph.keys, keys) & ~is_among(graph.barred, keys)]
    follower, followee = np.divmod(keys, graph.nodes)
    return follower, followee


def microseconds(month: date) -> int:
    """The first moment of a month, since 1970."""
    return int((np.datetime64(month, "us") - np.datetime64("1970-01-01", "us")).astype(np.int64))


def months_before(month: date, months: int) -> date:
    """First day of the month that lies so many months before another.

    >>> months_before(date(2016, 1, 1), 3)
    datetime.date(2015, 10, 1)
    """
    number = month.year * 12 + month.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
