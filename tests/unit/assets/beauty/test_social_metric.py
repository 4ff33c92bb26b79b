from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from assets.beauty.scratch import scratch_database
from assets.beauty.social_metric import (
    SocialMetricConfig,
    SocialMetricFit,
    fit_social_metric,
    split_half_reliability,
)
from assets.contracts.lake import Lake
from assets.statistics.rank import spearman

At = Callable[[str], datetime]
Put = Callable[..., None]
GIVEN = SocialMetricConfig(public_exposure=2.0, exposure_floor=3.0)


def measure(lake: Lake, config: SocialMetricConfig = GIVEN) -> tuple[SocialMetricFit | None, dict[int, dict[str, Any]]]:
    with scratch_database() as connection:
        fit = fit_social_metric(connection, lake, config)
        if fit is None:
            return None, {}
        rows = connection.execute("select * from social_metric").to_arrow_table().to_pylist()
    return fit, {row["photo_id"]: row for row in rows}


def photo(photo_id: int, user_id: int | None, uploaded: datetime | None, **more: Any) -> dict[str, Any]:
    return {
        "photo_id": photo_id, "user_id": user_id, "uploaded_at": uploaded, "is_public": True, "uri": "a.jpg", **more
    }  # fmt: skip


def edge(follower: int, followee: int, created: datetime | None, removed: datetime | None = None) -> dict[str, Any]:
    return {"follower_id": follower, "followee_id": followee, "created_at": created, "removed_at": removed}


def favorite(user_id: int, photo_id: int, created: datetime, removed: datetime | None = None) -> dict[str, Any]:
    return {"user_id": user_id, "photo_id": photo_id, "created_at": created, "removed_at": removed}


@pytest.fixture
def end(at: At, put: Put) -> None:
    """Something that happens late, so that earlier windows are over: a favorite of an early photo."""
    put(photos=[photo(0, 1, at("2012-01-01"))], favorites=[favorite(9, 0, at("2013-12-31"))])


@pytest.mark.usefixtures("end")
def test_fit_social_metric_counts_followers_at_the_moment_of_upload(lake: Lake, at: At, put: Put) -> None:
    put(
        photos=[photo(1, 1, at("2013-04-10")), photo(2, 1, at("2013-06-10")), photo(3, 2, at("2013-06-11"))],
        edges=[
            edge(5, 1, at("2013-03-01")),
            edge(6, 1, at("2013-04-01"), at("2013-05-01")),
            edge(6, 1, at("2013-06-10")),
            edge(7, 1, at("2013-07-01")),
            edge(8, 1, None),
            edge(8, 1, at("2013-03-01")),
            edge(1, 5, at("2013-03-01")),
        ],
        favorites=[favorite(5, 1, at("2013-04-11")), favorite(9, 1, at("2013-12-31"))],
    )
    _, rows = measure(lake)
    assert {i: rows[i]["followers"] for i in (1, 2, 3)} == {1: 3, 2: 3, 3: 0}
    assert {i: rows[i]["exposure"] for i in (1, 2, 3)} == {1: 5, 2: 5, 3: 3}


@pytest.mark.usefixtures("end")
def test_fit_social_metric_counts_favorites_of_others_that_last_through_the_window(
    lake: Lake, at: At, put: Put
) -> None:
    put(
        photos=[photo(1, 1, at("2013-04-10"))],
        favorites=[
            favorite(1, 1, at("2013-04-11")),
            favorite(2, 1, at("2013-04-10")),
            favorite(3, 1, at("2013-05-10")),
            favorite(4, 1, at("2013-05-09T23:59")),
            favorite(5, 1, at("2013-04-12"), at("2013-04-13")),
            favorite(6, 1, at("2013-04-12"), at("2013-05-10")),
            favorite(9, 1, at("2013-12-31")),
        ],
    )
    _, rows = measure(lake)
    assert rows[1]["favorites"] == 3


def test_fit_social_metric_leaves_out_photos_without_a_whole_window(lake: Lake, at: At, put: Put) -> None:
    put(
        photos=[
            photo(1, 1, at("2013-04-10")),
            photo(2, 1, at("2013-12-01")),
            photo(3, 1, at("2013-12-02")),
            photo(4, 1, at("2013-04-10"), deleted_at=at("2013-04-20")),
            photo(5, 1, at("2013-04-10"), deleted_at=at("2013-07-20")),
            photo(6, 1, None),
            photo(7, None, at("2013-04-10")),
        ],
        favorites=[favorite(2, 1, at("2013-04-11")), favorite(2, 2, at("2013-12-31"))],
    )
    fit, rows = measure(lake)
    assert sorted(rows) == [1, 2]
    assert fit is not None
    assert (fit.photos, fit.favorites_per_photo) == (2, pytest.approx(1 / 2))


@pytest.mark.usefixtures("end")
def test_fit_social_metric_learns_what_the_public_is_worth(lake: Lake, at: At, put: Put) -> None:
    put(
        photos=[photo(1, 1, at("2013-04-10")), photo(2, 2, at("2013-04-10"))],
        edges=[edge(i, 1, at("2013-01-01")) for i in range(10, 18)],
        favorites=[
            *(favorite(i, 1, at("2013-04-12")) for i in (10, 11, 20)),
            *(favorite(i, 2, at("2013-04-12")) for i in (10, 20, 21)),
            favorite(9, 1, at("2013-12-31")),
        ],
    )
    fit, _ = measure(lake, SocialMetricConfig(exposure_floor=0.5))
    assert fit is not None
    per_follower, others_per_photo = 2 / 8, 4 / 3
    assert fit.public_exposure == pytest.approx(others_per_photo / per_follower)


def test_fit_social_metric_without_favorites_learns_nothing(lake: Lake, at: At, put: Put) -> None:
    assert measure(lake) == (None, {})
    put(photos=[photo(1, 1, at("2013-04-10"))])
    assert measure(lake) == (None, {})


@pytest.fixture
def unequal_community(at: At, put: Put) -> dict[int, float]:
    """Users with 0 to 60 followers and photos whose true rate has nothing to do with them; photo -> true rate."""
    rng = np.random.default_rng(3)
    photos, edges, favorites, truth = [], [], [], {}
    for user in range(60):
        edges += [edge(1000 + i, user, at("2013-01-01")) for i in range(user)]
        for k in range(8):
            number = 8 * user + k
            uploaded = at("2013-03-01") + timedelta(days=int(rng.integers(0, 80)))
            photos.append(photo(number, user, uploaded))
            truth[number] = float(rng.gamma(4.0, 0.05))
            received = rng.poisson(truth[number] * (user + 10))
            favorites += [favorite(1000 + i, number, uploaded + timedelta(days=1 + i % 28)) for i in range(received)]
    favorites.append(favorite(5000, 0, at("2013-12-31")))
    put(photos=photos, edges=edges, favorites=favorites)
    return truth


def test_fit_social_metric_ranks_by_rate_where_raw_favorites_rank_by_followers(
    lake: Lake, unequal_community: dict[int, float]
) -> None:
    fit, rows = measure(lake, SocialMetricConfig(public_exposure=10.0))
    assert fit is not None
    order = sorted(rows)
    truth = [unequal_community[i] for i in order]
    by_metric = spearman([rows[i]["metric"] for i in order], truth)
    by_favorites = spearman([rows[i]["favorites"] for i in order], truth)
    assert by_metric > by_favorites + 0.1
    assert by_metric > 0.7
    assert fit.prior.mean == pytest.approx(0.2, rel=0.1)
    assert fit.prior.shape == pytest.approx(4, rel=0.4)
    assert fit.spearman_followers == pytest.approx(0, abs=0.15)
    assert fit.spearman_raw_favorites_followers is not None
    assert fit.spearman_raw_favorites_followers > 0.5


def test_fit_social_metric_reports_reliability_that_grows_with_favorites(
    lake: Lake, unequal_community: dict[int, float]
) -> None:
    fit, rows = measure(lake, SocialMetricConfig(public_exposure=10.0))
    assert fit is not None
    assert len(rows) == len(unequal_community)
    assert sum(band.photos for band in fit.bands) == fit.photos
    assert [b.favorites_per_photo for b in fit.bands] == sorted(b.favorites_per_photo for b in fit.bands)
    assert [b.reliability for b in fit.bands] == sorted(b.reliability for b in fit.bands)
    for band in fit.bands:
        assert band.split_half == pytest.approx(band.reliability, abs=0.2)


def test_fit_social_metric_shrinks_little_exposure_most(lake: Lake, unequal_community: dict[int, float]) -> None:
    fit, rows = measure(lake, SocialMetricConfig(public_exposure=10.0))
    assert fit is not None
    row = rows[8 * 30]
    expected = (row["favorites"] + fit.prior.shape) / (row["exposure"] + fit.prior.exposure)
    assert row["metric"] == pytest.approx(expected)


def test_fit_social_metric_as_json_has_no_infinity(lake: Lake, at: At, put: Put) -> None:
    put(
        photos=[photo(i, 1, at("2013-04-10")) for i in range(4)],
        favorites=[favorite(2, i, at("2013-04-11")) for i in range(4)] + [favorite(3, 0, at("2013-12-01"))],
    )
    fit, _ = measure(lake)
    assert fit is not None
    assert fit.prior.variance == 0
    document = replace(fit, spearman_followers=None).to_dict()
    assert document["prior"] == {"shape": None, "exposure": None, "mean": pytest.approx(1 / 3)}


def test_split_half_reliability_recovers_the_model() -> None:
    rng = np.random.default_rng(1)
    exposure = np.full(50_000, 40.0)
    events = rng.poisson(exposure * rng.gamma(2.0, 0.05, 50_000))
    first = rng.binomial(events, 0.5).astype(float)
    assert split_half_reliability(first, events - first, exposure) == pytest.approx(40 / (40 + 20), abs=0.02)


def test_split_half_reliability_of_halves_that_do_not_vary_is_unknown() -> None:
    assert split_half_reliability(np.ones(5), np.arange(5.0), np.ones(5)) is None
