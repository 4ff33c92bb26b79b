import dagster as dg
import pytest

from assets.beauty.model_assets import _model_result


@pytest.mark.parametrize(
    ("value", "lower", "passed", "severity", "said"),
    [
        (0.9, 0.8, True, dg.AssetCheckSeverity.ERROR, "accuracy 0.90 (95 %: 0.80 to 0.90) on 3 low and high photos"),
        (0.6, 0.4, False, dg.AssetCheckSeverity.ERROR, "to learn from; m-0 goes on scoring"),
        (None, None, False, dg.AssetCheckSeverity.WARN, "3 low and high photos of unseen users are too few"),
    ],
)
def test_model_result_says_what_was_found_and_warns_where_too_few_photos_were_held_out(
    value, lower, passed, severity, said
):
    report = {
        "model_version": "m-1",
        "head": "classifier",
        "scores_with": "m-0",
        "preprocessing_hash": "p",
        "parameters": 1,
        "metrics": [{"name": "accuracy_low_high", "value": value, "n": 3, "lower": lower, "upper": value}],
        "curves": {"training loss": [1.0, 0.5]},
    }
    (check,) = _model_result(report).check_results
    assert (check.passed, check.severity) == (passed, severity)
    assert said in check.description


def metrics(value):
    return [{"name": "accuracy_low_high", "value": value, "n": 3, "lower": 0.1, "upper": 0.9}]


def test_model_result_holds_the_network_beside_the_baseline():
    report = {
        "model_version": "m-1",
        "head": "regressor",
        "scores_with": "m-1",
        "preprocessing_hash": "p",
        "parameters": 1,
        "metrics": metrics(0.8),
        "curves": {"training loss": [1.0, 0.5]},
    }
    assert "compared" not in _model_result(report).metadata
    report["baseline"] = {"model_version": "handcrafted-1", "metrics": metrics(0.7)}
    compared = _model_result(report).metadata["compared"].md_str
    network, baseline = compared.splitlines()[2:]
    assert "regressor" in network
    assert "0.8" in network
    assert "hand-crafted baseline" in baseline
    assert "0.7" in baseline
