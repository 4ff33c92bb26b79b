"""What a format is: a module of this package that declares one is found by existing."""

import importlib
import pkgutil
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from assets.contracts.table import TableContract
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.workspace import Workspace

CONSENT_IN_USERS = "users_table"
CONSENT_ELSEWHERE = "other_sources"
"""Said by a delivery of events without users: who agreed stands in the users tables of other sources."""
CONSENT_OF_ALL = "all"


@dataclass(frozen=True)
class NoOptions:
    """Options of a format that has none."""


@dataclass(frozen=True)
class Option:
    """One option of a format, the way a command line shows it.

    Attributes:
        name: Name on the command line and of the dataclass field.
        type: ``str``, ``int``, ``bool`` or ``Path``.
        default: Value when it is not given.
        help: What it does, in a sentence.
    """

    name: str
    type: type
    default: Any
    help: str


def option(default: Any, text: str) -> Any:
    """A dataclass field that carries its help."""
    return field(default=default, metadata={"help": text})


@dataclass
class Intake:
    """What a format works with while it reads.

    Attributes:
        name: Name of the source.
        landing_root: Folder that stored photo URIs start from where they lie below it.
        workspace: Where rows are loaded and checked.
        option_names: Options of the format, for errors that an option would solve.
        consent: ``users_table``: each user has said so; ``all``: the dataset as a whole states it, and
            users that no file lists are derived from the ids seen.
        notes: What a person should know of this import.
        warnings: What is most likely a mistake, although it can be imported.
    """

    name: str
    landing_root: Path
    workspace: Workspace
    option_names: tuple[str, ...] = ()
    consent: str = CONSENT_OF_ALL
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Tell the person something once."""
        if text not in self.notes:
            self.notes.append(text)

    def warn(self, text: str) -> None:
        """Tell the person of a likely mistake once."""
        if text not in self.warnings:
            self.warnings.append(text)

    def stored_location(self, path: Path) -> str:
        """A path as photo URIs hold it: relative to the landing folder if below it, else absolute."""
        whole = path.absolute()
        root = self.landing_root.absolute()
        return str(whole.relative_to(root)) if whole.is_relative_to(root) else str(whole)


@dataclass(frozen=True)
class Format:
    """A kind of file or folder that can be imported.

    Attributes:
        name: Name on the command line.
        help: One line on what it is.
        expects: What the path must hold.
        read: Loads every row of a path into the intake, or raises ``ImportFailure``.
        options: Dataclass of the format's options; each field has a default and a help.
    """

    name: str
    help: str
    expects: str
    read: Callable[[Path, Any, Intake], None]
    options: type = NoOptions

    def option_list(self) -> list[Option]:
        """The options, in the order of their declaration."""
        hints = typing.get_type_hints(self.options)
        return [
            Option(f.name, _plain_type(hints[f.name]), None if f.default is MISSING else f.default, f.metadata["help"])
            for f in fields(self.options)
        ]

    def parse_options(self, given: Mapping[str, str]) -> Any:
        """Options from texts, as a command line has them.

        Raises:
            ImportFailure: An option is unknown or has a value of the wrong type.
        """
        known = {o.name: o for o in self.option_list()}
        if unknown := sorted(set(given) - set(known)):
            expected = f"one of {', '.join(known)}" if known else "no option"
            raise ImportFailure(f"format {self.name!r} has no option {unknown[0]!r}", expected=expected)
        return self.options(**{name: _parsed(known[name], text) for name, text in given.items()})


def list_formats() -> list[Format]:
    """Every format, sorted by name."""
    return [found for _, found in sorted(_formats().items())]


def format_called(name: str) -> Format:
    """The format called ``name``.

    Raises:
        ImportFailure: There is none; the message names those there are.
    """
    found = _formats().get(name)
    if found is None:
        raise ImportFailure(f"there is no format {name!r}", expected=f"one of {', '.join(sorted(_formats()))}")
    return found


def landing_tables() -> dict[str, TableContract]:
    """Tables that can land: those of the community and of human judgement, and ready-made scores."""
    from assets.contracts import beauty, community, crowd

    declared = [*vars(community).values(), *vars(crowd).values(), beauty.SCORES]
    return {value.key: value for value in declared if isinstance(value, TableContract)}


@cache
def _formats() -> dict[str, Format]:
    import assets.landing.importers as package

    modules = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
    declared = [value for module in modules for value in vars(module).values() if isinstance(value, Format)]
    return {found.name: found for found in declared}


def _plain_type(hint: Any) -> type:
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.cast(type, hint)


def _parsed(option: Option, text: str) -> Any:
    if option.type is bool:
        if text.lower() not in ("true", "false"):
            raise ImportFailure(f"option {option.name!r} is {text!r}", expected="true or false")
        return text.lower() == "true"
    try:
        return option.type(text)
    except ValueError as error:
        raise ImportFailure(
            f"option {option.name!r} is {text!r}", expected=f"a value of type {option.type.__name__}"
        ) from error
