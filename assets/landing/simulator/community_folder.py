"""The canonical folder that the platform may see: month files per table, written as the months go by.

``<folder>/<table>/YYYY-MM.parquet`` in the types of the landing contracts, ``raters.parquet``, ``images/`` (see
``images.py``) and ``community.toml``. Nothing of the truth is ever passed to this module but the noisy scores and
ratings that it writes.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets.contracts.beauty import SCORES
from assets.contracts.community import EDGES, FAVORITES, GROUP_MEMBERSHIPS, PHOTOS, USERS
from assets.contracts.crowd import CROWD_RATINGS, RATERS
from assets.contracts.table import UTC_TIMESTAMP, TableContract
from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.crowd import Ratings
from assets.landing.simulator.draws import Draws, Ints
from assets.landing.simulator.links import NEVER
from assets.landing.simulator.months import Calendar
from assets.landing.simulator.population import Population
from assets.landing.simulator.uploads import NewPhotos
from assets.landing.simulator.world import MonthOfLife


def instants(microseconds: Ints) -> pa.Array:
    """Timestamps from microseconds since 1970 UTC; null where ``NEVER``."""
    return pa.array(microseconds, type=pa.int64(), mask=microseconds == NEVER).cast(UTC_TIMESTAMP)


class CommunityFolder:
    """Writer of one canonical folder.

    Args:
        folder: Where to write; it need not exist.
        config: All knobs.
        calendar: Months of the observation.
        people: Everybody.
        categories: Names of the subject categories.
    """

    def __init__(
        self,
        folder: Path,
        config: SimulationConfig,
        calendar: Calendar,
        people: Population,
        categories: tuple[str, ...],
    ):
        self.folder = folder
        self.config = config
        self._calendar = calendar
        self._people = people
        self._categories = np.array(categories)
        self._draws = Draws(config.seed)
        folder.mkdir(parents=True)

    def write_month(self, happened: MonthOfLife) -> None:
        """Write what happened in a month."""
        month = self._calendar.names[happened.month]
        self._write(USERS, month, self._users(happened.joined))
        self._write(PHOTOS, month, self._photos(happened.photos, month))
        self._write(EDGES, month, _edges(happened))
        self._write(FAVORITES, month, _favorites(happened))
        self._write(GROUP_MEMBERSHIPS, month, _memberships(happened))
        if not self.config.images:
            self._write(SCORES, month, self._scores(happened))

    def write_ratings(self, ratings: Ratings) -> None:
        """Write the raters and what they said, all in the last month."""
        table = {**ratings.columns, "rated_at": instants(ratings.columns["rated_at"])}
        gold = ratings.columns["gold_rating"]
        table["gold_rating"] = pa.array(gold, mask=gold == 0)
        self._write(CROWD_RATINGS, self._calendar.names[-1], table)
        pq.write_table(RATERS.conform(pa.table(ratings.raters)), self.folder / "raters.parquet")

    def write_description(self, fingerprint: str) -> None:
        """Write ``community.toml``; last, so that a folder with one is whole."""
        lines = [
            f'name = "{self.config.name}"',
            'consent = "users_table"',
            f'notes = "Simulated from {self._calendar.names[0]} to {self._calendar.names[-1]}; {fingerprint}"',
        ]
        (self.folder / "community.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _write(self, contract: TableContract, month: str, columns: dict[str, object]) -> None:
        table = contract.conform(pa.table(columns))
        if table.num_rows:
            path = self.folder / contract.key / f"{month}.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(table, path)

    def _users(self, who: Ints) -> dict[str, object]:
        return {
            "user_id": who + 1,
            "joined_at": instants(self._people.joined_at[who]),
            "opted_in": self._people.opted_in[who],
            "is_pro": self._people.is_pro[who],
        }

    def _photos(self, photos: NewPhotos, month: str) -> dict[str, object]:
        shard = f"{self.config.name}/images/{month}.tar#" if self.config.images else ""
        return {
            "photo_id": photos.photo_id,
            "user_id": photos.owner + 1,
            "uploaded_at": instants(photos.uploaded_at),
            "is_public": photos.is_public,
            "uri": [f"{shard}{number}.jpg" if shard else "" for number in photos.photo_id.tolist()],
            "category": self._categories[photos.category],
            "deleted_at": instants(photos.deleted_at),
        }

    def _scores(self, happened: MonthOfLife) -> dict[str, object]:
        """Beauty as a noisy measurement of public photos: latent beauty plus a normal error, clipped to [0, 1]."""
        photos, month = happened.photos, happened.month
        shown = photos.is_public
        noise = self._draws.normal("score", month, photos.owner[shown], photos.slot[shown])
        count = int(shown.sum())
        return {
            "photo_id": photos.photo_id[shown],
            "model_version": [f"ready-made-{self.config.name}"] * count,
            "preprocessing_hash": ["none"] * count,
            "uploaded_at": instants(photos.uploaded_at[shown]),
            "beauty": np.clip(photos.beauty[shown] + self.config.score_noise * noise, 0.0, 1.0).astype(np.float32),
            "scored_at": instants(np.full(count, self._calendar.start(month + 1))),
        }


def _edges(happened: MonthOfLife) -> dict[str, object]:
    links = happened.links
    order = np.lexsort((links.created_at, links.followee, links.follower))
    return {
        "follower_id": links.follower[order] + 1,
        "followee_id": links.followee[order] + 1,
        "created_at": instants(links.created_at[order]),
        "removed_at": instants(links.removed_at[order]),
    }


def _favorites(happened: MonthOfLife) -> dict[str, object]:
    favorites = happened.favorites
    return {
        "user_id": favorites["user"] + 1,
        "photo_id": favorites["photo_id"],
        "created_at": instants(favorites["created_at"]),
        "removed_at": instants(favorites["removed_at"]),
    }


def _memberships(happened: MonthOfLife) -> dict[str, object]:
    memberships = happened.memberships
    order = np.lexsort((memberships["group_id"], memberships["user"]))
    return {
        "user_id": memberships["user"][order] + 1,
        "group_id": memberships["group_id"][order],
        "joined_at": instants(memberships["joined_at"][order]),
        "left_at": instants(memberships["left_at"][order]),
    }
