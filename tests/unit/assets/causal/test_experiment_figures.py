"""Figures show what the rows of the tables say, and nothing of what is not known."""

from assets.causal.experiment_figures import bounds_shown, dropped_shown


def test_dropped_shown_are_shares_by_arm_and_reason():
    row = {"experiment": "some_cause", "arm": "treated", "reason": "nobody is near", "units": 3, "share": 0.3}
    rows = [row, {**row, "arm": "compared", "share": 0.1}, {**row, "reason": "unknown", "share": None}]
    assert dropped_shown(rows) == {
        "treated": {"some cause: nobody is near": (0.3, None, None)},
        "compared": {"some cause: nobody is near": (0.1, None, None)},
    }


def test_bounds_shown_rise_with_gamma_for_each_experiment():
    rows = [
        {"experiment": "a", "gamma": 2.0, "p_upper": 0.4},
        {"experiment": "a", "gamma": 1.0, "p_upper": 0.01},
        {"experiment": "b", "gamma": 1.0, "p_upper": None},
    ]
    assert bounds_shown(rows) == {"largest p-value": {"a": ([1.0, 2.0], [0.01, 0.4])}}
    assert bounds_shown([]) == {"largest p-value": {}}
