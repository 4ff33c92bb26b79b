"""Training labels (Python) and recognition (dbt) count the same favorites against the same exposure."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from assets.beauty.scratch import scratch_database
from assets.beauty.social_metric import SocialMetricConfig, fit_social_metric
from assets.contracts.community import EDGES, FAVORITES, PHOTOS, USERS
from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.dbt.build import build_warehouse
from assets.dbt.query import run_query

USERS_COUNT = 25
START = datetime(2016, 1, 1, tzinfo=UTC)
DAYS = 200


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    home = tmp_path_factory.mktemp("agreement")
    settings = Settings(home, str(home / "lake"))
    lake, rng = Lake(settings.lake_uri), random.Random(5)
    _write(lake, USERS, "joined_at", [_user(i) for i in range(USERS_COUNT)])
    photos = [_photo(i, rng) for i in range(150)]
    _write(lake, PHOTOS, "uploaded_at", photos)
    _write(lake, EDGES, "created_at", _edges(rng))
    _write(lake, FAVORITES, "created_at", _favorites(photos, rng))
    build_warehouse(settings)
    return settings


def _write(lake, contract, time, rows):
    months = defaultdict(list)
    for row in rows:
        months[f"{row[time]:%Y-%m}" if row[time] else "undated"].append(row)
    for month, some in months.items():
        lake.write(contract, month, pa.Table.from_pylist(some, schema=contract.schema))


def _user(user_id):
    return {"user_id": user_id, "joined_at": START, "opted_in": True}


def _moment(rng):
    """On whole days, so that events often fall on the edge of a window or of a link."""
    return START + timedelta(days=rng.randrange(DAYS))


def _later(moment, rng, most):
    return None if rng.random() < 0.6 else moment + timedelta(days=rng.randrange(1, most))


def _photo(photo_id, rng):
    uploaded = _moment(rng) if rng.random() < 0.95 else None
    return {
        "photo_id": photo_id,
        "user_id": rng.randrange(USERS_COUNT),
        "uploaded_at": uploaded,
        "is_public": True,
        "uri": "",
        "deleted_at": uploaded + timedelta(days=10) if uploaded and rng.random() < 0.05 else None,
    }


def _edges(rng):
    """Some pairs have several links, dated and not, that overlap."""
    found = {}
    for _ in range(400):
        follower, followee = rng.sample(range(USERS_COUNT), 2)
        created = _moment(rng) if rng.random() < 0.8 else None
        found[follower, followee, created] = {
            "follower_id": follower,
            "followee_id": followee,
            "created_at": created,
            "removed_at": _later(created or START, rng, 60),
        }
    return list(found.values())


def _favorites(photos, rng):
    found = {}
    for _ in range(1500):
        photo, admirer = rng.choice(photos), rng.randrange(USERS_COUNT)
        uploaded = photo["uploaded_at"] or START
        given = uploaded + timedelta(days=rng.randrange(40)) if rng.random() < 0.95 else None
        found[admirer, photo["photo_id"]] = {
            "user_id": admirer,
            "photo_id": photo["photo_id"],
            "created_at": given,
            "removed_at": _later(given or START, rng, 40),
        }
    return list(found.values())


def test_labels_and_recognition_count_the_same(settings):
    with scratch_database() as connection:
        fit = fit_social_metric(connection, Lake(settings.lake_uri), SocialMetricConfig())
        labels = connection.execute(
            "select photo_id, favorites, followers, exposure from social_metric order by photo_id"
        ).fetchall()
    _, recognition = run_query(
        settings,
        "select photo_id, favorites_in_window, followers_at_upload, exposure from int_photos__recognition"
        " where is_window_complete order by photo_id",
    )
    _, public = run_query(settings, "select photos, public_exposure from int_community__public_exposure")
    assert fit is not None
    assert len(labels) > 80
    assert sum(favorites for _, favorites, _, _ in labels) > 200
    assert recognition == labels
    assert public == [(fit.photos, fit.public_exposure)]
    assert fit.public_exposure != 1
