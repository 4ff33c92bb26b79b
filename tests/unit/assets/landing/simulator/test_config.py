"""Knobs: defaults, files, ranges, and errors that name the knob."""

from dataclasses import fields, replace
from pathlib import Path

import pytest

from assets.landing.simulator.config import ConfigError, SimulationConfig, knob_group, knob_help


def test_simulation_config_reads_toml_and_lets_overrides_win(tmp_path: Path) -> None:
    path = tmp_path / "sim.toml"
    path.write_text('users = 150\ninfluence_form = "lagged"\nhomophily = 1\n')
    config = SimulationConfig.from_toml(path, {"users": 160})
    assert (config.users, config.influence_form, config.homophily, config.seed) == (160, "lagged", 1, 7)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"homophily": -0.1}, "homophily must be from 0 to 2, not -0.1"),
        ({"influence": float("nan")}, "influence must be from 0 to 1, not nan"),
        ({"users": "many"}, "users must be of type int, not 'many'"),
        ({"users": 2.5}, "users must be of type int, not 2.5"),
        ({"images": 1}, "images must be of type bool, not 1"),
        (
            {"influence_form": "cubic"},
            "influence_form must be one of linear, threshold, saturating, lagged, not 'cubic'",
        ),
        ({"last_month": "2016-13"}, "last_month must look like 2016-03, not '2016-13'"),
        ({"name": "../truth"}, "name must be letters, digits, '_' and '-' only, not '../truth'"),
        ({"homophilly": 0.1}, "no knob 'homophilly' (did you mean homophily?); there are name, seed"),
    ],
)
def test_simulation_config_names_the_knob_at_fault(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SimulationConfig.from_mapping(values)
    assert str(caught.value).startswith(message)


def test_from_toml_names_the_file_and_the_knob(tmp_path: Path) -> None:
    path = tmp_path / "sim.toml"
    path.write_text("users = 3\n")
    with pytest.raises(ConfigError, match=r"sim\.toml: users must be from 20 to 20000000, not 3"):
        SimulationConfig.from_toml(path)
    path.write_text("users = \n")
    with pytest.raises(ConfigError, match=r"sim\.toml: "):
        SimulationConfig.from_toml(path)
    with pytest.raises(ConfigError, match=r"absent\.toml"):
        SimulationConfig.from_toml(tmp_path / "absent.toml")


def test_knob_help_tells_meaning_and_range_of_every_knob() -> None:
    assert knob_help("homophily").endswith("From 0 to 2.")
    assert knob_help("influence_form").endswith("One of linear, threshold, saturating, lagged.")
    for knob in fields(SimulationConfig):
        assert len(knob_help(knob.name)) > 20


def test_knob_group_puts_exactly_the_planted_causes_together() -> None:
    causes = {knob.name for knob in fields(SimulationConfig) if knob_group(knob.name).startswith("Planted causes")}
    assert causes == {
        "homophily", "influence", "influence_form", "shocks", "popularity", "imbalance_churn",
        "recognition_retention", "unobserved",
    }  # fmt: skip
    assert len({knob_group(knob.name) for knob in fields(SimulationConfig)}) == 5


def test_fingerprint_changes_with_every_kind_of_knob() -> None:
    config = SimulationConfig()
    changed = [replace(config, seed=8), replace(config, influence=0.31), replace(config, images=False)]
    assert len({c.fingerprint for c in [config, *changed]}) == 4
    assert SimulationConfig().fingerprint == config.fingerprint
