"""Tables of the matching experiments: what each found, what speaks against it, and its parts."""

import pyarrow as pa

from assets.contracts.columns import count, number
from assets.contracts.table import Column, TableContract


def _text(name: str, description: str) -> Column:
    return Column(name, pa.string(), description)


_EXPERIMENT = _text("experiment", "Name of the experiment, as declared.")
_EFFECT = (
    number("effect", "Effect in units of the outcome; null where it cannot be estimated."),
    number("standard_error", "Its standard error, by user."),
    number("lower", "Lower end of its 95 % interval."),
    number("upper", "Upper end."),
    number("p_value", "Two-sided.", minimum=0, maximum=1),
    count("units", "User-months that the effect is a mean over."),
)

FOUND, NOT_FOUND, NOT_CREDIBLE, NOT_POSSIBLE = "found", "not found", "not credible", "not possible"

MATCHING_EXPERIMENTS = TableContract(
    key="matching_experiments",
    description=(
        "What each matching experiment found among users who were treated, and whether to believe it. Units are "
        "user-months; the effect is on those treated who have an outcome and a counterpart, so it is of them only. A "
        "result whose arms differ by more than 0.1 standard deviations after matching or by more than a tenth in who "
        "has an outcome, that finds something where there can be nothing, that is not found without what errors of "
        "scores can have added, or that no placebo could be tried on, is not credible and says so. A trait that no "
        "table shows could still explain what is found; `gamma` and `e_value` say how strong it would have to be. "
        "Links between the arms are not accounted for, but in `experiment_effects` of kind `units`."
    ),
    grain="one row per experiment",
    columns=(
        _EXPERIMENT,
        _text("question", "What it asks."),
        _text("verdict", f"`{FOUND}`, `{NOT_FOUND}`, `{NOT_CREDIBLE}` or `{NOT_POSSIBLE}`."),
        _text("finding", "The result in words."),
        _text("objections", "What speaks against it, in words; empty if nothing was found."),
        _text("outcome", "What is measured, and in what."),
        *_EFFECT,
        number("p_value_adjusted", "For the number of experiments (Holm).", minimum=0, maximum=1),
        number("outcome_spread", "Standard deviation of the outcome of all its user-months.", minimum=0),
        number("naive_effect", "Difference of the arms as they are, without matching."),
        number("naive_lower", "Lower end of its interval."),
        number("naive_upper", "Upper end."),
        count("treated", "Treated user-months with an outcome and all covariates."),
        count("compared", "User-months with both that they may be compared with."),
        count("matched_treated", "Treated ones with a counterpart."),
        count("matched_compared", "Counterparts, each counted once."),
        number("effective_treated", "Effective number of matched treated; less than their count where weights differ."),
        number("effective_compared", "Effective number of counterparts, given how often each serves."),
        number(
            "treated_outside",
            "Share of the treated whose propensity score lies beyond all of the comparison.",
            minimum=0,
            maximum=1,
        ),
        number("outcome_compared", "Mean outcome of the counterparts, as weighted: what the effect is added to."),
        number(
            "smd_before", "Largest absolute standardised mean difference of a covariate before matching.", minimum=0
        ),
        number("smd_after", "The same after it.", minimum=0),
        number("treated_without_outcome", "Share of treated user-months without an outcome.", minimum=0, maximum=1),
        number("compared_without_outcome", "The same of the comparison.", minimum=0, maximum=1),
        number("treated_later", "Share of the treated to whom it happened in the window again.", minimum=0, maximum=1),
        number(
            "compared_treated_before",
            "Share of the matched comparison whose user was treated in the months before that the outcome spans; what "
            "that left behind in covariates is held equal, not undone.",
            minimum=0,
            maximum=1,
        ),
        number(
            "error_shift",
            "Most that errors of scores can have added to the effect, were photos of a user alike but for them; null "
            "where the outcome is no change in beauty.",
        ),
        count("treated_users", "Users behind the matched treated."),
        count("compared_users", "Users behind their counterparts; nobody is compared with another month of oneself."),
        number("compared_later", "Share of the comparison to whom it happened in the window.", minimum=0, maximum=1),
        number(
            "gamma",
            "Largest factor by which a hidden trait may multiply the odds of treatment while the effect stays "
            "significant; pairs without a difference dropped.",
            minimum=1,
        ),
        number("gamma_ranked", "The same with those pairs ranked.", minimum=1),
        Column("strongest_covariate", pa.string(), "Covariate that moves the odds of treatment most.", nullable=True),
        number("strongest_odds", "Factor by which one standard deviation of it multiplies them.", minimum=1),
        number("e_value", "E-value of the effect.", minimum=1),
        number("e_value_limit", "E-value of the end of its interval nearest to no effect.", minimum=1),
    ),
    primary_key=("experiment",),
    reads_marts=True,
)

EXPERIMENT_EFFECTS = TableContract(
    key="experiment_effects",
    description=(
        "Effects of the matching experiments in parts and by other ways: by `month` (each month matched by itself), on "
        "another `outcome`, by another `design`, `without period` (without the matched user-months of that period; no "
        "interval), on fewer `units` (without comparisons linked, either way, to users "
        "treated in the month or the window after it; without those treated in the window too, which happens after the "
        "treatment and may select), and where there can be none: `placebo outcome` from "
        "before the treatment, `negative control`, `placebo treatment` that cannot move the outcome, `shuffled "
        "treatment` (dealt out among users)."
    ),
    grain="one row per experiment, kind and name",
    columns=(
        _EXPERIMENT,
        _text("kind", "Kind of part."),
        _text("name", "Which one."),
        _text("outcome", "Name of the outcome."),
        *_EFFECT,
        number("p_value_adjusted", "For how many of its kind the experiment has (Holm).", minimum=0, maximum=1),
        number("smd_after", "Largest absolute standardised mean difference after matching.", minimum=0),
        _text("reason", "Why there is no effect; empty if there is."),
    ),
    primary_key=("experiment", "kind", "name"),
    reads_marts=True,
)

EXPERIMENT_BALANCE = TableContract(
    key="experiment_balance",
    description="How alike the arms of the matching experiments are in each covariate, before and after matching.",
    grain="one row per experiment and covariate",
    columns=(
        _EXPERIMENT,
        _text("covariate", "Its name; `distance` is the propensity score (logit)."),
        _text("meaning", "What it is."),
        *(
            number(f"{name}_{when}", f"{said} {when} matching.")
            for when in ("before", "after")
            for name, said in (
                ("mean_treated", "Mean of the treated"),
                ("mean_compared", "Mean of the comparison"),
                ("smd", "Standardised mean difference"),
                ("variance_ratio", "Variance of the treated over that of the comparison"),
                ("ks", "Largest distance of the distribution functions"),
            )
        ),
    ),
    primary_key=("experiment", "covariate"),
    reads_marts=True,
)

EXPERIMENT_DROPPED = TableContract(
    key="experiment_dropped",
    description="User-months that the matching experiments leave out, and why.",
    grain="one row per experiment, arm and reason",
    columns=(
        _EXPERIMENT,
        _text("arm", "`treated` or `compared`."),
        _text("reason", "Why they are left out."),
        count("units", "How many."),
        number("share", "Their share of the arm.", minimum=0, maximum=1),
    ),
    primary_key=("experiment", "arm", "reason"),
    reads_marts=True,
)

EXPERIMENT_BOUNDS = TableContract(
    key="experiment_bounds",
    description=(
        "Rosenbaum bounds of the matching experiments: what holds if a hidden trait multiplies the odds of treatment "
        "of one of two matched user-months by at most gamma. One-sided, in the direction of the effect."
    ),
    grain="one row per experiment and gamma",
    columns=(
        _EXPERIMENT,
        Column("gamma", pa.float64(), "The factor; 1 is no hidden trait.", minimum=1),
        number("p_upper", "Largest p-value, pairs without a difference dropped.", minimum=0, maximum=1),
        number("p_upper_ranked", "The same with those pairs ranked.", minimum=0, maximum=1),
        number("effect_lower", "Smallest Hodges-Lehmann estimate."),
        number("effect_upper", "Largest."),
    ),
    primary_key=("experiment", "gamma"),
    reads_marts=True,
)

EXPERIMENT_TRAJECTORIES = TableContract(
    key="experiment_trajectories",
    description=(
        "The matched arms of the experiments in the months around the treatment: they should run together before it."
    ),
    grain="one row per experiment, arm and month relative to the treatment",
    columns=(
        _EXPERIMENT,
        _text("arm", "`treated` or `compared`."),
        Column("relative_month", pa.int32(), "Months since the month of the treatment."),
        _text("measure", "What is drawn."),
        number("mean", "Weighted mean of the matched user-months that have the number."),
        number("lower", "Lower end of its 95 % interval, by user."),
        number("upper", "Upper end."),
        count("users", "Users behind it."),
    ),
    primary_key=("experiment", "arm", "relative_month"),
    reads_marts=True,
)

EXPERIMENT_SURVIVAL = TableContract(
    key="experiment_survival",
    description=(
        "How long the matched arms of the experiments stay, from the beginning of the month of the treatment: the "
        "share who have not left (Kaplan-Meier, weighted as matched). Who is silent at the end of observation has left "
        "with the last sign of life, as in `fct_user_retention`."
    ),
    grain="one row per experiment, arm and day",
    columns=(
        _EXPERIMENT,
        _text("arm", "`treated` or `compared`."),
        Column("day", pa.int32(), "Days since the beginning of the month.", minimum=0),
        number("survival", "Share still there.", nullable=False, minimum=0, maximum=1),
        number("lower", "Lower end of its 95 % interval, by user.", minimum=0, maximum=1),
        number("upper", "Upper end.", minimum=0, maximum=1),
        count("at_risk", "User-months that are still followed."),
    ),
    primary_key=("experiment", "arm", "day"),
    reads_marts=True,
)

DOSE_RESPONSES = TableContract(
    key="dose_responses",
    description=(
        "Effects of the treatments in degrees: user-months with a dose in a range, matched with those in the range of "
        "the reference. Each range's effect is among its own user-months, so ranges differ in whom they speak of too."
    ),
    grain="one row per experiment and range",
    columns=(
        _EXPERIMENT,
        _text("dose", "Name of the dose."),
        Column("range_number", pa.int32(), "Number of the range, ascending.", minimum=0),
        number("low", "Lower edge; null for the first."),
        number("high", "Upper edge; null for the last."),
        number("mean_dose", "Mean dose in it; null if nobody is in it."),
        count("range_units", "User-months in it."),
        Column("is_reference", pa.bool_(), "Whether the others are compared with it."),
        *_EFFECT,
        number("smd_after", "Largest absolute standardised mean difference after matching.", minimum=0),
        _text("reason", "Why there is no effect; empty if there is."),
    ),
    primary_key=("experiment", "range_number"),
    reads_marts=True,
)

EFFECT_GROUPS = TableContract(
    key="effect_groups",
    description=(
        "Effects of the matching experiments by group, each group matched within itself. `experience` is known "
        "before the treatment: `newcomer` (less than six months there), `professional` (in the top tenth of the "
        "month by photos so far), `established`; so is `core`, the third of users of the month before by core "
        "number. `user_class` rests on the whole history, so the treatment may have moved users between classes. "
        "`predicted` are quarters of the effect that a causal forest predicts for users it has not seen; theirs are "
        "averages over treated and compared."
    ),
    grain="one row per experiment, grouping and group",
    columns=(
        _EXPERIMENT,
        _text("grouping", "What groups are made by."),
        _text("group_name", "Which one."),
        *_EFFECT,
        number("p_value_adjusted", "For the number of groups of the experiment (Benjamini and Hochberg).", minimum=0),
        number(
            "p_value_difference",
            "That the grouping's balanced groups have the same effect (Cochran's Q).",
            minimum=0,
            maximum=1,
        ),
        number("smd_after", "Largest absolute standardised mean difference after matching.", minimum=0),
        _text("reason", "Why there is no effect; empty if there is."),
    ),
    primary_key=("experiment", "grouping", "group_name"),
    reads_marts=True,
)

FOREST_CALIBRATION = TableContract(
    key="forest_calibration",
    description=(
        "Whether what a causal forest predicts of the effects on single users holds for users it has not seen. Their "
        "doubly robust scores are regressed on the predictions: slope 1 if predictions are right, 0 if they say "
        "nothing of who differs from whom."
    ),
    grain="one row per experiment",
    columns=(
        _EXPERIMENT,
        Column("has_differences", pa.bool_(), "Whether the slope's whole interval lies above 0."),
        number("slope", "Slope of the scores on the predictions."),
        number("slope_lower", "Lower end of its 95 % interval, by user."),
        number("slope_upper", "Upper end."),
        number("mean_effect", "Mean of the scores: the effect on all, treated or not."),
        number("mean_lower", "Lower end of its interval."),
        number("mean_upper", "Upper end."),
        number(
            "clear_share",
            "Share of user-months whose own interval leaves out zero; some do by chance.",
            minimum=0,
            maximum=1,
        ),
        count("units", "User-months judged."),
        _text("reason", "Why there is no forest; empty if there is."),
    ),
    primary_key=("experiment",),
    reads_marts=True,
)
