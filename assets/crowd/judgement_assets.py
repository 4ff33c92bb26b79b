"""What answers are worth, what they say of photos, how far people agree, and how far predictors agree with them.

The arithmetic stands in ``quality.py``, ``photo_ratings.py``, ``agreement_table.py`` and ``evaluation.py``. Each table
is written whole, and left alone where its inputs, its configuration and the code are those of the last run.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from assets.contracts.beauty import BEAUTY_MODELS, SCORES, TRAINING_SET
from assets.contracts.crowd import CROWD_RATINGS, LABELS, RATERS
from assets.contracts.crowd_results import BEAUTY_EVALUATION, CROWD_AGREEMENT, PHOTO_RATINGS, RATER_QUALITY
from assets.contracts.provenance import code_version_of
from assets.contracts.table import TableContract
from assets.crowd.agreement_table import ACCEPTED, ALL, AgreementConfig, measure_agreement
from assets.crowd.evaluation import EvaluationConfig, evaluate_beauty, judged_versions
from assets.crowd.photo_ratings import PhotoRatingsConfig, photos_without_accepted_rating, rate_photos
from assets.crowd.predictors import evaluation_inputs
from assets.crowd.quality import QualityConfig, agreement_histogram, judge_raters, too_few_to_judge
from assets.crowd.withdrawal import withdraw_photos
from assets.figures import histogram_figure, intervals_figure
from assets.metadata import OWNERS, check_result, contract_description, contract_metadata, markdown_table, picture
from assets.resources import LakeResource
from assets.whole_tables import made_whole

_ACCEPTED, _KEPT = "most_raters_are_accepted", "rated_photos_keep_a_rating"
_AGREE, _MODEL_AGREES = "raters_agree_beyond_chance", "model_agrees_with_people"
_SHOWN_ROWS = 60


class RaterQualityConfig(dg.Config):
    """When a rater's answers count; a criterion judges only raters with enough answers to judge by."""

    minimum_track_record: float | None = Field(default=None, description="Least share of past work accepted; off.")
    countries: list[str] = Field(default=[], description="Countries raters may come from; empty: all.")
    gold_tolerance: int = Field(default=QualityConfig.gold_tolerance, description="Levels a gold answer may be off.")
    minimum_gold_questions: int = Field(
        default=QualityConfig.minimum_gold_questions, description="Gold questions needed to judge by them."
    )
    minimum_gold_accuracy: float = Field(
        default=QualityConfig.minimum_gold_accuracy, description="Least share of gold questions within the tolerance."
    )
    minimum_duration_ms: float = Field(
        default=QualityConfig.minimum_duration_ms, description="Least median time to answer, ms."
    )
    minimum_ratings: int = Field(
        default=QualityConfig.minimum_ratings, description="Photos needed to judge by agreement with the others."
    )
    minimum_agreement: float = Field(
        default=QualityConfig.minimum_agreement, description="Least Spearman correlation with the mean of the others."
    )


@dg.asset(
    key=RATER_QUALITY.key,
    deps=[CROWD_RATINGS.key, RATERS.key],
    group_name="crowd",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(RATER_QUALITY),
    metadata=contract_metadata(RATER_QUALITY),
    code_version=code_version_of("assets.crowd.quality", "assets.statistics.rank"),
    check_specs=[
        dg.AssetCheckSpec(
            _ACCEPTED,
            asset=RATER_QUALITY.key,
            description="The answers of at least half of the raters count; where they do not, the task or the "
            "thresholds are wrong.",
        )
    ],
)
def rater_quality(
    context: dg.AssetExecutionContext, config: RaterQualityConfig, lake: LakeResource
) -> dg.MaterializeResult:
    """What is known of each rater, and whether the answers count; nobody is left out silently."""
    store = lake.open()
    chosen = config.model_dump()
    settings = QualityConfig(**{**chosen, "countries": tuple(chosen["countries"])})
    inputs = store.fingerprints(CROWD_RATINGS.key) | store.fingerprints(RATERS.key)
    rows = made_whole(context, store, RATER_QUALITY, inputs, chosen, lambda: judge_raters(store, settings))
    accepted = sum(rows["is_accepted"].to_pylist())
    excluded = [
        {name: rater[name] for name in ("rater_id", "ratings", "reason")}
        for rater in rows.to_pylist()
        if not rater["is_accepted"]
    ]
    passed = rows.num_rows > 0 and 2 * accepted >= rows.num_rows
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "accepted": accepted,
            "accepted_with_too_few_answers_to_judge": too_few_to_judge(rows, settings),
            "excluded": len(excluded),
            "excluded_raters": markdown_table(excluded[:_SHOWN_ROWS]),
            "agreement": picture(
                histogram_figure(
                    *agreement_histogram(rows),
                    "How raters agree with all others (Spearman)",
                    f"correlation; not known of {rows['agreement_with_rest'].null_count:,}",
                )
            ),
        },
        check_results=[
            check_result(RATER_QUALITY, _ACCEPTED, passed, f"{accepted} of {rows.num_rows} raters are accepted")
        ],
    )


class ScaleConfig(dg.Config):
    """The scale that people answered on."""

    scale_max: int = Field(
        default=PhotoRatingsConfig.scale_max, description="Highest answer of the scale; 0: the highest anybody gave."
    )


@dg.asset(
    key=PHOTO_RATINGS.key,
    deps=[CROWD_RATINGS.key, RATER_QUALITY.key],
    group_name="crowd",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(PHOTO_RATINGS),
    metadata=contract_metadata(PHOTO_RATINGS),
    code_version=code_version_of("assets.crowd.photo_ratings"),
    check_specs=[
        dg.AssetCheckSpec(
            _KEPT,
            asset=PHOTO_RATINGS.key,
            description="Every photo that somebody rated has an accepted rating.",
        )
    ],
)
def photo_ratings(context: dg.AssetExecutionContext, config: ScaleConfig, lake: LakeResource) -> dg.MaterializeResult:
    """Mean rating of each photo by accepted raters; what training, calibration and evaluation read.

    Photos that are no longer published leave the sample and the task that ask for ratings of them.
    """
    store = lake.open()
    withdraw_photos(store, lake.landing_folder(), context.log.info)
    inputs = store.fingerprints(CROWD_RATINGS.key) | store.fingerprints(RATER_QUALITY.key)
    chosen = config.model_dump()
    rows = made_whole(
        context, store, PHOTO_RATINGS, inputs, chosen, lambda: rate_photos(store, PhotoRatingsConfig(**chosen))
    )
    lost = photos_without_accepted_rating(store)
    scaled = rows["rating_scaled"].to_numpy()
    edges = [step / 20 for step in range(21)]
    counts = [int(((scaled >= low) & (scaled < low + 0.05)).sum()) for low in edges[:-1]]
    counts[-1] += int((scaled >= 1).sum())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "ratings_per_photo": float(rows["n"].to_numpy().mean()) if rows.num_rows else 0.0,
            "photos_without_accepted_rating": lost,
            "distribution": picture(
                histogram_figure(edges, counts, f"Mean rating of {rows.num_rows:,} photos", "rating, scaled to 0..1")
            ),
        },
        check_results=[
            check_result(
                PHOTO_RATINGS,
                _KEPT,
                rows.num_rows > 0 and lost == 0,
                f"{lost} rated photos have no accepted rating, {rows.num_rows} have some",
            )
        ],
    )


@dg.asset(
    key=CROWD_AGREEMENT.key,
    deps=[CROWD_RATINGS.key, RATER_QUALITY.key],
    group_name="crowd",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(CROWD_AGREEMENT),
    metadata=contract_metadata(CROWD_AGREEMENT),
    code_version=code_version_of("assets.crowd.agreement_table", "assets.crowd.photo_ratings", "assets.statistics"),
    check_specs=[
        dg.AssetCheckSpec(
            _AGREE,
            asset=CROWD_AGREEMENT.key,
            description="Krippendorff's ordinal alpha of accepted raters is above 0 with 95 % confidence.",
        )
    ],
)
def crowd_agreement(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Coefficients of agreement with intervals, for all raters and for accepted ones."""
    store = lake.open()
    inputs = store.fingerprints(CROWD_RATINGS.key) | store.fingerprints(RATER_QUALITY.key)
    rows = made_whole(context, store, CROWD_AGREEMENT, inputs, {}, lambda: measure_agreement(store, AgreementConfig()))
    found = rows.to_pylist()
    shown = {
        counted: _intervals(row for row in found if row["raters_counted"] == counted) for counted in (ALL, ACCEPTED)
    }
    alpha = {row["raters_counted"]: row for row in found if row["coefficient"] == "krippendorff_ordinal"}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "agreement": markdown_table(found),
            "figure": picture(intervals_figure(shown, "How far raters agree (95 % intervals)", "coefficient")),
        },
        check_results=[_above_zero(CROWD_AGREEMENT, _AGREE, [alpha[ACCEPTED]] if ACCEPTED in alpha else [])],
    )


class BeautyEvaluationConfig(dg.Config):
    """How predictors are compared with people."""

    minimum_photos: int = Field(
        default=EvaluationConfig.minimum_photos, description="Photos that a predictor or a stratum needs."
    )
    scales: dict[str, list[float]] = Field(
        default={}, description="Source of labels: [lowest, highest] mean; else 1 and the levels of its histograms."
    )
    cuts: dict[str, float] = Field(
        default={}, description="Source of labels: mean above which a photo is beautiful; else the middle of the scale."
    )


@dg.asset(
    key=BEAUTY_EVALUATION.key,
    deps=[
        PHOTO_RATINGS.key,
        LABELS.key,
        SCORES.key,
        "judged_scores",
        BEAUTY_MODELS.key,
        TRAINING_SET.key,
        "photos",
        "favorites",
        "edges",
        "landing",
    ],
    group_name="crowd",
    kinds={"parquet", "duckdb"},
    owners=OWNERS,
    description=contract_description(BEAUTY_EVALUATION),
    metadata=contract_metadata(BEAUTY_EVALUATION),
    code_version=code_version_of("assets.crowd.evaluation", "assets.crowd.predictors", "assets.statistics"),
    check_specs=[
        dg.AssetCheckSpec(
            _MODEL_AGREES,
            asset=BEAUTY_EVALUATION.key,
            description="Spearman correlation of the scores of the newest model (of every ready-made one, without a "
            "model) with mean ratings is above 0 with 95 % confidence, on photos that it has not learnt from.",
        )
    ],
)
def beauty_evaluation(
    context: dg.AssetExecutionContext, config: BeautyEvaluationConfig, lake: LakeResource
) -> dg.MaterializeResult:
    """Every predictor against people, overall and by popularity, category and tag."""
    store = lake.open()
    chosen = config.model_dump()
    scales = {source: (ends[0], ends[1]) for source, ends in config.scales.items()}
    settings = EvaluationConfig(config.minimum_photos, scales=scales, cuts=config.cuts)
    rows = made_whole(
        context, store, BEAUTY_EVALUATION, evaluation_inputs(store), chosen, lambda: evaluate_beauty(store, settings)
    )
    overall = [row for row in rows.to_pylist() if row["stratum_kind"] == "all"]
    spearman = [row for row in overall if row["statistic"] == "spearman"]
    references = sorted({row["reference"] for row in spearman})
    shown = {name: _intervals((r for r in spearman if r["reference"] == name), "predictor") for name in references}
    judged = judged_versions(store, rows)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": rows.num_rows,
            "overall": markdown_table(overall[:_SHOWN_ROWS]),
            "figure": picture(
                intervals_figure(shown, "Agreement with people (95 % intervals)", "Spearman correlation")
            ),
        },
        check_results=[
            _above_zero(
                BEAUTY_EVALUATION,
                _MODEL_AGREES,
                [row for row in spearman if row["predictor"] in judged and row["reference"] == PHOTO_RATINGS.key],
            )
        ],
    )


def _intervals(rows: Any, label: str = "coefficient") -> dict[str, tuple[float, float | None, float | None]]:
    return {row[label]: (row["value"], row["lower"], row["upper"]) for row in rows if row["value"] is not None}


def _above_zero(contract: TableContract, check: str, rows: list[dict[str, Any]]) -> dg.AssetCheckResult:
    """Whether there are estimates, and all are above 0 with confidence; too little to tell is a warning."""
    known = [row for row in rows if row["lower"] is not None]
    if not known:
        return check_result(contract, check, False, "people have not rated enough photos to tell")
    said = ", ".join(
        f"{row.get('predictor', row.get('coefficient'))} {row['value']:.3f} ({row['lower']:.3f} to {row['upper']:.3f})"
        for row in known
    )
    return check_result(contract, check, all(row["lower"] > 0 for row in known), said, is_error=True)


ASSETS = [rater_quality, photo_ratings, crowd_agreement, beauty_evaluation]
