"""The social metric of quality: favorites relative to exposure, so that neither popularity nor age wins.

For a photo p of owner o, uploaded at time u:

* *favorites* y(p): favorites given within a fixed window after u (30 days) and not taken back within it, without
  the owner's own;
* *exposure* e(p): followers of o at u, plus a constant for the public, in units of one follower; never below a floor;
* *metric*: the posterior mean of y / e under a Gamma-Poisson model whose prior is learnt from all photos
  (``assets/statistics/empirical_bayes.py``), (y + shape) / (e + prior exposure).

The constant for the public is what the data say, unless it is given: favorites from others per photo, divided by
favorites from followers per follower and photo. It makes one unit of exposure worth the same on either side.

Left out are photos whose window reaches beyond the last event that was seen, deleted photos, and photos without owner
or upload time, because they have no exposure. The window is half open: its last moment is outside. The warehouse
counts alike (`int_photos__recognition`), so labels and recognition speak of the same favorites and exposure.

Reliability is the share of the variance of observed rates that is true. It is given by the model, and checked by
splitting each photo's favorites at random into halves and correlating their rates (Spearman-Brown corrected).
"""

from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from assets.contracts.community import EDGES, FAVORITES, PHOTOS
from assets.contracts.lake import Lake
from assets.statistics.empirical_bayes import GammaPrior, gamma_prior, rate_reliability
from assets.statistics.rank import spearman

Floats = NDArray[np.float64]

ENOUGH_FAVORITES = 1.0
"""Favorites per photo below which the metric is mostly noise (METHODS section 2)."""
_BANDS = 4


@dataclass(frozen=True)
class SocialMetricConfig:
    """How the metric is measured.

    Attributes:
        window_days: Days after upload in which favorites count.
        public_exposure: Exposure to the public in units of one follower; None learns it.
        exposure_floor: Least exposure, in followers.
    """

    window_days: int = 30
    public_exposure: float | None = None
    exposure_floor: float = 5.0


@dataclass(frozen=True)
class ReliabilityBand:
    """Reliability among photos of similar exposure.

    Attributes:
        photos: Photos in the band.
        mean_exposure: Their mean exposure, in followers.
        favorites_per_photo: Their mean favorites in the window.
        reliability: Mean reliability according to the model.
        split_half: Reliability by random halves; None where it cannot be told.
    """

    photos: int
    mean_exposure: float
    favorites_per_photo: float
    reliability: float
    split_half: float | None


@dataclass(frozen=True)
class SocialMetricFit:
    """What was learnt.

    Attributes:
        photos: Photos that have the metric.
        favorites_per_photo: Mean favorites in the window.
        public_exposure: Constant for the public, in followers.
        prior: Distribution of true rates.
        reliability: Mean reliability according to the model.
        split_half: Reliability by random halves, over all photos; None where it cannot be told.
        bands: The same by quarters of exposure, lowest first.
        spearman_raw_favorites: Rank correlation of the metric with favorites in the window.
        spearman_followers: Rank correlation of the metric with followers at upload.
        spearman_raw_favorites_followers: Rank correlation of favorites with followers: what was corrected.
    """

    photos: int
    favorites_per_photo: float
    public_exposure: float
    prior: GammaPrior
    reliability: float
    split_half: float | None
    bands: tuple[ReliabilityBand, ...]
    spearman_raw_favorites: float | None
    spearman_followers: float | None
    spearman_raw_favorites_followers: float | None

    def to_dict(self) -> dict[str, Any]:
        """The fit as JSON values."""
        document = asdict(self)
        document["prior"] = {name: finite(value) for name, value in asdict(self.prior).items()}
        return document


def fit_social_metric(
    connection: duckdb.DuckDBPyConnection, lake: Lake, config: SocialMetricConfig
) -> SocialMetricFit | None:
    """Make the table ``social_metric`` and say what was learnt; None where there are no favorites to learn from.

    Columns: ``photo_id``, ``favorites``, ``followers``, ``exposure`` and ``metric``, one row per photo that has it.
    Joins run in DuckDB, which spills; memory in Python is three numbers per photo.

    Args:
        connection: A scratch database.
        lake: The lake; published photos, edges and favorites are read.
        config: How the metric is measured.
    """
    _measure(connection, lake, config)
    totals = connection.execute(
        "select count(*), sum(favorites), sum(from_followers), sum(from_others), sum(followers) from measured"
    ).fetchone()
    if totals is None or not totals[1]:
        return None
    public = config.public_exposure
    if public is None:
        public = _learnt_public_exposure(*(float(total) for total in totals[1:]), photos=totals[0])
    connection.execute(
        "create or replace temp table exposed as "
        "select *, greatest(followers + $public, $floor) as exposure from measured order by photo_id",
        {"public": public, "floor": config.exposure_floor},
    )
    columns = connection.execute("select favorites, half, followers, exposure from exposed").fetchnumpy()
    favorites, half, followers, exposure = (
        np.asarray(columns[name], dtype=np.float64) for name in ("favorites", "half", "followers", "exposure")
    )
    prior = gamma_prior(favorites, exposure)
    connection.execute(
        "create or replace temp table social_metric as "  # noqa: S608 (numbers of ours)
        f"select photo_id, favorites, followers, exposure, {_rate_sql(prior)} as metric from exposed"
    )
    metric = connection.execute("select metric from social_metric").fetchnumpy()["metric"]
    return SocialMetricFit(
        photos=len(favorites),
        favorites_per_photo=float(favorites.mean()),
        public_exposure=public,
        prior=prior,
        reliability=float(rate_reliability(exposure, prior).mean()),
        split_half=split_half_reliability(half, favorites - half, exposure),
        bands=_bands(favorites, half, exposure, prior),
        spearman_raw_favorites=finite(spearman(metric, favorites)),
        spearman_followers=finite(spearman(metric, followers)),
        spearman_raw_favorites_followers=finite(spearman(favorites, followers)),
    )


def split_half_reliability(first: Floats, second: Floats, exposure: Floats) -> float | None:
    """Reliability of rates from random halves of their events: 2 r / (1 + r) (Spearman 1910, Brown 1910).

    Args:
        first: Events of each unit in one half, shape (n,).
        second: Events in the other half, shape (n,).
        exposure: Exposure of each unit, shape (n,), the same for both halves.

    Returns:
        The reliability of the whole, at least 0; None where a half does not vary.
    """
    a, b = first / exposure, second / exposure
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    r = float(np.corrcoef(a, b)[0, 1])
    return max(0.0, 2 * r / (1 + r)) if r > -1 else 0.0


def finite(value: float) -> float | None:
    """The number, or None where JSON has none."""
    return float(value) if np.isfinite(value) else None


def _measure(connection: duckdb.DuckDBPyConnection, lake: Lake, config: SocialMetricConfig) -> None:
    """Make the table ``measured``: favorites by kind and followers of each photo whose window is over."""
    for contract in (PHOTOS, EDGES, FAVORITES):
        connection.register(contract.key, lake.dataset(contract))
    connection.execute(_WINDOWS, {"days": config.window_days})
    connection.execute(_FOLLOWERS)
    connection.execute(_MEASURED)


_WINDOWS = """
create or replace temp table windows as
with last_event as (
    select greatest(
        (select max(uploaded_at) from photos), (select max(created_at) from favorites)
    ) as moment
)
select photo_id, user_id, uploaded_at, uploaded_at + to_days($days) as closes_at
from photos, last_event
where user_id is not null
    and uploaded_at is not null
    and uploaded_at + to_days($days) <= last_event.moment
    and deleted_at is null
"""

_FOLLOWERS = """
create or replace temp table followers_since as
with changes as (
    select
        followee_id as user_id,
        follower_id,
        coalesce(created_at, '0001-01-01 00:00:00+00'::timestamptz) as moment,
        1 as change
    from edges
    union all
    select followee_id, follower_id, removed_at, -1 from edges where removed_at is not null
),
standing as (
    select
        user_id,
        follower_id,
        moment,
        (sum(sum(change)) over (partition by user_id, follower_id order by moment) > 0)::int as stands
    from changes
    group by user_id, follower_id, moment
),
turns as (
    select
        user_id,
        moment,
        stands - coalesce(lag(stands) over (partition by user_id, follower_id order by moment), 0) as change
    from standing
)
select user_id, moment, sum(sum(change)) over (partition by user_id order by moment) as followers
from turns
group by user_id, moment
"""
"""Followers of each user from each moment at which they change; several links of one pair are one follower."""

_MEASURED = """
create or replace temp table measured as
with received as (
    select
        windows.photo_id,
        favorites.user_id as admirer_id,
        windows.user_id as owner_id,
        favorites.created_at,
        md5_number_lower(favorites.user_id || ' ' || favorites.photo_id) % 2 as coin
    from favorites
    join windows on windows.photo_id = favorites.photo_id
    where favorites.created_at >= windows.uploaded_at
        and favorites.created_at < windows.closes_at
        and (favorites.removed_at is null or favorites.removed_at >= windows.closes_at)
        and favorites.user_id <> windows.user_id
),
judged as (
    select
        received.photo_id,
        any_value(received.coin) as coin,
        coalesce(bool_or(
            coalesce(edges.created_at <= received.created_at, edges.follower_id is not null)
            and (edges.removed_at is null or edges.removed_at > received.created_at)
        ), false) as by_follower
    from received
    left join edges on edges.follower_id = received.admirer_id and edges.followee_id = received.owner_id
    group by received.photo_id, received.admirer_id
),
counted as (
    select
        photo_id,
        count(*) as favorites,
        count(*) filter (where by_follower) as from_followers,
        count(*) filter (where not by_follower) as from_others,
        sum(coin) as half
    from judged
    group by photo_id
)
select
    windows.photo_id,
    coalesce(counted.favorites, 0) as favorites,
    coalesce(counted.from_followers, 0) as from_followers,
    coalesce(counted.from_others, 0) as from_others,
    coalesce(counted.half, 0) as half,
    coalesce(followers_since.followers, 0) as followers
from windows
left join counted on counted.photo_id = windows.photo_id
asof left join followers_since
    on followers_since.user_id = windows.user_id and followers_since.moment <= windows.uploaded_at
"""


def _learnt_public_exposure(
    favorites: float, from_followers: float, from_others: float, followers: float, *, photos: int
) -> float:
    """Others' favorites per photo in units of what one follower gives; one follower's worth if none gives any."""
    if not from_followers or not followers:
        return 1.0
    return (from_others / photos) / (from_followers / followers)


def _rate_sql(prior: GammaPrior) -> str:
    if not np.isfinite(prior.exposure):
        return f"{prior.mean!r}::double"
    return f"(favorites + {prior.shape!r}) / (exposure + {prior.exposure!r})"


def _bands(favorites: Floats, half: Floats, exposure: Floats, prior: GammaPrior) -> tuple[ReliabilityBand, ...]:
    parts = np.array_split(np.argsort(exposure, kind="stable"), _BANDS)
    return tuple(
        ReliabilityBand(
            photos=len(part),
            mean_exposure=float(exposure[part].mean()),
            favorites_per_photo=float(favorites[part].mean()),
            reliability=float(rate_reliability(exposure[part], prior).mean()),
            split_half=split_half_reliability(half[part], (favorites - half)[part], exposure[part]),
        )
        for part in parts
        if len(part)
    )
