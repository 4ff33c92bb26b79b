from datetime import date

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest

from assets.contracts.network import DEGREE_FITS
from assets.network import degree_assets
from assets.network.degree_assets import degree_fits
from assets.network.degree_fits import fit_rows, fit_tail, fitted_line, reading
from assets.network.snapshots import SnapshotConfig, measure_snapshots
from assets.resources import LakeResource


@pytest.mark.parametrize("exponent", [2.1, 2.5, 3.0])
def test_fit_tail_finds_the_exponent_that_was_planted(exponent):
    found = fit_tail(np.random.default_rng(1).zipf(exponent, 20_000))
    assert abs(found["exponent"] - exponent) < 3 * found["standard_error"] + 0.02
    assert found["distance"] < 0.02
    assert found["reading"].endswith("a power law fits better than exponential")


def test_fit_tail_does_not_take_a_lognormal_for_a_power_law():
    found = fit_tail(np.ceil(np.random.default_rng(2).lognormal(3, 0.8, 20_000)).astype(int))
    assert found["against_lognormal"] < 0 or found["tail_users"] < 2_000
    everything = {**found, "against_lognormal": -4.0, "against_lognormal_p": 1e-4}
    assert reading(everything).startswith("lognormal fits better than a power law")


def test_reading_trusts_no_sign_with_a_large_p_value():
    row = {
        "against_lognormal": 2.0,
        "against_lognormal_p": 0.4,
        "against_exponential": None,
        "against_exponential_p": None,
    }
    said = "a power law and lognormal cannot be told apart; a power law and exponential cannot be told apart"
    assert reading(row) == said


def test_fitted_line_is_the_share_of_users_from_the_minimum_on():
    degrees = np.random.default_rng(3).zipf(2.5, 20_000)
    row = fit_tail(degrees)
    x, shares = fitted_line(row, degrees)
    assert x[0] == row["minimum"]
    assert shares[0] == pytest.approx(row["tail_users"] / len(degrees))
    for at, share in zip(x, shares, strict=True):
        assert share == pytest.approx((degrees >= at).mean(), abs=0.02)


def test_fit_rows_leave_out_sides_that_are_too_small_or_all_the_same():
    degrees = np.random.default_rng(4).zipf(2.5, 200)
    same = pa.table({"followers": degrees, "followees": np.full(200, 3)})
    rows = fit_rows(same, date(2016, 1, 1))
    assert rows["side"].to_pylist() == ["followers"]
    DEGREE_FITS.validate(rows)
    assert fit_rows(same.slice(0, 49), None).num_rows == 0


@pytest.fixture
def made(lake, put, at):
    def run(users):
        generator = np.random.default_rng(5)
        ends = np.minimum(generator.zipf(1.6, (1500, 2)), users)
        links = sorted({(int(a), int(b)) for a, b in ends if a != b})
        put(edges=[{"follower_id": a, "followee_id": b, "created_at": at("2016-02-03")} for a, b in links])
        measure_snapshots(lake, ["2016-02"], SnapshotConfig(distance_sources=5))
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize([degree_fits], resources={"lake": LakeResource(uri=lake.uri)}, instance=instance)

    return run


def test_degree_fits_show_tails_and_say_what_they_are(made, lake):
    result = made(119)
    (check,) = result.get_asset_check_evaluations()
    assert check.passed
    assert check.description.startswith("largest differences: followees 0.")
    (event,) = result.get_asset_materialization_events()
    assert {"tails", "finding", "fits"} <= set(event.materialization.metadata)
    assert set(lake.read(DEGREE_FITS)["side"].to_pylist()) <= {"followers", "followees"}


def test_a_tail_far_from_its_fit_is_a_warning(made, monkeypatch):
    monkeypatch.setattr(degree_assets, "_FAR", 0.0)
    (check,) = made(119).get_asset_check_evaluations()
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_without_links_nothing_is_fitted(lake):
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([degree_fits], resources={"lake": LakeResource(uri=lake.uri)}, instance=instance)
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, check.description) == (False, "too few users have links, or all have as many")
    assert lake.partitions(DEGREE_FITS.key) == []
