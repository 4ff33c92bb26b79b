"""Graphs with published values, as links of the platform."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assets.network.links import Links, simple_links


@pytest.fixture(scope="session")
def wiki_vote(reference_data: Path) -> Links:
    """Votes of Wikipedia (SNAP), directed."""
    votes = np.loadtxt(reference_data / "graphs" / "Wiki-Vote.txt", dtype=np.int64, skiprows=1)
    return simple_links(votes[:, 0], votes[:, 1])


@pytest.fixture(scope="session")
def metis(reference_data: Path) -> Callable[[str], Links]:
    """An undirected graph in METIS' format: line i names the neighbours of node i, counted from 1."""

    def read(name: str) -> Links:
        _, *lines = (reference_data / "graphs" / f"{name}.graph").read_text().splitlines()
        ends = [(node, int(other) - 1) for node, line in enumerate(lines) for other in line.split()]
        sources, targets = np.array(ends).T
        return simple_links(sources, targets, range(len(lines)))

    return read
