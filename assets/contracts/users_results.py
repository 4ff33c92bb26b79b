"""Tables of users: how unequal they are, what goes with what, which classes they fall into, and how long they stay."""

import pyarrow as pa

from assets.contracts.columns import count, number, share
from assets.contracts.table import Column, Reference, TableContract

K_MEANS = "k_means"
MIXTURE = "gaussian_mixture"
WHOLE_HISTORY = "whole_history"
LANDMARK = "landmark"

FEATURES = {
    "beauty": "b(i), shrunken",
    "followers": "followers",
    "favorites_received": "favorites received",
    "photos": "photos",
    "groups": "groups",
}
"""What classes are made of, and in words."""

_QUANTITY = Column(
    "quantity",
    pa.string(),
    "What is held: `beauty_shrunken` and `beauty` (b(i), over users with scored photos), `followers`, "
    "`favorites_received`, `photos` (over all opted-in users, none counting as 0).",
)
_CLASS = Column("class_number", pa.int64(), "Number of the class, from the largest, 1.", minimum=1)
_NAME = Column("class_name", pa.string(), "Name by profile; `class_number` and name say the same.")
_BASIS = Column(
    "basis",
    pa.string(),
    f"`{WHOLE_HISTORY}`: classes of `user_classes`, time since the start. `{LANDMARK}`: classes by what was known of "
    "users at the end of the month of the landmark day, among those still there, time since then.",
)


def _days(name: str, description: str, *, nullable: bool = False) -> Column:
    return Column(name, pa.float64(), description, nullable=nullable, unit="days", minimum=0)


INEQUALITY = TableContract(
    key="inequality",
    description=(
        "How unequally beauty, attention and photos are spread over users: the Gini coefficient and the part that the "
        "top 1 % and 10 % hold, with 95 % intervals by the studentised bootstrap over users on the logit scale. What "
        "nobody has is left out."
    ),
    grain="one row per quantity and statistic",
    columns=(
        _QUANTITY,
        Column("statistic", pa.string(), "`gini`, `top_1_percent` or `top_10_percent`."),
        share("value", "The statistic."),
        share("lower", "Lower end of its interval; null where it cannot be told.", nullable=True),
        share("upper", "Upper end.", nullable=True),
        count("users", "Users over whom it is taken."),
    ),
    primary_key=("quantity", "statistic"),
    reads_marts=True,
)

LORENZ_CURVES = TableContract(
    key="lorenz_curves",
    description=(
        "Lorenz curves of the same quantities, thinned to a point per percent of users and one per thousandth within "
        "the top percent; straight lines between points."
    ),
    grain="one row per quantity and share of users",
    columns=(
        _QUANTITY,
        share("share_of_users", "Share of users, those who hold least first."),
        share("share_held", "Share of all there is that they hold."),
    ),
    primary_key=("quantity", "share_of_users"),
    reads_marts=True,
)

USER_CORRELATIONS = TableContract(
    key="user_correlations",
    description=(
        "Spearman's rank correlation of each pair of measures over users, with 95 % intervals by Fisher's z with the "
        "variance of ranks (Bonett and Wright 2000). Beauty is the plain mean b(i): shrunken means are drawn to the "
        "middle where photos are few, which ties them to photos."
    ),
    grain="one row per unordered pair of measures",
    columns=(
        Column(
            "measure",
            pa.string(),
            "One measure: `beauty`, `photos`, `favorites_received`, `followers`, `followees`, `groups` or "
            "`active_weeks` (weeks with an upload), as they stand in the newest month.",
        ),
        Column("other_measure", pa.string(), "The other one, later in that order."),
        Column(
            "value",
            pa.float64(),
            "The correlation; null where a measure does not vary.",
            nullable=True,
            minimum=-1,
            maximum=1,
        ),
        Column("lower", pa.float64(), "Lower end of its interval.", nullable=True, minimum=-1, maximum=1),
        Column("upper", pa.float64(), "Upper end.", nullable=True, minimum=-1, maximum=1),
        count("users", "Users who have both."),
    ),
    primary_key=("measure", "other_measure"),
    reads_marts=True,
)

USER_CLASSES = TableContract(
    key="user_classes",
    description=(
        "The class of each user: k-means on standardised log(1 + x) of b(i), followers, favorites received, photos and "
        "groups. `class_evidence` says how many classes and why. Users without b(i) have none."
    ),
    grain="one row per user with scored photos",
    columns=(Column("user_id", pa.int64(), "Identifier of the user.", minimum=0), _CLASS, _NAME),
    primary_key=("user_id",),
    references=(Reference("user_id", "users", "user_id"),),
    reads_marts=True,
)

USER_CLASS_PROFILES = TableContract(
    key="user_class_profiles",
    description=(
        "What users of each class are like, and why it is called so. Standardised means are of log(1 + x), in standard "
        "deviations from the mean of all classified users; a feature that does not vary has 0."
    ),
    grain="one row per class",
    columns=(
        _CLASS,
        _NAME,
        Column("name_reason", pa.string(), "The numbers that the name rests on, in standard deviations."),
        count("users", "Users of the class."),
        share("share_of_users", "Those as a share of classified users."),
        *(
            column
            for name, said in FEATURES.items()
            for column in (
                number(f"{name}_standardised", f"Standardised mean of {said}.", nullable=False),
                number(f"{name}_mean", f"Mean of {said}; null where unknown."),
                number(f"{name}_median", f"Median of {said}."),
            )
        ),
        number("active_weeks_mean", "Mean number of weeks with an upload; null where unknown."),
        number("active_weeks_median", "Median of it."),
        number("tenure_months_median", "Median number of months since joining; null where unknown."),
        share("talented_unseen_share", "Share of the class that `fct_talented_unseen_users` lists."),
    ),
    primary_key=("class_number",),
    reads_marts=True,
)

CLASS_EVIDENCE = TableContract(
    key="class_evidence",
    description=(
        "For how many classes there is evidence, by method, on a sample of users. k-means decides: going up through "
        "the numbers of classes that are stable and further apart than one normal cloud of the same covariance would "
        "be cut, the first is chosen that the next one does not clearly beat; where there is none, two, which then are "
        "a cut through a continuum. The mixture stands beside it."
    ),
    grain="one row per method and number of classes",
    columns=(
        Column("method", pa.string(), f"`{K_MEANS}` or `{MIXTURE}`."),
        count("classes", "Number k of classes."),
        Column("silhouette", pa.float64(), "Mean silhouette (Rousseeuw 1987).", nullable=True, minimum=-1, maximum=1),
        number("one_cloud_silhouette", "Mean silhouette of cuts of one normal cloud; null for the mixture."),
        number("one_cloud_sd", "Standard deviation of it, for one more cloud beside that mean.", minimum=0),
        number("bic", "Bayesian information criterion of the mixture, the smaller the better; null for k-means."),
        Column(
            "stability",
            pa.float64(),
            "Mean adjusted Rand index of the classes that refits to bootstrap samples give the same users.",
            minimum=-1,
            maximum=1,
        ),
        share("smallest_share", "Share of users in the smallest class."),
        count("users", "Users of the sample."),
        Column("is_beyond_one_cloud", pa.bool_(), "Whether the silhouette is; null for the mixture.", nullable=True),
        Column("is_chosen", pa.bool_(), "Whether these are the classes of `user_classes`."),
    ),
    primary_key=("method", "classes"),
    reads_marts=True,
)

CLASS_SURVIVAL = TableContract(
    key="class_survival",
    description=(
        "How long users of each class stay: Kaplan-Meier curves with pointwise 95 % log-log intervals from Greenwood's "
        "variance. Classes over the whole history are made of features that grow with time, so whoever stays long "
        "has more photos and favorites (immortal time): such curves describe classes and explain nothing. The landmark "
        "curves are free of it: their classes rest on what was known by then. At most 200 steps of a curve are kept."
    ),
    grain="one row per basis, class and step of the curve",
    columns=(
        _BASIS,
        _CLASS,
        _NAME,
        count("step", "Number of the step: 0 before anybody left, the last at the end of observation."),
        number("days", "Days since the start, or since the landmark.", nullable=False, minimum=0),
        share("survival", "Probability of staying longer than that."),
        share("lower", "Lower end of its interval; null where it is not defined: when all have left.", nullable=True),
        share("upper", "Upper end.", nullable=True),
        count("at_risk", "Users still there, and still observed, just before."),
    ),
    primary_key=("basis", "class_number", "step"),
    reads_marts=True,
)

CLASS_SURVIVAL_MEDIANS = TableContract(
    key="class_survival_medians",
    description=(
        "The time after which half of a class has left, by Kaplan-Meier, with 95 % log-log intervals (Brookmeyer and "
        "Crowley 1982). Null where the curve, or the end of its band, does not come down to one half."
    ),
    grain="one row per basis and class",
    columns=(
        _BASIS,
        _CLASS,
        _NAME,
        count("users", "Users of the class with a known duration."),
        count("churned", "Those who left."),
        _days("median_days", "Median time.", nullable=True),
        _days("lower_days", "Lower end of its interval.", nullable=True),
        _days("upper_days", "Upper end.", nullable=True),
    ),
    primary_key=("basis", "class_number"),
    reads_marts=True,
)

CLASS_SURVIVAL_TESTS = TableContract(
    key="class_survival_tests",
    description=(
        "Whether classes stay equally long, by the log-rank test. Over the whole history it is confounded with time on "
        "the platform; see `class_survival`."
    ),
    grain="one row per basis",
    columns=(
        _BASIS,
        count("landmark_days", "Day of the landmark; 0 for the whole history."),
        count("classes", "Classes compared."),
        count("users", "Users compared."),
        number("chi_squared", "Log-rank statistic; null where nobody left or there is one class.", minimum=0),
        count("degrees_of_freedom", "Its degrees of freedom."),
        share("p_value", "Its p-value.", nullable=True),
    ),
    primary_key=("basis",),
    reads_marts=True,
)
