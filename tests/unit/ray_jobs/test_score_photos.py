import subprocess
import sys

import pyarrow as pa
import pytest

from assets.contracts.beauty import BEAUTY_CALIBRATION, SCORES
from assets.contracts.lake import LakeError
from assets.contracts.requests import ScorePhotos
from ray_jobs import score_photos
from ray_jobs.model_store import read_weights
from ray_jobs.parts import part_bytes
from ray_jobs.photo_scorer import PhotoScorer
from ray_jobs.score_photos import run

MONTHS = ["2013-01", "2013-02", "2013-03"]


@pytest.fixture
def without_ray(monkeypatch, media):
    """Scores parts in this process, where the job would send them to actors; counts them."""
    sent = []

    def score(request, row, plans):
        scorer = PhotoScorer(read_weights(plans[0].lake, row), str(media), decoders=1)
        for plan in plans:
            for chunk in plan.pending_parts():
                sent.append(chunk.part)
                plan.lake.put_bytes(chunk.part, part_bytes(scorer(chunk.pending)))
            yield plan

    monkeypatch.setattr(score_photos, "_score", score)
    monkeypatch.setattr("ray_jobs.cluster.ray_cluster", lambda gpus: __import__("contextlib").nullcontext())
    return sent


def request(lake, media, **values) -> ScorePhotos:
    return ScorePhotos(lake_uri=lake.uri, media_root=str(media), **values)


def test_run_scores_all_months_once(lake, media, add_photos, add_network, without_ray):
    add_photos("2013-01", [1, 2, 3])
    add_photos("2013-02", [4, 5], broken=(5,))
    row = add_network()
    lines = []
    asked = request(lake, media, months=["2013-02", "2013-01", "2013-02"], part_photos=2)
    assert run(asked, lines.append) == {
        "model_version": row["model_version"],
        "scored": 4,
        "unscorable": 1,
        "months": ["2013-01", "2013-02"],
        "recalibrated": [],
    }
    assert "2013-02: 1 photos scored, 1 unscorable" in lines
    assert len(without_ray) == 3
    assert run(asked)["months"] == []
    assert len(without_ray) == 3


def test_run_deletes_parts_that_a_job_killed_after_it_published_has_left(
    lake, media, add_photos, add_network, without_ray
):
    add_photos("2013-01", [1, 2])
    add_network()
    run(request(lake, media, months=["2013-01"]))
    lake.put_bytes(without_ray[0], b"left")
    assert run(request(lake, media, months=["2013-01"]))["months"] == []
    assert lake.get_bytes(without_ray[0]) is None


def test_run_looks_again_at_unscorable_photos_when_asked(lake, media, add_photos, add_network, without_ray):
    add_photos("2013-01", [1, 2], broken=(2,))
    add_network()
    run(request(lake, media, months=["2013-01"]))
    (media / "2.jpg").write_bytes((media / "1.jpg").read_bytes())
    assert run(request(lake, media, months=["2013-01"]))["scored"] == 0
    assert run(request(lake, media, months=["2013-01"], retry_unscorable=True))["scored"] == 1


def test_run_plans_again_when_another_job_takes_its_parts(
    lake, media, add_photos, add_network, monkeypatch, without_ray
):
    add_photos("2013-01", [1, 2])
    add_network()
    original = score_photos._score
    overtaken = []

    def score_and_be_overtaken(asked, row, plans):
        for plan in original(asked, row, plans):
            if not overtaken:
                overtaken.append(plan.month)
                plan.publish()
                plan.lake.drop("scores", plan.month)
            yield plan

    monkeypatch.setattr(score_photos, "_score", score_and_be_overtaken)
    assert run(request(lake, media, months=["2013-01"]))["scored"] == 2
    assert overtaken == ["2013-01"]


def put_calibration(lake, version: str, half_width: float) -> None:
    numbers = dict.fromkeys(("level", "ratings_per_photo", "squared_error_raw", "squared_error", "coverage"), 0.5)
    counts = dict.fromkeys(("photos", "fit_photos", "conformal_photos"), 1)
    knots = {"knots_beauty": [0.0, 1.0], "knots_calibrated": [0.5, 0.5], "half_width": half_width}
    row = {"model_version": version, **knots, **numbers, **counts}
    lake.write(BEAUTY_CALIBRATION, "undated", pa.Table.from_pylist([row], schema=BEAUTY_CALIBRATION.schema))


def test_run_brings_a_new_calibration_to_all_months_without_scoring(lake, media, add_photos, add_network, without_ray):
    for number, month in enumerate(MONTHS):
        add_photos(month, [3 * number, 3 * number + 1, 3 * number + 2], broken=(3 * number,))
    row = add_network()
    run(request(lake, media, months=MONTHS))
    for half_width in (0.25, 0.125):
        put_calibration(lake, row["model_version"], half_width)
        without_ray.clear()
        found = run(request(lake, media, months=["2013-02"]))
        assert (found["scored"], found["months"], found["recalibrated"]) == (0, [], MONTHS)
        assert without_ray == []
        assert set(lake.read(SCORES)["upper"].to_pylist()) == {0.5 + half_width}
        assert run(request(lake, media, months=["2013-02"]))["recalibrated"] == []


def test_run_names_the_models_there_are(lake, media, add_network):
    row = add_network()
    with pytest.raises(LakeError, match=f"no model alexnet-1 in beauty_model.*{row['model_version']}"):
        run(request(lake, media, months=[], model_version="alexnet-1"))


def test_run_refuses_parts_without_photos(lake, media):
    with pytest.raises(ValueError, match="part_photos is 0"):
        run(request(lake, media, months=[], part_photos=0))


def test_run_without_news_imports_neither_ray_nor_torch(lake, media, add_network):
    add_network()
    code = (
        "import sys; from ray_jobs.score_photos import run; from assets.contracts.requests import ScorePhotos;"
        f"run(ScorePhotos(lake_uri={lake.uri!r}, media_root='', months=['2013-01']));"
        "sys.exit(bool({'ray', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
