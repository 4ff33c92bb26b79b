"""Tails of degrees in the newest graph; what is fitted is in ``degree_fits.py``."""

import dagster as dg

from assets.contracts.network import DEGREE_FITS, USER_GRAPH_METRICS
from assets.contracts.provenance import code_version_of
from assets.figures import tail_figure
from assets.metadata import (
    OWNERS,
    check_result,
    contract_description,
    contract_metadata,
    markdown_table,
    not_made,
    picture,
)
from assets.network.degree_fits import SIDES, fit_rows, fitted_line
from assets.network.snapshots import first_day
from assets.network.summaries import degree_counts
from assets.resources import LakeResource
from assets.whole_tables import made_whole, unmade

_FITS = "tails_are_close_to_their_fit"
_FAR = 0.1


@dg.asset(
    key=DEGREE_FITS.key,
    deps=[USER_GRAPH_METRICS.key],
    group_name="network",
    kinds={"parquet"},
    owners=OWNERS,
    description=contract_description(DEGREE_FITS),
    metadata=contract_metadata(DEGREE_FITS),
    code_version=code_version_of("assets.network.degree_fits"),
    check_specs=[
        dg.AssetCheckSpec(
            _FITS,
            asset=DEGREE_FITS.key,
            description=f"Tail and fitted power law are nowhere further apart than {_FAR:g} in their shares; where "
            "they are, the exponent describes nothing.",
        )
    ],
)
def degree_fits(context: dg.AssetExecutionContext, lake: LakeResource) -> dg.MaterializeResult:
    """Is the tail of followers and followees a power law?"""
    store = lake.open()
    newest = store.partitions(USER_GRAPH_METRICS.key)[-1:]
    positions = store.read(USER_GRAPH_METRICS, newest, list(SIDES))
    fits = made_whole(
        context,
        store,
        DEGREE_FITS,
        store.fingerprints(USER_GRAPH_METRICS.key, newest),
        {},
        lambda: fit_rows(positions, first_day(newest[0]) if newest else None),
    ).to_pylist()
    if not fits:
        unmade(store, DEGREE_FITS)
        return not_made(DEGREE_FITS.key, "too few users have links, or all have as many", _FITS)
    lines = {row["side"]: fitted_line(row, positions[row["side"]].to_numpy()) for row in fits}
    far = [row["side"] for row in fits if row["distance"] > _FAR]
    said = ", ".join(f"{row['side']} {row['distance']:.3f}" for row in fits)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(fits),
            "finding": "; ".join(
                f"{row['side']}: exponent {row['exponent']:.2f} from {row['minimum']} on, {row['reading']}"
                for row in fits
            ),
            "tails": picture(
                tail_figure(
                    degree_counts(store, newest[0]),
                    f"Tails of degrees and their power laws, {newest[0]}",
                    "links",
                    "share with at least",
                    lines,
                )
            ),
            "fits": markdown_table(fits),
        },
        check_results=[check_result(DEGREE_FITS, _FITS, not far, f"largest differences: {said}")],
    )


ASSETS = [degree_fits]
