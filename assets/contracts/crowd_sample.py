"""Photos that people are asked to judge. Computed, unlike the tables of ``crowd.py``, which land."""

import pyarrow as pa

from assets.contracts.table import Column, Reference, TableContract

CROWD_SAMPLE = TableContract(
    key="crowd_sample",
    description=(
        "Photos for people to rate: the same number of each popularity bucket and category, drawn at random. "
        "Popularity is the number of favorites received from others and not taken back; its buckets are three equal "
        "widths of log(1 + favorites). Photos without an image and deleted photos are left out."
    ),
    grain="one row per sampled photo",
    columns=(
        Column("photo_id", pa.int64(), "Photo to rate.", minimum=0),
        Column("popularity_bucket", pa.string(), "`tail`, `torso` or `head`."),
        Column("category", pa.string(), "Subject category; `uncategorised` where unknown."),
        Column("favorites", pa.int64(), "Favorites received from others so far and not taken back.", minimum=0),
        Column("cell_photos", pa.int64(), "Photos there are in this bucket and category.", minimum=1),
        Column("position", pa.int64(), "Place in the task, from 1; the order is random.", minimum=1),
    ),
    primary_key=("photo_id",),
    references=(Reference("photo_id", "photos", "photo_id"),),
)
