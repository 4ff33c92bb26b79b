from assets.contracts.lake import Lake
from assets.landing.importers import import_source
from assets.landing.rejections import count_rejected, rejected_rows, render_rejected


def import_users(tmp_path, name, rows):
    folder = tmp_path / "landing" / name
    folder.mkdir(parents=True)
    (folder / "users.csv").write_text("\n".join(["user_id,opted_in", "1,true", *rows]))
    lake = Lake(str(tmp_path / "lake"))
    import_source("canonical", folder, name=name, lake=lake, landing_root=tmp_path / "landing")
    return lake


def test_rejected_rows_are_the_first_of_each_reason(tmp_path):
    import_users(tmp_path, "b", ["2,perhaps", *["x,true"] * 5])
    lake = import_users(tmp_path, "a", ["1,true"])
    found = [(row["source"], row["reason"], row["row"]) for row in rejected_rows(lake, limit=2)]
    assert found == [
        ("a", "duplicate_key", 3),
        ("b", "not_a_boolean", 3),
        ("b", "not_an_integer", 4),
        ("b", "not_an_integer", 5),
    ]
    assert {row["source"] for row in rejected_rows(lake, "b")} == {"b"}
    assert len(rejected_rows(lake, "b")) == 4
    assert rejected_rows(lake, "c") == []
    assert count_rejected(lake) == 1 + 6


def test_rejected_rows_are_empty_without_any(tmp_path):
    assert rejected_rows(Lake(str(tmp_path))) == []
    assert rejected_rows(import_users(tmp_path, "a", [])) == []


def test_render_rejected_says_where_and_what_in_bounded_lines():
    row = {
        "source": "a",
        "table": "users",
        "reason": "r",
        "file": "u.csv",
        "row": 3,
        "column": "c",
        "detail": "found\nx",
    }
    assert render_rejected([row, {**row, "column": None, "detail": "y" * 500}]).splitlines() == [
        "  first rejected rows of each reason:",
        "    users r: u.csv, row 3, column c: found x",
        f"    users r: u.csv, row 3: {'y' * 300}...",
    ]
    assert render_rejected([]) == ""
