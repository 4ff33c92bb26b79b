"""How unequal users are, and what goes with what over them.

The arithmetic stands in ``inequality.py`` and ``correlations.py``. Each table is written whole, and left alone where
marts, configuration and code are those of the last run.
"""

from collections.abc import Iterator

import dagster as dg
from pydantic import Field

from assets.contracts.provenance import code_version_of
from assets.contracts.users_results import INEQUALITY, LORENZ_CURVES, USER_CORRELATIONS
from assets.contracts.wording import counted
from assets.figures import heat_map_figure, intervals_figure, lines_figure
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
from assets.resources import LakeResource, WarehouseResource
from assets.users.correlations import (
    PAIRS,
    broken_correlations,
    constant_measures,
    correlation_rows,
    matrix,
    miscounted_pairs,
    said_of_correlations,
)
from assets.users.inequality import (
    AREA_TOLERANCE,
    InequalityConfig,
    broken_curves,
    broken_statistics,
    disagreeing_areas,
    held_quantities,
    inequality_tables,
    said_of_inequality,
    shown_curves,
    shown_ginis,
)
from assets.users.measures import MEASURES_OF_USERS, READ_MARTS
from assets.whole_tables import made_together, made_whole, unmade

_NESTED, _AREA, _CONVEX = "shares_are_nested", "gini_is_the_area_of_its_curve", "curves_lie_under_the_diagonal"
_ONCE, _INSIDE = "pairs_of_measures_occur_once", "correlations_lie_in_their_intervals"
_NOBODY = "there are no users"
_NOTHING = "no user has beauty, followers, favorites or photos that could be spread unequally"
_INEQUALITY_CODE = code_version_of("assets.users.inequality", "assets.users.measures", "assets.statistics")

_INEQUALITY_CHECKS = (
    (
        INEQUALITY,
        _NESTED,
        "The top percent holds no more than the top tenth, and no less than its number; values lie in their intervals.",
    ),
    (
        INEQUALITY,
        _AREA,
        f"The Gini coefficient is twice the area above its curve, to {AREA_TOLERANCE:g}, since curves are thinned.",
    ),
    (LORENZ_CURVES, _CONVEX, "Lorenz curves run from 0 to 1, under the diagonal, and get steeper."),
)


class InequalitySettings(dg.Config):
    """How intervals are made; the same values give the same numbers."""

    resamples: int = Field(default=InequalityConfig.resamples, ge=2, description="Bootstrap resamples of users.")
    seed: int = Field(default=InequalityConfig.seed, description="Seed of the resamples.")


@dg.multi_asset(
    name="inequality",
    specs=[
        table_spec(contract, "users", READ_MARTS, {"parquet"}, _INEQUALITY_CODE)
        for contract in (INEQUALITY, LORENZ_CURVES)
    ],
    check_specs=[
        dg.AssetCheckSpec(name, asset=contract.key, description=said) for contract, name, said in _INEQUALITY_CHECKS
    ],
)
def inequality(
    context: dg.AssetExecutionContext, config: InequalitySettings, lake: LakeResource, published: WarehouseResource
) -> Iterator[dg.MaterializeResult]:
    """Is recognition more unequal than beauty?"""
    store, marts = lake.open(), published.open()
    users = marts.read(MEASURES_OF_USERS)
    if not held_quantities(users):
        reason = _NOTHING if users.num_rows else _NOBODY
        unmade(store, INEQUALITY, LORENZ_CURVES)
        yield not_made(INEQUALITY.key, reason, _NESTED, _AREA)
        yield not_made(LORENZ_CURVES.key, reason, _CONVEX)
        return
    chosen = config.model_dump()
    tables = made_together(
        context,
        store,
        (INEQUALITY, LORENZ_CURVES),
        {"measures_of_users": marts.fingerprint_of(MEASURES_OF_USERS)},
        chosen,
        lambda: inequality_tables(users, InequalityConfig(**chosen)),
    )
    rows, curves = (tables[contract.key].to_pylist() for contract in (INEQUALITY, LORENZ_CURVES))
    yield table_result(
        INEQUALITY,
        len(rows),
        {
            _NESTED: _all_but(broken_statistics(rows), len(rows)),
            _AREA: _all_but(disagreeing_areas(rows, curves), len(rows)),
        },
        finding=said_of_inequality(rows),
        gini=picture(intervals_figure({"gini": shown_ginis(rows)}, "Gini coefficients", "0: all the same", (0.0, 1.0))),
        all=markdown_table(rows),
    )
    yield table_result(
        LORENZ_CURVES,
        len(curves),
        {_CONVEX: _all_but(broken_curves(curves), len(curves))},
        curves=picture(
            lines_figure(
                shown_curves(rows, curves), "How unequally users hold what there is", "share of users", "share held"
            )
        ),
    )


@dg.asset(
    key=USER_CORRELATIONS.key,
    deps=list(READ_MARTS),
    group_name="users",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(USER_CORRELATIONS),
    metadata=contract_metadata(USER_CORRELATIONS),
    code_version=code_version_of("assets.users.correlations", "assets.users.measures", "assets.statistics"),
    check_specs=[
        dg.AssetCheckSpec(
            _ONCE,
            asset=USER_CORRELATIONS.key,
            description="Every pair of measures is there once, over the users who have both.",
        ),
        dg.AssetCheckSpec(
            _INSIDE,
            asset=USER_CORRELATIONS.key,
            description="Correlations lie in their intervals, and these between -1 and 1.",
        ),
    ],
)
def user_correlations(
    context: dg.AssetExecutionContext, lake: LakeResource, published: WarehouseResource
) -> dg.MaterializeResult:
    """Does beauty go with recognition, with links, with activity?"""
    store, marts = lake.open(), published.open()
    users = marts.read(MEASURES_OF_USERS)
    if not users.num_rows:
        unmade(store, USER_CORRELATIONS)
        return not_made(USER_CORRELATIONS.key, _NOBODY, _ONCE, _INSIDE)
    inputs = {"measures_of_users": marts.fingerprint_of(MEASURES_OF_USERS)}
    rows = made_whole(context, store, USER_CORRELATIONS, inputs, {}, lambda: correlation_rows(users)).to_pylist()
    names, values, clear = matrix(rows)
    miscounted = miscounted_pairs(rows, users)
    return table_result(
        USER_CORRELATIONS,
        len(rows),
        {
            _ONCE: (not miscounted, ", ".join(miscounted) or f"true of {counted(len(PAIRS), 'pair')}"),
            _INSIDE: _all_but(broken_correlations(rows), len(rows)),
        },
        finding=said_of_correlations(rows),
        left_out=", ".join(constant_measures(rows)) or "nothing",
        matrix=picture(
            heat_map_figure(
                names[1:],
                names[:-1],
                [row[:-1] for row in values[1:]],
                "Spearman's correlation over users (grey: the interval covers 0)",
                reach=1.0,
                clear=[row[:-1] for row in clear[1:]],
            )
        ),
        all=markdown_table(rows),
    )


def _all_but(broken: list[str], rows: int) -> tuple[bool, str]:
    """Whether nothing is broken among rows of which there are some, and what to say."""
    if not rows:
        return False, "there is nothing to look at"
    return not broken, f"not true of {', '.join(broken)}" if broken else f"true of {counted(rows, 'row')}"


ASSETS = [inequality, user_correlations]
