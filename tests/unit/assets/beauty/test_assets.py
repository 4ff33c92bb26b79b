import dagster as dg
import pytest

from assets.beauty.assets import _model_result


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
        "scores_with": "m-0",
        "preprocessing_hash": "p",
        "parameters": 1,
        "metrics": [{"name": "accuracy_low_high", "value": value, "n": 3, "lower": lower, "upper": value}],
        "curves": {"training loss": [1.0, 0.5]},
    }
    (check,) = _model_result(report).check_results
    assert (check.passed, check.severity) == (passed, severity)
    assert said in check.description
