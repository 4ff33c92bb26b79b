select
    rater_id,
    ratings,
    gold_questions,
    gold_accuracy,
    median_duration_ms,
    agreement_with_rest,
    country,
    track_record,
    is_accepted,
    reason
from {{ source('lake', 'rater_quality') }}
