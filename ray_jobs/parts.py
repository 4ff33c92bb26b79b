"""Parts: the results of a portion of a month, stored until the month is published."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from assets.contracts.table import UTC_TIMESTAMP

PART_SCHEMA = pa.schema(
    [
        pa.field("photo_id", pa.int64()),
        pa.field("uploaded_at", UTC_TIMESTAMP),
        pa.field("uri", pa.string()),
        pa.field("beauty", pa.float32()),
        pa.field("p_low", pa.float32()),
        pa.field("p_median", pa.float32()),
        pa.field("p_high", pa.float32()),
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
    ]
)
"""One row per photo of a part: a score, or the reason why there is none."""


def part_bytes(part: pa.Table) -> bytes:
    """A part as Parquet."""
    sink = io.BytesIO()
    pq.write_table(part, sink, compression="zstd")
    return sink.getvalue()


def part_from_bytes(content: bytes) -> pa.Table:
    """A part from Parquet."""
    return pq.read_table(io.BytesIO(content), schema=PART_SCHEMA)
