"""Run a simulation: walk through the world, write what may be seen and what may not, replace both at the end."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.landing.simulator.community_folder import CommunityFolder
from assets.landing.simulator.config import ConfigError, SimulationConfig
from assets.landing.simulator.crowd import RatedSample
from assets.landing.simulator.draws import Draws
from assets.landing.simulator.images import ImageShards, subject_categories
from assets.landing.simulator.targets import Tally, as_rows, compare
from assets.landing.simulator.truth import TruthFolder, talented_unseen
from assets.landing.simulator.world import MonthOfLife, World

Progress = Callable[[str], None]


@dataclass(frozen=True)
class SimulationReport:
    """What a simulation gave.

    Attributes:
        name: Name of the community.
        folder: Its canonical folder.
        is_unchanged: Whether everything was there already.
        seconds: Time taken.
        counts: Rows by what they are, and months and users.
        comparisons: Lines of the comparison with Flickr: quantity, target, simulated, estimator.
    """

    name: str
    folder: Path
    is_unchanged: bool
    seconds: float
    counts: dict[str, int]
    comparisons: list[dict[str, Any]]

    def render(self) -> str:
        """The report as text."""
        state = "already there, unchanged" if self.is_unchanged else f"simulated in {self.seconds:.1f} s"
        counted = ", ".join(f"{number:,} {what.replace('_', ' ')}" for what, number in self.counts.items())
        lines = [f"{self.name}: {state}: {counted}", f"{'':<28}{'Flickr':>12}{'simulated':>12}  estimator"]
        lines += [
            f"{row['quantity']:<28}{row['target']:>12}{_number(row['simulated']):>12}  {row['estimator']}"
            for row in self.comparisons
        ]
        return "\n".join(lines)


def _number(value: float | None) -> str:
    return "too few" if value is None else f"{value:.3f}"


def simulate(
    config: SimulationConfig,
    landing_folder: Path,
    truth_folder: Path,
    progress: Progress = lambda _: None,
    workers: int = 2,
) -> SimulationReport:
    """Simulate a community into ``<landing_folder>/<name>`` and its truth into ``<truth_folder>/<name>``.

    Both are built beside their final place in hidden folders and renamed at the end, so that a killed run leaves
    what was there. The same configuration and code give the same bytes, and are recognised and left alone.

    Args:
        config: All knobs.
        landing_folder: Folder in which communities arrive.
        truth_folder: Folder that no asset knows; it must not lie below the landing folder.
        progress: Called with a line of text per month.
        workers: Processes that render photos; changes no byte.

    Raises:
        ValueError: The truth would lie in the landing folder.
        ConfigError: A folder of this name is there that was not simulated; it is left alone.
    """
    started = time.monotonic()
    landing_folder, truth_folder = landing_folder.absolute(), truth_folder.absolute()
    if truth_folder.is_relative_to(landing_folder):
        raise ValueError(f"the truth folder {truth_folder} must not lie in the landing folder {landing_folder}")
    landed, sealed = landing_folder / config.name, truth_folder / config.name
    found = _found(config.fingerprint, landed, sealed)
    if found is not None:
        return SimulationReport(config.name, landed, True, time.monotonic() - started, **found)
    if landed.exists():
        _refuse_to_replace_what_is_not_ours(landed, sealed)
        progress(f"{config.name} was simulated with other knobs or by other code; it will be replaced at the end")
    new_landed, new_sealed = _staging(landed), _staging(sealed)
    report = _build(config, new_landed, new_sealed, progress, workers)
    _swap(new_sealed, sealed)
    _swap(new_landed, landed)
    return SimulationReport(config.name, landed, False, time.monotonic() - started, **report)


def _found(fingerprint: str, landed: Path, sealed: Path) -> dict[str, Any] | None:
    """The report of an earlier run with the same configuration, if both of its folders are whole."""
    description, parameters = landed / "community.toml", sealed / "parameters.json"
    if not (description.is_file() and parameters.is_file()):
        return None
    stored = json.loads(parameters.read_text(encoding="utf-8"))
    is_same = stored["fingerprint"] == fingerprint and fingerprint in description.read_text(encoding="utf-8")
    return stored["report"] if is_same else None


def _refuse_to_replace_what_is_not_ours(landed: Path, sealed: Path) -> None:
    if not (sealed / "parameters.json").is_file():
        raise ConfigError(
            f"{landed} is there and was not simulated, so it is not replaced; choose another --name, or move it away"
        )


def _staging(final: Path) -> Path:
    """An absent hidden sibling; what a killed run left there is removed."""
    staging = final.with_name(f".{final.name}.part")
    shutil.rmtree(staging, ignore_errors=True)
    return staging


def _swap(new: Path, final: Path) -> None:
    """Put ``new`` in the place of ``final``; the old one is deleted after it is out of the way."""
    old = final.with_name(f".{final.name}.old.part")
    shutil.rmtree(old, ignore_errors=True)
    if final.exists():
        final.rename(old)
    new.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _build(config: SimulationConfig, landed: Path, sealed: Path, progress: Progress, workers: int) -> dict[str, Any]:
    categories = subject_categories()
    world = World(config, len(categories))
    truth = TruthFolder(sealed)
    folder = CommunityFolder(landed, config, world.calendar, world.people, categories)
    sample, tally = RatedSample(config, Draws(config.seed)), Tally()
    months = world.calendar.names

    def write(happened: MonthOfLife) -> None:
        folder.write_month(happened)
        truth.write_month(months[happened.month], happened, months)
        sample.offer(happened.month, happened.photos, world.people.opted_in)
        tally.add(happened, world.links)
        progress(f"{months[happened.month]}: {tally.photos:,} photos, {tally.links:,} links so far")

    if config.images:
        with ImageShards(landed / "images", config.image_size, workers, categories) as shards:
            draws = Draws(config.seed)
            for happened in world.live():
                write(happened)
                photos = happened.photos
                seeds = draws.below("image", happened.month, 2**31 - 1, photos.owner, photos.slot)
                shards.add(months[happened.month], photos, seeds)
            _write_counterfactual(config, len(categories), truth, months)
    else:
        for happened in world.live():
            write(happened)
        _write_counterfactual(config, len(categories), truth, months)
    if len(sample.keys):
        folder.write_ratings(sample.rate(world.calendar))
    truth.write_people(world)
    counts = {
        "users": config.users,
        "months": config.months,
        **tally.counts(),
        "talented_unseen_users_by_planted_beauty": len(talented_unseen(world)),
    }
    report = {"counts": counts, "comparisons": as_rows(compare(world, tally))}
    truth.write_parameters(config, config.fingerprint, report)
    folder.write_description(config.fingerprint)
    return report


def _write_counterfactual(config: SimulationConfig, categories: int, truth: TruthFolder, months: list[str]) -> None:
    """The same community without influence, from the same draws."""
    world = World(replace(config, influence=0.0), categories, with_outcomes=False)
    for happened in world.live():
        truth.write_counterfactual_month(months[happened.month], happened)
