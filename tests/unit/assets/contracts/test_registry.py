from functools import partial

import pyarrow as pa
import pytest

import assets.contracts as package
from assets.contracts.registry import all_contracts
from assets.contracts.table import TableContract


@pytest.fixture
def extra_module(join_package):
    """A module that joins the contracts for one test."""
    return partial(join_package, package, all_contracts)


def test_all_contracts_finds_tables_by_key():
    contracts = all_contracts()
    assert {"users", "photos", "edges", "favorites", "group_memberships", "scores", "quarantine"} <= set(contracts)
    assert list(contracts) == sorted(contracts)
    assert all(key == contract.key for key, contract in contracts.items())


def test_all_contracts_includes_a_table_because_it_exists(extra_module):
    extra_module(
        "import pyarrow as pa\nfrom assets.contracts.table import Column, TableContract\n"
        "X = TableContract('extra', '', '', (Column('a', pa.int64(), ''),), ('a',))"
    )
    assert isinstance(all_contracts()["extra"], TableContract)
    assert all_contracts()["extra"].schema == pa.schema([pa.field("a", pa.int64(), nullable=False)])


def test_all_contracts_refuses_two_tables_of_one_key(extra_module):
    extra_module(
        "import pyarrow as pa\nfrom assets.contracts.table import Column, TableContract\n"
        "X = TableContract('users', '', '', (Column('a', pa.int64(), ''),), ('a',))"
    )
    with pytest.raises(ValueError, match="two contracts are called 'users'"):
        all_contracts()
