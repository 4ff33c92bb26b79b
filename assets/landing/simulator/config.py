"""Every knob of the simulator: name, meaning, unit, range and default, in one frozen value.

A knob is a field; its metadata is what the command line and the error messages say about it.
"""

import difflib
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Self

from assets.contracts.provenance import code_version_of

INFLUENCE_FORMS = ("linear", "threshold", "saturating", "lagged")


class ConfigError(ValueError):
    """A knob that is unknown, of the wrong type or out of range; the message names it and says what it may be."""


def _knob(
    default: Any,
    help_text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    group: str = "The community",
) -> Any:
    about = {"help": help_text, "low": low, "high": high, "choices": choices, "group": group}
    return field(default=default, metadata=about)


_effect = partial(_knob, group="Planted causes: each is exactly absent at 0")
_people = partial(_knob, group="People and links")
_attention = partial(_knob, group="Attention and consent")
_output = partial(_knob, group="Images, scores and ratings")


@dataclass(frozen=True, kw_only=True)
class SimulationConfig:
    """What to simulate. The same values give the same bytes.

    Shares and probabilities lie in [0, 1]; beauty lies in [0, 1]. The first seven effects are the planted
    causes; each is exactly absent at 0. ``knob_help(name)`` tells what a field means.
    """

    name: str = _knob("simulated", "Name of the community and of its folder below the landing folder.")
    seed: int = _knob(7, "Everything random derives from it.", low=0, high=2**31 - 1)
    users: int = _knob(2000, "People who join in all.", low=20, high=20_000_000)
    months: int = _knob(36, "Length of the observation, in calendar months.", low=2, high=600)
    last_month: str = _knob("2016-03", "Last calendar month, as YYYY-MM.")

    homophily: float = _effect(0.5, "Homophily h: how strongly people follow others of similar beauty.", low=0, high=2)
    influence: float = _effect(
        0.3,
        "Influence i: share of the gap between the beauty that somebody follows and their own talent that enters "
        "their later photos.",
        low=0,
        high=1,
    )
    influence_form: str = _effect("linear", "Functional form of influence.", choices=INFLUENCE_FORMS)
    shocks: float = _effect(0.2, "Shared shocks s: monthly waves of beauty common to a home group.", low=0, high=2)
    popularity: float = _effect(
        0.85, "Popularity bias p: how strongly attention goes where attention is.", low=0, high=1
    )
    imbalance_churn: float = _effect(
        0.3, "Imbalance to churn d: how much a gap between beauty followed and own drives people away.", low=0, high=2
    )
    recognition_retention: float = _effect(
        0.3, "Recognition to retention r: how much recognition keeps people active.", low=0, high=2
    )
    unobserved: float = _effect(
        0.0,
        "Unobserved trait u: an ambition that makes people follow beautiful producers and improve, and that no "
        "table shows.",
        low=0,
        high=2,
    )

    founders: float = _people(0.35, "Share of people who join in the first month.", low=0, high=1)
    base_churn: float = _people(0.012, "Probability per month of leaving for good, before d and r.", low=0, high=0.5)
    talent_sd: float = _people(0.16, "Spread of talent between people, on the beauty scale.", low=0, high=0.4)
    photo_sd: float = _people(0.09, "Spread of the photos of one person in one month.", low=0, high=0.4)
    drift_sd: float = _people(0.02, "Spread of a person's slow own ups and downs.", low=0, high=0.3)
    photos_per_month: float = _people(1.2, "Mean uploads per person and month.", low=0.01, high=100)
    activity_sd: float = _people(1.5, "Standard deviation of the log upload rate between people.", low=0, high=3)
    links_per_month: float = _people(0.7, "Mean follows started per person and month.", low=0.01, high=100)
    sociability_sd: float = _people(
        1.8, "Standard deviation of the log rate of following between people.", low=0, high=3
    )
    unsocial: float = _people(0.5, "Share of people who only store photos: they follow nobody.", low=0, high=1)
    attractiveness_sd: float = _people(
        1.2, "Spread of the log appeal to followers, unrelated to talent.", low=0, high=3
    )
    closure: float = _people(0.85, "Share of proposed links that go to a followee of a followee.", low=0, high=1)
    reciprocation: float = _people(0.39, "Probability that a new link is answered.", low=0, high=1)
    unfollow: float = _people(0.06, "Share of links that are removed some day.", low=0, high=1)
    new_link_attention: float = _people(
        20.0, "Weight of a new link in influence, relative to an old one.", low=1, high=100
    )
    new_link_months: int = _people(3, "Months for which a link counts as new.", low=1, high=120)
    favorites_per_follower: float = _attention(
        0.14, "Mean favorites per follower and photo of middling beauty.", low=0, high=1
    )
    favorites_from_public: float = _attention(
        0.45, "Mean favorites per photo from people who found it otherwise.", low=0, high=100
    )
    beauty_attention: float = _attention(4.0, "Log-rate of favorites per unit of beauty.", low=0, high=20)
    visibility_sd: float = _attention(
        0.5, "Spread of the log luck of a person with attention, unrelated to talent.", low=0, high=3
    )
    private_photos: float = _attention(0.05, "Share of photos that are private.", low=0, high=1)
    deleted_photos: float = _attention(0.03, "Share of photos that are deleted some day.", low=0, high=1)
    opted_out: float = _attention(0.03, "Share of people who did not agree to be studied.", low=0, high=1)
    professionals: float = _attention(0.12, "Share of people with a professional account.", low=0, high=1)

    images: bool = _output(True, "Render a JPEG per photo; otherwise land noisy ready-made scores.")
    image_size: int = _output(128, "Longer side of a rendered photo, in pixels.", low=32, high=1024)
    score_noise: float = _output(0.05, "Standard deviation of the noise of ready-made scores.", low=0, high=1)
    rated_photos: int = _output(600, "Photos that raters judge; 0 for none.", low=0, high=1_000_000)
    raters_per_photo: int = _output(8, "Raters per judged photo.", low=1, high=200)
    rater_noise: float = _output(0.12, "Standard deviation of one judgement around the photo's beauty.", low=0, high=1)
    bad_raters: float = _output(0.1, "Share of raters who answer at random.", low=0, high=1)

    def __post_init__(self) -> None:
        """Refuse values that are out of range.

        Raises:
            ConfigError: Names the knob, the value and what is allowed.
        """
        for knob in fields(self):
            _check(knob, getattr(self, knob.name))
        _check_name(self.name)
        _check_month(self.last_month)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """A configuration from names and values; what is not named keeps its default.

        Raises:
            ConfigError: A knob is unknown or its value is not allowed.
        """
        known = [f.name for f in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ConfigError(f"{_unknown(unknown, known)}; there are {', '.join(known)}")
        return cls(**values)

    @classmethod
    def from_toml(cls, path: Path, overrides: Mapping[str, Any] | None = None) -> Self:
        """A configuration from a TOML file of ``knob = value`` lines; ``overrides`` win over the file.

        Raises:
            ConfigError: The file is absent or no TOML, or a knob is unknown or not allowed.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        try:
            return cls.from_mapping({**values, **(overrides or {})})
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits over all knobs and the simulator's own source code."""
        text = json.dumps(asdict(self), sort_keys=True) + code_version_of(
            "assets.landing.simulator", "assets.statistics.behaviour", "assets.statistics.gini"
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def knob_help(name: str) -> str:
    """What a knob means and which values it takes.

    Raises:
        KeyError: There is no such knob.
    """
    knob = {f.name: f for f in fields(SimulationConfig)}[name]
    return f"{knob.metadata['help']} {_allowed(knob)}".strip()


def knob_group(name: str) -> str:
    """Heading below which help lists a knob.

    Raises:
        KeyError: There is no such knob.
    """
    group: str = {f.name: f for f in fields(SimulationConfig)}[name].metadata["group"]
    return group


def _unknown(names: list[str], known: list[str]) -> str:
    close = {name: difflib.get_close_matches(name, known, n=1) for name in names}
    return ", ".join(
        f"no knob {name!r}" + (f" (did you mean {near[0]}?)" if near else "") for name, near in close.items()
    )


def _allowed(knob: Field[Any]) -> str:
    if knob.metadata["choices"]:
        return f"One of {', '.join(knob.metadata['choices'])}."
    if knob.metadata["low"] is not None:
        return f"From {knob.metadata['low']} to {knob.metadata['high']}."
    return ""


def _check(knob: Field[Any], value: Any) -> None:
    wanted = type(knob.default)
    right_type = type(value) is wanted or (wanted is float and type(value) is int)
    if not right_type:
        raise ConfigError(f"{knob.name} must be of type {wanted.__name__}, not {value!r}")
    low, high, choices = (knob.metadata[key] for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(f"{knob.name} must be one of {', '.join(choices)}, not {value!r}")
    if low is not None and not low <= value <= high:  # also refuses NaN
        raise ConfigError(f"{knob.name} must be from {low} to {high}, not {value!r}")


def _check_name(name: str) -> None:
    if not name or not all(c.isalnum() or c in "_-" for c in name):
        raise ConfigError(f"name must be letters, digits, '_' and '-' only, not {name!r}")


def _check_month(month: str) -> None:
    year, _, number = month.partition("-")
    if not (len(year) == 4 and len(number) == 2 and (year + number).isdigit() and 1 <= int(number) <= 12):
        raise ConfigError(f"last_month must look like 2016-03, not {month!r}")
