"""Names and descriptions of tables, columns and checks."""

import dataclasses
import re
from pathlib import Path

import pyarrow as pa
import pytest

from assets.contracts.registry import all_contracts
from assets.contracts.table import UTC_TIMESTAMP, Column, Reference, TableContract

PROJECT_ROOT = Path(__file__).resolve().parents[2]
SNAKE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# The public name of the column in every source, kept so that datasets fit without renaming.
BOOLEANS_WITHOUT_PREFIX = {"opted_in"}
STATEMENT = re.compile(
    r"_(is|are|was|were|has|have|separate|separates|do|does|not|no|only|obey|obeys|keep|keeps|match|matches|agree|agrees|cover|covers|"
    r"sum|sums|add|adds|count|counts|exist|exists|occur|occurs|join|joined|come|comes|precede|precedes|follow|follows|"
    r"stay|stays|grow|grows|rise|rises|pass|passes|equal|equals|reach|reaches|belong|belongs|hold|holds|contain|contains|"
    r"lie|lies|fit|fits|can|must|never|always)(_|$)"
)


def column_breaches(table: str, column: Column) -> list[str]:
    """What is wrong with one column, as sentences."""
    where, name = f"{table}.{column.name}", column.name
    rules = {
        "is not snake_case": SNAKE.fullmatch(name),
        "has no description that ends with a full stop": len(column.description) > 4 and column.description[-1] == ".",
        "is a timestamp that does not end with _at": not pa.types.is_timestamp(column.type) or name.endswith("_at"),
        "ends with _at and is no timestamp in UTC": not name.endswith("_at") or column.type == UTC_TIMESTAMP,
        "ends with _id and is no int64": not name.endswith("_id") or column.type == pa.int64(),
        "is a boolean that does not start with is_ or has_": not pa.types.is_boolean(column.type)
        or name.startswith(("is_", "has_"))
        or name in BOOLEANS_WITHOUT_PREFIX,
        "starts with is_ or has_ and is no boolean": not name.startswith(("is_", "has_"))
        or pa.types.is_boolean(column.type),
        "has a unit that is not its suffix": column.unit is None or name.endswith(f"_{column.unit}"),
    }
    return [f"{where} {complaint}" for complaint, fine in rules.items() if not fine]


def table_breaches(contract: TableContract, contracts: dict[str, TableContract]) -> list[str]:
    """What is wrong with one contract, as sentences."""
    names = contract.schema.names
    rules = {
        "is not snake_case": SNAKE.fullmatch(contract.key),
        "has no description": contract.description.strip(),
        "has no grain": contract.grain.startswith("one row per "),
        "has a primary key that is no column": contract.primary_key and set(contract.primary_key) <= set(names),
        "has an event time that is no column": contract.event_time is None or contract.event_time in names,
        "has a column twice": len(names) == len(set(names)),
    }
    breaches = [f"{contract.key} {complaint}" for complaint, fine in rules.items() if not fine]
    for reference in contract.references:
        target = contracts.get(reference.to_table)
        if reference.column not in names or target is None or reference.to_column not in target.schema.names:
            breaches.append(f"{contract.key} refers to {reference.to_table}.{reference.to_column}, which is not there")
    return breaches


@pytest.mark.parametrize("key", all_contracts())
def test_contract_is_named_and_described(key):
    contracts = all_contracts()
    breaches = table_breaches(contracts[key], contracts)
    breaches += [breach for column in contracts[key].columns for breach in column_breaches(key, column)]
    assert breaches == []


GOOD = Column("visited_at", UTC_TIMESTAMP, "When it was visited.")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"name": "visitedAt"}, "is not snake_case"),
        ({"description": ""}, "has no description"),
        ({"name": "visited"}, "does not end with _at"),
        ({"type": pa.string()}, "is no timestamp in UTC"),
        ({"name": "visit_id", "type": pa.float64()}, "is no int64"),
        ({"name": "public", "type": pa.bool_()}, "does not start with is_ or has_"),
        ({"name": "is_public", "type": pa.int64()}, "is no boolean"),
        ({"name": "latency", "type": pa.int64(), "unit": "ms"}, "has a unit that is not its suffix"),
    ],
)
def test_a_badly_named_column_is_seen(change, complaint):
    assert column_breaches("visits", GOOD) == []
    assert any(complaint in breach for breach in column_breaches("visits", dataclasses.replace(GOOD, **change)))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"key": "Visits"}, "is not snake_case"),
        ({"description": " "}, "has no description"),
        ({"grain": "visits"}, "has no grain"),
        ({"primary_key": ("user_id",)}, "has a primary key that is no column"),
        ({"primary_key": ()}, "has a primary key that is no column"),
        ({"event_time": "left_at"}, "has an event time that is no column"),
        ({"columns": (GOOD, GOOD)}, "has a column twice"),
        ({"references": (Reference("visited_at", "nothing", "id"),)}, "refers to nothing.id, which is not there"),
    ],
)
def test_a_badly_declared_table_is_seen(change, complaint):
    good = TableContract("visits", "Visits.", "one row per visit", (GOOD,), ("visited_at",), "visited_at")
    assert table_breaches(good, {}) == []
    assert any(complaint in breach for breach in table_breaches(dataclasses.replace(good, **change), {}))


def is_statement(name: str) -> bool:
    """Whether a check's name says what is true when it passes."""
    return SNAKE.fullmatch(name) is not None and STATEMENT.search(name) is not None


def test_asset_checks_are_true_statements():
    """Of assets made in Python; generic tests of dbt get their names from dbt."""
    from assets.definitions import build_defs

    graph = build_defs().resolve_asset_graph()
    ours = {key for key in graph.asset_check_keys if "dbt" not in graph.get(key.asset_key).kinds}
    assert len(ours) > 20
    assert sorted({key.name for key in ours if not is_statement(key.name)}) == []


def test_dbt_singular_tests_are_true_statements():
    names = {path.stem for path in (PROJECT_ROOT / "dbt_project" / "tests").glob("*.sql")}
    assert names
    assert [name for name in sorted(names) if not is_statement(name)] == []


@pytest.mark.parametrize("name", ["check_scores", "scores", "ScoresAreProbabilities", "validate_users"])
def test_a_name_that_states_nothing_is_seen(name):
    assert not is_statement(name)
    assert is_statement("scores_are_probabilities")
