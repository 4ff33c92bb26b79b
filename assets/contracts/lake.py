"""The lake: Parquet partitions that are replaced whole, on a local disk or on object storage.

Layout, for every table::

    <root>/<table>/data/<partition>-<sha256 digits>.parquet    immutable, named by its content
    <root>/<table>/commits/<partition>.json                    one small object: which file counts
    <root>/<table>/commits/<partition>.dropped                 since when no file counts, until vacuumed

Staging writes the data file; nobody can see it yet, because readers follow commits and never list or
glob data. Committing replaces one small object, which is atomic on local disks (rename) and on object
storage (one PUT). A reader that resolved a commit keeps reading the same bytes while writers go on,
until ``vacuum`` removes what no commit names. Writing the same rows again changes nothing, not even
a modification time. ``docs/adr/0001-lake.md`` tells why.

This is the only module that does path arithmetic inside the lake; ``storage.py`` holds what differs between
disks and object storage, ``parquet.py`` how rows become bytes.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from assets.contracts.parquet import checked_batches, sha256_of, write_parquet
from assets.contracts.storage import STAGING, LakeError, Storage, StoredObject, shown
from assets.contracts.table import TableContract

if TYPE_CHECKING:
    # polars, and pandas that pyarrow.dataset loads, cost seconds: every process that only knows contracts saves them.
    import polars as pl
    import pyarrow.dataset as ds

__all__ = ["PARTS", "Commit", "Lake", "LakeError", "Staged"]

PARTS = ".parts"
"""Folder of finished pieces of unfinished work, which a later run takes up; ``vacuum`` takes what nobody took up."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]*")
_TOMBSTONE = ".dropped"
_DATA = re.compile(r"(?P<zone>(?:.*/)?)(?P<file>(?P<table>[^/]+)/data/(?P<partition>[^/]+)-[0-9a-f]{16}\.parquet)")


@dataclass(frozen=True)
class Staged:
    """A partition that is written and validated but that no reader can see.

    Attributes:
        table: Key of the contract.
        partition: Month ``YYYY-MM``, ``undated``, or another name.
        file: Data file relative to the lake's root.
        rows: Number of rows.
        bytes: Size of the data file.
        sha256: Hash of the data file.
        schema: Fingerprint of the contract that the rows were validated against.
    """

    table: str
    partition: str
    file: str
    rows: int
    bytes: int
    sha256: str
    schema: str


@dataclass(frozen=True)
class Commit(Staged):
    """A partition that counts.

    Attributes:
        code_version: Version of the code that computed the rows.
        inputs: What the rows were computed from: ``table/partition`` -> sha256 of its data file.
    """

    code_version: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


class Lake:
    """Tables of one community.

    Args:
        uri: A folder, or an object-storage URI that ``pyarrow.fs`` understands, for example
            ``s3://bucket/prefix?endpoint_override=http://host:port``.

    Raises:
        LakeError: The URI names no usable filesystem.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._storage = Storage(uri)

    def __repr__(self) -> str:
        """The URI, so that logs say which lake."""
        return f"Lake({shown(self.uri)!r})"

    def zone(self, name: str) -> "Lake":
        """A lake inside this one, for example ``landed/<source>``, with commits of its own."""
        for part in name.split("/"):
            _refuse_bad_name(part)
        head, query, tail = self.uri.partition("?")
        return Lake(f"{head.rstrip('/')}/{name}{query}{tail}")

    def zones(self, prefix: str) -> list[str]:
        """Names of the zones below ``prefix``, sorted."""
        return self._storage.folders(prefix)

    # ---- writing ----

    def stage(self, contract: TableContract, partition: str, rows: pa.Table) -> Staged:
        """Write one partition where no reader sees it: conformed, sorted by primary key, validated.

        Raises:
            ContractViolation: The rows are not what the contract says; nothing is written.
        """
        order = [(name, "ascending") for name in contract.primary_key]
        table = contract.conform(rows).sort_by(order)
        contract.validate(table, partition)
        return self._stage_file(contract, partition, table.combine_chunks().to_batches())

    def stage_stream(self, contract: TableContract, partition: str, batches: Iterable[pa.RecordBatch]) -> Staged:
        """The same for batches that come sorted by primary key, with memory bound by one row group.

        Raises:
            ContractViolation: A batch breaks the contract, or keys do not strictly increase.
        """
        return self._stage_file(contract, partition, checked_batches(contract, partition, batches))

    def commit(self, staged: Staged, *, code_version: str = "", inputs: Mapping[str, str] | None = None) -> Commit:
        """Make a staged partition the one that readers see, in one atomic step.

        An equal commit is left untouched, so a re-run without news changes no byte.

        Raises:
            LakeError: The staged file is gone (it was vacuumed); stage it again.
        """
        if self._storage.size(staged.file) != staged.bytes:
            raise LakeError(f"staged file {staged.file} is gone from {shown(self.uri)}; stage the partition again")
        commit = Commit(**asdict(staged), code_version=code_version, inputs=dict(sorted((inputs or {}).items())))
        if self.commit_of(staged.table, staged.partition) != commit:
            document = json.dumps(asdict(commit), indent=1, sort_keys=True) + "\n"
            self.put_bytes(_commit_name(staged.table, staged.partition), document.encode())
        return commit

    def write(
        self,
        contract: TableContract,
        partition: str,
        rows: pa.Table,
        *,
        code_version: str = "",
        inputs: Mapping[str, str] | None = None,
    ) -> Commit:
        """Stage and commit one partition."""
        return self.commit(self.stage(contract, partition, rows), code_version=code_version, inputs=inputs)

    def drop(self, table: str, partition: str) -> None:
        """Forget one partition; dropping what is not there is no error. ``vacuum`` removes its data."""
        if self.commit_of(table, partition) is not None:
            self._storage.write(_tombstone_name(table, partition), b"")
            self._storage.delete(_commit_name(table, partition))

    # ---- reading ----

    def partitions(self, table: str) -> list[str]:
        """Committed partitions of a table, sorted; ``undated`` comes last."""
        names = [stored.name for stored in self._storage.objects(f"{table}/commits")]
        return [name.rpartition("/")[2].removesuffix(".json") for name in names if name.endswith(".json")]

    def commit_of(self, table: str, partition: str) -> Commit | None:
        """The commit of one partition, or None."""
        return _decoded(self.get_bytes(_commit_name(table, partition)))

    def commits(self, table: str, partitions: Sequence[str] | None = None) -> list[Commit]:
        """Commits of the named partitions that exist, or of all.

        Raises:
            TypeError: Partitions are one text, whose letters would be taken for names.
        """
        if isinstance(partitions, str):
            raise TypeError(f"partitions of {table} are a sequence of names, not the text {partitions!r}")
        names = self.partitions(table) if partitions is None else list(partitions)
        documents = self._storage.read_many([_commit_name(table, name) for name in names])
        return [commit for document in documents if (commit := _decoded(document)) is not None]

    def fingerprints(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, str]:
        """``table/partition`` -> sha256, in the form that ``commit(inputs=...)`` takes."""
        return {f"{c.table}/{c.partition}": c.sha256 for c in self.commits(table, partitions)}

    def is_current(
        self, contract: TableContract, partition: str, *, code_version: str, inputs: Mapping[str, str]
    ) -> bool:
        """Whether the partition was computed under this contract's schema, by this code, from exactly these inputs."""
        commit = self.commit_of(contract.key, partition)
        if commit is None or commit.schema != contract.fingerprint:
            return False
        return commit.code_version == code_version and dict(commit.inputs) == dict(inputs)

    def dataset(self, contract: TableContract, partitions: Sequence[str] | None = None) -> "ds.Dataset":
        """Committed rows as an Arrow dataset over an explicit list of files; empty if there are none.

        DuckDB, polars and Arrow stream it, with columns and filters pushed down.
        """
        import pyarrow.dataset as ds

        files = [self._storage.path(commit.file) for commit in self.commits(contract.key, partitions)]
        if not files:
            return ds.dataset(contract.schema.empty_table())
        return ds.dataset(files, schema=contract.schema, format="parquet", filesystem=self._storage.filesystem)

    def staged_dataset(self, contract: TableContract, staged: Staged) -> "ds.Dataset":
        """Rows of a staged partition, for those who audit it before it counts."""
        import pyarrow.dataset as ds

        files = [self._storage.path(staged.file)]
        return ds.dataset(files, schema=contract.schema, format="parquet", filesystem=self._storage.filesystem)

    def read(
        self, contract: TableContract, partitions: Sequence[str] | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Committed rows in memory."""
        return self.dataset(contract, partitions).to_table(columns=columns)

    def scan(self, contract: TableContract, partitions: Sequence[str] | None = None) -> "pl.LazyFrame":
        """Committed rows as a lazy polars frame."""
        import polars as pl

        return pl.scan_pyarrow_dataset(self.dataset(contract, partitions))

    def files(self, table: str, partitions: Sequence[str] | None = None) -> list[str]:
        """Locations of the committed data files, as DuckDB's ``read_parquet`` takes them."""
        return [self.location(commit.file) for commit in self.commits(table, partitions)]

    # ---- plain objects beside the tables: weights, parts of unfinished work ----

    def location(self, name: str) -> str:
        """Absolute path or URI (without options) of an object of this lake."""
        return self._storage.location(name)

    def put_bytes(self, name: str, content: bytes) -> None:
        """Write one object in one atomic step, replacing it if it exists."""
        self._storage.write(name, content)

    def get_bytes(self, name: str) -> bytes | None:
        """Content of one object, or None if it does not exist."""
        return self._storage.read(name)

    def get_many(self, names: Sequence[str]) -> list[bytes | None]:
        """Contents in the order of the names; on object storage many requests are under way at once."""
        return self._storage.read_many(names)

    def names(self, prefix: str) -> list[str]:
        """Names of the objects directly below ``prefix``, sorted."""
        return [stored.name for stored in self._storage.objects(prefix)]

    def delete(self, name: str) -> None:
        """Delete one object; deleting what is not there is no error."""
        self._storage.delete(name)

    def delete_below(self, prefix: str) -> None:
        """Delete every object below ``prefix``; a prefix without objects is no error."""
        for stored in self._storage.objects(prefix, recursive=True):
            self._storage.delete(stored.name)

    # ---- upkeep ----

    def vacuum(self, older_than: timedelta = timedelta(days=1)) -> list[str]:
        """Delete data files that no commit has named for a while, abandoned staging and parts, zones included.

        The clock of a data file starts when its partition was last replaced or dropped. So readers that resolved
        a commit, and writers that staged a file, have at least ``older_than`` to finish.

        Returns:
            Names of what was deleted, sorted.
        """
        horizon = datetime.now(UTC) - older_than
        stored = {each.name: each for each in self._storage.objects("", recursive=True)}
        old = [name for name, each in stored.items() if each.modified_at < horizon]
        doomed = [name for name in old if {STAGING, PARTS} & {*name.split("/")} or name.endswith(_TOMBSTONE)]
        doomed += self._forgotten_data(stored, old, horizon)
        return sorted(name for name in doomed if self._delete_if_still_forgotten(name, horizon))

    # ---- inside ----

    def _delete_if_still_forgotten(self, name: str, horizon: datetime) -> bool:
        """Delete an object unless somebody has written or committed it since it was looked at."""
        modified_at = self._storage.modified_at(name)
        if modified_at is None or modified_at >= horizon:
            return False
        if match := _DATA.fullmatch(name):
            pointer = _commit_name(f"{match['zone']}{match['table']}", match["partition"])
            commit = _decoded(self._storage.read(pointer))
            if commit is not None and commit.file == match["file"]:
                return False
        self._storage.delete(name)
        return True

    def _forgotten_data(self, stored: Mapping[str, StoredObject], old: Sequence[str], horizon: datetime) -> list[str]:
        """Old data files whose partition was settled before the horizon on another file, or on none."""
        settled = []
        for name in old:
            match = _DATA.fullmatch(name)
            if match is None:
                continue
            table = f"{match['zone']}{match['table']}"
            pointers = (_commit_name(table, match["partition"]), _tombstone_name(table, match["partition"]))
            if all(stored[p].modified_at < horizon for p in pointers if p in stored):
                settled.append((name, match["file"], pointers[0]))
        commits = map(_decoded, self._storage.read_many([pointer for _, _, pointer in settled]))
        named = [commit.file if commit else None for commit in commits]
        return [name for (name, file, _), counts in zip(settled, named, strict=True) if file != counts]

    def _stage_file(self, contract: TableContract, partition: str, batches: Iterable[pa.RecordBatch]) -> Staged:
        _refuse_bad_name(contract.key)
        _refuse_bad_name(partition)
        with self._storage.staging_folder() as folder:
            path = folder / "rows.parquet"
            rows = write_parquet(path, contract.schema, batches)
            digest = sha256_of(path)
            size = path.stat().st_size
            name = f"{contract.key}/data/{partition}-{digest[:16]}.parquet"
            if not self._is_in_place(contract.key, partition, name, size):
                self._storage.publish(path, name)
        return Staged(contract.key, partition, name, rows, size, digest, contract.fingerprint)

    def _is_in_place(self, table: str, partition: str, name: str, size: int) -> bool:
        """Whether a commit names this very file. One that no commit names is written again: it may be vacuumed."""
        commit = self.commit_of(table, partition)
        return commit is not None and commit.file == name and self._storage.size(name) == size


def _refuse_bad_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LakeError(f"{name!r} cannot name a table, zone or partition; use letters, digits, '_', '.', '=' and '-'")


def _commit_name(table: str, partition: str) -> str:
    return f"{table}/commits/{partition}.json"


def _tombstone_name(table: str, partition: str) -> str:
    return f"{table}/commits/{partition}{_TOMBSTONE}"


def _decoded(document: bytes | None) -> Commit | None:
    return None if document is None else Commit(**json.loads(document))
