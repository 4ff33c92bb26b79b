"""docs/how-to/add-a-recommender.md, literally."""

import re
import textwrap

import duckdb
import numpy as np
import pytest

from assets.contracts.recommendations import METRICS, RECOMMENDER_EVALUATION, RECOMMENDER_ROUNDS
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.dbt.publish import publish_warehouse
from assets.dbt.query import run_query
from assets.recommender.candidates import candidate_arcs
from assets.recommender.evaluation import Trial, compared
from assets.recommender.follow_graph import follow_graph
from assets.recommender.recommender import Limits
from assets.recommender.registry import recommenders
from assets.recommender.rounds import RoundsConfig, round_rows
from assets.recommender.trial_tables import title_of

TEXT = (PROJECT_ROOT / "docs" / "how-to" / "add-a-recommender.md").read_text()
FOLDER = "assets/recommender/recommenders/"


@pytest.fixture
def documented(extra_module):
    """The class of the documentation, found where it says that a module is to be written."""
    assert f"**Write it** into `{FOLDER}`" in TEXT
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    extra_module(textwrap.dedent(code))
    return recommenders()["followers_first"]


@pytest.fixture
def warehouse(documented, draw, table_of, tmp_path):
    """A published one that knows of the evaluation and of two rounds of the documented recommender."""
    graph, known = draw(41), {"followers_first": documented()}
    arcs = candidate_arcs(graph)
    unseen = np.arange(graph.nodes) % 4 == 0
    trial = Trial(graph, arcs, Limits(3, 3, 0.1), arcs.source[::7], arcs.target[::7].astype(np.int64), unseen)
    rows = {
        RECOMMENDER_EVALUATION: compared(trial, known, resamples=2),
        RECOMMENDER_ROUNDS: round_rows(graph, unseen, known, RoundsConfig(rounds=2), (0,)),
    }
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    settings.warehouse.parent.mkdir()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create schema lake")
        for contract, found in rows.items():
            connection.register("found", table_of(contract, found))
            connection.execute(f"create table lake.{contract.key} as select * from found")
    publish_warehouse(settings)
    return settings


def test_the_recommender_of_the_documentation_recommends(documented):
    """0 follows 1 and 2; both follow 3, 2 follows 4, and only 4 follows 0."""
    graph = follow_graph(range(5), [0, 0, 1, 2, 2, 4], [1, 2, 3, 3, 4, 0])
    arcs = candidate_arcs(graph, users=np.array([0]))
    assert documented().recommend(graph, arcs, Limits(5)).target.tolist() == [4, 3]
    assert documented(bonus=0.0).recommend(graph, arcs, Limits(5)).target.tolist() == [3, 4]
    assert title_of("followers_first") == "followers first"


def test_the_queries_of_the_documentation_are_answered(warehouse):
    of_metrics, of_rounds = re.findall(r'beautyflow sql "(.*?)"', TEXT)
    names, rows = run_query(warehouse, of_metrics)
    assert names == ["metric", "value", "lower", "upper"]
    assert {row[0] for row in rows} == set(METRICS)
    assert [number for number, _ in run_query(warehouse, of_rounds)[1]] == [0, 1, 2]


def test_all_places_of_the_documentation_are_there():
    places = set(re.findall(r"(?:assets|tests)/[\w/]+(?:\.py)?", TEXT))
    assert len(places) >= 4
    assert FOLDER in places
    assert [place for place in places if not (PROJECT_ROOT / place).exists()] == []
