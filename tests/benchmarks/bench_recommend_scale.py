"""What it costs to recommend at 1x, 10x and 100x: candidates, chances, slots; and Adamic-Adar beside other libraries.

    python tests/benchmarks/bench_recommend_scale.py [--users 10000 100000 1000000] [--links-per-user 15] [--slots 20]

Links are drawn at random with heavy tails; a twentieth of them came after the graph that is learned from. Each turn is
a process of its own, because peak memory is that of a process; *added* is memory on top of links and libraries. The
bound of the optimality gap is certified by prices, so the gap printed is the largest there can be.

Adamic-Adar, the best 20 candidates of each user: ours for everybody, NetworKit's link predictor and networkx for some
users, extrapolated to all; both are given the undirected graph, as they want it. Capacity and the share of the demand
that the popular keep are those of the platform.
"""

import argparse
import multiprocessing
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from assets.recommender.acceptance import acceptance
from assets.recommender.candidates import CandidateConfig, candidate_arcs, candidate_blocks
from assets.recommender.flow import greedy_flow
from assets.recommender.follow_graph import FollowGraph, follow_graph
from assets.recommender.recommender import (
    CAPACITY_TIMES,
    DEMAND_SHARE,
    Limits,
    best_of_each,
    fair_capacity,
    with_demand,
)
from assets.recommender.recommenders.beauty_flow import flow_problem, heeded
from tests.benchmarks.bench_graph import drawn_links
from tests.benchmarks.machine import peak_memory_mib, usable_cores

_ASKED = {"NetworKit": 200, "networkx": 50}
"""Users whom slow contestants are asked about; what that took is multiplied."""


def main() -> None:
    """Print a line per size, and one per contestant."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--links-per-user", type=int, default=15)
    parser.add_argument("--slots", type=int, default=20)
    parser.add_argument("--candidates", type=int, default=60, help="per user")
    parser.add_argument("--peers-at", type=int, default=10_000, help="users, for other libraries; 0 leaves them out")
    chosen = parser.parse_args()
    print(f"{usable_cores()} cores; {chosen.links_per_user} links and {chosen.candidates} candidates per user")
    print(
        f"{'users':>10} {'links':>11} {'arcs':>12} {'candidates':>10} {'chances':>8} {'slots':>7} {'sum, s':>7}",
        end=" ",
    )
    print(f"{'added MiB':>9} {'gap':>7} {'slots used':>10}", flush=True)
    for users in chosen.users:
        done = _apart(_recommend, users, chosen.links_per_user, chosen.slots, chosen.candidates)
        print(
            f"{users:>10,} {done['links']:>11,} {done['arcs']:>12,} {done['candidates']:>10.1f} "
            f"{done['chances']:>8.1f} {done['slots']:>7.1f} {done['sum']:>7.1f} {done['added']:>9,.0f} "
            f"{done['gap']:>7.4f} {done['used']:>10.3f}",
            flush=True,
        )
    if chosen.peers_at:
        _against_others(chosen.peers_at, chosen.links_per_user, chosen.slots)


def _apart(task: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(task, arguments)


def _community(users: int, links_per_user: int) -> FollowGraph:
    ids, followers, followees = drawn_links(users, users * links_per_user)
    rng = np.random.default_rng(1)
    beauty = np.clip(rng.normal(0.5, 0.15, users), 0, 1)
    beauty[rng.random(users) < 0.2] = np.nan
    old = rng.random(len(followers)) >= 0.05
    before = follow_graph(ids, ids[followers[old]], ids[followees[old]], beauty)
    return follow_graph(ids, ids[followers], ids[followees], beauty, before=before)


def _warm() -> None:
    """Compile what is compiled, so that no turn pays for it."""
    graph = _community(500, 10)
    arcs = candidate_arcs(graph)
    value = acceptance(graph)(graph, arcs) * np.nan_to_num(graph.beauty[arcs.target])
    greedy_flow(flow_problem(graph, arcs, value, Limits(5, 10, 0.1)))
    best_of_each(graph, arcs, value, 5)


def _recommend(users: int, links_per_user: int, slots: int, candidates: int) -> dict[str, Any]:
    _warm()
    graph = _community(users, links_per_user)
    assert graph.keys is not None
    before, began = peak_memory_mib(), time.perf_counter()
    arcs = candidate_arcs(graph, CandidateConfig(most_candidates=candidates))
    found = time.perf_counter()
    chance = acceptance(graph, CandidateConfig(most_candidates=candidates))(graph, arcs)
    value = heeded(arcs, chance, 1.0) * np.nan_to_num(graph.beauty[arcs.target])
    valued = time.perf_counter()
    limits = Limits(slots, fair_capacity(arcs, slots, CAPACITY_TIMES), 0.1, DEMAND_SHARE)
    limits = with_demand(graph, arcs, value, limits)
    flow = greedy_flow(flow_problem(graph, arcs, value, limits))
    taken = best_of_each(graph, arcs, np.where(flow.is_taken, value, -np.inf), slots)
    ended = time.perf_counter()
    return {
        "links": graph.links,
        "arcs": len(arcs),
        "candidates": found - began,
        "chances": valued - found,
        "slots": ended - valued,
        "sum": ended - began,
        "added": peak_memory_mib() - before,
        "gap": flow.gap,
        "used": len(taken) / (slots * (arcs.counts > 0).sum()),
    }


def _against_others(users: int, links_per_user: int, slots: int) -> None:
    print(f"\nAdamic-Adar, the best {slots} candidates of all {users:,} users")
    mine = _apart(_ours, users, links_per_user, slots)["seconds"]
    print(f"{'ours':<12}{mine:>12.2f} s")
    for name, task in {"NetworKit": _networkit, "networkx": _networkx}.items():
        asked = _ASKED[name]
        seconds = _apart(task, users, links_per_user, slots, asked)["seconds"] * users / asked
        print(
            f"{name:<12}{seconds:>12.2f} s, extrapolated from {asked} users; {seconds / mine:,.0f} times ours",
            flush=True,
        )


def _ours(users: int, links_per_user: int, slots: int) -> dict[str, Any]:
    _warm()
    graph = _community(users, links_per_user)
    began = time.perf_counter()
    for arcs in candidate_blocks(graph, CandidateConfig(most_followees=10**9, most_candidates=10**9, block=5_000)):
        best_of_each(graph, arcs, arcs.adamic_adar, slots)
    return {"seconds": time.perf_counter() - began}


def _networkit(users: int, links_per_user: int, slots: int, asked: int) -> dict[str, Any]:
    import networkit

    _, followers, followees = drawn_links(users, users * links_per_user)
    graph = networkit.Graph(users)
    pairs = np.unique(np.minimum(followers, followees) * users + np.maximum(followers, followees))
    low, high = np.divmod(pairs, users)
    graph.addEdges((low[low < high].astype(np.uint64), high[low < high].astype(np.uint64)))
    began = time.perf_counter()
    index = networkit.linkprediction.AdamicAdarIndex(graph)
    for user in range(asked):
        near = {far for middle in graph.iterNeighbors(user) for far in graph.iterNeighbors(middle)}
        near -= {user, *graph.iterNeighbors(user)}
        scored = index.runOn([(user, other) for other in near])
        sorted(scored, key=lambda each: -each[1])[:slots]
    return {"seconds": time.perf_counter() - began}


def _networkx(users: int, links_per_user: int, slots: int, asked: int) -> dict[str, Any]:
    import networkx

    _, followers, followees = drawn_links(users, users * links_per_user)
    graph = networkx.Graph(zip(followers.tolist(), followees.tolist(), strict=True))
    graph.remove_edges_from(list(networkx.selfloop_edges(graph)))
    began = time.perf_counter()
    for user in range(asked):
        if user not in graph:
            continue
        near = {far for middle in graph[user] for far in graph[middle]} - {user, *graph[user]}
        scored = networkx.adamic_adar_index(graph, [(user, other) for other in near])
        sorted(scored, key=lambda each: -each[2])[:slots]
    return {"seconds": time.perf_counter() - began}


if __name__ == "__main__":
    main()
