"""The simulator as a command: every knob an option, the truth in a sealed folder beside the landing folder.

The truth's place is named here and nowhere else outside the simulator, so that no asset can read it.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from assets.contracts.settings import Settings
from assets.landing.simulator.config import ConfigError, SimulationConfig, knob_group, knob_help


def truth_folder(settings: Settings) -> Path:
    """Where simulated truth is sealed away; only tests, benchmarks and recovery reports may ask."""
    return settings.home / "truth"


def simulate_into(settings: Settings, knobs: Mapping[str, Any], say: Callable[[str], None]) -> str:
    """Simulate a community into the landing folder; an unchanged configuration is not simulated again.

    Raises:
        ConfigError: A knob is out of range; nothing is written.
    """
    from assets.landing.simulator.simulation import simulate

    config = SimulationConfig.from_mapping(knobs)
    report = simulate(config, settings.landing, truth_folder(settings), progress=say)
    return report.render()


def simulate_command() -> Callable[..., None]:
    """A Typer command with one option per knob, generated from the configuration."""

    def command(**options: Any) -> None:
        """Make a community whose causes are known: users, links, photos, favorites, groups, ratings.

        Lands a canonical folder and seals the planted truth away in `truth/`, where no asset looks. Prints how the
        community compares with what is known of Flickr. The same knobs give the same bytes.

        Example: `beautyflow simulate --users 2000 --months 36 --seed 7 --influence 0.3 --homophily 0.5`
        """
        path: Path | None = options.pop("config")
        given = {name: value for name, value in options.items() if value is not None}
        try:
            knobs = {**_knobs_of(path), **given}
            typer.echo(simulate_into(Settings.from_environment(), knobs, typer.echo))
        except ConfigError as error:
            typer.echo(f"beautyflow: {error}", err=True)
            raise typer.Exit(2) from error

    command.__signature__ = inspect.Signature([_config_option(), *map(_knob_option, fields(SimulationConfig))])  # type: ignore[attr-defined]
    return command


def _knobs_of(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    config = SimulationConfig.from_toml(path)
    return {f.name: getattr(config, f.name) for f in fields(config)}


def _config_option() -> inspect.Parameter:
    annotation = Annotated[Path | None, typer.Option(help="TOML file of `knob = value` lines; options given win.")]
    return inspect.Parameter("config", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _knob_option(knob: Any) -> inspect.Parameter:
    kind: Any = type(knob.default)
    option = typer.Option(
        help=knob_help(knob.name), show_default=str(knob.default), rich_help_panel=knob_group(knob.name)
    )
    annotation = Annotated[kind | None, option]
    return inspect.Parameter(knob.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
