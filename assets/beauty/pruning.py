"""Withdrawn photos leave what was said of them: training set, unscorable photos, scores set aside, explanations.

A user who opts out, and a photo that becomes private, leave ``photos`` with the run that publishes their month. The
training set is labelled anew only when somebody decides to learn, so each run that scores takes rows out of it and
labels nothing. Weights that have learnt from these photos stay until the next model is trained.
"""

from collections.abc import Collection

import duckdb
import pyarrow as pa

from assets.beauty.contact_sheet import forget_sheet, has_sheet, store_sheet
from assets.beauty.scratch import scratch_database
from assets.contracts.beauty import SCORES, TRAINING_SET, UNSCORABLE_PHOTOS
from assets.contracts.community import PHOTOS
from assets.contracts.explanations import (
    OVERLAYS,
    PHOTO_ATTRIBUTES,
    PHOTO_EXPLANATIONS,
    explained_photo,
    overlay_folder,
)
from assets.contracts.lake import Lake
from assets.contracts.table import UNDATED, TableContract

_PRUNED = "pruned"
"""Version of no code: a month that is pruned is current for nobody, and is made again when its turn comes."""


def prune_everything(lake: Lake, zones: Collection[str]) -> None:
    """Take photos that are no longer published out of all that this module knows, and of scores in these zones."""
    prune_unscorable_photos(lake)
    prune_training_set(lake)
    prune_zones(lake, zones)
    prune_explanations(lake)


def prune_training_set(lake: Lake) -> int:
    """Take photos that are no longer published out of the training set.

    What stays is a part of the set that the commit names as its input, so it is never current: whoever learns next
    labels the photos that are published then, and where these are those of before, the model is that of before.

    Returns:
        Rows taken out.
    """
    commit = lake.commit_of(TRAINING_SET.key, UNDATED)
    if commit is None:
        return 0
    kept = _published_rows(lake, TRAINING_SET, UNDATED, None)
    # Somebody who labels meanwhile knows better.
    if kept.num_rows < commit.rows and lake.commit_of(TRAINING_SET.key, UNDATED) == commit:
        lake.write(TRAINING_SET, UNDATED, kept, code_version=_PRUNED, inputs=_whole_set(lake))
    return commit.rows - kept.num_rows


def training_sets_at_hand(lake: Lake) -> tuple[dict[str, str], ...]:
    """The training set, and the one that it is what is left of, each as ``Lake.fingerprints`` gives it.

    What was learnt from either is known, but for photos that were withdrawn.
    """
    present = lake.fingerprints(TRAINING_SET.key)
    whole = _whole_set(lake)
    return (present,) if whole == present else (present, whole)


def prune_unscorable_photos(lake: Lake) -> int:
    """Take photos that are no longer published out of ``unscorable_photos``, in all months.

    Scoring replaces a month as well, but it passes over months in which no photo with an image is left.

    Returns:
        Rows taken out.
    """
    return sum(_prune_month(lake, month) for month in lake.partitions(UNSCORABLE_PHOTOS.key))


def prune_zones(lake: Lake, zones: Collection[str]) -> int:
    """Take photos that are no longer published out of scores that are kept beside the months, in zones of the lake.

    Returns:
        Rows taken out.
    """
    taken = 0
    for zone in map(lake.zone, zones):
        for contract in (SCORES, UNSCORABLE_PHOTOS):
            for commit in zone.commits(contract.key):
                kept = _published_rows(lake, contract, commit.partition, None, zone)
                taken += commit.rows - kept.num_rows
                if kept.num_rows < commit.rows:
                    # As it was made: what stays need not be scored again.
                    zone.write(contract, commit.partition, kept, code_version=commit.code_version, inputs=commit.inputs)
    return taken


def prune_explanations(lake: Lake) -> int:
    """Take photos that are no longer published out of explanations and attributes, with overlays and contact sheets.

    Nothing is explained anew for that, and what stays counts as made by what made it. Sheets go first and come last,
    so that a run that is killed in between leaves too little, which the next one makes good.

    Returns:
        Photos taken out, counted once per network.
    """
    for version in lake.partitions(PHOTO_ATTRIBUTES.key):
        _prune_explained(lake, PHOTO_ATTRIBUTES, version)
    taken = sum(_prune_explained(lake, PHOTO_EXPLANATIONS, name) for name in lake.partitions(PHOTO_EXPLANATIONS.key))
    _delete_withdrawn_overlays(lake)
    for commit in lake.commits(PHOTO_EXPLANATIONS.key):
        if commit.rows and not has_sheet(lake, commit.partition):
            store_sheet(lake, commit.partition)
    return taken


def _prune_explained(lake: Lake, contract: TableContract, version: str) -> int:
    commit = lake.commit_of(contract.key, version)
    if commit is None:
        return 0
    kept = _published_rows(lake, contract, version, None)
    if kept.num_rows < commit.rows:
        forget_sheet(lake, version)
        lake.write(contract, version, kept, code_version=commit.code_version, inputs=commit.inputs)
    return commit.rows - kept.num_rows


def _delete_withdrawn_overlays(lake: Lake) -> None:
    """By photo and not by row: a job under way has put its overlays there before its rows."""
    import pyarrow.dataset as ds  # loads pandas, which costs seconds

    names = [name for version in lake.zones(OVERLAYS) for name in lake.names(overlay_folder(version))]
    if not names:
        return
    ids = pa.array(sorted(map(explained_photo, names)), pa.int64())
    published = lake.dataset(PHOTOS).to_table(columns=["photo_id"], filter=ds.field("photo_id").isin(ids))
    kept = set(published["photo_id"].to_pylist())
    for name in names:
        if explained_photo(name) not in kept:
            lake.delete(name)


def _prune_month(lake: Lake, month: str) -> int:
    commit = lake.commit_of(UNSCORABLE_PHOTOS.key, month)
    photos = lake.fingerprints(PHOTOS.key, [month])
    if commit is None or (photos and photos.items() <= commit.inputs.items()):
        return 0
    kept = _published_rows(lake, UNSCORABLE_PHOTOS, month, [month])
    if not photos:
        lake.drop(UNSCORABLE_PHOTOS.key, month)
    elif kept.num_rows < commit.rows:
        lake.write(UNSCORABLE_PHOTOS, month, kept, code_version=_PRUNED, inputs=photos)
    return commit.rows - kept.num_rows


def _published_rows(
    lake: Lake, contract: TableContract, partition: str, months: list[str] | None, zone: Lake | None = None
) -> pa.Table:
    """Rows of a partition, of a zone if one is given, whose photo is published, in the given months or in any."""
    with scratch_database() as connection:
        connection.register("photos", lake.dataset(PHOTOS, months))
        connection.register("rows", (zone or lake).dataset(contract, [partition]))
        return contract.conform(_select(connection))


def _select(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    return connection.execute("select * from rows where photo_id in (select photo_id from photos)").to_arrow_table()


def _whole_set(lake: Lake) -> dict[str, str]:
    """Fingerprint of the training set as it was labelled, whether or not photos were taken out since."""
    commit = lake.commit_of(TRAINING_SET.key, UNDATED)
    if commit is None or commit.code_version != _PRUNED:
        return lake.fingerprints(TRAINING_SET.key)
    return dict(commit.inputs)
