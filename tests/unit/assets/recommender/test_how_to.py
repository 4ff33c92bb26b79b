"""docs/how-to/add-a-recommender.md, literally."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from assets.recommender.candidates import Arcs, candidate_arcs
from assets.recommender.follow_graph import Floats, FollowGraph, follow_graph
from assets.recommender.recommender import Limits, Recommender, Scorer

HOW_TO = Path(__file__).parents[4] / "docs" / "how-to" / "add-a-recommender.md"


def test_the_recommender_of_the_documentation_recommends():
    """0 follows 1 and 2; both follow 3, 2 follows 4, and only 4 follows 0."""
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    known = (dataclass, np, Arcs, Floats, FollowGraph, Recommender, Scorer)
    names = dict(zip(("dataclass", "np", "Arcs", "Floats", "FollowGraph", "Recommender", "Scorer"), known, strict=True))
    exec(textwrap.dedent(code), names)
    graph = follow_graph(range(5), [0, 0, 1, 2, 2, 4], [1, 2, 3, 3, 4, 0])
    arcs = candidate_arcs(graph, users=np.array([0]))
    recommender = names["FollowersFirst"]()
    assert recommender.recommend(graph, arcs, Limits(5)).target.tolist() == [4, 3]
    assert names["FollowersFirst"](bonus=0.0).recommend(graph, arcs, Limits(5)).target.tolist() == [3, 4]
