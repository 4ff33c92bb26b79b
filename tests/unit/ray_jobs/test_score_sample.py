import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from assets.contracts.beauty import SCORES, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.lake import LakeError
from assets.contracts.requests import ScoreSample
from ray_jobs import photo_scorer
from ray_jobs.model_store import read_weights
from ray_jobs.photo_scorer import PhotoScorer
from ray_jobs.score_sample import run


def request(lake, media, ids, **values) -> ScoreSample:
    return ScoreSample(lake_uri=lake.uri, media_root=str(media), photo_ids=ids, zone="sample", **values)


def state(lake) -> dict[str, tuple[int, bytes]]:
    root = Path(lake.uri)
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def scored(monkeypatch) -> list[int]:
    """Ids of the photos that are scored from here on."""
    seen: list[int] = []
    score = PhotoScorer.__call__

    def noting(self, photos):
        seen.extend(photos["photo_id"].to_pylist())
        return score(self, photos)

    monkeypatch.setattr(photo_scorer.PhotoScorer, "__call__", noting)
    return seen


def test_run_writes_scores_beside_the_months(lake, media, add_photos, add_network):
    add_photos("2013-01", [1, 2, 3, 4], broken=(3,), bare=(4,))
    add_photos("2013-02", [5, 6])
    row = add_network()
    assert run(request(lake, media, [6, 5, 3, 4, 1, 6, 77])) == {
        "model_version": row["model_version"],
        "scored": 3,
        "kept": 0,
        "unscorable": 1,
        "absent": 2,
    }
    zone = lake.zone("sample")
    scores = zone.read(SCORES)
    assert zone.partitions(SCORES.key) == [row["model_version"]]
    assert scores["photo_id"].to_pylist() == [1, 5, 6]
    assert set(scores["preprocessing_hash"].to_pylist()) == {row["preprocessing_hash"]}
    ((lost, reason),) = [(r["photo_id"], r["reason"]) for r in zone.read(UNSCORABLE_PHOTOS).to_pylist()]
    assert (lost, reason) == (3, "empty")
    assert lake.partitions(SCORES.key) == []


def test_run_gives_the_scores_of_the_months(lake, media, add_photos, add_network):
    add_photos("2013-01", list(range(30)))
    row = add_network()
    alone = PhotoScorer(read_weights(lake, row), str(media), batch_size=7, decoders=1)
    run(request(lake, media, list(range(0, 30, 2)), batch_size=4))
    expected = alone(lake.read(PHOTOS).select(["photo_id", "uploaded_at", "uri"]))
    by_photo = dict(zip(expected["photo_id"].to_pylist(), expected["beauty"].to_pylist(), strict=True))
    found = lake.zone("sample").read(SCORES).to_pylist()
    assert len(found) == 15
    assert max(abs(row["beauty"] - by_photo[row["photo_id"]]) for row in found) < 1e-4


def test_run_private_photos_are_not_scored(lake, media, add_photos, add_network):
    add_photos("2013-01", [1, 2])
    rows = lake.read(PHOTOS).to_pylist()
    rows[0]["is_public"] = False
    lake.write(PHOTOS, "2013-01", pa.Table.from_pylist(rows, schema=PHOTOS.schema))
    add_network()
    assert run(request(lake, media, [1, 2]))["absent"] == 1


def test_run_keeps_what_the_zone_holds_unless_asked_for_fresh_scores(lake, media, add_photos, add_network, scored):
    add_photos("2013-01", [1, 2, 3, 4], broken=(2,))
    add_network()
    run(request(lake, media, [1, 2, 3], is_fresh=False))
    assert sorted(scored) == [1, 2, 3]
    scored.clear()
    found = run(request(lake, media, [1, 2, 4], is_fresh=False))
    assert (found["kept"], found["scored"], found["unscorable"]) == (1, 1, 1)
    assert sorted(scored) == [2, 4]
    assert lake.zone("sample").read(SCORES)["photo_id"].to_pylist() == [1, 4]
    scored.clear()
    assert run(request(lake, media, [1, 4]))["kept"] == 0
    assert sorted(scored) == [1, 4]


def test_run_scores_again_what_other_weights_have_scored(lake, media, add_photos, add_network, scored):
    add_photos("2013-01", [1, 2])
    for seed in (0, 1):
        row = add_network(seed=seed)
        run(request(lake, media, [1, 2], is_fresh=False))
    assert scored == [1, 2, 1, 2]
    assert len(lake.zone("sample").partitions(SCORES.key)) == 2
    assert row["model_version"] in lake.zone("sample").partitions(SCORES.key)


@pytest.mark.parametrize("is_fresh", [True, False])
def test_run_again_changes_no_byte(lake, media, add_photos, add_network, is_fresh):
    add_photos("2013-01", list(range(20)), broken=(3,))
    add_network()
    run(request(lake, media, list(range(20)), is_fresh=is_fresh))
    before = state(lake)
    run(request(lake, media, list(range(19, -1, -1)), is_fresh=is_fresh, batch_size=128))
    assert state(lake) == before


def test_run_with_nothing_left_to_score_imports_neither_ray_nor_torch(lake, media, add_photos, add_network):
    add_photos("2013-01", [1, 2])
    add_network()
    run(request(lake, media, [1, 2], is_fresh=False))
    asked = json.dumps(request(lake, media, [1, 2], is_fresh=False).to_dict())
    code = (
        "import sys, json; from ray_jobs.score_sample import run; from assets.contracts.requests import ScoreSample;"
        f"assert run(ScoreSample.from_dict(json.loads({asked!r})))['kept'] == 2;"
        "sys.exit(bool({'ray', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_run_refuses_what_it_cannot_do(lake, media, add_network):
    with pytest.raises(LakeError, match=r"no model \(newest\) in beauty_model"):
        run(request(lake, media, [1]))
    with pytest.raises(ValueError, match="batch_size is 0"):
        run(request(lake, media, [1], batch_size=0))
