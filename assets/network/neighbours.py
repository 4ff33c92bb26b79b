"""Beauty around users: what each one follows and is followed by, and how it goes with one's own."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from assets.network.assortativity import mean_around
from assets.network.links import Links
from assets.statistics.intervals import mean_with_t_interval

Floats = NDArray[np.float64]


def neighbour_rows(links: Links, beauty: Floats) -> pa.Table:
    """Rows of ``user_neighbours`` without the month: users with a neighbour who has beauty.

    Args:
        links: The graph.
        beauty: (n,) mean beauty of users; nan for those without.
    """
    followees, of_followees = mean_around(links.source, beauty[links.target], links.nodes)
    followers, of_followers = mean_around(links.target, beauty[links.source], links.nodes)
    kept = (followees + followers) > 0
    columns = {
        "user_id": links.users,
        "beauty": beauty,
        "followees_with_beauty": followees,
        "beauty_of_followees": of_followees,
        "followers_with_beauty": followers,
        "beauty_of_followers": of_followers,
    }
    return pa.table({name: pa.array(column[kept], from_pandas=True) for name, column in columns.items()})


def curve_rows(beauty: Floats, of_followees: Floats, bins: int = 10) -> list[dict[str, Any]]:
    """Rows of ``beauty_by_neighbours``: the curve k_nn of beauty (Pastor-Satorras et al. 2001, of degree).

    Args:
        beauty: (n,) own mean beauty; nan for users without.
        of_followees: (n,) mean beauty of followees; nan for users without.
        bins: Bins of equal size; fewer where users are fewer. Equally beautiful users may stand in two bins.
    """
    known = ~(np.isnan(beauty) | np.isnan(of_followees))
    order = np.argsort(beauty[known], kind="stable")
    own, around = beauty[known][order], of_followees[known][order]
    parts = np.array_split(np.arange(len(own)), min(bins, len(own))) if len(own) else []
    return [
        {
            "bin": number,
            "users": len(part),
            "beauty": float(own[part].mean()),
            **dict(zip(("beauty_of_followees", "lower", "upper"), mean_with_t_interval(around[part]), strict=True)),
        }
        for number, part in enumerate(parts, 1)
    ]
