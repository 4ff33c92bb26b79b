"""Tables of the follow graph: where each user stands in it, and what the graph as a whole is like."""

import pyarrow as pa

from assets.contracts.columns import count, share
from assets.contracts.table import Column, Reference, TableContract

_MONTH = Column(
    "snapshot_month",
    pa.date32(),
    "First day of the month at whose end the graph is looked at; null for a graph without times.",
    nullable=True,
)

USER_GRAPH_METRICS = TableContract(
    key="user_graph_metrics",
    description=(
        "Where each user stands in the follow graph at the end of a month. The graph is simple: links that are there "
        "at that moment, links without a time, each once, none to oneself. `node` is the position by which libraries "
        "know the user. A run replaces the months it is asked for, where their links or users have changed."
    ),
    grain="one row per month and user who has joined by its end or has a link",
    columns=(
        _MONTH,
        Column("user_id", pa.int64(), "Identifier of the user.", minimum=0),
        count("node", "Position of the user among all users of the month, ascending by `user_id`, from 0."),
        count("followees", "Users whom the user follows."),
        count("followers", "Users who follow the user."),
        count("mutual_links", "Users linked with the user in both directions."),
        share("reciprocity", "Share of followees who follow back; null for those who follow nobody.", nullable=True),
        count("triangles", "Linked pairs of neighbours, neighbours in either direction."),
        share(
            "clustering",
            "The same as a share of all pairs of neighbours (Watts and Strogatz 1998); 0 with fewer than two "
            "neighbours.",
            nullable=True,
        ),
        count("core", "Largest k such that the user belongs to the k-core of the undirected graph (Seidman 1983)."),
        Column(
            "pagerank",
            pa.float64(),
            "PageRank with damping 0.85; sums to 1 over the users of a month.",
            minimum=0,
            maximum=1,
        ),
        count("community", "Community by the Louvain method (Blondel et al. 2008), numbered from the largest, 0."),
        count("component", "Weakly connected component, numbered from the largest, 0."),
    ),
    primary_key=("snapshot_month", "user_id"),
    references=(Reference("user_id", "users", "user_id"),),
)

GRAPH_METRICS = TableContract(
    key="graph_metrics",
    description=(
        "What the follow graph as a whole is like at the end of a month: size, reciprocity, both clustering "
        "coefficients, components, distances, inequality of degrees, degree assortativity. A value that "
        "the graph does not define is null."
    ),
    grain="one row per month and metric",
    columns=(
        _MONTH,
        Column("metric", pa.string(), "Name of the metric; `definition` says what it is."),
        Column("value", pa.float64(), "Its value.", nullable=True),
        Column(
            "lower",
            pa.float64(),
            "Lower end of the 95 % interval of what was sampled.",
            nullable=True,
        ),
        Column(
            "upper",
            pa.float64(),
            "Upper end of the 95 % interval of what was sampled.",
            nullable=True,
        ),
        count("n", "Users, links or sampled pairs it rests on."),
        Column("definition", pa.string(), "What is measured, and by whose definition."),
    ),
    primary_key=("snapshot_month", "metric"),
)

DEGREE_FITS = TableContract(
    key="degree_fits",
    description=(
        "Whether followers and followees have a power-law tail in the newest graph: the exponent by maximum "
        "likelihood above the minimum that fits best (Clauset, Shalizi and Newman 2009), and likelihood ratios against "
        "other tails. A ratio is normalised: above 0 the power law fits better, and a small p-value says that the sign "
        "can be trusted."
    ),
    grain="one row per side",
    columns=(
        _MONTH,
        Column("side", pa.string(), "`followers` or `followees`."),
        count("minimum", "Number from which on the tail is fitted."),
        count("tail_users", "Users in the tail."),
        count("users", "Users with one or more."),
        Column("exponent", pa.float64(), "Exponent of the density, alpha.", minimum=1),
        Column("standard_error", pa.float64(), "Its standard error, (alpha - 1) / sqrt(users in the tail).", minimum=0),
        Column("distance", pa.float64(), "Kolmogorov-Smirnov distance of tail and fit.", minimum=0, maximum=1),
        Column("against_lognormal", pa.float64(), "Normalised log-likelihood ratio.", nullable=True),
        share("against_lognormal_p", "Its two-sided p-value (Vuong 1989).", nullable=True),
        Column("against_exponential", pa.float64(), "Normalised log-likelihood ratio.", nullable=True),
        share("against_exponential_p", "Its two-sided p-value.", nullable=True),
        Column("reading", pa.string(), "What that says, in words."),
    ),
    primary_key=("side",),
)
