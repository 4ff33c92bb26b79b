"""A lake and a way into it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assets.contracts.lake import Lake
from assets.contracts.quarantine import QUARANTINE
from assets.contracts.registry import all_contracts
from assets.landing.importers import ImportReport, format_called, import_source


@dataclass
class Importing:
    """Imports into one lake and looks at what landed."""

    home: Path

    @property
    def lake(self) -> Lake:
        return Lake(str(self.home / "lake"))

    @property
    def landing_root(self) -> Path:
        return self.home / "landing"

    @property
    def zone(self) -> Lake:
        return self.lake.zone("landed/here")

    @property
    def zone_folder(self) -> Path:
        return self.home / "lake" / "landed" / "here"

    def run(self, source_format: str, path: Path, **options: str) -> ImportReport:
        parsed = format_called(source_format).parse_options(options)
        return import_source(
            source_format, path, name="here", lake=self.lake, landing_root=self.landing_root, options=parsed
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.zone.read(all_contracts()[table]).to_pylist()

    def rejected(self, table: str) -> list[dict[str, Any]]:
        return self.zone.read(QUARANTINE, [table]).to_pylist()

    def reasons(self, table: str) -> list[tuple[int, str | None, str]]:
        return [(row["row"], row["column"], row["reason"]) for row in self.rejected(table)]


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[Mapping[str, str | bytes]], Path]:
    """Writes files by name and gives their folder."""

    def write(files: Mapping[str, str | bytes]) -> Path:
        root = tmp_path / "home" / "landing" / "here"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    return write
