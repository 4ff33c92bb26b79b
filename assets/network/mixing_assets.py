"""How beauty lies in the newest graph: mixing, majority illusion and rich clubs beside chance, and beauty by core.

What is measured is in ``against_chance.py``, ``neighbours.py`` and ``cores.py``, null models in ``nulls.py``. Beauty is
the plain mean b(i) of a user's photos; a community without photos has ready-made quality in its place.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow as pa
from pydantic import Field

from assets.contracts.community import USER_QUALITY
from assets.contracts.lake import Lake
from assets.contracts.mixing import (
    BEAUTY_BY_NEIGHBOURS,
    BEAUTY_MIXING,
    CORE_PROFILES,
    MAJORITY_ILLUSION,
    REWIRING_MIXING,
    RICH_CLUBS,
    USER_NEIGHBOURS,
)
from assets.contracts.network import USER_GRAPH_METRICS
from assets.contracts.provenance import code_version_of
from assets.contracts.table import TableContract
from assets.contracts.wording import counted
from assets.figures import bands_figure, histogram_figure, intervals_figure
from assets.marts import Marts
from assets.metadata import (
    OWNERS,
    contract_description,
    contract_metadata,
    markdown_table,
    not_made,
    picture,
    table_result,
    table_spec,
)
from assets.network.against_chance import BEAUTY_OF_USERS, ChanceConfig, quality_of_users
from assets.network.cores import RECOGNITION_OF_USERS, concentration, core_curves, core_rows
from assets.network.mixing_tables import (
    beside_chance,
    better_followed,
    broken_clubs,
    broken_cores,
    club_curves,
    following_users,
    forgetting_curves,
    identity_gap,
    is_mixed,
    mixing_tables,
    neighbour_curve,
    said_of_cores,
    said_of_illusion,
    said_of_mixing,
    still_draws,
    unbalanced_neighbours,
)
from assets.network.snapshots import first_day, snapshot
from assets.resources import LakeResource, WarehouseResource
from assets.whole_tables import made_together, made_whole, unmade

TABLES = (
    BEAUTY_MIXING,
    MAJORITY_ILLUSION,
    RICH_CLUBS,
    REWIRING_MIXING,
    USER_NEIGHBOURS,
    BEAUTY_BY_NEIGHBOURS,
)
_CODE = code_version_of(
    "assets.network.against_chance",
    "assets.network.assortativity",
    "assets.network.clubs",
    "assets.network.illusion",
    "assets.network.links",
    "assets.network.mixing_tables",
    "assets.network.neighbours",
    "assets.network.nulls",
    "assets.network.snapshots",
    "assets.statistics.intervals",
)
_DIFFERENT = "draws_of_null_models_are_different"
_COVARIANCE, _DENSITIES = "gap_is_a_covariance", "densities_are_shares"
_MIXED, _AROUND, _CURVE, _EVERYBODY = (
    "rewiring_is_mixed",
    "links_are_seen_from_both_ends",
    "bins_hold_whoever_follows",
    "cores_hold_everybody",
)
_BEAUTY = "beauty"
_IDENTITY = 1e-12
_GAPS = ("link_gap_mean", "link_gap_median", "user_gap_mean", "user_gap_median", "photo_gap_mean")

CHECKS = {
    BEAUTY_MIXING.key: (_DIFFERENT, "Numbers are defined, and draws of both null models differ from one another."),
    MAJORITY_ILLUSION.key: (
        _COVARIANCE,
        f"The gap over links is Cov(b, in-degree) / E[in-degree] among users with beauty, to {_IDENTITY:g}.",
    ),
    RICH_CLUBS.key: (_DENSITIES, "There are clubs, of two members or more, and their densities lie in [0, 1]."),
    REWIRING_MIXING.key: (_MIXED, "Twice as many swaps leave as many links in place, within two percent of links."),
    USER_NEIGHBOURS.key: (_AROUND, "Users with beauty see as many links among them as are seen of them."),
    BEAUTY_BY_NEIGHBOURS.key: (_CURVE, "Bins hold all users with beauty who follow somebody with beauty."),
}


class ChanceSettings(dg.Config):
    """How many worlds are drawn; the same values give the same numbers."""

    shuffles: int = Field(default=ChanceConfig.shuffles, ge=2, description="Deals of beauty, at most.")
    rewirings: int = Field(default=ChanceConfig.rewirings, ge=2, description="Rewired graphs, at most.")
    swaps: int = Field(
        default=ChanceConfig.swaps, ge=0, description="Swaps that all rewirings may cost; ten graphs are always drawn."
    )
    looks: int = Field(
        default=ChanceConfig.looks,
        ge=0,
        description="Links that all deals may look at; there are forty deals at least.",
    )
    seed: int = Field(default=ChanceConfig.seed, description="Seed of all draws.")


@dg.multi_asset(
    name="beauty_against_chance",
    specs=[
        table_spec(
            contract,
            "network",
            ["fct_user_beauty", USER_GRAPH_METRICS.key, USER_QUALITY.key],
            {"parquet", "networkit"},
            _CODE,
        )
        for contract in TABLES
    ],
    check_specs=[dg.AssetCheckSpec(name, asset=key, description=said) for key, (name, said) in CHECKS.items()],
)
def beauty_against_chance(
    context: dg.AssetExecutionContext, config: ChanceSettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Mixing, majority illusion and rich clubs of the newest graph, each beside shuffled beauty and rewired links."""
    store, marts = lake.open(), published.open()
    newest = store.partitions(USER_GRAPH_METRICS.key)[-1:]
    graph = store.read(USER_GRAPH_METRICS, newest, ["user_id", "followees"])
    has_links = bool(graph["followees"].to_numpy().any())
    attribute, users = _beauty(store, marts)
    if not has_links or not users.num_rows:
        reason = "no user has beauty or ready-made quality" if has_links else "there are no links between users"
        unmade(store, *TABLES)
        yield from (not_made(key, reason, check) for key, (check, _) in CHECKS.items())
        return
    month = newest[0]
    inputs = {
        "beauty_of_users": marts.fingerprint_of(BEAUTY_OF_USERS),
        **store.fingerprints(USER_QUALITY.key),
        **store.fingerprints(USER_GRAPH_METRICS.key, [month]),
    }
    chosen = config.model_dump()
    settings = ChanceConfig(**chosen)
    tables = made_together(
        context,
        store,
        TABLES,
        inputs,
        chosen,
        lambda: mixing_tables(snapshot(store, month), users, first_day(month), settings),
    )
    illusion = tables[MAJORITY_ILLUSION.key].to_pylist()
    people = users.join(graph, "user_id", join_type="inner")
    gap = identity_gap(illusion, tables[USER_NEIGHBOURS.key], people)
    yield from _mixing_results(tables, attribute)
    yield _illusion_result(illusion, attribute, gap)
    yield _clubs_result(tables[RICH_CLUBS.key], attribute)


def _beauty(store: Lake, marts: Marts) -> tuple[str, pa.Table]:
    """What users are compared by, and the table of it."""
    users = marts.read(BEAUTY_OF_USERS)
    if users.num_rows or not store.partitions(USER_QUALITY.key):
        return _BEAUTY, users
    source, quality = quality_of_users(store.read(USER_QUALITY))
    return f"quality by {source}", quality


def _source_of(attribute: str) -> str:
    """Where that attribute comes from: our scores of photos, or the lake's table of ready-made quality."""
    return "scores" if attribute == _BEAUTY else USER_QUALITY.key


def _mixing_results(tables: dict[str, pa.Table], attribute: str) -> Iterator[dg.MaterializeResult]:
    rows = tables[BEAUTY_MIXING.key].to_pylist()
    still = still_draws(rows)
    defined = sum(row["value"] is not None for row in rows)
    yield _result(
        BEAUTY_MIXING,
        len(rows),
        defined > 0 and not still,
        f"draws do not vary: {', '.join(still)}" if still else f"{counted(defined, 'number')} beside draws that vary",
        attribute=attribute,
        quality_source=_source_of(attribute),
        finding=said_of_mixing(rows),
        beside_chance=picture(
            intervals_figure(
                beside_chance(rows, list(dict.fromkeys(row["metric"] for row in rows))),
                f"Assortative mixing in {attribute}, beside chance",
                "correlation",
            )
        ),
        all=markdown_table(rows),
    )
    steps = tables[REWIRING_MIXING.key].to_pylist()
    yield _result(
        REWIRING_MIXING,
        len(steps),
        is_mixed(steps),
        "links in place after the last two numbers of swaps: " + ", ".join(f"{row['kept']:.1%}" for row in steps[-2:]),
        quality_source=_source_of(attribute),
        forgetting=picture(
            bands_figure(
                forgetting_curves(steps), "Rewiring forgets where it began", "swaps per link", logarithmic=True
            )
        ),
        links_in_place=markdown_table(steps),
    )
    around = tables[USER_NEIGHBOURS.key]
    wrong = unbalanced_neighbours(around)
    edges, counts, looking_up = better_followed(around)
    yield _result(
        USER_NEIGHBOURS,
        around.num_rows,
        not wrong,
        wrong or f"true of {counted(around.num_rows, 'user')}",
        quality_source=_source_of(attribute),
        finding=f"{looking_up:.0%} of users follow users of more {attribute} than their own, on average",
        better_followed=picture(
            histogram_figure(
                edges,
                counts,
                f"{looking_up:.0%} of users look up to whom they follow",
                f"{attribute} of whom one follows, less one's own",
            )
        ),
    )
    curve = tables[BEAUTY_BY_NEIGHBOURS.key].to_pylist()
    held, following = sum(row["users"] for row in curve), following_users(around)
    yield _result(
        BEAUTY_BY_NEIGHBOURS,
        len(curve),
        held == following > 0,
        f"bins hold {held} of {counted(following, 'user')}",
        quality_source=_source_of(attribute),
        curve=picture(bands_figure(neighbour_curve(curve), f"Whom users follow, by their own {attribute}", attribute)),
    )


def _illusion_result(rows: list[dict[str, Any]], attribute: str, gap: float) -> dg.MaterializeResult:
    shares = [name for name in dict.fromkeys(row["metric"] for row in rows) if name not in _GAPS]
    return _result(
        MAJORITY_ILLUSION,
        len(rows),
        gap <= _IDENTITY,
        f"both sides differ by {gap:.1e}",
        attribute=attribute,
        quality_source=_source_of(attribute),
        finding=said_of_illusion(rows),
        shares=picture(
            intervals_figure(beside_chance(rows, shares), f"Majority illusion in {attribute}, beside chance", "share")
        ),
        gaps=picture(
            intervals_figure(
                beside_chance(rows, _GAPS),
                f"How much better {attribute} looks than it is",
                f"difference in {attribute}",
            )
        ),
        all=markdown_table(rows),
    )


def _clubs_result(table: pa.Table, attribute: str) -> dg.MaterializeResult:
    rows = table.to_pylist()
    broken = broken_clubs(rows)
    return _result(
        RICH_CLUBS,
        len(rows),
        bool(rows) and not broken,
        f"no density: {', '.join(broken)}" if broken else f"true of {counted(len(rows), 'row')}",
        quality_source=_source_of(attribute),
        coefficients=picture(
            bands_figure(
                club_curves(rows),
                "Links within clubs, by what rewired links give (shade: chance)",
                "members",
                logarithmic=True,
            )
        ),
        all=markdown_table(rows),
    )


@dg.asset(
    key=CORE_PROFILES.key,
    deps=["fct_user_beauty", "fct_user_recognition", USER_GRAPH_METRICS.key, USER_QUALITY.key],
    group_name="network",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(CORE_PROFILES),
    metadata=contract_metadata(CORE_PROFILES),
    code_version=code_version_of(
        "assets.network.against_chance",
        "assets.network.cores",
        "assets.network.snapshots",
        "assets.statistics.intervals",
    ),
    check_specs=[
        dg.AssetCheckSpec(
            _EVERYBODY,
            asset=CORE_PROFILES.key,
            description="Cores hold every user of the newest graph once, and their shares sum to 1.",
        )
    ],
)
def core_profiles(
    context: dg.AssetExecutionContext, lake: LakeResource, published: WarehouseResource
) -> dg.MaterializeResult:
    """Is beauty spread evenly while recognition sits in small cores?"""
    store, marts = lake.open(), published.open()
    users, attribute = marts.read(RECOGNITION_OF_USERS), _BEAUTY
    if not users.num_rows:
        attribute, quality = _beauty(store, marts)
        users = quality.append_column("favorites", pa.nulls(quality.num_rows, pa.int64()))
    months = store.partitions(USER_GRAPH_METRICS.key)
    if not months or not users.num_rows:
        unmade(store, CORE_PROFILES)
        reason = "there is no graph" if not months else "no user has beauty or ready-made quality"
        return not_made(CORE_PROFILES.key, reason, _EVERYBODY)
    cores = store.read(USER_GRAPH_METRICS, months[-1:], ["user_id", "core"])
    inputs = {"recognition_of_users": marts.fingerprint_of(RECOGNITION_OF_USERS)}
    inputs |= store.fingerprints(USER_GRAPH_METRICS.key, months[-1:]) | store.fingerprints(USER_QUALITY.key)
    rows = made_whole(
        context, store, CORE_PROFILES, inputs, {}, lambda: core_rows(cores, users, first_day(months[-1]))
    ).to_pylist()
    wrong = broken_cores(rows, cores.num_rows)
    return _result(
        CORE_PROFILES,
        len(rows),
        not wrong,
        wrong or f"{counted(cores.num_rows, 'user')} in {counted(len(rows), 'core')}",
        quality_source=_source_of(attribute),
        finding=said_of_cores(concentration(cores, users)),
        profile=picture(bands_figure(core_curves(rows), "Beauty and recognition by k-core", "core number")),
        all=markdown_table(rows),
    )


def _result(contract: TableContract, rows: int, passed: bool, said: str, **metadata: Any) -> dg.MaterializeResult:
    check = _EVERYBODY if contract is CORE_PROFILES else CHECKS[contract.key][0]
    return table_result(contract, rows, {check: (passed, said)}, **metadata)


ASSETS = [beauty_against_chance, core_profiles]
