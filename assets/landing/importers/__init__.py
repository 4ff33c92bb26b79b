"""Importers: files of many formats become typed months of the lake, row by row checked, none dropped silently.

``pipeline.py`` is the way in and the same for all formats. A module that declares a ``Format`` is one
(``canonical.py``, ``edge_list.py``, ...); ``workspace.py`` checks rows in DuckDB, out of core;
``landing_zone.py`` publishes them.
"""

from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Format, Option, format_called, list_formats
from assets.landing.importers.pipeline import import_source
from assets.landing.importers.report import ImportReport, TableReport

__all__ = [
    "Format",
    "ImportFailure",
    "ImportReport",
    "Option",
    "TableReport",
    "format_called",
    "import_source",
    "list_formats",
]
