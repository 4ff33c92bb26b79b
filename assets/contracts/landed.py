"""Landed sources: a zone ``landed/<source>`` of the lake each, with a document that its import writes last."""

import json
from typing import Any

from assets.contracts.lake import Lake

LANDED = "landed"
SOURCE_DOCUMENT = "source.json"


def landed_sources(lake: Lake) -> dict[str, Lake]:
    """Name -> zone of every landed source, sorted by name."""
    return {name: landed_source(lake, name) for name in lake.zones(LANDED)}


def landed_source(lake: Lake, name: str) -> Lake:
    """The zone of one source, whether or not anything landed there.

    Raises:
        LakeError: No zone can have this name.
    """
    return lake.zone(f"{LANDED}/{name}")


def source_document(zone: Lake) -> dict[str, Any] | None:
    """What the last finished import of a source said of itself; None before the first."""
    content = zone.get_bytes(SOURCE_DOCUMENT)
    if content is None:
        return None
    document: dict[str, Any] = json.loads(content)
    return document
