"""Imports as a person asks for them: formats described in words, options given as texts."""

from collections.abc import Sequence
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import Settings
from assets.landing.importers import Format, ImportFailure, format_called, import_source, list_formats

__all__ = ["ImportFailure", "describe_formats", "import_named"]


def describe_formats() -> str:
    """Every format with what it expects and its options, as text for a terminal."""
    return "\n\n".join(_describe(found) for found in list_formats())


def import_named(settings: Settings, source_format: str, path: Path, name: str, options: Sequence[str]) -> str:
    """Import one source and say what came of it.

    Args:
        settings: Which community.
        source_format: Name of a format.
        path: File or folder.
        name: What to call the source.
        options: ``key=value`` texts.

    Raises:
        ImportFailure: The source cannot be read, or an option is not ``key=value``; the lake is as it was.
    """
    parsed = format_called(source_format).parse_options(dict(_pair(text) for text in options))
    report = import_source(
        source_format, path, name=name, lake=Lake(settings.lake_uri), landing_root=settings.landing, options=parsed
    )
    return report.render()


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ImportFailure(f"option {text!r} has no '='", expected="KEY=VALUE")
    return key, value


def _describe(found: Format) -> str:
    lines = [f"{found.name}: {found.help}", f"  expects: {found.expects}"]
    lines += [f"  -o {o.name}={o.default}  {o.help}" for o in found.option_list()]
    return "\n".join(lines)
