"""Rows of the tables of mixing, what their pages show, and what must be true of them."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from assets.contracts.mixing import (
    BEAUTY_BY_NEIGHBOURS,
    BEAUTY_MIXING,
    MAJORITY_ILLUSION,
    REWIRED,
    REWIRING_MIXING,
    RICH_CLUBS,
    SHUFFLED,
    USER_NEIGHBOURS,
)
from assets.network.against_chance import (
    ILLUSION,
    MIXING,
    AgainstChance,
    ChanceConfig,
    hold_against_chance,
    rewiring_rows,
    standing,
)
from assets.network.illusion import gap_by_covariance
from assets.network.links import Links
from assets.network.neighbours import curve_rows, neighbour_rows

Rows = Sequence[Mapping[str, Any]]
Bands = dict[str, dict[str, list[float]]]
Histogram = tuple[list[float], list[int], float]
_TITLES = {SHUFFLED: "shuffled beauty", REWIRED: "rewired links"}
_STILL_FALLING = 0.02
_LEAST_LINKS = 10
"""A club is drawn if chance gives it so many links."""


def mixing_tables(links: Links, users: pa.Table, month: date | None, config: ChanceConfig) -> dict[str, pa.Table]:
    """All tables of mixing by key.

    Args:
        links: The graph.
        users: ``user_id``, ``beauty`` and ``photos``.
        month: Of the graph.
        config: How many worlds are drawn.
    """
    people = standing(links, users)
    held = hold_against_chance(links, people, config)
    around = neighbour_rows(links, people.beauty)
    followees = around["beauty_of_followees"].to_numpy(zero_copy_only=False)
    rows = {
        BEAUTY_MIXING: _described(held, "mixing", MIXING),
        MAJORITY_ILLUSION: _described(held, "illusion", ILLUSION),
        RICH_CLUBS: [
            {**row, "club": club, "members": held.members[club, row["at_least"]]}
            for club in ("degree", "beauty")
            for row in held.rows(club, "at_least")
        ],
        REWIRING_MIXING: rewiring_rows(links, people, config.seed),
        BEAUTY_BY_NEIGHBOURS: curve_rows(around["beauty"].to_numpy(zero_copy_only=False), followees),
    }
    made = {contract.key: _table(contract.schema, found, month) for contract, found in rows.items()}
    months = pa.array([month] * around.num_rows, pa.date32())
    return {**made, USER_NEIGHBOURS.key: around.append_column("snapshot_month", months)}


def _described(held: AgainstChance, table: str, definitions: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{**row, "definition": definitions[row["metric"]]} for row in held.rows(table, "metric")]


def _table(schema: pa.Schema, rows: Rows, month: date | None) -> pa.Table:
    dated = {"snapshot_month": month} if "snapshot_month" in schema.names else {}
    return pa.Table.from_pylist([{**dated, **row} for row in rows], schema=schema)


def identity_gap(rows: Rows, around: pa.Table, people: pa.Table) -> float:
    """How far the gap over links is from the covariance that it equals; nan where one of the two is not defined.

    Args:
        rows: ``majority_illusion``.
        around: ``user_neighbours``; who is not in it is followed by nobody with beauty.
        people: ``user_id`` and ``beauty`` of the users of the graph who have it.
    """
    seen = people.join(around.select(["user_id", "followers_with_beauty"]), "user_id")
    followers = seen["followers_with_beauty"].fill_null(0).to_numpy()
    written = next((row["value"] for row in rows if row["metric"] == "link_gap_mean"), None)
    expected = gap_by_covariance(seen["beauty"].to_numpy(), followers)
    return float("nan") if written is None else abs(written - expected)


def beside_chance(rows: Rows, names: Sequence[str]) -> dict[str, dict[str, tuple[float, float | None, float | None]]]:
    """What ``intervals_figure`` draws: the community, and the middle 95 % of both null models, for some metrics."""
    shown = {(row["metric"], row["null_model"]): row for row in rows if row["metric"] in names}
    found: dict[str, dict[str, tuple[float, float | None, float | None]]] = {
        title: {} for title in ("community", *_TITLES.values())
    }
    for (name, null_model), row in shown.items():
        label = name.replace("_", " ")
        if row["value"] is not None:
            found["community"][label] = (row["value"], None, None)
        if row["null_mean"] is not None:
            found[_TITLES[null_model]][label] = (row["null_mean"], row["null_lower"], row["null_upper"])
    return found


def neighbour_curve(rows: Rows) -> Bands:
    """What ``bands_figure`` draws of ``beauty_by_neighbours``."""
    column = {name: [row[name] for row in rows] for name in ("beauty", "beauty_of_followees", "lower", "upper")}
    ends = {name: column[name] for name in ("lower", "upper")}
    return {"mean beauty of followees": {"x": column["beauty"], "y": column["beauty_of_followees"], **ends}}


def better_followed(rows: pa.Table) -> Histogram:
    """How much more beautiful those whom one follows are than oneself: edges, users, and the share who look up.

    Args:
        rows: ``user_neighbours``.
    """
    own, around = (rows[name].to_numpy(zero_copy_only=False) for name in ("beauty", "beauty_of_followees"))
    better = around - own
    better = better[~np.isnan(better)]
    reach = float(np.abs(better).max(initial=0)) or 1.0
    counts, edges = np.histogram(better, bins=40, range=(-reach, reach))
    return edges.tolist(), counts.tolist(), float((better > 0).mean()) if len(better) else 0.0


def forgetting_curves(rows: Rows) -> Bands:
    """What ``bands_figure`` draws of ``rewiring_mixing``."""
    steps = sorted(rows, key=lambda row: row["swaps_per_link"])
    swaps, unknown = [row["swaps_per_link"] for row in steps], [np.nan] * len(steps)
    shown = {"links in place": "kept", "Newman's r": "assortativity"}
    return {
        name: {"x": swaps, "y": [row[column] for row in steps], "lower": unknown, "upper": unknown}
        for name, column in shown.items()
    }


def club_curves(rows: Rows) -> Bands:
    """Normalised rich-club coefficients by share of members: density by that of rewired graphs."""
    found: Bands = {}
    for club in ("degree", "beauty"):
        held = [row for row in rows if row["club"] == club and row["null_model"] == REWIRED and _has_links(row)]
        found[f"club of the {'best linked' if club == 'degree' else 'most beautiful'}"] = {
            "x": [float(row["members"]) for row in held],
            "y": [row["value"] / row["null_mean"] for row in held],
            # What chance alone would make of the same ratio.
            "lower": [row["null_lower"] / row["null_mean"] for row in held],
            "upper": [row["null_upper"] / row["null_mean"] for row in held],
        }
    return found


def _has_links(row: Mapping[str, Any]) -> bool:
    pairs = row["members"] * (row["members"] - 1)
    return row["null_mean"] is not None and bool(row["null_mean"] * pairs >= _LEAST_LINKS)


def still_draws(rows: Rows) -> list[str]:
    """Metrics whose draws of a null model do not vary, of those that are defined."""
    return [f"{row['metric']} ({row['null_model']})" for row in rows if row["value"] is not None and not row["null_sd"]]


def broken_clubs(rows: Rows) -> list[str]:
    """Clubs of fewer than two members, or whose density is no share."""
    return [
        f"{row['club']} from {row['at_least']:g}"
        for row in rows
        if row["members"] < 2 or row["value"] is None or not 0 <= row["value"] <= 1
    ]


def is_mixed(rows: Rows) -> bool:
    """Whether the last doubling of swaps changed the share of links in place by no more than two percent of links."""
    kept = [row["kept"] for row in sorted(rows, key=lambda row: row["swaps_per_link"])]
    return len(kept) > 1 and bool(np.abs(kept[-1] - kept[-2]) <= _STILL_FALLING)


def unbalanced_neighbours(rows: pa.Table) -> str:
    """What is wrong with ``user_neighbours``; empty if every link that somebody sees is seen by somebody."""
    if not rows.num_rows:
        return "nobody with beauty has a neighbour"
    outside = rows["beauty"].is_null().to_numpy()
    seen, seeing = (
        rows[name].to_numpy()[~outside].sum() for name in ("followers_with_beauty", "followees_with_beauty")
    )
    return "" if seen == seeing else f"{seeing} links lead from users with beauty to such users, {seen} are led to"


def following_users(rows: pa.Table) -> int:
    """Users of ``user_neighbours`` with beauty who follow somebody with beauty."""
    known = [rows[name].is_valid().to_numpy() for name in ("beauty", "beauty_of_followees")]
    return int(np.logical_and(*known).sum())


def broken_cores(rows: Rows, users: int) -> str:
    """What is wrong with ``core_profiles``; empty if cores hold all users of the graph, and shares sum to 1."""
    held = sum(row["users"] for row in rows)
    if held != users or not users:
        return f"cores hold {held} users, the graph has {users}"
    for name in ("share_of_users", "share_of_favorites", "share_of_beautiful"):
        shares = [row[name] for row in rows if row[name] is not None]
        if shares and abs(sum(shares) - 1) > 1e-9:
            return f"{name} sums to {sum(shares)}"
    return ""


def said_of_mixing(rows: Rows) -> str:
    """Newman's r beside chance, in a sentence."""
    for row in rows:
        if row["metric"] == "assortativity" and row["null_model"] == REWIRED and row["z"] is not None:
            said = "alike" if row["z"] > 0 else "unlike"
            strength = "more than chance" if abs(row["z"]) > 1.96 else "no more than chance"
            numbers = f"r = {row['value']:.3f}, z = {row['z']:.1f} beside rewired links"
            return f"Users follow users {said} in beauty {strength}: {numbers}"
    return "Whether users follow users alike in beauty cannot be told: r is not defined"


def said_of_illusion(rows: Rows) -> str:
    """The majority illusion in a sentence."""
    value = {row["metric"]: row["value"] for row in rows}
    if value.get("link_gap_mean") is None:
        return "Nobody with beauty follows somebody with beauty"
    where = "more" if value["link_gap_mean"] > 0 else "less"
    return (
        f"Seen through links the community looks {where} beautiful by {abs(value['link_gap_mean']):.3f}; "
        f"{value['weak_above_platform']:.0%} of users see a mean above the platform's"
    )


def said_of_cores(found: Mapping[str, Mapping[str, Any]]) -> str:
    """How beauty and recognition go with the core, in a sentence."""
    parts = []
    for name, numbers in found.items():
        if not np.isnan(numbers["lower"]):
            parts.append(f"{name} {numbers['spearman']:.2f} ({numbers['lower']:.2f} to {numbers['upper']:.2f})")
    if not parts:
        return "too few users with beauty to tell"
    return "Spearman's correlation with the core number: " + ", ".join(parts)
