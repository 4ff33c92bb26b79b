import dagster as dg
import pyarrow as pa
import pytest

from assets.contracts.community import USER_QUALITY
from assets.contracts.crowd import RATERS
from assets.contracts.lake import Lake
from assets.whole_tables import made_together, unmade

QUALITY = pa.table({"user_id": [1], "source": ["a"], "value": [0.5], "n": [3]})
PEOPLE = pa.table({"rater_id": [7]})


@pytest.fixture
def lake(tmp_path):
    return Lake(str(tmp_path))


@pytest.fixture
def make(lake):
    """Run a step that makes two tables; returns how often it computed them."""
    computed = []

    def run(inputs, config, code="1"):
        @dg.multi_asset(
            specs=[dg.AssetSpec(c.key, code_version=code) for c in (USER_QUALITY, RATERS)], name="two_tables"
        )
        def two_tables(context):
            def compute():
                computed.append(1)
                return {USER_QUALITY.key: QUALITY, RATERS.key: PEOPLE}

            rows = made_together(context, lake, (USER_QUALITY, RATERS), inputs, config, compute)
            assert rows[RATERS.key]["rater_id"].to_pylist() == [7]
            for contract in (USER_QUALITY, RATERS):
                yield dg.MaterializeResult(contract.key)

        with dg.DagsterInstance.ephemeral() as instance:
            assert dg.materialize([two_tables], instance=instance).success
        return len(computed)

    return run


def test_tables_are_made_again_only_with_news(make):
    assert make({"a": "1"}, {"seed": 0}) == 1
    assert make({"a": "1"}, {"seed": 0}) == 1
    assert make({"a": "2"}, {"seed": 0}) == 2
    assert make({"a": "2"}, {"seed": 1}) == 3
    assert make({"a": "2"}, {"seed": 1}, code="2") == 4


def test_a_table_that_is_lost_is_made_again_with_the_others(make, lake):
    make({}, {})
    unmade(lake, RATERS)
    assert lake.partitions(RATERS.key) == []
    assert make({}, {}) == 2
    assert lake.partitions(RATERS.key) == ["undated"]
