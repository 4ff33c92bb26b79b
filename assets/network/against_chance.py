"""How beauty lies in the follow graph, held against both null models in one pass.

Drawing worlds costs more than looking at them, so everything is measured in the same ones: mixing, majority illusion
and rich clubs. What is dealt out anew is who stands where: a user's beauty and photos stay together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.contracts.mixing import REWIRED, SHUFFLED
from assets.network.assortativity import assortativity, assortativity_of_pairs, mean_of_neighbours, pearson
from assets.network.clubs import club_density, thresholds
from assets.network.illusion import DEFINITIONS, illusion
from assets.network.links import Links
from assets.network.nulls import AgainstNull, against_rewirings, against_shuffles, mixing_curve
from assets.statistics.undefined import defined

Floats = NDArray[np.float64]

BEAUTY_OF_USERS = "select user_id, beauty, photos from fct_user_beauty"

MIXING = {
    "assortativity": "Newman's r of beauty over links, follower and followee",
    "assortativity_undirected": "Newman's r of beauty over pairs of linked users, both directions",
    "own_and_followees": "Pearson's correlation, over users, of own beauty and mean beauty of followees",
}
ILLUSION = {
    **DEFINITIONS,
    "photo_gap_mean": "mean beauty of photos over links, a followee's photos once per follower, minus that of photos",
}


@dataclass(frozen=True)
class ChanceConfig:
    """How many worlds are drawn.

    Attributes:
        shuffles: Deals of beauty, at most.
        rewirings: Rewired graphs.
        swaps: All rewirings together swap at most so many pairs of links, as long as ten graphs remain: time follows
            the number of swaps.
        looks: All deals together look at so many links, as long as forty deals remain.
        seed: Seed of all draws.
    """

    shuffles: int = 200
    rewirings: int = 50
    swaps: int = 200_000_000
    looks: int = 400_000_000
    seed: int = 0

    def shuffles_of(self, links: Links) -> int:
        """Deals of beauty on a graph."""
        return min(self.shuffles, max(40, self.looks // max(1, len(links))))

    def rewirings_of(self, links: Links, swaps_per_link: int = 10) -> int:
        """Rewired graphs that are drawn of a graph."""
        affordable = self.swaps // max(1, swaps_per_link * len(links))
        return min(self.rewirings, max(10, affordable))


@dataclass(frozen=True)
class Standing:
    """What users of a graph bring with them.

    Attributes:
        beauty: (n,) mean beauty; nan for users without.
        photos: (n,) photos behind it; 0 for users without.
    """

    beauty: Floats
    photos: Floats

    @property
    def seats(self) -> Floats:
        """(n,) each user's own position; nan for users without beauty. Dealing seats out anew moves all at once."""
        return np.where(np.isnan(self.beauty), np.nan, np.arange(len(self.beauty), dtype=np.float64))

    def seated(self, seats: Floats) -> "Standing":
        """The same users on other seats."""
        known = ~np.isnan(seats)
        taken = seats[known].astype(np.int64)
        beauty, photos = np.full(len(seats), np.nan), np.zeros(len(seats))
        beauty[known], photos[known] = self.beauty[taken], self.photos[taken]
        return Standing(beauty, photos)


def standing(links: Links, rows: pa.Table) -> Standing:
    """Users of a graph with the beauty that a table has of them.

    Args:
        links: The graph.
        rows: ``user_id``, ``beauty`` and ``photos``; users who are not in the graph are left out.
    """
    ids = rows["user_id"].to_numpy()
    place = np.searchsorted(links.users, ids)
    there = place < links.nodes
    there[there] = links.users[place[there]] == ids[there]
    beauty, photos = np.full(links.nodes, np.nan), np.zeros(links.nodes)
    beauty[place[there]] = rows["beauty"].to_numpy()[there]
    photos[place[there]] = rows["photos"].to_numpy()[there]
    return Standing(beauty, photos)


def mixing(links: Links, beauty: Floats) -> dict[str, float]:
    """Metrics of ``MIXING``; nan where a side does not vary."""
    return {
        "assortativity": assortativity(links, beauty),
        "assortativity_undirected": assortativity_of_pairs(links.pairs, beauty),
        "own_and_followees": pearson(beauty, mean_of_neighbours(links, beauty)),
    }


def photo_gap(links: Links, users: Standing) -> float:
    """Mean beauty of photos seen through links minus that of all photos; nan where nobody with photos is followed."""
    seen = links.in_degree * users.photos
    if not seen.sum() > 0:
        return float("nan")
    beauty = np.nan_to_num(users.beauty)
    return float(beauty @ seen / seen.sum() - beauty @ users.photos / users.photos.sum())


@dataclass(frozen=True)
class AgainstChance:
    """Every number beside both null models.

    Attributes:
        found: Null model -> (table, name) -> number beside it. Tables are ``mixing``, ``illusion`` and, of rich clubs,
            ``degree`` and ``beauty``, whose names are thresholds.
        members: (club, threshold) -> members.
    """

    found: Mapping[str, Mapping[tuple[str, str | float], AgainstNull]]
    members: Mapping[tuple[str, str | float], int]

    def rows(self, table: str, label: str) -> list[dict[str, Any]]:
        """Rows of a table: the name, in a column ``label``, ``null_model`` and the numbers; None where not defined."""
        return [
            {
                label: name,
                "null_model": null_model,
                "value": defined(beside.value),
                "null_mean": defined(beside.null_mean),
                "null_sd": defined(beside.null_sd),
                "null_lower": defined(beside.lower),
                "null_upper": defined(beside.upper),
                "z": defined(beside.z),
                "p_value": defined(beside.p_value),
                "draws": beside.draws,
            }
            for null_model, numbers in self.found.items()
            for (of, name), beside in numbers.items()
            if of == table
        ]


def hold_against_chance(links: Links, users: Standing, config: ChanceConfig) -> AgainstChance:
    """Measure mixing, majority illusion and rich clubs, and hold them against both null models."""
    degree = (links.in_degree + links.out_degree).astype(np.float64)
    clubs = {("degree", at): degree for at in thresholds(degree)}
    levels = thresholds(users.beauty)

    def statistics(graph: Links, seats: Floats) -> dict[Any, float]:
        world = users.seated(seats)
        return {
            **{("mixing", name): value for name, value in mixing(graph, world.beauty).items()},
            **{("illusion", name): value for name, value in illusion(graph, world.beauty).items()},
            ("illusion", "photo_gap_mean"): photo_gap(graph, world),
            **{club: club_density(graph, numbers, club[1]) for club, numbers in clubs.items()},
            **{("beauty", at): club_density(graph, world.beauty, at) for at in levels},
        }

    shuffles, rewirings = config.shuffles_of(links), config.rewirings_of(links)
    found: dict[str, Mapping[Any, AgainstNull]] = {
        SHUFFLED: against_shuffles(statistics, links, users.seats, shuffles, config.seed),
        REWIRED: against_rewirings(statistics, links, users.seats, rewirings, config.seed),
    }
    members: dict[tuple[str, str | float], int] = {club: int((degree >= club[1]).sum()) for club in clubs}
    members |= {("beauty", at): int((users.beauty >= at).sum()) for at in levels}
    return AgainstChance(found, members)


def rewiring_rows(links: Links, users: Standing, seed: int = 0) -> list[dict[str, Any]]:
    """Rows of ``rewiring_mixing``."""
    steps = mixing_curve(lambda graph: assortativity(graph, users.beauty), links, seed=seed)
    return [
        {
            "swaps_per_link": step["swaps_per_link"],
            "kept": step["kept"],
            "assortativity": defined(step["statistic"]),
        }
        for step in steps
    ]


def quality_of_users(rows: pa.Table) -> tuple[str, pa.Table]:
    """What stands in for beauty in a community without photos: ready-made quality from the source with most users.

    Args:
        rows: ``user_quality``.

    Returns:
        Name of the source, and ``user_id``, ``beauty`` and ``photos``, which are judgements.
    """
    import pyarrow.compute as pc

    sources = sorted(rows["source"].value_counts().to_pylist(), key=lambda row: (-row["counts"], row["values"]))
    source = sources[0]["values"]
    kept = rows.filter(pc.equal(rows["source"], source))
    return source, pa.table({"user_id": kept["user_id"], "beauty": kept["value"], "photos": kept["n"]})
