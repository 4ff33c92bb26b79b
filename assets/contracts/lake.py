"""The lake: Parquet partitions that are replaced whole, on a local disk or on object storage.

Layout, for every table::

    <root>/<table>/data/<partition>-<sha256 digits>.parquet    immutable, named by its content
    <root>/<table>/commits/<partition>.json                    one small object: which file counts

Staging writes the data file; nobody can see it yet, because readers follow commits and never list or
glob data. Committing replaces one small object, which is atomic on local disks (rename) and on object
storage (one PUT). A reader that resolved a commit keeps reading the same bytes while writers go on,
until ``vacuum`` removes what no commit names. Writing the same rows again changes nothing, not even
a modification time. ``docs/adr/0001-lake.md`` tells why.

This is the only module that does path arithmetic inside the lake.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow import fs as pafs

from assets.contracts.table import ContractViolation, TableContract

ROW_GROUP_ROWS = 131_072
"""Rows per Parquet row group: the most that a streamed partition holds in memory at once."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.=-]*")
_STAGING = ".staging"


class LakeError(RuntimeError):
    """The lake does not hold what was asked for, or its root cannot be used."""


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
        self._filesystem, self._root = _open_filesystem(uri)

    def __repr__(self) -> str:
        """The URI, so that logs say which lake."""
        return f"Lake({self.uri!r})"

    def zone(self, name: str) -> "Lake":
        """A lake inside this one, for example ``landed/<source>``, with commits of its own."""
        for part in name.split("/"):
            _refuse_bad_name(part)
        head, query, tail = self.uri.partition("?")
        return Lake(f"{head.rstrip('/')}/{name}{query}{tail}")

    def zones(self, prefix: str) -> list[str]:
        """Names of the zones below ``prefix``, sorted."""
        infos = self._list(prefix, file_type=pafs.FileType.Directory)
        return sorted(info.base_name for info in infos)

    # ---- writing ----

    def stage(self, contract: TableContract, partition: str, rows: pa.Table) -> Staged:
        """Write one partition where no reader sees it: conformed, sorted by primary key, validated.

        Raises:
            ContractViolation: The rows are not what the contract says; nothing is written.
        """
        order = [(name, "ascending") for name in contract.primary_key]
        table = contract.conform(rows).sort_by(order)
        contract.validate(table)
        return self._stage_file(contract, partition, table.combine_chunks().to_batches())

    def stage_stream(self, contract: TableContract, partition: str, batches: Iterable[pa.RecordBatch]) -> Staged:
        """The same for batches that come sorted by primary key, with memory bound by one row group.

        Raises:
            ContractViolation: A batch breaks the contract, or keys do not strictly increase.
        """
        return self._stage_file(contract, partition, _checked_batches(contract, batches))

    def commit(self, staged: Staged, *, code_version: str = "", inputs: Mapping[str, str] | None = None) -> Commit:
        """Make a staged partition the one that readers see, in one atomic step.

        An equal commit is left untouched, so a re-run without news changes no byte.

        Raises:
            LakeError: The staged file is gone (it was vacuumed); stage it again.
        """
        if self._filesystem.get_file_info(self._path(staged.file)).type != pafs.FileType.File:
            raise LakeError(f"staged file {staged.file} is gone from {self.uri}; stage the partition again")
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
        self._delete(_commit_name(table, partition))

    # ---- reading ----

    def partitions(self, table: str) -> list[str]:
        """Committed partitions of a table, sorted; ``undated`` comes last."""
        infos = self._list(f"{table}/commits", file_type=pafs.FileType.File)
        return sorted(info.base_name.removesuffix(".json") for info in infos if info.base_name.endswith(".json"))

    def commit_of(self, table: str, partition: str) -> Commit | None:
        """The commit of one partition, or None."""
        document = self.get_bytes(_commit_name(table, partition))
        return None if document is None else Commit(**json.loads(document))

    def commits(self, table: str, partitions: Sequence[str] | None = None) -> list[Commit]:
        """Commits of the named partitions that exist, or of all."""
        names = self.partitions(table) if partitions is None else list(partitions)
        return [commit for name in names if (commit := self.commit_of(table, name)) is not None]

    def fingerprints(self, table: str, partitions: Sequence[str] | None = None) -> dict[str, str]:
        """``table/partition`` -> sha256, in the form that ``commit(inputs=...)`` takes."""
        return {f"{c.table}/{c.partition}": c.sha256 for c in self.commits(table, partitions)}

    def is_current(self, table: str, partition: str, *, code_version: str, inputs: Mapping[str, str]) -> bool:
        """Whether the partition was computed by this code from exactly these inputs."""
        commit = self.commit_of(table, partition)
        return commit is not None and commit.code_version == code_version and dict(commit.inputs) == dict(inputs)

    def dataset(self, contract: TableContract, partitions: Sequence[str] | None = None) -> ds.Dataset:
        """Committed rows as an Arrow dataset over an explicit list of files; empty if there are none.

        DuckDB, polars and Arrow stream it, with columns and filters pushed down.
        """
        files = [self._path(commit.file) for commit in self.commits(contract.key, partitions)]
        if not files:
            return ds.dataset(contract.schema.empty_table())
        return ds.dataset(files, schema=contract.schema, format="parquet", filesystem=self._filesystem)

    def staged_dataset(self, contract: TableContract, staged: Staged) -> ds.Dataset:
        """Rows of a staged partition, for those who audit it before it counts."""
        return ds.dataset(
            [self._path(staged.file)], schema=contract.schema, format="parquet", filesystem=self._filesystem
        )

    def read(
        self, contract: TableContract, partitions: Sequence[str] | None = None, columns: list[str] | None = None
    ) -> pa.Table:
        """Committed rows in memory."""
        return self.dataset(contract, partitions).to_table(columns=columns)

    def scan(self, contract: TableContract, partitions: Sequence[str] | None = None) -> pl.LazyFrame:
        """Committed rows as a lazy polars frame."""
        return pl.scan_pyarrow_dataset(self.dataset(contract, partitions))

    def files(self, table: str, partitions: Sequence[str] | None = None) -> list[str]:
        """Locations of the committed data files, as DuckDB's ``read_parquet`` takes them."""
        return [self.location(commit.file) for commit in self.commits(table, partitions)]

    # ---- plain objects beside the tables: weights, parts of unfinished work ----

    def location(self, name: str) -> str:
        """Absolute path or URI (without options) of an object of this lake."""
        path = self._path(name)
        return path if self._is_local else f"{self.uri.partition('://')[0]}://{path}"

    def put_bytes(self, name: str, content: bytes) -> None:
        """Write one object in one atomic step, replacing it if it exists."""
        with _local_copy(content) as path:
            self._publish(path, name)

    def get_bytes(self, name: str) -> bytes | None:
        """Content of one object, or None if it does not exist."""
        try:
            with self._filesystem.open_input_stream(self._path(name)) as stream:
                return stream.read()
        except FileNotFoundError:
            return None

    def names(self, prefix: str) -> list[str]:
        """Names of the objects directly below ``prefix``, sorted."""
        infos = self._list(prefix, file_type=pafs.FileType.File)
        return sorted(f"{prefix}/{info.base_name}" for info in infos)

    def delete_below(self, prefix: str) -> None:
        """Delete every object below ``prefix``; a prefix without objects is no error."""
        for info in self._list(prefix, file_type=pafs.FileType.File, recursive=True):
            self._delete(info.path.removeprefix(self._root + "/"))

    # ---- upkeep ----

    def vacuum(self, older_than: timedelta = timedelta(days=1)) -> list[str]:
        """Delete data files that no commit names, and abandoned staging, once they are old enough.

        Readers that resolved a commit before are safe for that long.

        Returns:
            Names of what was deleted.
        """
        horizon = datetime.now(UTC) - older_than
        infos = self._list("", file_type=pafs.FileType.File, recursive=True)
        by_name = {info.path.removeprefix(self._root + "/"): info for info in infos}
        kept = {self._commit_at(name).file for name in by_name if _is_commit(name)}
        doomed = [name for name in by_name if _is_data(name) and self._zone_relative(name) not in kept]
        doomed += [name for name in by_name if name.startswith(f"{_STAGING}/")]
        old = [name for name in doomed if by_name[name].mtime is not None and by_name[name].mtime < horizon]
        for name in old:
            self._delete(name)
        return sorted(old)

    # ---- inside ----

    @property
    def _is_local(self) -> bool:
        return isinstance(self._filesystem, pafs.LocalFileSystem)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _list(self, prefix: str, *, file_type: pafs.FileType, recursive: bool = False) -> list[pafs.FileInfo]:
        selector = pafs.FileSelector(self._path(prefix), allow_not_found=True, recursive=recursive)
        return [info for info in self._filesystem.get_file_info(selector) if info.type == file_type]

    def _commit_at(self, name: str) -> Commit:
        document = self.get_bytes(name)
        if document is None:
            raise LakeError(f"{name} vanished from {self.uri} during vacuum; run it again when no job writes")
        return Commit(**json.loads(document))

    @staticmethod
    def _zone_relative(name: str) -> str:
        return "/".join(name.split("/")[-3:])

    def _delete(self, name: str) -> None:
        try:
            self._filesystem.delete_file(self._path(name))
        except FileNotFoundError:
            return

    def _stage_file(self, contract: TableContract, partition: str, batches: Iterable[pa.RecordBatch]) -> Staged:
        _refuse_bad_name(contract.key)
        _refuse_bad_name(partition)
        with self._staging_folder() as folder:
            path = folder / "rows.parquet"
            rows = _write_parquet(path, contract.schema, batches)
            digest = _sha256(path)
            size = path.stat().st_size
            name = f"{contract.key}/data/{partition}-{digest[:16]}.parquet"
            existing = self._filesystem.get_file_info(self._path(name))
            if existing.type != pafs.FileType.File or existing.size != size:
                self._publish(path, name)
        return Staged(contract.key, partition, name, rows, size, digest, contract.fingerprint)

    @contextmanager
    def _staging_folder(self) -> Iterator[Path]:
        base = None
        if self._is_local:
            base = Path(self._root) / _STAGING
            base.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=base))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _publish(self, path: Path, name: str) -> None:
        """Move a finished local file to its name: rename on a disk, one upload on object storage."""
        if self._is_local:
            self._rename_into_place(path, Path(self._path(name)))
            return
        with path.open("rb") as source, self._filesystem.open_output_stream(self._path(name)) as target:
            shutil.copyfileobj(source, target, 8 << 20)

    def _rename_into_place(self, path: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(self._root) / _STAGING
        staging.mkdir(parents=True, exist_ok=True)
        if path.stat().st_dev != target.parent.stat().st_dev:
            path = Path(shutil.copyfile(path, staging / uuid.uuid4().hex))
        with path.open("rb+") as file:
            os.fsync(file.fileno())
        path.replace(target)
        _fsync_folder(target.parent)


def _open_filesystem(uri: str) -> tuple[pafs.FileSystem, str]:
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).expanduser().absolute())
    try:
        filesystem, root = pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise LakeError(f"cannot open the lake {uri!r}: {error}; use a folder or s3://bucket/prefix") from error
    return filesystem, root.rstrip("/")


def _refuse_bad_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise LakeError(f"{name!r} cannot name a table, zone or partition; use letters, digits, '_', '.', '=' and '-'")


def _commit_name(table: str, partition: str) -> str:
    return f"{table}/commits/{partition}.json"


def _is_commit(name: str) -> bool:
    return name.endswith(".json") and name.split("/")[-2:-1] == ["commits"]


def _is_data(name: str) -> bool:
    return name.endswith(".parquet") and name.split("/")[-2:-1] == ["data"]


@contextmanager
def _local_copy(content: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        path.write_bytes(content)
        yield path


def _write_parquet(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write batches in row groups of a fixed size, so that bytes depend on rows alone."""
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in _regrouped(schema, batches):
            writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
            rows += group.num_rows
    return rows


def _regrouped(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(b.num_rows for b in waiting) >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(waiting, schema)
            whole = table.num_rows - table.num_rows % ROW_GROUP_ROWS
            for start in range(0, whole, ROW_GROUP_ROWS):
                yield table.slice(start, ROW_GROUP_ROWS).combine_chunks()
            waiting = table.slice(whole).to_batches()
    rest = pa.Table.from_batches(waiting, schema)
    if rest.num_rows:
        yield rest.combine_chunks()


def _checked_batches(contract: TableContract, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    last: tuple[tuple[bool, object], ...] | None = None
    order = [(name, "ascending") for name in contract.primary_key]
    for batch in batches:
        if not batch.num_rows:
            continue
        table = contract.conform(pa.Table.from_batches([batch]))
        contract.validate(table)
        keys = table.select(list(contract.primary_key))
        first = _ordered_key(keys, 0)
        if keys.sort_by(order) != keys or (last is not None and first <= last):
            raise ContractViolation(f"{contract.key}: rows do not come sorted by {contract.primary_key}; sort them")
        last = _ordered_key(keys, keys.num_rows - 1)
        yield from table.combine_chunks().to_batches()


def _ordered_key(keys: pa.Table, row: int) -> tuple[tuple[bool, object], ...]:
    values = keys.slice(row, 1).to_pylist()[0].values()
    return tuple((value is None, value) for value in values)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
