"""The follow graph at ten million links: ours against igraph and networkx, stage by stage, and memory per link.

    python tests/benchmarks/bench_graph.py [--users 1000000] [--links 10000000] [--rounds 3] [--without-networkx]

Every contestant gets the same links, as arrays of numbers, and measures the same: it builds a simple graph, and finds
core numbers, PageRank, weakly connected components and the local clustering of the same sampled users; ours and igraph
count the triangles of all users for it, which is faster in both than counting those of a fifth. Each turn is a process
of its own, because peak memory is that of a process; contestants take turns. networkx holds each link as a Python
object and is measured on a tenth of users and links, beside ours on the same.

igraph and networkx are given positions 0 to n - 1; ours starts from ids and maps them. Results are compared, and a
contestant that finds something else ends the benchmark with an error.
"""

import argparse
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from assets.network.links import simple_links
from assets.network.positions import components, core_numbers, count_triangles, local_clustering, page_rank, sampled
from tests.benchmarks.machine import peak_memory_mib, stolen_seconds, usable_cores

STAGES = ("build", "core numbers", "PageRank", "components", "clustering")
TAIL = 2.3
"""Exponent of the tail of in-degrees; out-degrees vary less."""


def drawn_links(users: int, links: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids of users, and random links among them with heavy tails, some of them repeated or mutual."""
    generator = np.random.default_rng(seed)
    ids = np.sort(generator.choice(50 * users, users, replace=False))
    attraction = np.minimum(generator.pareto(TAIL - 1, users) + 1, users**0.6)
    ends = np.cumsum(attraction / attraction.sum())
    followees = np.searchsorted(ends, generator.random(links))
    followers = np.searchsorted(ends, generator.random(links) * 0.5 + generator.random(links) * 0.5)
    mutual = generator.random(links) < 0.2
    pairs = np.concatenate([[followers, followees], [followees[mutual], followers[mutual]]], axis=1)[:, :links]
    return ids, pairs[0], pairs[1]


def ours(ids: np.ndarray, sources: np.ndarray, targets: np.ndarray, chosen: np.ndarray) -> "Turn":
    import networkit
    import scipy.sparse

    assert networkit.GraphFromCsr
    assert scipy.sparse.csr_array
    turn = Turn()
    followers, followees = ids[sources], ids[targets]
    turn.start()
    links = simple_links(followers, followees, ids)
    pairs = links.pairs
    undirected = pairs.graph()
    turn.ended("build")
    core = core_numbers(undirected, pairs)
    turn.ended("core numbers")
    ranks = page_rank(links)
    turn.ended("PageRank")
    parts = components(undirected)
    turn.ended("components")
    shares = local_clustering(count_triangles(undirected, pairs), pairs.degree)[chosen]
    turn.ended("clustering")
    return turn.found(core, ranks, parts.max() + 1, shares, len(links))


def with_igraph(_: np.ndarray, sources: np.ndarray, targets: np.ndarray, chosen: np.ndarray) -> "Turn":
    import igraph

    turn = Turn()
    edges = np.column_stack([sources, targets])
    turn.start()
    graph = igraph.Graph(n=len(_), edges=edges, directed=True)
    graph.simplify()
    undirected = graph.as_undirected(mode="collapse")
    turn.ended("build")
    core = undirected.coreness()
    turn.ended("core numbers")
    ranks = graph.pagerank(damping=0.85)
    turn.ended("PageRank")
    parts = len(undirected.connected_components(mode="weak"))
    turn.ended("components")
    shares = np.array(undirected.transitivity_local_undirected(mode="zero"))[chosen]
    turn.ended("clustering")
    return turn.found(core, ranks, parts, shares, graph.ecount())


def with_networkx(_: np.ndarray, sources: np.ndarray, targets: np.ndarray, chosen: np.ndarray) -> "Turn":
    import networkx

    turn = Turn()
    turn.start()
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(len(_)))
    graph.add_edges_from(zip(sources.tolist(), targets.tolist(), strict=True))
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    undirected = graph.to_undirected()
    turn.ended("build")
    core = networkx.core_number(undirected)
    turn.ended("core numbers")
    ranks = networkx.pagerank(graph, alpha=0.85, tol=1e-10, max_iter=500)
    turn.ended("PageRank")
    parts = networkx.number_connected_components(undirected)
    turn.ended("components")
    shares = networkx.clustering(undirected, chosen.tolist())
    turn.ended("clustering")
    order = range(len(_))
    return turn.found(
        [core[i] for i in order],
        [ranks[i] for i in order],
        parts,
        [shares[i] for i in chosen.tolist()],
        graph.number_of_edges(),
    )


CONTESTANTS: dict[str, Callable[..., "Turn"]] = {"ours": ours, "igraph": with_igraph, "networkx": with_networkx}


class Turn:
    """Seconds of each stage, what was found, and memory."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.result: dict[str, Any] = {}
        self.memory_before = self.memory = self._last = 0.0

    def start(self) -> None:
        self.memory_before = peak_memory_mib()
        self._last = time.perf_counter()

    def ended(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._last = now - self._last, now

    def found(self, core: Any, ranks: Any, parts: int, shares: Any, links: int) -> "Turn":
        self.memory = peak_memory_mib()
        self.result = {
            "core": int(np.asarray(core).sum()),
            "largest core": int(np.max(core)),
            "first by PageRank": int(np.argmax(ranks)),
            "components": int(parts),
            "mean clustering": round(float(np.mean(shares)), 9),
            "links": int(links),
        }
        return self


def _take_turn(name: str, users: int, links: int, sample: int, answers: Any) -> None:
    ids, sources, targets = drawn_links(users, links)
    answers.put(CONTESTANTS[name](ids, sources, targets, sampled(users, sample, 0)))


def turn_of(name: str, users: int, links: int, sample: int) -> Turn:
    """One turn in a process of its own."""
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=_take_turn, args=(name, users, links, sample, answers))
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{name} ended with {process.exitcode}")
    answer: Turn = answers.get()
    return answer


def compare(names: list[str], users: int, links: int, sample: int, rounds: int) -> dict[str, list[Turn]]:
    """Turns of each contestant; an error where they find different things."""
    turns: dict[str, list[Turn]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            turns[name].append(turn_of(name, users, links, sample))
    (expected, *others) = [(name, turns[name][0].result) for name in names]
    for name, result in others:
        if result != expected[1]:
            sys.exit(f"{name} found {result}, {expected[0]} found {expected[1]}")
    return turns


def _median(turns: list[Turn], stage: str) -> float:
    return statistics.median(turn.seconds[stage] for turn in turns)


def _total(turns: list[Turn]) -> float:
    return statistics.median(sum(turn.seconds.values()) for turn in turns)


def show(title: str, turns: dict[str, list[Turn]], links: int) -> None:
    print(f"\n{title}")
    print("seconds         " + "".join(f"{name:>12}" for name in turns))
    for stage in STAGES:
        print(f"{stage:<16}" + "".join(f"{_median(each, stage):12.2f}" for each in turns.values()))
    totals = {name: _total(each) for name, each in turns.items()}
    print(f"{'sum':<16}" + "".join(f"{total:12.2f}" for total in totals.values()))
    print(f"{'by ours':<16}" + "".join(f"{total / totals['ours']:12.2f}" for total in totals.values()))
    bytes_per_link = {
        name: max(turn.memory - turn.memory_before for turn in each) * 2**20 / links for name, each in turns.items()
    }
    print(f"{'bytes per link':<16}" + "".join(f"{each:12.0f}" for each in bytes_per_link.values()))
    print(f"all found: {turns['ours'][0].result}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--links", type=int, default=10_000_000)
    parser.add_argument("--sample", type=int, default=200_000, help="users whose clustering is measured")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-networkx", action="store_true")
    given = parser.parse_args()
    before, began = stolen_seconds(), time.perf_counter()
    print(f"{usable_cores()} cores; random links with heavy tails; median of {given.rounds} rounds")
    turns = compare(["ours", "igraph"], given.users, given.links, given.sample, given.rounds)
    show(f"{given.users:,} users, {given.links:,} links drawn", turns, given.links)
    if not given.without_networkx:
        tenth = (given.users // 10, given.links // 10, given.sample // 10)
        names = ["ours", "igraph", "networkx"]
        show(f"a tenth: {tenth[0]:,} users, {tenth[1]:,} links drawn", compare(names, *tenth, 1), tenth[1])
    print(f"\nstolen cores: {(stolen_seconds() - before) / (time.perf_counter() - began):.2f}")


if __name__ == "__main__":
    main()
