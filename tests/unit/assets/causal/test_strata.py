import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.causal.design import CannotMatchError, Design, Experiment
from assets.causal.matched import weights_of_strata
from assets.causal.strata import assign_strata, cuts_of, strata_query, sturges_cuts

KEYS = {"group": None, "x": (0.25, 0.5), 'odd "name"': (1.0,)}


def units(seed: int, n: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    columns = {"treated": rng.random(n) < 0.4, "group": rng.choice(["Ä", "a", "b'"], n)}
    return pa.table(
        {**columns, "x": rng.integers(0, 5, n) / 4, 'odd "name"': rng.integers(0, 3, n), "id": np.arange(n)}
    )


def by_duckdb(table: pa.Table, keys: dict) -> np.ndarray:
    connection = duckdb.connect()
    connection.register("the_units", table)
    found = connection.sql(f"select id, stratum from ({strata_query('the_units', 'treated', keys)}) order by id")
    return found.fetchnumpy()["stratum"]


@given(st.integers(0, 10_000), st.integers(5, 200))
def test_strata_query_agrees_with_assign_strata(seed, n):
    table = units(seed, n)
    treated = np.asarray(table["treated"])
    in_sql = by_duckdb(table, KEYS)
    assert len(in_sql) == n
    if (in_sql < 0).all():
        with pytest.raises(CannotMatchError, match="no stratum of"):
            assign_strata(table, KEYS, treated)
    else:
        found = assign_strata(table, KEYS, treated)
        assert found.stratum.tolist() == in_sql.tolist()
        assert found.count == len(set(in_sql[in_sql >= 0].tolist()))


def test_strata_query_keeps_columns_and_a_cut_belongs_to_the_bin_above():
    table = pa.table({"id": [0, 1, 2, 3], "treated": [1, 0, 1, 0], "x": [0.5, 0.7, 0.49, 0.1]})
    assert by_duckdb(table, {"x": (0.5,)}).tolist() == [1, 1, 0, 0]
    assert assign_strata(table, {"x": (0.5,)}, np.array([True, False, True, False])).stratum.tolist() == [1, 1, 0, 0]
    connection = duckdb.connect()
    connection.register("the_units", table)
    assert connection.sql(strata_query("the_units", "treated", {"x": ()})).columns == ["id", "treated", "x", "stratum"]


def test_strata_query_refuses_no_keys():
    with pytest.raises(CannotMatchError, match="at least one key"):
        strata_query("u", "treated", {})


def test_assign_strata_of_hand_made_units():
    table = pa.table({"group": ["a", "a", "b", "b", "c"]})
    found = assign_strata(table, {"group": None}, np.array([True, False, True, True, False]))
    assert found.stratum.tolist() == [0, 0, -1, -1, -1]
    assert found.count == 1


def test_weights_of_strata_give_each_arm_the_share_of_the_estimand():
    stratum, treated = np.array([0, 0, 0, 1, 1, -1]), np.array([True, False, False, True, False, True])
    assert weights_of_strata(stratum, treated, "ATT").tolist() == [1, 0.5, 0.5, 1, 1, 0]
    assert weights_of_strata(stratum, treated, "ATC").tolist() == [2, 1, 1, 1, 1, 0]
    assert weights_of_strata(stratum, treated, "ATE").tolist() == [3, 1.5, 1.5, 2, 2, 0]


def test_sturges_cuts_are_equally_wide():
    assert sturges_cuts(np.arange(9.0)) == pytest.approx([1.6, 3.2, 4.8, 6.4])
    assert sturges_cuts(np.ones(9)) == ()


def test_cuts_of_takes_exact_columns_stated_cuts_and_defaults_for_the_rest():
    table = pa.table({"t": [0, 1], "y": [0, 1], "a": ["u", "v"], "x": [0.0, 4.0], "z": [0.0, 1.0]})
    experiment = Experiment("e", "t", "y", ("a", "x", "z"), exact=("y",))
    found = cuts_of(table, experiment, Design(coarsened=(("x", (3.0, 1.0)),), coarsen_rest=True))
    assert found == {"y": None, "x": (1.0, 3.0), "a": None, "z": (0.5,)}
    assert cuts_of(table, experiment, Design()) == {"y": None}
