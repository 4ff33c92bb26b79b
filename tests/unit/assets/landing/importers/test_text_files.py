import gzip
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.landing.importers.text_files import PROBLEM, ROW, delimited_rows, lines_of


def rows_of(path):
    return delimited_rows(path).reader().read_all().to_pylist()


@pytest.mark.parametrize("block", [64, 1 << 20])
def test_delimited_rows_know_their_lines_across_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr("assets.landing.importers.text_files.BLOCK_BYTES", block)
    path = tmp_path / "a.csv"
    lines = ["a,b", *("x" if i % 7 == 0 else "" if i % 11 == 0 else f"{i},{i}" for i in range(2, 200))]
    path.write_text("\n".join(lines) + "\n")
    rows = rows_of(path)
    assert all(row[ROW] == int(row["a"]) for row in rows if row[PROBLEM] is None)
    assert sorted(row[ROW] for row in rows if row[PROBLEM] is not None) == list(range(7, 200, 7))
    assert len(rows) == sum(bool(line) for line in lines) - 1


def test_delimited_rows_take_byte_order_marks_and_other_delimiters(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffa;b\r\n1;ü\r\n".encode())
    assert [(row["a"], row["b"], row[ROW]) for row in rows_of(path)] == [("1", "ü", 2)]


def test_delimited_rows_keep_the_values_of_malformed_rows_that_stand_in_order(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('a,b,c\n1,2\n3,"4,\n5",6,7\n')
    found = [(row["a"], row["b"], row["c"], row[PROBLEM]) for row in rows_of(path)]
    assert found == [("1", "2", None, "wrong_number_of_fields"), ("3", "4,\n5", "6", "wrong_number_of_fields")]


@pytest.mark.parametrize("ending", [".gz", ".GZ", ".Gz"])
def test_delimited_rows_are_unpacked_whatever_the_case_of_the_ending(tmp_path, ending):
    path = tmp_path / f"a.csv{ending}"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    assert [row["a"] for row in rows_of(path)] == ["1"]


def test_lines_of_leaves_blank_lines_out_but_counts_them(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text('a "b\n\n \nc\x01d\ne')
    found = {row[ROW]: (row["line"], row["_problem"]) for row in lines_of(path).reader().read_all().to_pylist()}
    assert found == {1: ('a "b', None), 4: (None, "wrong_number_of_fields"), 5: ("e", None)}
    assert lines_of(path, keep_blank=True).reader().read_all().num_rows == 5


CELL = st.text(alphabet='ab1 ",;é\n', max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), max_size=20))
def test_every_record_comes_once_and_on_its_line(records):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        text, line, expected = "a,b\n", 2, []
        for record in records:
            written = ",".join('"' + cell.replace('"', '""') + '"' for cell in record)
            if len(record) != 2 or any(record):
                expected.append(line)
            text += written + "\n"
            line += written.count("\n") + 1
        path.write_text(text, encoding="utf-8")
        assert sorted(row[ROW] for row in rows_of(path)) == expected
