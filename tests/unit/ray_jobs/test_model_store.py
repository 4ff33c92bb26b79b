import json

import pytest

from assets.contracts.lake import LakeError
from ray_jobs.model_store import add_model, find_model, is_held_back, model_rows, read_weights


def test_add_model_counts_on_and_keeps_older_rows(lake, add_network):
    first, second = add_network(seed=0), add_network(seed=1)
    assert [row["sequence"] for row in model_rows(lake)] == [1, 2]
    assert find_model(lake, "")["model_version"] == second["model_version"]
    assert find_model(lake, first["model_version"]) == first


def test_add_model_moves_a_known_model_to_the_front(lake, add_network):
    first, _ = add_network(seed=0), add_network(seed=1)
    row = {name: value for name, value in first.items() if name != "sequence"}
    assert add_model(lake, row, code_version="", inputs={})["sequence"] == 3
    assert find_model(lake, "")["model_version"] == first["model_version"]


def _learnt(lake, row, lower, *, scores=True):
    metrics = json.dumps([{"name": "accuracy_low_high", "value": 0.6, "n": 9, "lower": lower, "upper": 0.9}])
    known = {name: value for name, value in row.items() if name != "sequence"}
    return add_model(lake, {**known, "metrics": metrics}, code_version="", inputs={}, scores=scores)


def test_a_model_no_better_than_a_coin_scores_only_where_none_is_better(lake, add_network):
    first, second, third = (add_network(seed=seed) for seed in range(3))
    for row in (first, second, third):
        _learnt(lake, row, 0.4)
    assert find_model(lake, "")["model_version"] == third["model_version"]
    _learnt(lake, first, 0.6)
    _learnt(lake, second, 0.5)
    assert [row["model_version"] for row in model_rows(lake)][-2:] == [third["model_version"], first["model_version"]]
    assert is_held_back(find_model(lake, second["model_version"]), model_rows(lake))
    _learnt(lake, second, None)  # too few photos to tell
    assert find_model(lake, "")["model_version"] == second["model_version"]


def test_a_baseline_scores_for_no_model_however_good_it_is(lake, add_network):
    baseline, network = add_network(seed=0), add_network(seed=1)
    _learnt(lake, baseline, 0.9, scores=False)
    _learnt(lake, network, 0.4)
    assert [row["sequence"] for row in model_rows(lake)] == [0, 1]
    assert find_model(lake, "")["model_version"] == network["model_version"]
    assert not is_held_back(find_model(lake, ""), model_rows(lake))


def test_find_model_without_any_says_so(lake):
    with pytest.raises(LakeError, match=r"no model \(newest\) in beauty_model .* there are \[\]"):
        find_model(lake, "")


def test_read_weights_refuses_lost_and_changed_weights(lake, add_network):
    row = add_network()
    lake.put_bytes(row["weights_uri"], b"changed")
    with pytest.raises(LakeError, match=f"recorded {row['weights_sha256']}"):
        read_weights(lake, row)
    with pytest.raises(LakeError, match="train the model again"):
        read_weights(lake, {**row, "weights_uri": "beauty_model/weights/none.safetensors"})
