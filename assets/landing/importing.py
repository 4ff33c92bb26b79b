"""Imports as a person asks for them: formats described in words, options given as texts."""

from collections.abc import Sequence
from pathlib import Path

from assets.contracts.lake import Lake
from assets.contracts.settings import PROJECT_ROOT, Settings
from assets.landing.column_tables import COMMAND, PAGE
from assets.landing.importers import Format, ImportFailure, format_called, import_source, list_formats
from assets.landing.rejections import rejected_rows, render_rejected

__all__ = ["ImportFailure", "describe_formats", "import_named"]


def describe_formats() -> str:
    """Every format with what it expects and its options, as text for a terminal."""
    where = f"columns of the canonical folder: {PAGE.relative_to(PROJECT_ROOT)}, or `{COMMAND} --print`"
    return "\n\n".join([*(_describe(found) for found in list_formats()), where])


def import_named(settings: Settings, source_format: str, path: Path, name: str, options: Sequence[str]) -> str:
    """Import one source and say what came of it, with the first rejected rows of each reason.

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
    lake = Lake(settings.lake_uri)
    report = import_source(source_format, path, name=name, lake=lake, landing_root=settings.landing, options=parsed)
    shown = render_rejected(rejected_rows(lake, name)) if report.rejected_rows else ""
    return "\n".join(text for text in (report.render(), shown) if text)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ImportFailure(f"option {text!r} has no '='", expected="KEY=VALUE")
    return key, value


def _describe(found: Format) -> str:
    lines = [f"{found.name}: {found.help}", f"  expects: {found.expects}"]
    lines += [f"  -o {o.name}={o.default}  {o.help}" for o in found.option_list()]
    return "\n".join(lines)
