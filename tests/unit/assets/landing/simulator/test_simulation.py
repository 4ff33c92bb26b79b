"""Whole simulations: same bytes, no work for nothing, time order, sealed truth, and what a kill leaves."""

import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from assets.contracts.registry import all_contracts
from assets.landing.simulator import images, simulation
from assets.landing.simulator.config import ConfigError, SimulationConfig
from assets.landing.simulator.simulation import simulate

SMALL = SimulationConfig(users=200, months=12, images=False, rated_photos=60)
WITH_IMAGES = SimulationConfig(users=40, months=4, image_size=32, rated_photos=0)


def _digest(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    simulate(SMALL, home / "landing", home / "truth")
    return home


def _table(home: Path, name: str) -> pa.Table:
    return ds.dataset(home / "landing" / "simulated" / name).to_table()


def _micros(column: pa.ChunkedArray) -> np.ndarray:
    """Microseconds; the largest number where null."""
    return column.cast(pa.int64()).fill_null(2**62).to_numpy()


def test_simulate_gives_the_same_bytes_for_the_same_configuration(home: Path, tmp_path: Path) -> None:
    simulate(SMALL, tmp_path / "landing", tmp_path / "truth")
    assert _digest(tmp_path) == _digest(home)
    assert len(_digest(home)) > 80


def test_simulate_changes_with_the_seed(home: Path, tmp_path: Path) -> None:
    simulate(replace(SMALL, seed=8), tmp_path / "landing", tmp_path / "truth")
    here, there = _digest(tmp_path), _digest(home)
    assert here["landing/simulated/photos/2016-03.parquet"] != there["landing/simulated/photos/2016-03.parquet"]


def test_simulate_again_does_nothing_and_reports_the_same(tmp_path: Path) -> None:
    folders = tmp_path / "landing", tmp_path / "truth"
    first = simulate(WITH_IMAGES, *folders, workers=1)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    second = simulate(WITH_IMAGES, *folders, workers=1)
    assert (first.is_unchanged, second.is_unchanged) == (False, True)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == times
    assert (second.counts, second.comparisons) == (first.counts, first.comparisons)
    assert "reciprocity" in second.render()
    assert "already there, unchanged" in second.render()


def test_simulate_replaces_a_community_of_another_configuration(tmp_path: Path) -> None:
    folders = tmp_path / "landing", tmp_path / "truth"
    simulate(replace(SMALL, users=60, months=4), *folders)
    simulate(replace(SMALL, users=50, months=3), *folders)
    assert _table(tmp_path, "users").num_rows == 50
    assert sorted(p.name for p in (tmp_path / "landing").iterdir()) == ["simulated"]
    assert sorted(p.name for p in (tmp_path / "truth").iterdir()) == ["simulated"]


def test_simulate_leaves_the_last_good_state_when_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folders = tmp_path / "landing", tmp_path / "truth"
    config = replace(SMALL, users=60, months=4)
    simulate(config, *folders)
    before = _digest(tmp_path)

    def die(text: str) -> None:
        if text.startswith("2016-02"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(replace(config, seed=9), *folders, progress=die)
    visible = {name: sha for name, sha in _digest(tmp_path).items() if "/.simulated.part/" not in name}
    assert visible == before
    simulate(replace(config, seed=9), *folders)
    assert not list(tmp_path.rglob("*.part"))


def test_simulate_refuses_a_truth_inside_the_landing_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must not lie in the landing folder"):
        simulate(SMALL, tmp_path / "landing", tmp_path / "landing" / "truth")
    assert not (tmp_path / "landing").exists()


def test_every_landed_file_keeps_its_contract(home: Path) -> None:
    contracts = all_contracts()
    checked = set()
    for path in sorted((home / "landing" / "simulated").rglob("*.parquet")):
        name = path.stem if path.parent.name == "simulated" else path.parent.name
        table = pq.read_table(path)
        contracts[name].validate(table)
        event_time = contracts[name].event_time
        if event_time and table.num_rows:
            months = {str(m)[:7] for m in table.column(event_time).to_pylist()}
            assert months == {path.stem}, path
        checked.add(name)
    assert checked == {
        "users", "photos", "edges", "favorites", "group_memberships", "scores", "crowd_ratings", "raters"
    }  # fmt: skip


def test_keys_are_unique_over_all_months(home: Path) -> None:
    for name, key in {"photos": ["photo_id"], "favorites": ["user_id", "photo_id"], "users": ["user_id"],
                      "group_memberships": ["user_id", "group_id"],
                      "edges": ["follower_id", "followee_id", "created_at"]}.items():  # fmt: skip
        table = _table(home, name)
        assert table.num_rows > 100
        assert table.group_by(key).aggregate([([], "count_all")]).num_rows == table.num_rows


def test_time_runs_forwards(home: Path) -> None:
    users, photos, edges, favorites = (_table(home, n) for n in ("users", "photos", "edges", "favorites"))
    joined = np.zeros(SMALL.users + 1, dtype=np.int64)
    joined[users["user_id"].to_numpy()] = _micros(users["joined_at"])
    uploaded = np.zeros(photos.num_rows + 1, dtype=np.int64)
    photo_ids = photos["photo_id"].to_numpy()
    uploaded[photo_ids] = _micros(photos["uploaded_at"])
    assert (_micros(photos["uploaded_at"]) > joined[photos["user_id"].to_numpy()]).all()
    assert (_micros(photos["deleted_at"]) > _micros(photos["uploaded_at"])).all()
    created = _micros(edges["created_at"])
    assert (created > joined[edges["follower_id"].to_numpy()]).all()
    assert (created > joined[edges["followee_id"].to_numpy()]).all()
    assert (_micros(edges["removed_at"]) > created).all()
    given = _micros(favorites["created_at"])
    assert (given > uploaded[favorites["photo_id"].to_numpy()]).all()
    assert (given > joined[favorites["user_id"].to_numpy()]).all()
    assert (_micros(favorites["removed_at"]) > given).all()


def test_favorites_go_to_public_photos_of_others_that_are_still_there(home: Path) -> None:
    photos, favorites = _table(home, "photos").sort_by("photo_id"), _table(home, "favorites")
    position = favorites["photo_id"].to_numpy() - 1
    assert photos["is_public"].to_numpy(zero_copy_only=False)[position].all()
    assert (photos["user_id"].to_numpy()[position] != favorites["user_id"].to_numpy()).all()
    assert (_micros(favorites["created_at"]) < _micros(photos["deleted_at"])[position]).all()
    assert not photos["is_public"].to_numpy(zero_copy_only=False).all()


def test_nothing_of_the_truth_lands(home: Path) -> None:
    truth = ds.dataset(home / "truth" / "simulated" / "photos").to_table()
    joined = truth.join(_table(home, "scores"), "photo_id", join_type="inner")
    inside = (joined["beauty"].to_numpy() > 0) & (joined["beauty"].to_numpy() < 1)
    same = joined["beauty"].to_numpy() == joined["latent_beauty"].to_numpy().astype(np.float32)
    assert inside.sum() > 500
    assert same[inside].mean() < 0.001
    allowed = {("scores", "beauty"), ("raters", "track_record")}
    for path in sorted((home / "landing").rglob("*.parquet")):
        name = path.stem if path.parent.name == "simulated" else path.parent.name
        table = pq.read_table(path)
        filled = {c for c in table.column_names if table[c].null_count < table.num_rows}
        floats = {c for c in filled if pa.types.is_floating(table.schema.field(c).type)}
        assert {(name, c) for c in floats} <= allowed
    described = "".join(p.read_text() for p in (home / "landing").rglob("*.toml"))
    assert not [knob for knob in ("influence", "homophily", "seed", "talent") if knob in described]


def test_scores_are_latent_beauty_with_the_stated_noise(home: Path) -> None:
    truth = ds.dataset(home / "truth" / "simulated" / "photos").to_table()
    joined = truth.join(_table(home, "scores"), "photo_id", join_type="inner")
    error = joined["beauty"].to_numpy() - joined["latent_beauty"].to_numpy()
    assert len(error) > 500
    assert np.std(error) == pytest.approx(SMALL.score_noise, rel=0.1)
    assert set(joined["model_version"].to_pylist()) == {"ready-made-simulated"}


def test_ratings_follow_beauty_and_hold_gold_questions(home: Path) -> None:
    truth = ds.dataset(home / "truth" / "simulated" / "photos").to_table()
    ratings = _table(home, "crowd_ratings")
    assert ratings.num_rows == 60 * SMALL.raters_per_photo
    joined = ratings.join(truth, "photo_id", join_type="inner").to_pandas()
    means = joined.groupby("photo_id")[["rating", "latent_beauty"]].mean()
    assert means.corr(method="spearman").iloc[0, 1] > 0.6
    assert joined["is_gold"].any()
    assert (joined["gold_rating"].notna() == joined["is_gold"]).all()


def test_counterfactual_equals_the_factual_world_without_influence(tmp_path: Path) -> None:
    simulate(replace(SMALL, influence=0.0, months=6), tmp_path / "landing", tmp_path / "truth")
    truth = tmp_path / "truth" / "simulated"
    assert _digest(truth / "no_influence" / "photos") == _digest(truth / "photos")
    assert _digest(truth / "no_influence" / "user_months") == _digest(truth / "user_months")


def test_counterfactual_keeps_photos_aligned(home: Path) -> None:
    truth = home / "truth" / "simulated"
    key = ["user_id", "slot", "month"]
    frames = []
    for folder in (truth / "photos", truth / "no_influence" / "photos"):
        parts = [pq.read_table(p).to_pandas().assign(month=p.stem) for p in sorted(folder.glob("*.parquet"))]
        frames.append(pd.concat(parts).set_index(key)["latent_beauty"])
    both = frames[0].to_frame("with").join(frames[1].rename("without"), how="inner")
    assert len(both) > 0.8 * len(frames[0])
    difference = (both["with"] - both["without"]).abs()
    assert (difference == 0).any()  # nobody to be influenced by
    assert 0.005 < difference.mean() < 0.08


def test_truth_holds_planted_effects_and_talented_unseen_people(home: Path) -> None:
    truth = home / "truth" / "simulated"
    stored = json.loads((truth / "parameters.json").read_text())
    assert set(stored["planted_effects"]) == {"E1", "E2", "E3"}
    assert stored["planted_effects"]["E1"]["beauty_3"] > 0
    assert stored["knobs"]["influence"] == SMALL.influence
    unseen, users = pq.read_table(truth / "talented_unseen.parquet"), pq.read_table(truth / "users.parquet")
    assert 0 < unseen.num_rows < users.num_rows / 4
    assert min(unseen["public_photos"].to_pylist()) >= 5


def test_images_are_the_same_with_one_and_two_processes(tmp_path: Path) -> None:
    for workers in (1, 2):
        simulate(WITH_IMAGES, tmp_path / f"l{workers}", tmp_path / f"t{workers}", workers=workers)
    assert _digest(tmp_path / "l1") == _digest(tmp_path / "l2")
    photos = ds.dataset(tmp_path / "l1" / "simulated" / "photos").to_table()
    uris = photos["uri"].to_pylist()
    assert len(uris) > 20
    for uri in uris:
        shard, _, member = uri.partition("#")
        with tarfile.open(tmp_path / "l1" / shard) as tar:
            content = tar.extractfile(member)
            assert content is not None
            assert content.read(2) == b"\xff\xd8"


def test_images_carry_latent_beauty_category_and_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, str, int]] = []

    def render(batch: list[tuple[float, str, int]], size: int) -> list[bytes]:
        asked.extend(batch)
        return [f"{size}".encode()] * len(batch)

    monkeypatch.setattr(images, "render_batch", render)
    monkeypatch.setattr(simulation, "subject_categories", lambda: ("cat", "dog"))
    simulate(WITH_IMAGES, tmp_path / "landing", tmp_path / "truth", workers=1)
    truth = ds.dataset(sorted((tmp_path / "truth" / "simulated" / "photos").glob("*.parquet"))).to_table()
    assert [beauty for beauty, _, _ in asked] == truth["latent_beauty"].to_pylist()
    assert {category for _, category, _ in asked} == {"cat", "dog"}
    assert len({seed for _, _, seed in asked}) == len(asked)
    shard = next((tmp_path / "landing" / "simulated" / "images").glob("*.tar"))
    with tarfile.open(fileobj=io.BytesIO(shard.read_bytes())) as tar:
        member = tar.getmembers()[0]
        assert (member.mtime, member.uid, member.size) == (0, 0, 2)


def test_simulate_replaces_its_own_folder_and_says_so_but_no_other(home: Path, tmp_path: Path) -> None:
    landing, truth = tmp_path / "landing", tmp_path / "truth"
    theirs = landing / SMALL.name / "users.csv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("user_id,opted_in\n")
    with pytest.raises(ConfigError, match="was not simulated, so it is not replaced; choose another --name"):
        simulate(SMALL, landing, truth)
    assert theirs.read_text() == "user_id,opted_in\n"
    said: list[str] = []
    shutil.rmtree(landing)
    few = replace(SMALL, months=2)
    simulate(few, landing, truth, progress=said.append)
    assert not any("replaced" in line for line in said)
    simulate(replace(few, seed=8), landing, truth, progress=said.append)
    assert any("it will be replaced at the end" in line for line in said)
