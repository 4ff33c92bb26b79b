"""Which photos have an image, found from listings alone: folders, tar headers, Parquet row counts.

No image is opened here; broken ones are found when they are scored. A photo whose image is not there
is quarantined as ``no_image``. Photos of datasets that have no images at all keep an empty URI.
Rows of Parquet files are counted from 0, as readers of the URI ``file.parquet#row`` count them.
"""

import os
import tarfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from assets.contracts.community import PHOTOS
from assets.landing.file_names import IMAGE_SUFFIXES
from assets.landing.importers.checking import Rule
from assets.landing.importers.failures import ImportFailure
from assets.landing.importers.format import Intake
from assets.landing.importers.workspace import BATCH_ROWS

_BY_URI = pa.schema([("uri", pa.string()), ("stored", pa.string())])
_BY_PHOTO = pa.schema([("photo_id", pa.int64()), ("stored", pa.string())])


def keep_named_images(intake: Intake, folder: Path) -> None:
    """Check that the images exist that photos name, and store their URIs in the form of the contract.

    Relative URIs are looked for below ``folder`` first, then below the landing folder. URIs of other
    stores (``s3://...``) are kept unchecked.
    """
    containers = intake.workspace.execute(
        "SELECT DISTINCT CASE WHEN contains(uri, '#') THEN regexp_extract(uri, '^([^#]*)#', 1) "
        "ELSE regexp_extract(uri, '^(.*/)?[^/]*$', 1) END, contains(uri, '#') "
        "FROM rows_photos WHERE _reason IS NULL AND uri <> '' AND NOT contains(uri, '://') ORDER BY ALL"
    )
    listed = (
        (f"{container}#{member}" if is_shard else f"{container}{member}", stored)
        for container, is_shard in containers
        for member, stored in _members(intake, folder, container, is_shard)
    )
    _fill(intake, "image_uris", _BY_URI, listed)
    # A member of a tar file can stand in it twice.
    intake.workspace.execute(
        "CREATE TABLE named_image AS SELECT uri, min(stored) AS stored FROM image_uris GROUP BY uri"
    )
    _keep_photos_with_image(
        intake,
        matches="rows_photos.uri = named_image.uri",
        table="named_image",
        applies="uri <> '' AND NOT contains(uri, '://')",
        missing="uri NOT IN (SELECT uri FROM named_image)",
        found="'found no image at ' || uri || ', expected a file, a member of a tar file or a row of a Parquet file'",
    )


def keep_images_by_photo_id(intake: Intake, places: list[Path]) -> None:
    """Give every photo the image that carries its id, from folders, tar files, or Parquet with photo_id and bytes."""
    listed = ((photo_id, stored) for place in places for photo_id, stored in _images_of(intake, place))
    _fill(intake, "image_ids", _BY_PHOTO, listed)
    intake.workspace.execute(
        "CREATE TABLE first_image AS SELECT photo_id, min(stored) AS stored FROM image_ids GROUP BY photo_id"
    )
    _keep_photos_with_image(
        intake,
        matches="rows_photos.photo_id = first_image.photo_id",
        table="first_image",
        applies="true",
        missing="photo_id NOT IN (SELECT photo_id FROM first_image)",
        found="'found no image of photo ' || photo_id || ', expected one that is named by its id'",
    )


def image_places(folder: Path) -> list[Path]:
    """Where a folder keeps images by photo id: ``images/``, ``images.tar``; empty if nowhere."""
    places = [folder / "images", folder / "images.tar", folder / "images.parquet"]
    return [place for place in places if place.exists()]


def _keep_photos_with_image(
    intake: Intake, *, matches: str, table: str, applies: str, missing: str, found: str
) -> None:
    intake.workspace.reject(PHOTOS.key, Rule(f"{applies} AND {missing}", "no_image", "uri", found))
    where = f"_reason IS NULL AND {table}.stored IS NOT NULL"
    intake.workspace.change(PHOTOS.key, {"uri": f"{table}.stored"}, where, f"JOIN {table} ON {matches}")


def _members(intake: Intake, folder: Path, container: str, is_shard: bool) -> Iterator[tuple[str, str]]:
    """(member, URI to store) of a shard or a folder that photos name; nothing if it is not there."""
    for root in (folder, intake.landing_root):
        place = root / container
        if is_shard and place.is_file():
            prefix = intake.stored_location(place)
            yield from ((member, f"{prefix}#{member}") for member in _shard_members(place))
            return
        if not is_shard and place.is_dir():
            prefix = intake.stored_location(place)
            with os.scandir(place) as entries:
                yield from ((e.name, f"{prefix}/{e.name}") for e in entries if e.is_file())
            return


def _shard_members(shard: Path) -> Iterator[str]:
    if shard.suffix == ".parquet":
        return (str(row) for row in range(_parquet(shard).metadata.num_rows))
    return _tar_members(shard)


def _tar_members(shard: Path) -> Iterator[str]:
    try:
        with tarfile.open(shard) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name
                archive.members = []  # type: ignore[attr-defined] # tarfile keeps every header; a shard can hold millions
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ImportFailure(
            f"cannot be read as tar: {error}", file=shard, expected="a whole tar file", remedy="Get it again."
        ) from error


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ImportFailure(
            f"cannot be read as Parquet: {error}", file=path, expected="a whole Parquet file", remedy="Get it again."
        ) from error


def _images_of(intake: Intake, place: Path) -> Iterator[tuple[int, str]]:
    """(photo id, URI to store) of all images below a folder, or in a shard."""
    for file in _files_below(place):
        location = intake.stored_location(file)
        if file.suffix == ".tar":
            named: Iterator[tuple[str, str]] = ((m, f"{location}#{m}") for m in _tar_members(file))
        elif file.suffix == ".parquet":
            named = ((photo_id, f"{location}#{row}") for row, photo_id in enumerate(_photo_ids(file)))
        else:
            named = iter([(file.name, location)])
        for name, stored in named:
            photo_id = _photo_id(name)
            if photo_id is not None:
                yield photo_id, stored


def _files_below(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for folder, subfolders, names in os.walk(place):
        subfolders.sort()
        yield from (Path(folder, name) for name in sorted(names))


def _photo_id(name: str) -> int | None:
    """Photo that an image file belongs to, by its name; None for files that are no images.

    >>> _photo_id("12/34.jpg"), _photo_id("notes.txt"), _photo_id("7")
    (34, None, 7)
    """
    stem, suffix = os.path.splitext(os.path.basename(name))
    if not stem.isdecimal() or suffix.lower() not in ("", *IMAGE_SUFFIXES) or len(stem) > 18:
        return None
    return int(stem)


def _photo_ids(path: Path) -> Iterator[str]:
    file = _parquet(path)
    if not {"photo_id", "bytes"} <= set(file.schema_arrow.names):
        raise ImportFailure(
            f"there are the columns {', '.join(file.schema_arrow.names)}",
            file=path,
            expected="columns photo_id, bytes",
        )
    for batch in file.iter_batches(columns=["photo_id"]):
        yield from (value or "" for value in pc.cast(batch.column(0), pa.string()).to_pylist())


def _fill(intake: Intake, table: str, schema: pa.Schema, rows: Iterable[tuple[object, str]]) -> None:
    intake.workspace.add_arrow(table, schema.empty_table())
    remaining = iter(rows)
    while chunk := list(islice(remaining, BATCH_ROWS)):
        columns = [pa.array(values, field.type) for values, field in zip(zip(*chunk, strict=True), schema, strict=True)]
        intake.workspace.add_arrow(table, pa.Table.from_arrays(columns, schema=schema))
