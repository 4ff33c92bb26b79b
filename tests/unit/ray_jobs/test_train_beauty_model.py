import json
from contextlib import nullcontext
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from safetensors.torch import load, load_file

from assets.contracts.beauty import TRAINING_SET
from assets.contracts.lake import Lake
from assets.contracts.requests import TrainBeautyModel
from models.object_pretraining import object_config
from models.training_state import RunState
from models.weights import WeightsError, dump_weights
from ray_jobs import cluster, train_workers
from ray_jobs.beauty_trainer import model_config, sampled
from ray_jobs.model_store import find_model, model_rows, read_weights
from ray_jobs.train_beauty_model import run
from ray_jobs.train_workers import Worker

BUCKETS = ("low", "median", "high")


@pytest.fixture
def training_set(lake, media, add_photos):
    """Thirty flat photos; every fourth is for testing, and one training photo is broken."""
    add_photos("2013-01", list(range(30)), broken=(1,))
    rows = [
        {
            "photo_id": i,
            "user_id": i,
            "uploaded_at": datetime(2013, 1, 3, tzinfo=UTC),
            "uri": f"{i}.jpg",
            "metric": i / 30,
            "metric_source": "social_metric",
            "bucket": BUCKETS[i // 10],
            "split": "test" if i % 4 == 0 else "train",
        }
        for i in range(30)
    ]
    lake.write(TRAINING_SET, "undated", pa.Table.from_pylist(rows, schema=TRAINING_SET.schema))


@pytest.fixture
def trainings(monkeypatch):
    """Trains in this process, where the job would ask a Ray actor; counts how often."""
    counted = []

    def train(task, *, workers, gpus):
        counted.append(task.request)
        return task(Worker())

    monkeypatch.setattr(train_workers, "run_on_workers", train)
    monkeypatch.setattr(cluster, "ray_cluster", lambda gpus: nullcontext())
    return counted


def request(lake, media, **values) -> TrainBeautyModel:
    defaults = {"head": "classifier", "input_size": 32, "epochs": 1, "batch_size": 8, "baseline": False}
    return TrainBeautyModel(lake_uri=lake.uri, media_root=str(media), **{**defaults, **values})


def test_run_adds_a_model_that_its_row_describes(lake, media, training_set, trainings):
    result = run(request(lake, media))
    row = find_model(lake, "")
    assert result["trained"]
    assert row["model_version"] == f"alexnet_small-{row['weights_sha256'][:12]}" == result["model_version"]
    assert row["training_photos"] == 21
    assert len(read_weights(lake, row)) > 100_000
    metrics = {metric["name"]: metric for metric in json.loads(row["metrics"])}
    assert set(metrics) == {"accuracy_low_high", "spearman_with_metric"}
    assert metrics["spearman_with_metric"]["n"] == 8
    assert set(result["curves"]) == {"training loss"}


def test_run_again_returns_the_model_without_training(lake, media, training_set, trainings):
    first = run(request(lake, media))
    commit = lake.commit_of("beauty_model", "undated")
    again = run(request(lake, media))
    assert again == {**first, "trained": False}
    assert lake.commit_of("beauty_model", "undated") == commit
    assert len(trainings) == 1


def test_run_with_another_seed_adds_a_second_model(lake, media, training_set, trainings):
    run(request(lake, media))
    second = run(request(lake, media, seed=1))
    assert [row["sequence"] for row in model_rows(lake)] == [1, 2]
    assert second["sequence"] == 2


def test_run_trains_the_handcrafted_model_too(lake, media, training_set, trainings):
    result = run(request(lake, media, architecture="handcrafted", head="regressor"))
    assert result["model_version"].startswith("handcrafted-")
    assert result["parameters"] == 69


def test_run_needs_a_training_set(lake, media, trainings):
    with pytest.raises(ValueError, match=r"training_set of .* has no rows; materialize it"):
        run(request(lake, media))


def test_run_for_an_older_model_makes_it_score_again_without_training(lake, media, training_set, trainings):
    first, second = run(request(lake, media)), run(request(lake, media, seed=1))
    back = run(request(lake, media))
    assert back == {**first, "sequence": 3, "trained": False}
    assert find_model(lake, "")["model_version"] == back["model_version"] != second["model_version"]
    assert [row["sequence"] for row in model_rows(lake)] == [2, 3]
    assert len(trainings) == 2
    commit = lake.commit_of("beauty_model", "undated")
    assert run(request(lake, media)) == back
    assert lake.commit_of("beauty_model", "undated") == commit


def test_run_with_more_workers_or_another_rate_is_another_training(lake, media, training_set, trainings):
    for values in ({}, {"workers": 2}, {"backbone_rate": 0.5}):
        assert run(request(lake, media, **values))["trained"]
    assert [asked.workers for asked in trainings] == [1, 2, 1]


@pytest.fixture
def checkpoint(tmp_path, monkeypatch):
    """Weights of an untrained network that names objects, among the pulled checkpoints."""
    monkeypatch.setenv("BEAUTYFLOW_HOME", str(tmp_path))
    config = object_config("alexnet_small", 5, 32)
    file = tmp_path / "checkpoints" / "objects.safetensors"
    file.parent.mkdir()
    file.write_bytes(dump_weights(config.create_network(), config))
    return file


def test_run_starts_from_initial_weights(lake, media, training_set, trainings, checkpoint):
    asked = request(lake, media, initial=checkpoint.name, backbone_rate=0.0)
    first = run(asked)
    assert not run(asked)["trained"]
    content = load_file(checkpoint)
    trained = load(read_weights(lake, find_model(lake, "")))
    filters = [name for name in trained if name.startswith("features") and name.endswith("0.weight")]
    assert filters
    assert all(trained[name].equal(content[name]) for name in filters)
    assert trained["fc8.weight"].shape != content["fc8.weight"].shape
    # A file of the same name with other weights is another start.
    config = object_config("alexnet_small", 6, 32)
    checkpoint.write_bytes(dump_weights(config.create_network(), config))
    assert run(asked)["model_version"] != first["model_version"]


def test_run_refuses_weights_that_are_not_there_or_do_not_fit(lake, media, training_set, trainings, checkpoint):
    with pytest.raises(ValueError, match=r"no weights 'mine' to start from; .* has \['objects.safetensors'\]"):
        run(request(lake, media, initial="mine"))
    assert trainings == []
    with pytest.raises(WeightsError, match="initial weights are those of another network"):
        run(request(lake, media, initial=checkpoint.name, architecture="alexnet_quarter", input_size=67))


def test_run_goes_on_from_its_state_and_leaves_none(lake, media, training_set, trainings, monkeypatch):
    whole = run(request(lake, media, epochs=2, seed=5))["weights_sha256"]
    lake.drop("beauty_model", "undated")
    save, saved = Lake.put_bytes, []

    def die(self, name, content):
        save(self, name, content)
        saved.append(name)
        raise OSError("the machine went away")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "put_bytes", die)
        with pytest.raises(OSError, match="went away"):
            run(request(lake, media, epochs=2, seed=5))
    (state,) = saved
    assert state.startswith(".parts/train_beauty_model/")
    assert lake.get_bytes(state)
    loaded = []
    monkeypatch.setattr(RunState, "restore", lambda *args, restore=RunState.restore: loaded.append(1) or restore(*args))
    assert run(request(lake, media, epochs=2, seed=5))["weights_sha256"] == whole
    assert loaded
    assert lake.get_bytes(state) is None


def test_model_config_refuses_unknown_heads(lake, media):
    with pytest.raises(ValueError, match="no head 'ranker'"):
        model_config(request(lake, media, head="ranker"))


def test_run_trains_on_no_more_photos_than_asked(lake, media, training_set, trainings):
    assert run(request(lake, media, maximum_photos=9))["training_photos"] in (8, 9)


def test_sampled_draws_within_splits_and_repeats():
    rows = pa.table({"split": ["train"] * 10 + ["test"] * 5, "row": list(range(15))})
    drawn = sampled(rows, {"train": 4, "validation": 3, "test": 9}, seed=0)
    assert drawn["split"].to_pylist() == ["train"] * 4 + ["test"] * 5
    assert drawn["row"].to_pylist() == sorted(drawn["row"].to_pylist())
    assert drawn == sampled(rows, {"train": 4, "validation": 3, "test": 9}, seed=0)
    assert drawn != sampled(rows, {"train": 4, "validation": 3, "test": 9}, seed=1)


def test_run_with_head_auto_trains_both_on_the_same_photos_and_puts_the_winner_in_front(
    lake, media, training_set, trainings
):
    result = run(request(lake, media, head="auto"))
    assert [each.head for each in trainings] == ["classifier", "regressor"]
    comparison = result["comparison"]
    # Nobody is there to validate on, so the rule names the classifier.
    assert comparison["winner"] == result["head"] == find_model(lake, "")["head"] == "classifier"
    assert [row["head"] for row in model_rows(lake)] == ["regressor", "classifier"]
    assert {row["n"] for row in comparison["heads"] if row["name"] == "spearman_with_metric"} == {8}
    assert [row["name"] for row in comparison["difference"]] == ["accuracy_low_high", "spearman_with_metric"]
    commit = lake.commit_of("beauty_model", "undated")
    assert run(request(lake, media, head="auto")) == {**result, "trained": False}
    assert lake.commit_of("beauty_model", "undated") == commit
    assert len(trainings) == 2


def test_run_for_the_other_head_overrides_the_winner_without_training(lake, media, training_set, trainings):
    run(request(lake, media, head="auto"))
    chosen = run(request(lake, media, head="regressor"))
    assert (chosen["head"], chosen["trained"], "comparison" in chosen) == ("regressor", False, False)
    assert find_model(lake, "")["model_version"] == chosen["model_version"]
    back = run(request(lake, media, head="auto"))
    assert find_model(lake, "")["model_version"] == back["model_version"] != chosen["model_version"]
    assert len(trainings) == 2


def test_run_fits_the_baseline_to_the_same_photos_and_it_never_scores(lake, media, training_set, trainings):
    first = run(request(lake, media, baseline=True))
    baseline = first["baseline"]
    assert (baseline["architecture"], baseline["head"], baseline["sequence"]) == ("handcrafted", "regressor", 0)
    assert baseline["training_photos"] == first["training_photos"]
    assert {m["name"]: m["n"] for m in baseline["metrics"]} == {m["name"]: m["n"] for m in first["metrics"]}
    assert find_model(lake, "")["model_version"] == first["model_version"]
    # With other settings of the network it is the same baseline, and stays where it is.
    again = run(request(lake, media, baseline=True, epochs=2))
    assert again["baseline"] == baseline
    assert [row["sequence"] for row in model_rows(lake)] == [0, 1, 2]
    # Who asks for it as the network lets it score.
    chosen = run(request(lake, media, architecture="handcrafted", head="regressor", baseline=True))
    assert "baseline" not in chosen
    assert find_model(lake, "")["model_version"] == chosen["model_version"]
    # And a network that is trained then does not put it back behind all.
    other = run(request(lake, media, baseline=True, seed=3))
    places = {row["model_version"]: row["sequence"] for row in model_rows(lake)}
    assert places[chosen["model_version"]] > 0
    assert other["scores_with"] == model_rows(lake)[-1]["model_version"]


def test_the_baseline_of_the_present_labels_stands_behind_that_of_others(lake, media, training_set, trainings):
    first = run(request(lake, media, baseline=True))["baseline"]
    labels = lake.read(TRAINING_SET)
    lake.write(TRAINING_SET, "undated", labels.slice(0, 24))
    second = run(request(lake, media, baseline=True))["baseline"]
    assert first["model_version"] != second["model_version"]
    assert [row["model_version"] for row in model_rows(lake)][:2] == [second["model_version"], first["model_version"]]
    lake.write(TRAINING_SET, "undated", labels)
    back = run(request(lake, media, baseline=True))["baseline"]
    assert model_rows(lake)[0]["model_version"] == back["model_version"] == first["model_version"]
    commit = lake.commit_of("beauty_model", "undated")
    run(request(lake, media, baseline=True))
    assert lake.commit_of("beauty_model", "undated") == commit
