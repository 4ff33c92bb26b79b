import pyarrow as pa
import pytest

from assets.causal.analysis import analyse
from assets.causal.design import Design, Experiment


@pytest.mark.parametrize("replacement", [True, False])
def test_everyone_left_out_has_the_reason_that_applies(replacement):
    """By hand: x decides who is near; group c has treated only, group d controls only."""
    rows = [("a", 1, 0.0), ("a", 1, 0.2), ("a", 0, 0.1), ("b", 1, 0.0), ("b", 0, 9.0), ("c", 1, 0.0), ("d", 0, 0.0)]
    group, treated, x = zip(*rows, strict=True)
    table = pa.table({"group": group, "treated": treated, "x": x, "y": [1.0] * len(rows)})
    design = Design(metric="inverse_variance", calipers=(("x", 1.0),), replacement=replacement, variance_matches=0)
    result = analyse(table, Experiment("e", "treated", "y", ("x",), exact=("group",)), design)
    found = {(row.arm, row.reason): row.count for row in result.matched.dropped}
    expected = {
        ("treated", "nobody of the other arm is in the stratum"): 1,
        ("treated", "nobody of the other arm is within the calipers"): 1,
        ("treated", "everyone within reach was matched to another unit"): 0 if replacement else 1,
        ("control", "nobody of the other arm is in the stratum"): 1,
        ("control", "not among the nearest of any unit"): 1,
    }
    assert found == {reason: count for reason, count in expected.items() if count}
