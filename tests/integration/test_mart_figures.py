"""Figures of marts, drawn from the marts of a simulated community."""

from pathlib import Path

from assets.dbt.mart_figures import FIGURES, draw_marts
from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.simulation import simulate
from tests.benchmarks.compiled_marts import compile_models, run_models

OF_RESULTS = {"fct_recommendations"}
"""Made of what is computed from marts; the whole graph draws it."""


def test_every_mart_of_a_community_is_drawn(tmp_path: Path) -> None:
    config = SimulationConfig(name="town", users=400, months=14, images=False, seed=1)
    simulate(config, tmp_path / "landing", tmp_path / "truth")
    marts = set(FIGURES) - OF_RESULTS
    with run_models(compile_models(*marts), tmp_path / "landing" / "town") as connection:
        drawn = draw_marts(connection, marts)
    assert set(drawn) == marts
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())
