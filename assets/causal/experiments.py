"""The experiments: what exposure to beauty does, what imbalance does, what recognition does.

To add one, write a ``MatchingExperiment`` and name it in ``EXPERIMENTS``; docs/how-to/add-an-experiment.md goes through
an example.
"""

from dataclasses import replace

from assets.causal.declared import NEAREST_SCORE, Dose, MatchingExperiment, Measure, PlaceboTreatment

STANDING = (
    Measure("beauty", "beauty_before", "mean beauty of all photos so far"),
    Measure(
        "beauty_slope",
        "coalesce(beauty_last_3 - beauty_last_4_to_6, 0)",
        "beauty of the last three months less that of the three before them",
    ),
    Measure("log_photos", "ln(photos_before)", "photos so far, logarithm"),
    Measure("months_since_upload", "least(months_since_upload, 12)", "months since the last upload, at most 12"),
    Measure("log_followers", "ln(1 + followers_before)", "followers, logarithm"),
    Measure("log_followees", "ln(1 + followees_before)", "followees, logarithm"),
    Measure("log_favorites", "ln(1 + favorites_received_before)", "favorites received so far, logarithm"),
    Measure("groups", "groups_before", "groups"),
    Measure("tenure", "tenure_months", "months since joining"),
    Measure("active_weeks", "active_weeks_last_3", "weeks with an upload, last three months"),
)
"""What every experiment holds equal: how users stood when the month began."""

EXPOSURE = (
    Measure("exposure", "coalesce(exposure_before, beauty_before)", "mean beauty of those followed"),
    Measure("has_no_exposure", "exposure_before is null", "follows nobody with beauty"),
)

UPLOADS = Measure("log_uploads", "ln(1 + uploads_last_3)", "uploads of the last three months, logarithm")

LEAVING = Measure("leaves", "has_left_within_6", "share who leave within six months")

_ALIKE = replace(
    NEAREST_SCORE,
    calipers=(("beauty", 0.05), ("log_followers", 0.5), ("log_followees", 0.5), ("log_favorites", 1.0)),
)
"""Imbalance hangs on own beauty and, since few followees make it large by chance, on how many are followed."""

_ACTIVE = "is_active_before and beauty_before is not null"

_STILL_THERE = f"{_ACTIVE} and is_active"
"""Who acts in the month has not left before it. Among those who were only active before, some have, more of them where
what drives people away lasts: their leaving is of earlier months."""

_KNOWN = f"{_ACTIVE} and photos_before >= 8"
"""Scores err, and a mean of few of them is not held equal by being equal: whoever follows beauty is likelier to make
more of it than one photo says, and goes on making it. What this adds to the effect falls with the number of photos."""

EXPOSURE_TO_QUALITY = MatchingExperiment(
    name="exposure_to_quality",
    question="Do users who begin to follow a beautiful producer make more beautiful photos?",
    population=f"{_KNOWN} and links > 0",
    treatment="links_to_top_beauty > 0",
    comparison="links_to_top_beauty = 0",
    outcome=Measure(
        "beauty_change", "beauty_after_3 - beauty_before", "beauty of the next three months less that of all before"
    ),
    also=(Measure("beauty_rises", "beauty_after_3 > beauty_before", "whether it is higher"),),
    covariates=(*STANDING, *EXPOSURE, Measure("log_links", "ln(links)", "links made in the month, logarithm")),
    window=3,
    placebo_outcomes=(
        Measure(
            "beauty_change_last_month",
            "beauty_last_month - beauty_before",
            "beauty of the month before less that of all before",
        ),
    ),
    negative_controls=(Measure("groups_joined", "groups_joined_after_3", "groups joined in the next three months"),),
    placebo_treatments=(
        PlaceboTreatment(
            "follows_only_users_without_photos",
            population=f"{_KNOWN} and links_to_beauty = 0",
            treatment="links > 0",
            comparison="links = 0",
            leave_out=("log_links",),
        ),
    ),
    error_of=("beauty", Measure("beauty_error", "beauty_before_variance", "variance of the error of mean beauty")),
    treated_later="links_to_top_beauty_after_3 > 0",
    trajectory=Measure("beauty", "beauty", "beauty of the month's photos"),
    dose=Dose(
        Measure("new_followees_less_own_beauty", "new_followees_beauty - beauty_before", "new followees less own"),
        cuts=(-0.15, -0.05, 0.05, 0.15),
        reference=0.0,
    ),
)


def _imbalance(name: str, sign: str, words: str) -> MatchingExperiment:
    return MatchingExperiment(
        name=f"imbalance_{name}",
        question=f"Do users {words} upload less, and leave?",
        population=f"{_STILL_THERE} and imbalance_before {sign} 0",
        treatment="imbalance_percentile >= 2 / 3",
        comparison="imbalance_percentile >= 1 / 3 and imbalance_percentile < 2 / 3",
        outcome=LEAVING,
        also=(
            Measure(
                "uploads_change",
                "uploads_after_3 - uploads_last_3",
                "uploads of the next three months less those of the three before",
            ),
        ),
        covariates=(*STANDING, UPLOADS),
        window=8,
        placebo_outcomes=(
            Measure("earlier_uploads", "ln(1 + uploads_last_4_to_6)", "uploads, 4th to 6th month before, logarithm"),
        ),
        trajectory=Measure("uploads", "uploads", "uploads of the month"),
        follows_staying=True,
        dose=Dose(
            Measure("imbalance", "imbalance_before", "beauty followed less own beauty"),
            cuts=(0.05, 0.1, 0.15, 0.2) if sign == ">" else (-0.2, -0.15, -0.1, -0.05),
            reference=0.0,
        ),
        design=_ALIKE,
    )


IMBALANCE_ABOVE = _imbalance("above", ">", "who follow far more beauty than they make")
IMBALANCE_BELOW = _imbalance("below", "<", "who make far more beauty than they follow")

RECOGNITION_TO_RETENTION = MatchingExperiment(
    name="recognition_to_retention",
    question="Do makers of beauty whom few recognise upload in fewer weeks, and leave?",
    population=f"{_STILL_THERE} and recognition_percentile is not null",
    treatment="recognition_percentile < 0.5",
    comparison="recognition_percentile >= 0.5",
    outcome=LEAVING,
    also=(Measure("active_weeks_after", "active_weeks_after_6", "weeks with an upload in the next six months"),),
    covariates=(
        *(measure for measure in STANDING if measure.name != "log_favorites"),
        UPLOADS,
        *EXPOSURE,
    ),
    window=8,
    placebo_outcomes=(
        Measure("earlier_active_weeks", "active_weeks_last_4_to_6", "weeks with an upload, 4th to 6th month before"),
    ),
    trajectory=Measure("active_weeks", "active_weeks", "weeks with an upload"),
    follows_staying=True,
    dose=Dose(
        Measure("recognition", "ln(recognition_before)", "log of favorites over those expected"),
        cuts=(-1.0, -0.5, 0.5, 1.0),
        reference=0.0,
    ),
)

EXPERIMENTS = (EXPOSURE_TO_QUALITY, IMBALANCE_ABOVE, IMBALANCE_BELOW, RECOGNITION_TO_RETENTION)
