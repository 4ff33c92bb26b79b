"""The real data sets, with the counts that their READMEs and publications give."""

from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from assets.contracts.community import EDGES, GROUP_MEMBERSHIPS, PHOTOS, USER_QUALITY, USERS
from assets.contracts.crowd import CROWD_RATINGS
from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.landing.importers import ImportReport, import_source


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def bring_in(lake: Lake, source_format: str, path: Path) -> tuple[ImportReport, Lake]:
    report = import_source(source_format, path, name="real", lake=lake, landing_root=path.parent / "landing")
    return report, lake.zone("landed/real")


def counts(report: ImportReport) -> dict[str, tuple[int, Any]]:
    return {key: (table.landed, dict(table.rejected)) for key, table in report.tables.items()}


def test_oasis_lands_photos_and_their_ratings(reference_data: Path, lake: Lake) -> None:
    report, zone = bring_in(lake, "oasis", reference_data / "oasis")
    assert counts(report) == {
        "photos": (315, {}),
        "crowd_ratings": (61_236, {"no_image": 83_794}),
        "users": (0, {}),
    }
    photos, ratings = zone.read(PHOTOS), zone.read(CROWD_RATINGS)
    assert all(Path(uri).is_file() for uri in photos["uri"].to_pylist())
    assert photos["user_id"].null_count == 315
    assert (pc.min(ratings["rating"]).as_py(), pc.max(ratings["rating"]).as_py()) == (1, 7)
    rejected = zone.read(QUARANTINE, ["crowd_ratings"])
    assert set(rejected["reason"].to_pylist()) == {"no_image"}
    assert rejected.num_rows + ratings.num_rows == 145_030


def test_bitcoin_otc_lands_dated_links_and_ready_made_quality(reference_data: Path, lake: Lake) -> None:
    report, zone = bring_in(lake, "edge_list", reference_data / "bitcoin_otc" / "soc-sign-bitcoinotc.csv")
    assert counts(report) == {"edges": (35_592, {}), "user_quality": (5_858, {}), "users": (5_881, {})}
    months = report.tables["edges"].months
    assert (months[0], months[-1], len(months)) == ("2010-11", "2016-01", 63)
    quality = zone.read(USER_QUALITY)
    assert pc.sum(quality["n"]).as_py() == 35_592
    assert pc.min(quality["value"]).as_py() >= -10
    assert pc.max(quality["value"]).as_py() <= 10


def test_flickr_lands_both_directions_and_groups(reference_data: Path, lake: Lake) -> None:
    report, zone = bring_in(lake, "matlab_network", reference_data / "flickr_aane" / "Flickr.mat")
    assert counts(report) == {
        "edges": (2 * 239_738, {}),
        "group_memberships": (7_575, {}),
        "users": (7_575, {}),
    }
    assert pc.count_distinct(zone.read(GROUP_MEMBERSHIPS)["group_id"]).as_py() == 9
    edges = zone.read(EDGES)
    there = edges.select(["follower_id", "followee_id"])
    back = there.select(["followee_id", "follower_id"]).rename_columns(there.schema.names)
    order = [(name, "ascending") for name in there.schema.names]
    assert back.sort_by(order) == there.sort_by(order)


@pytest.mark.parametrize(
    ("source_format", "file", "users", "edges"),
    [
        ("edge_list", "Wiki-Vote.txt", 7_115, 103_689),
        ("metis", "karate.graph", 34, 2 * 78),
        ("metis", "jazz.graph", 198, 2 * 2_742),
        ("metis", "polblogs.graph", 1_490, 2 * 16_715),
    ],
)
def test_graphs_land_with_published_sizes(
    reference_data: Path, lake: Lake, source_format: str, file: str, users: int, edges: int
) -> None:
    report, zone = bring_in(lake, source_format, reference_data / "graphs" / file)
    assert counts(report) == {"edges": (edges, {}), "users": (users, {})}
    assert zone.read(USERS).num_rows == users
    assert import_source(
        source_format,
        reference_data / "graphs" / file,
        name="real",
        lake=lake,
        landing_root=reference_data / "graphs" / "landing",
    ).skipped
