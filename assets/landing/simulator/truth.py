"""The sealed truth: what only tests, benchmarks and ``beautyflow recovery`` may read.

``<folder>/parameters.json`` (knobs, planted effects), ``users.parquet`` (traits, end state),
``talented_unseen.parquet``, and month files of ``photos`` (latent beauty), ``user_months`` (state),
``no_influence/photos`` and ``no_influence/user_months`` (the same community with i = 0), ``E1``, ``E2``, ``E3``
(potential outcomes; a file is the month of treatment).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from assets.landing.simulator.config import SimulationConfig
from assets.landing.simulator.potential_outcomes import Columns
from assets.landing.simulator.world import MonthOfLife, World

MOST_TALENTED_SHARE = 0.25
LEAST_SEEN_SHARE = 0.5
FEWEST_PHOTOS = 5


class TruthFolder:
    """Writer of one truth folder; it need not exist yet."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._effects: dict[str, list[float]] = {}
        folder.mkdir(parents=True)

    def write_month(self, month: str, happened: MonthOfLife, month_names: list[str]) -> None:
        """Write the truth of a month and the potential outcomes that it completes."""
        self._write(f"photos/{month}", _photo_columns(happened))
        self._write(f"user_months/{month}", happened.user_months)
        parts: dict[tuple[str, int], list[Columns]] = {}
        for experiment, treated_in, columns in happened.outcomes:
            parts.setdefault((experiment, treated_in), []).append(columns)
        for (experiment, treated_in), pieces in parts.items():
            columns = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
            self._write(f"{experiment}/{month_names[treated_in]}", columns)
            self._sum_effects(experiment, columns)

    def write_counterfactual_month(self, month: str, happened: MonthOfLife) -> None:
        """Write a month of the world without influence."""
        self._write(f"no_influence/photos/{month}", _photo_columns(happened))
        self._write(f"no_influence/user_months/{month}", happened.user_months)

    def write_people(self, world: World) -> None:
        """Write traits and end state of everybody, and who is talented and unseen."""
        people = world.people
        columns = {
            "user_id": np.arange(people.size) + 1,
            "talent": people.talent,
            "upload_rate": people.upload_rate,
            "link_rate": people.link_rate,
            "log_appeal": people.log_appeal,
            "visibility": people.visibility,
            "home_group": people.home_group + 1,
            "has_left": world.left,
            "public_photos": world.public_photos,
            "beauty": world.beauty,
            "recognition": world.recognition,
            "followers": world.links.in_degree,
        }
        self._write("users", columns)
        planted = talented_unseen(world)
        self._write("talented_unseen", {name: values[planted] for name, values in columns.items()})

    def write_parameters(self, config: SimulationConfig, fingerprint: str, report: dict[str, Any]) -> None:
        """Write knobs, planted effects and the report; last, so that a folder with it is whole."""
        values = {
            "fingerprint": fingerprint,
            "knobs": asdict(config),
            "planted_effects": self.planted_effects(),
            "report": report,
        }
        path = self.folder / "parameters.json"
        path.write_text(json.dumps(values, indent=1, sort_keys=True) + "\n", encoding="utf-8")

    def planted_effects(self) -> dict[str, dict[str, float]]:
        """Mean effect on the treated per experiment and outcome, with the number of treated user-months."""
        found: dict[str, dict[str, float]] = {}
        for name, (total, count) in sorted(self._effects.items()):
            experiment, outcome = name.split("/")
            found.setdefault(experiment, {})[outcome] = total / count
            found[experiment]["treated_user_months"] = count
        return found

    def _sum_effects(self, experiment: str, columns: Columns) -> None:
        for name in [n for n in columns if n.endswith("_treated")]:
            outcome = name.removesuffix("_treated")
            effect = columns[name] - columns[f"{outcome}_comparison"]
            sums = self._effects.setdefault(f"{experiment}/{outcome}", [0.0, 0])
            sums[0] += float(effect.sum())
            sums[1] += len(effect)

    def _write(self, name: str, columns: Columns) -> None:
        path = self.folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)


def _photo_columns(happened: MonthOfLife) -> Columns:
    photos = happened.photos
    return {
        "photo_id": photos.photo_id,
        "user_id": photos.owner + 1,
        "slot": photos.slot.astype(np.int32),
        "latent_beauty": photos.beauty,
    }


def talented_unseen(world: World) -> np.ndarray:
    """Positions of the planted talented-unseen people.

    Opted-in people with at least five public photos whose mean latent beauty is in the top quarter, and whose
    recognition (favorites within 30 days relative to exposure, shrunken) in the bottom half, of the opted-in people
    with photos.
    """
    beauty, recognition = world.beauty, world.recognition
    counted = world.people.opted_in & (world.public_photos > 0)
    if not counted.any():
        return np.zeros(0, dtype=np.int64)
    talented = beauty >= np.quantile(beauty[counted], 1 - MOST_TALENTED_SHARE)
    unseen = recognition < np.quantile(recognition[counted], LEAST_SEEN_SHARE)
    return np.flatnonzero(counted & talented & unseen & (world.public_photos >= FEWEST_PHOTOS))
