"""Tables computed from human judgement: whose answers count, what they say, how far people and predictors agree.

They stand apart from ``crowd.py``, because every table that is declared there can land.
"""

import pyarrow as pa

from assets.contracts.columns import count, number
from assets.contracts.table import Column, Reference, TableContract

_LEVEL = Column("level", pa.float64(), "Nominal coverage of the interval.", minimum=0, maximum=1)

RATER_QUALITY = TableContract(
    key="rater_quality",
    description=(
        "What is known of each rater, and whether the answers count. Written whole; nobody is left out silently: a "
        "rater whose answers do not count has a reason. Raters with too few answers or gold questions to be judged by "
        "them are accepted; they are those with less than the minimum of `ratings` and `gold_questions`."
    ),
    grain="one row per rater who rated a photo",
    columns=(
        Column("rater_id", pa.int64(), "Identifier of the rater.", minimum=0),
        count("ratings", "Photos rated, gold questions not counted."),
        count("gold_questions", "Gold questions answered."),
        Column(
            "gold_accuracy",
            pa.float64(),
            "Share of gold questions answered within the tolerance, one level unless configured otherwise.",
            nullable=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "median_duration_ms",
            pa.float64(),
            "Median time taken to answer.",
            nullable=True,
            unit="ms",
            minimum=0,
        ),
        Column(
            "agreement_with_rest",
            pa.float64(),
            "Spearman correlation of the answers with the mean answer of all others over the photos that others rated "
            "too; gold questions are not among them.",
            nullable=True,
            minimum=-1,
            maximum=1,
        ),
        Column("country", pa.string(), "ISO 3166 alpha-2 country code.", nullable=True),
        Column("track_record", pa.float64(), "Share of past work accepted.", nullable=True, minimum=0, maximum=1),
        Column("is_accepted", pa.bool_(), "Whether the answers count."),
        Column("reason", pa.string(), "Why the answers do not count, in words; every reason there is.", nullable=True),
    ),
    primary_key=("rater_id",),
)

PHOTO_RATINGS = TableContract(
    key="photo_ratings",
    description=(
        "What accepted raters say of each photo. This is what training, calibration and evaluation read. Gold "
        "questions are left out, since their answer is given. Written whole."
    ),
    grain="one row per photo that an accepted rater rated",
    columns=(
        Column("photo_id", pa.int64(), "Photo that was rated.", minimum=0),
        Column("n", pa.int64(), "Accepted ratings.", minimum=1),
        Column("mean_rating", pa.float64(), "Mean of the accepted ratings, from 1 upwards.", minimum=1),
        Column(
            "standard_error",
            pa.float64(),
            "Standard error of the mean; absent with a single rating.",
            nullable=True,
            minimum=0,
        ),
        Column("rating_scaled", pa.float64(), "(mean_rating - 1) / (scale_max - 1).", minimum=0, maximum=1),
        Column(
            "scale_max",
            pa.int64(),
            "Highest answer of the scale: as configured, or the highest that anybody gave.",
            minimum=2,
        ),
    ),
    primary_key=("photo_id",),
    references=(Reference("photo_id", "photos", "photo_id"),),
)

CROWD_AGREEMENT = TableContract(
    key="crowd_agreement",
    description=(
        "How far raters agree: percent agreement, Fleiss, Conger, Gwet AC1, Krippendorff (nominal, ordinal, interval), "
        "Cronbach, ICC(1,k) and split-half, for all raters and for accepted ones, who agree more by construction, as "
        "agreement is one of the criteria. Intervals are bootstraps over photos, Feldt's for Cronbach; Conger's kappa "
        "has none. Gold questions are left out. Written whole."
    ),
    grain="one row per raters counted and coefficient",
    columns=(
        Column("raters_counted", pa.string(), "`all` or `accepted`."),
        Column("coefficient", pa.string(), "Name of the coefficient, for example `krippendorff_ordinal`."),
        number("value", "The coefficient; absent where it is not defined."),
        number("lower", "Lower end of the interval."),
        number("upper", "Upper end of the interval."),
        _LEVEL,
        count("photos", "Photos with a rating."),
        count("ratings", "Ratings."),
        count("raters", "Raters."),
    ),
    primary_key=("raters_counted", "coefficient"),
)

BEAUTY_EVALUATION = TableContract(
    key="beauty_evaluation",
    description=(
        "How well predictors agree with people: model versions, ready-made scores and raw favorites, against mean "
        "ratings and against the labels of every benchmark. Photos that a model of ours learnt from are left out; "
        "out-of-fold versions (`-cv`) are used whole. Bootstrap intervals over photos. Written whole."
    ),
    grain="one row per predictor, reference, stratum and statistic",
    columns=(
        Column("predictor", pa.string(), "Model version, `favorites` or `favorites_per_follower`."),
        Column("reference", pa.string(), "`photo_ratings`, or the source of the labels."),
        Column("stratum_kind", pa.string(), "`all`, `popularity_bucket`, `category` or `tag`."),
        Column("stratum", pa.string(), "Name of the stratum; `all` for all photos."),
        Column(
            "statistic",
            pa.string(),
            "`spearman`, `kendall_tau_b`, `pairwise_accuracy` (ties of the predictor count half, pairs with equal "
            "references not at all), `pearson`; for labels also `accuracy_at_midpoint`, `emd` and, by tag, `residual`.",
        ),
        number("value", "The statistic; absent with too few photos, or where it is not defined."),
        number("lower", "Lower end of the interval."),
        number("upper", "Upper end of the interval."),
        _LEVEL,
        count("photos", "Photos behind the statistic."),
        count(
            "missing_photos",
            "Photos with a reference and no prediction; in the stratum `all` also labels whose image never arrived.",
        ),
        count("left_out_photos", "Photos with both that are left out, because the model learnt from them."),
    ),
    primary_key=("predictor", "reference", "stratum_kind", "stratum", "statistic"),
)
