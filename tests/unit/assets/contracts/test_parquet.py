import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.contracts import parquet
from assets.contracts.parquet import checked_batches, sha256_of, write_parquet
from assets.contracts.table import ContractViolation


@pytest.fixture(autouse=True)
def _small_row_groups(monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 4)


def test_write_parquet_bytes_do_not_depend_on_how_batches_are_cut(tmp_path, visits, make_visits):
    rows = make_visits(*range(11))
    digests = set()
    for number, size in enumerate((1, 3, 4, 5, 11)):
        path = tmp_path / f"{number}.parquet"
        assert write_parquet(path, visits.schema, rows.to_batches(max_chunksize=size)) == 11
        digests.add(sha256_of(path))
    assert len(digests) == 1
    groups = pq.ParquetFile(path).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 4, 3]


def test_write_parquet_of_nothing_is_an_empty_table(tmp_path, visits):
    assert write_parquet(tmp_path / "none.parquet", visits.schema, []) == 0
    assert pq.read_table(tmp_path / "none.parquet").schema == visits.schema


def test_write_parquet_takes_no_more_batches_than_one_row_group_needs(tmp_path, visits, make_visits, monkeypatch):
    taken, written = [], []

    def batches():
        for user in range(20):
            taken.append(user)
            yield make_visits(user).to_batches()[0]

    original = pq.ParquetWriter.write_table

    def write_table(self, table, **options):
        written.append((len(taken), table.num_rows))
        original(self, table, **options)

    monkeypatch.setattr(pq.ParquetWriter, "write_table", write_table)
    write_parquet(tmp_path / "rows.parquet", visits.schema, batches())
    assert written == [(4, 4), (8, 4), (12, 4), (16, 4), (20, 4)]


def test_checked_batches_passes_sorted_rows_and_skips_empty_batches(visits, make_visits):
    batches = [make_visits(1, 2), make_visits(), make_visits(3, 7)]
    passed = checked_batches(visits, "2016-03", [b for t in batches for b in t.to_batches() or [_empty(t)]])
    assert pa.Table.from_batches(passed)["user_id"].to_pylist() == [1, 2, 3, 7]


def _empty(table: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=table.schema)


def test_checked_batches_puts_null_keys_last_as_arrow_sorts(visits, make_visits):
    batches = [make_visits(1), make_visits(1, place=None), make_visits(2)]
    passed = list(checked_batches(visits, "2016-03", [b for t in batches for b in t.to_batches()]))
    assert len(passed) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [([1, 2], [2, 3]), ([3], [1]), ([2, 1], []), ([1], [3, 2])],
    ids=["duplicate across batches", "unsorted across batches", "unsorted inside", "unsorted in the second"],
)
def test_checked_batches_refuses_keys_that_do_not_increase(visits, make_visits, first, second):
    batches = [b for users in (first, second) for b in make_visits(*users).to_batches()]
    with pytest.raises(
        ContractViolation,
        match=r"visits: keys of 2016-03 do not strictly increase in the batch that starts at .*; "
        "sort the rows by user_id, place and remove duplicates",
    ):
        list(checked_batches(visits, "2016-03", batches))


def test_checked_batches_refuses_duplicates_inside_a_batch(visits, make_visits):
    with pytest.raises(ContractViolation, match="1 keys occur more than once"):
        list(checked_batches(visits, "2016-03", make_visits(4, 4).to_batches()))
