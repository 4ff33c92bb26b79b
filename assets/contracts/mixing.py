"""Tables of how beauty lies in the follow graph, each number beside what chance gives."""

import pyarrow as pa

from assets.contracts.columns import count, number
from assets.contracts.table import Column, Reference, TableContract

SHUFFLED = "shuffled_beauty"
REWIRED = "rewired_links"

_MONTH = Column(
    "snapshot_month",
    pa.date32(),
    "First day of the month at whose end the graph is looked at; null for a graph without times.",
    nullable=True,
)

_AGAINST_CHANCE = (
    number("value", "What the community shows; null where it is not defined."),
    Column(
        "null_model",
        pa.string(),
        f"`{SHUFFLED}`: beauty dealt out anew among those who have it. `{REWIRED}`: links drawn anew, each user with "
        "as many followers and followees as before.",
    ),
    number("null_mean", "Mean over draws of the null model."),
    number("null_sd", "Standard deviation over draws."),
    number("null_lower", "2.5 % quantile of draws."),
    number("null_upper", "97.5 % quantile of draws."),
    number("z", "(value - mean of draws) / standard deviation of draws; null where draws do not vary."),
    Column("p_value", pa.float64(), "Two-sided Monte Carlo p-value.", nullable=True, minimum=0, maximum=1),
    count("draws", "Draws in which the number is defined."),
)

_METRICS_AGAINST_CHANCE = (
    _MONTH,
    Column("metric", pa.string(), "Name of the metric; `definition` says what it is."),
    *_AGAINST_CHANCE,
    Column("definition", pa.string(), "What is measured, and by whose definition."),
)

BEAUTY_MIXING = TableContract(
    key="beauty_mixing",
    description=(
        "Whether users follow users who are alike in beauty, in the newest graph, beside both null models: Newman's r "
        "over links, of the directed and of the undirected graph, and how the beauty of those whom a user follows goes "
        "with the user's own."
    ),
    grain="one row per metric and null model",
    columns=_METRICS_AGAINST_CHANCE,
    primary_key=("metric", "null_model"),
    reads_marts=True,
)

MAJORITY_ILLUSION = TableContract(
    key="majority_illusion",
    description=(
        "Whether the platform looks more beautiful through links than it is, in the newest graph: friendship paradox "
        "and majority illusion over links and over users, by mean, median and majority, against the platform and "
        "against oneself, and over photos, each beside both null models."
    ),
    grain="one row per metric and null model",
    columns=_METRICS_AGAINST_CHANCE,
    primary_key=("metric", "null_model"),
    reads_marts=True,
)

RICH_CLUBS = TableContract(
    key="rich_clubs",
    description=(
        "How densely the best linked users, and the most beautiful ones, are linked among themselves in the newest "
        "graph, beside both null models. `value` by the mean of rewired graphs is the normalised rich-club coefficient "
        "(Colizza et al. 2006)."
    ),
    grain="one row per club, threshold and null model",
    columns=(
        _MONTH,
        Column("club", pa.string(), "`degree`: links in either direction; `beauty`: mean beauty b(i)."),
        number("at_least", "Members have at least so much.", nullable=False),
        count("members", "Users who do."),
        *_AGAINST_CHANCE,
    ),
    primary_key=("club", "at_least", "null_model"),
    reads_marts=True,
)

REWIRING_MIXING = TableContract(
    key="rewiring_mixing",
    description=(
        "Whether rewiring forgets where it began: after so many swaps per link, the share of links that are still "
        "there, and assortativity of beauty. What has stopped falling is mixed."
    ),
    grain="one row per number of swaps",
    columns=(
        Column("swaps_per_link", pa.float64(), "Swaps per link since the beginning.", minimum=0),
        Column("kept", pa.float64(), "Share of links that are still there.", minimum=0, maximum=1),
        Column("assortativity", pa.float64(), "Newman's r of beauty then.", nullable=True, minimum=-1, maximum=1),
    ),
    primary_key=("swaps_per_link",),
    reads_marts=True,
)

USER_NEIGHBOURS = TableContract(
    key="user_neighbours",
    description=(
        "Beauty around each user of the newest graph: mean b of followees (k_nn of beauty) and of followers, over "
        "those who have it. Users with neither are left out."
    ),
    grain="one row per user with a neighbour who has beauty",
    columns=(
        _MONTH,
        Column("user_id", pa.int64(), "Identifier of the user.", minimum=0),
        number("beauty", "The user's own mean beauty; null without scored photos."),
        count("followees_with_beauty", "Followees who have beauty."),
        number("beauty_of_followees", "Their mean; null without any."),
        count("followers_with_beauty", "Followers who have beauty."),
        number("beauty_of_followers", "Their mean; null without any."),
    ),
    primary_key=("user_id",),
    references=(Reference("user_id", "users", "user_id"),),
    reads_marts=True,
)

BEAUTY_BY_NEIGHBOURS = TableContract(
    key="beauty_by_neighbours",
    description=(
        "The curve k_nn of beauty: users in bins of equal size by their own beauty, and the mean beauty of their "
        "followees, with a 95 % interval over users."
    ),
    grain="one row per bin",
    columns=(
        count("bin", "Number of the bin, from the least beautiful, 1."),
        count("users", "Users of the bin who follow somebody with beauty."),
        number("beauty", "Their mean beauty.", nullable=False),
        number("beauty_of_followees", "Mean over users of their followees' mean beauty.", nullable=False),
        number("lower", "Lower end of its interval; null with fewer than two users."),
        number("upper", "Upper end."),
    ),
    primary_key=("bin",),
    reads_marts=True,
)

CORE_PROFILES = TableContract(
    key="core_profiles",
    description=(
        "Beauty and recognition by k-core of the newest graph: whether beauty is spread evenly while recognition sits "
        "in small cores. Means are over users of the core with scored photos; intervals are Student's t, 95 %."
    ),
    grain="one row per core number",
    columns=(
        _MONTH,
        count("core", "Core number: the largest k such that the user belongs to the k-core."),
        count("users", "Users with this core number."),
        count("users_with_beauty", "Those of them with scored photos."),
        number("beauty", "Mean b(i)."),
        number("beauty_lower", "Lower end of its interval."),
        number("beauty_upper", "Upper end."),
        number("favorites", "Mean favorites received per user."),
        number("favorites_lower", "Lower end of its interval; it may be below 0 for few users."),
        number("favorites_upper", "Upper end."),
        number("favorites_per_photo", "Favorites received by users of the core / their photos."),
        Column("share_of_users", pa.float64(), "Share of all users.", minimum=0, maximum=1),
        Column("share_of_favorites", pa.float64(), "Share of all favorites.", nullable=True, minimum=0, maximum=1),
        Column(
            "share_of_beautiful",
            pa.float64(),
            "Share of the tenth of users with the highest b(i).",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
    ),
    primary_key=("core",),
    reads_marts=True,
)
