"""Tables of a community as it lands: people, photos, links and what people do with them."""

import pyarrow as pa

from assets.contracts.table import UTC_TIMESTAMP, Column, Reference, TableContract

_USER = Column("user_id", pa.int64(), "Identifier of the user.", minimum=0)

USERS = TableContract(
    key="users",
    description="People of the community. Only users who opted in to research are analysed.",
    grain="one row per user",
    columns=(
        _USER,
        Column("joined_at", UTC_TIMESTAMP, "When the account was made.", nullable=True),
        Column("opted_in", pa.bool_(), "Whether the user agreed to be studied."),
        Column("is_pro", pa.bool_(), "Whether the user holds a paid or professional account.", nullable=True),
    ),
    primary_key=("user_id",),
    event_time="joined_at",
)

PHOTOS = TableContract(
    key="photos",
    description="Photos of opted-in users. Only public photos are analysed; deleted ones keep their row.",
    grain="one row per photo",
    columns=(
        Column("photo_id", pa.int64(), "Identifier of the photo.", minimum=0),
        Column("user_id", pa.int64(), "Owner; absent where the photographer is unknown.", nullable=True, minimum=0),
        Column("uploaded_at", UTC_TIMESTAMP, "When the photo was uploaded.", nullable=True),
        Column("is_public", pa.bool_(), "Whether everyone may see the photo."),
        Column(
            "uri",
            pa.string(),
            "Where the image is: a file, `shard.tar#member` or `file.parquet#row`; relative to the landing folder, "
            "or absolute. Empty where the dataset has no image.",
        ),
        Column("category", pa.string(), "Subject category; `uncategorised` where unknown.", nullable=True),
        Column("deleted_at", UTC_TIMESTAMP, "When the owner deleted the photo.", nullable=True),
    ),
    primary_key=("photo_id",),
    event_time="uploaded_at",
    references=(Reference("user_id", "users", "user_id"),),
)

EDGES = TableContract(
    key="edges",
    description="Directed follow links. An unfollow closes a row; a later refollow is a row of its own.",
    grain="one row per follow link and creation time",
    columns=(
        Column("follower_id", pa.int64(), "Who follows.", minimum=0),
        Column("followee_id", pa.int64(), "Who is followed.", minimum=0),
        Column("created_at", UTC_TIMESTAMP, "When the link was made.", nullable=True),
        Column("removed_at", UTC_TIMESTAMP, "When the link was removed.", nullable=True),
    ),
    primary_key=("follower_id", "followee_id", "created_at"),
    event_time="created_at",
    references=(Reference("follower_id", "users", "user_id"), Reference("followee_id", "users", "user_id")),
)

FAVORITES = TableContract(
    key="favorites",
    description="Favorites that users give to photos. A favorite taken back keeps its row.",
    grain="one row per user and photo",
    columns=(
        Column("user_id", pa.int64(), "Who gave the favorite.", minimum=0),
        Column("photo_id", pa.int64(), "Photo that received it.", minimum=0),
        Column("created_at", UTC_TIMESTAMP, "When it was given.", nullable=True),
        Column("removed_at", UTC_TIMESTAMP, "When it was taken back.", nullable=True),
    ),
    primary_key=("user_id", "photo_id"),
    event_time="created_at",
    references=(Reference("user_id", "users", "user_id"), Reference("photo_id", "photos", "photo_id")),
)

GROUP_MEMBERSHIPS = TableContract(
    key="group_memberships",
    description="Memberships of users in groups.",
    grain="one row per user and group",
    columns=(
        _USER,
        Column("group_id", pa.int64(), "Identifier of the group.", minimum=0),
        Column("joined_at", UTC_TIMESTAMP, "When the user joined the group.", nullable=True),
        Column("left_at", UTC_TIMESTAMP, "When the user left the group.", nullable=True),
    ),
    primary_key=("user_id", "group_id"),
    event_time="joined_at",
    references=(Reference("user_id", "users", "user_id"),),
)

BLOCKS = TableContract(
    key="blocks",
    description="Blocks between users; nobody is recommended to somebody they blocked, or the other way round.",
    grain="one row per blocking and blocked user",
    columns=(
        Column("user_id", pa.int64(), "Who blocks.", minimum=0),
        Column("blocked_user_id", pa.int64(), "Who is blocked.", minimum=0),
        Column("created_at", UTC_TIMESTAMP, "When the block was made.", nullable=True),
    ),
    primary_key=("user_id", "blocked_user_id"),
    event_time="created_at",
    references=(Reference("user_id", "users", "user_id"), Reference("blocked_user_id", "users", "user_id")),
)

USER_QUALITY = TableContract(
    key="user_quality",
    description="Ready-made quality of users, for communities without photos.",
    grain="one row per user and source",
    columns=(
        _USER,
        Column("source", pa.string(), "Who measured it."),
        Column("value", pa.float64(), "Quality on the scale of the source."),
        Column("n", pa.int64(), "Number of judgements behind the value.", minimum=0),
    ),
    primary_key=("user_id", "source"),
    references=(Reference("user_id", "users", "user_id"),),
)
