"""What the page of each mart shows: one figure, of sums that SQL makes of it.

A mart gets its figure by a row of ``FIGURES``; nothing is read of it but what is drawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from duckdb import DuckDBPyConnection

from assets.figures import courses_figure, histogram_figure, months_figure, tail_figure

_BINS = 40
_QUANTILES = 60


class MartFigure(Protocol):
    """Draws what it reads."""

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of a mart that has rows."""


@dataclass(frozen=True)
class Bars:
    """A count by month; the query gives first days of months and counts, in order."""

    title: str
    unit: str
    query: str

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of it."""
        counts = {f"{month:%Y-%m}": count for month, count in connection.execute(self.query).fetchall()}
        return months_figure(counts, self.title, self.unit)


@dataclass(frozen=True)
class Courses:
    """Numbers against a time; the query gives the time first, and ``panels`` names panel -> line -> column."""

    title: str
    xlabel: str
    query: str
    panels: Mapping[str, Mapping[str, str]]

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of it."""
        read = connection.execute(self.query).to_arrow_table()
        time = read[0].to_pylist()
        shown = {
            panel: {name: (time, _floats(read[column].to_pylist())) for name, column in lines.items()}
            for panel, lines in self.panels.items()
        }
        return courses_figure(shown, self.title, self.xlabel)


@dataclass(frozen=True)
class Cohorts:
    """A share against a time, one line per group; the query gives group, time and share, in order."""

    title: str
    xlabel: str
    ylabel: str
    query: str

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of it."""
        lines: dict[str, tuple[list[float], list[float]]] = {}
        for group, time, share in connection.execute(self.query).fetchall():
            x, y = lines.setdefault(str(group), ([], []))
            x.append(float(time))
            y.append(float(share))
        shown = {group: line for group, line in lines.items() if len(line[0]) > 1}
        return courses_figure({self.ylabel: shown}, self.title, self.xlabel)


@dataclass(frozen=True)
class Counts:
    """Rows of a mart by a column, in bins of equal width."""

    title: str
    xlabel: str
    mart: str
    column: str

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of it."""
        values = connection.table(self.mart).filter(f"{self.column} is not null")
        ((low, high),) = values.aggregate(f"min({self.column})::double, max({self.column})::double").fetchall()
        low, high = (0.0, 1.0) if low is None else (low, high if high > low else low + 1)
        place = f"least(cast(floor(({self.column}::double - {low}) / {high - low} * {_BINS}) as integer), {_BINS - 1})"
        counts = dict(values.aggregate(f"{place} as bin, count(*)", "bin").fetchall())
        edges = [low + (high - low) * edge / _BINS for edge in range(_BINS + 1)]
        return histogram_figure(edges, [counts.get(number, 0) for number in range(_BINS)], self.title, self.xlabel)


@dataclass(frozen=True)
class Tail:
    """Which share of rows has at least so much of a column that is above 0."""

    title: str
    xlabel: str
    ylabel: str
    mart: str
    column: str

    def draw(self, connection: DuckDBPyConnection) -> bytes:
        """PNG of it."""
        below = [number / _QUANTILES for number in range(_QUANTILES)]
        above = connection.table(self.mart).filter(f"{self.column} > 0")
        ((values,),) = above.aggregate(f"quantile_cont({self.column}::double, {below})").fetchall()
        shares = [1 - share for share in below] if values else []
        return tail_figure({"users": (values or [], shares)}, self.title, self.xlabel, self.ylabel)


FIGURES: Mapping[str, MartFigure] = {
    "dim_users": Bars(
        "Users by the month in which they joined",
        "users",
        "select joined_month, count(*) from dim_users where joined_month is not null group by all order by 1",
    ),
    "fct_community_monthly": Bars(
        "Uploads by month",
        "photos",
        "select event_month, uploads from fct_community_monthly order by event_month",
    ),
    "fct_user_month_windows": Courses(
        "Units of the experiments, by month",
        "month",
        """
        select
            event_month,
            avg((links > 0)::integer) as linked,
            avg((links_to_top_beauty > 0)::integer) as linked_to_top_beauty,
            avg(has_left_within_6::integer) filter (is_active) as has_left
        from fct_user_month_windows
        where is_active_before
        group by event_month
        order by event_month
        """,
        {
            "share of active users": {"make a link": "linked", "make one to top beauty": "linked_to_top_beauty"},
            "share who leave": {"within six months": "has_left"},
        },
    ),
    "fct_hidden_gems": Bars(
        "Hidden gems by the month of their upload",
        "photos",
        "select date_trunc('month', uploaded_at), count(*) from fct_hidden_gems group by all order by 1",
    ),
    "fct_pair_gaps": Courses(
        "How far apart two users are in beauty around their first link",
        "months since the link",
        """
        select relative_month, avg(squared_gap_corrected) as gap, count(*) as pairs
        from fct_pair_gaps
        where squared_gap_corrected is not null
        group by relative_month
        order by relative_month
        """,
        {"squared gap, less noise": {"linked pairs": "gap"}, "pairs": {"with beauty on both sides": "pairs"}},
    ),
    "fct_recommendations": Counts(
        "Beauty of whom is recommended", "beauty of the recommended user", "fct_recommendations", "recommended_beauty"
    ),
    "fct_retention_cohorts": Cohorts(
        "Still active, by the year of joining",
        "months since joining",
        "share still active",
        """
        select year(joined_month), months_since, sum(users_active) / sum(users_at_risk)
        from fct_retention_cohorts
        group by year(joined_month), months_since
        having sum(users_at_risk) >= 10
        -- While every cohort of the year is observed: another mix of cohorts would look like users who return.
        qualify count(*) = max(count(*)) over (partition by year(joined_month))
        order by year(joined_month), months_since
        """,
    ),
    "fct_user_retention": Counts(
        "How long users have stayed, those included who are still there", "days", "fct_user_retention", "duration_days"
    ),
    "fct_talented_unseen_monthly": Bars(
        "Talented and unseen, by month",
        "users",
        "select event_month, count(*) filter (where is_talented_unseen) from fct_talented_unseen_monthly"
        " group by all order by 1",
    ),
    "fct_talented_unseen_users": Counts(
        "Followers of the talented and unseen", "followers", "fct_talented_unseen_users", "followers"
    ),
    "fct_user_beauty": Counts("Beauty of users", "shrunken beauty b(i)", "fct_user_beauty", "beauty_shrunken"),
    "fct_user_beauty_monthly": Courses(
        "Beauty of what users post, by month",
        "month",
        """
        select event_month, avg(beauty) as beauty, avg(beauty_cumulative) as cumulative, count(beauty) as users
        from fct_user_beauty_monthly
        group by event_month
        order by event_month
        """,
        {
            "mean over users": {"photos of the month": "beauty", "all photos so far": "cumulative"},
            "users": {"with a photo of the month": "users"},
        },
    ),
    "fct_user_recognition": Tail(
        "Recognition: favorites per exposure",
        "recognition",
        "share of users with at least that",
        "fct_user_recognition",
        "recognition",
    ),
    "fct_exposure_monthly": Courses(
        "What users see, beside what they make",
        "month",
        """
        select
            event_month,
            avg(photo_exposure) as seen,
            avg(beauty_before) as own,
            avg(photo_imbalance) as imbalance
        from fct_exposure_monthly
        group by event_month
        order by event_month
        """,
        {"mean beauty": {"of photos seen": "seen", "own, before": "own"}, "imbalance": {"seen less own": "imbalance"}},
    ),
    "fct_user_months": Courses(
        "The panel by month",
        "month",
        """
        select
            event_month,
            count(*) as users,
            count(*) filter (where active_weeks > 0) as active,
            avg(followers) as followers,
            avg(beauty) as beauty
        from fct_user_months
        group by event_month
        order by event_month
        """,
        {
            "users": {"all": "users", "active": "active"},
            "links": {"followers, mean": "followers"},
            "beauty": {"of the month's photos": "beauty"},
        },
    ),
    "fct_user_weeks": Courses(
        "What users do, by week",
        "week",
        """
        select
            event_week,
            count(distinct user_id) as users,
            sum(uploads) as uploads,
            sum(favorites_given) as favorites,
            sum(follows_made) as follows
        from fct_user_weeks
        group by event_week
        order by event_week
        """,
        {
            "users": {"active": "users"},
            "acts": {"uploads": "uploads", "favorites": "favorites", "follows": "follows"},
        },
    ),
}
"""Mart -> its figure."""


def draw_marts(connection: DuckDBPyConnection, marts: set[str]) -> dict[str, bytes]:
    """PNGs of those marts that have a figure and rows.

    Args:
        connection: To the published warehouse.
        marts: Names of models.
    """
    return {
        mart: figure.draw(connection)
        for mart, figure in FIGURES.items()
        if mart in marts and connection.table(mart).limit(1).fetchone()
    }


def _floats(values: list[float | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]
