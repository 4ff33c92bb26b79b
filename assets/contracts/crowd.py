"""Tables of human judgement: crowd ratings, raters and labels of public benchmarks."""

import pyarrow as pa

from assets.contracts.table import UTC_TIMESTAMP, Column, Reference, TableContract

CROWD_RATINGS = TableContract(
    key="crowd_ratings",
    description='Answers of single people to "How beautiful is this image?".',
    grain="one row per photo and rater",
    columns=(
        Column("photo_id", pa.int64(), "Photo that was rated.", minimum=0),
        Column("rater_id", pa.int64(), "Who rated it.", minimum=0),
        Column("rating", pa.int32(), "Answer, from 1 upwards; higher is more beautiful.", minimum=1),
        Column("rated_at", UTC_TIMESTAMP, "When the answer was given.", nullable=True),
        Column("duration_ms", pa.int64(), "Time taken to answer.", nullable=True, unit="ms", minimum=0),
        Column("is_gold", pa.bool_(), "Whether the photo was a gold question."),
        Column("gold_rating", pa.int32(), "Known answer of a gold question.", nullable=True, minimum=1),
    ),
    primary_key=("photo_id", "rater_id"),
    event_time="rated_at",
    references=(Reference("photo_id", "photos", "photo_id"),),
)

RATERS = TableContract(
    key="raters",
    description="People who rate photos, with what decides their eligibility.",
    grain="one row per rater",
    columns=(
        Column("rater_id", pa.int64(), "Identifier of the rater.", minimum=0),
        Column("country", pa.string(), "ISO 3166 alpha-2 country code.", nullable=True),
        Column("track_record", pa.float64(), "Share of past work accepted.", nullable=True, minimum=0, maximum=1),
    ),
    primary_key=("rater_id",),
)

LABELS = TableContract(
    key="labels",
    description="Mean opinion scores of public aesthetic benchmarks.",
    grain="one row per photo and source",
    columns=(
        Column("photo_id", pa.int64(), "Photo that was judged.", minimum=0),
        Column("source", pa.string(), "Benchmark the label comes from."),
        Column("mean", pa.float64(), "Mean opinion score on the scale of the source."),
        Column("n", pa.int64(), "Number of opinions.", minimum=0),
        Column("histogram", pa.list_(pa.int64()), "Votes per level, lowest level first.", nullable=True),
        Column("tags", pa.list_(pa.string()), "Tags or challenge of the photo.", nullable=True),
    ),
    primary_key=("photo_id", "source"),
    references=(Reference("photo_id", "photos", "photo_id"),),
)
