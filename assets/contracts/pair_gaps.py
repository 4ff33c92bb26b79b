"""Tables of the event study around links: gaps in beauty by month, and what they say of homophily and influence."""

import pyarrow as pa

from assets.contracts.columns import count, number
from assets.contracts.table import Column, TableContract

PAIR_GAP_STUDY = TableContract(
    key="pair_gap_study",
    description=(
        "How far two users' beauty lies apart in the months around the first link between them, beside pairs of users "
        "who were never linked in either direction, with 95 % intervals that let pairs with a common user be "
        "correlated. "
        "A gap is the squared difference of two monthly means, less the sampling noise of both; it may be below 0."
    ),
    grain="one row per comparison, group and month relative to the link",
    columns=(
        Column(
            "comparison",
            pa.string(),
            "Where never-linked pairs come from. `any_gap`: two links of a month exchange their followees, who are "
            "alike in photos, tenure and links received. `same_gap`: another follower of the month, alike in beauty, "
            "photos, tenure and links received before the link, stands in for the follower.",
        ),
        Column("pair_group", pa.string(), "`linked`, `never_linked`, or the `difference` of both."),
        Column("relative_month", pa.int32(), "Months since the month of the link."),
        number("squared_gap", "Mean over pairs; null where no pair has photos of both users."),
        number("lower", "Lower end of its interval; null with too few users."),
        number("upper", "Upper end."),
        count("pairs", "Pairs in which both users have photos of the month; of a difference, of the smaller group."),
    ),
    primary_key=("comparison", "pair_group", "relative_month"),
    reads_marts=True,
)

HOMOPHILY_AND_INFLUENCE = TableContract(
    key="homophily_and_influence",
    description=(
        "Whether users follow users who are alike in beauty (homophily), and whether they come to resemble those whom "
        "they follow (influence), beside users who were never linked, with 95 % intervals that let pairs with a common "
        "user be correlated. A trait that no table shows, and that makes people both follow beauty and improve, would "
        "pass for influence."
    ),
    grain="one row per reading",
    columns=(
        Column("reading", pa.string(), "`homophily`, `influence`, or `too_early`: what hardly can be influence yet."),
        number("value", "The share that `definition` says; null where it is not defined."),
        number("lower", "Lower end of its interval."),
        number("upper", "Upper end."),
        Column("is_found", pa.bool_(), "Whether the whole interval lies above 0."),
        count("linked_pairs", "Linked pairs behind it that have a never-linked pair beside them."),
        count("never_linked_pairs", "Never-linked pairs beside them."),
        count("never_linked_pairs_with_a_link", "Those of them between whose users there is a link after all."),
        number("largest_imbalance", "Largest absolute standardised mean difference of what pairs are matched on."),
        Column("definition", pa.string(), "What the value is."),
    ),
    primary_key=("reading",),
    reads_marts=True,
)
