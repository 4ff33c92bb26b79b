"""Tables of the recommender: candidates, what is recommended and how good that is, and what others would recommend."""

from collections.abc import Mapping

import pyarrow as pa

from assets.contracts.columns import count, number, share
from assets.contracts.table import Column, Reference, TableContract

METRICS = {
    "recall": "Share of a user's new links that were recommended; mean over users with new links.",
    "ndcg": "Gain of new links by rank, 1 / log2(1 + rank), over the most that could be had; the same users.",
    "coverage": "Share of users who are recommended to somebody.",
    "novelty": "Mean over slots of -log2((followers of the recommended + 1) / (users + 1)).",
    "median_followers": "Followers of the recommended; median over slots.",
    "exposure_gini": "Gini coefficient of slots over all users who could be recommended, and those who could not.",
    "exposure_gini_floor": "Lowest coefficient that slots could have, given candidates and capacity.",
    "beauty_delivered": "Mean beauty of the recommended over slots whose user has beauty.",
    "imbalance": "Mean distance of the beauty that users follow from their own, if they follow all recommendations.",
    "talented_unseen_reached": "Share of talented unseen users who are recommended to somebody.",
    "slots_filled": "Share of slots that are used.",
}
"""What recommenders are measured by on links that came later, and how."""
MEASURES = {
    "balance": "1 - mean distance of the beauty that active users follow from their own.",
    "supply_and_demand": "Spearman correlation of users' beauty and the links they have gained.",
    "inclusion": "Share of users who were talented and unseen at the start that have gained a link.",
    "exposure_gini": "Gini coefficient of links gained, over all users.",
    "active_users": "Share of the users of the start who have not left.",
    "beauty": "Mean beauty of what active users post.",
    "links": "Links gained, per user.",
}
"""What is measured after each round of recommendations, of all that happened so far."""

_USER = Column("user_id", pa.int64(), "To whom somebody is recommended.", minimum=0)
_TEXT_RECOMMENDER = Column(
    "recommender",
    pa.string(),
    "Name of the recommender; with `beauty_flow_0.7` the popular keep seven tenths of the slots they would have.",
)


def _listed(what: str, meanings: Mapping[str, str]) -> str:
    return " ".join([what, *(f"`{name}`: {meaning}" for name, meaning in meanings.items())])


def _to_users(*columns: str) -> tuple[Reference, ...]:
    return tuple(Reference(column, "users", "user_id") for column in columns)


LINK_CANDIDATES = TableContract(
    key="link_candidates",
    description=(
        "Users whom somebody could be told of: followees of followees, not followed yet, not oneself, and not blocked "
        "by or blocking the user. Whoever follows more than a limit is represented by as many followees, drawn by ids "
        "and seed, each of which stands for several; of a user's candidates a limited number stays, most by resource "
        "allocation and some by chance."
    ),
    grain="one row per user and candidate",
    columns=(
        _USER,
        Column("candidate_id", pa.int64(), "Who could be recommended.", minimum=0),
        number("paths", "Followees of the user who follow the candidate; estimated where some are drawn.", minimum=0),
        number("adamic_adar", "Sum over them of 1 / log(1 + followees).", minimum=0),
        number("resource_allocation", "Sum over them of 1 / followees.", minimum=0),
    ),
    primary_key=("user_id", "candidate_id"),
    references=_to_users("user_id", "candidate_id"),
)

CANDIDATE_NEIGHBOURHOODS = TableContract(
    key="candidate_neighbourhoods",
    description=(
        "What the candidates of each user rest on, as a digest of the two steps around the user: candidates are found "
        "anew only where it has changed."
    ),
    grain="one row per user",
    columns=(
        _USER,
        Column("digest", pa.string(), "Sixteen hexadecimal digits."),
        count("candidates", "Candidates of the user."),
    ),
    primary_key=("user_id",),
    references=_to_users("user_id"),
)

RECOMMENDATIONS = TableContract(
    key="recommendations",
    description=(
        "Whom the beauty-flow recommender suggests to each user, so that as much beauty is delivered as possible: "
        "nobody is shown to more users than the capacity allows, and no user's followed beauty moves further from "
        "their own than the limit allows, or than it is by now. Only opted-in users are here, on both sides; nobody "
        "who is followed, blocked or blocking. If somebody follows nobody, there is nothing to recommend."
    ),
    grain="one row per user and rank",
    columns=(
        _USER,
        Column("rank", pa.int32(), "1 for the first.", minimum=1),
        Column("recommended_user_id", pa.int64(), "Who is recommended.", minimum=0),
        number("score", "What the link is worth: expected beauty delivered.", nullable=False, minimum=0),
        share("acceptance", "Chance that the link comes about within the horizon, learned from the links that did."),
        share("beauty", "Beauty of the recommended; null where nobody knows it.", nullable=True),
        Column("reason", pa.string(), "Why, in words."),
    ),
    primary_key=("user_id", "rank"),
    references=_to_users("user_id", "recommended_user_id"),
    reads_marts=True,
)

RECOMMENDATION_RUNS = TableContract(
    key="recommendation_runs",
    description="How the slots of `recommendations` were shared out, and how far from the best possible that can be.",
    grain="one row per method, of which there is one",
    columns=(
        Column("method", pa.string(), "`exact` (mixed-integer solver) or `greedy`."),
        count("users", "Users with candidates."),
        count("candidate_links", "Links that could be recommended."),
        count("slots", "Recommendations."),
        count("slots_per_user", "Most per user."),
        count("capacity", "Most slots that point to one user."),
        number(
            "imbalance_limit", "How far followed beauty may come to lie from own beauty.", nullable=False, minimum=0
        ),
        number("delivered", "Sum of what the recommended links are worth.", nullable=False, minimum=0),
        number("bound", "No choice within the limits is worth more.", nullable=False, minimum=0),
        share("gap", "Share of the bound that is missing at most."),
        count("users_at_capacity", "Recommended users to whom no further slot may point."),
        number("imbalance_before", "Mean distance of followed from own beauty, over users with recommendations."),
        number("imbalance_after", "The same if all recommendations are followed."),
    ),
    primary_key=("method",),
    reads_marts=True,
)

RECOMMENDER_EVALUATION = TableContract(
    key="recommender_evaluation",
    description=(
        "How recommenders do on links that came after the moment at which they recommend: the beginning of the last "
        "three months, or, without times, with a tenth of the links hidden. All choose from the same candidates. "
        "Nothing is read of the time after the moment, but the model that scored photos and the moments of the "
        "shrinkage of beauty, which are today's."
    ),
    grain="one row per recommender and metric",
    columns=(
        _TEXT_RECOMMENDER,
        Column("metric", pa.string(), _listed("What is measured.", METRICS)),
        number("value", "Mean over seeds; null where it is not defined."),
        number("lower", "Lower end of its 95 % interval, by users and seeds."),
        number("upper", "Upper end."),
        count(
            "users",
            "Users behind it: of `recall` and `ndcg` those with new links, of `imbalance` those for whom it is known, "
            "of `talented_unseen_reached` the talented unseen, of the others all.",
        ),
    ),
    primary_key=("recommender", "metric"),
    reads_marts=True,
)

RECOMMENDER_ROUNDS = TableContract(
    key="recommender_rounds",
    description=(
        "What comes of recommenders over months in a stated model: recommend, accept, be influenced, be recognised, "
        "stay or leave, and again. Behaviour is configuration, not estimated, so this compares recommenders and "
        "foretells nothing. Nobody joins, unfollows, or follows who was not recommended; nobody is shown "
        "the same person twice. The start is the graph of `recommender_evaluation`, of three months ago or without a "
        "tenth of the links, and not that of today, so that chances are learned without the links that came since."
    ),
    grain="one row per recommender, round and measure",
    columns=(
        _TEXT_RECOMMENDER,
        Column("round", pa.int32(), "Months since the start.", minimum=0),
        Column("measure", pa.string(), _listed("What is measured, of all that happened so far.", MEASURES)),
        number("value", "Mean over seeds; null where it is not defined."),
        number("lower", "Lower end of its 95 % interval over seeds; null with one."),
        number("upper", "Upper end."),
        count("seeds", "Repetitions."),
    ),
    primary_key=("recommender", "round", "measure"),
    reads_marts=True,
)
