import pytest

from assets.contracts.community import USERS
from assets.landing.column_tables import PAGE, StalePage, check_page, render_columns, write_page
from assets.landing.importers.format import landing_tables


def test_check_page_finds_the_committed_page_true_of_the_contracts():
    check_page()


def test_check_page_names_the_command_when_stale_and_write_page_makes_it_true(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(PAGE.read_text().replace("| `joined_at` | a time", "| `joined_at` | a word"))
    with pytest.raises(StalePage, match=r"page\.md is not what .* run `python -m assets\.landing\.column_tables`"):
        check_page(path)
    write_page(path)
    assert path.read_text() == PAGE.read_text()


def test_check_page_refuses_a_page_without_a_place_for_the_columns(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Nothing\n")
    with pytest.raises(StalePage, match="no place for the columns"):
        check_page(path)


def test_render_columns_lists_every_column_of_every_landing_table():
    text = render_columns(landing_tables().values())
    for contract in landing_tables().values():
        section = text.partition(f"### `{contract.key}`\n")[2].partition("\n### ")[0]
        rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert rows == contract.schema.names


def test_render_columns_says_what_is_needed():
    assert render_columns([USERS]).splitlines()[5:] == [
        "| `user_id` | a whole number, at least 0 | required | Identifier of the user. |",
        "| `joined_at` | a time in 1990..2099 | optional | When the account was made. |",
        '| `opted_in` | true or false | required, unless `consent = "all"` | Whether the user agreed to be studied. |',
        "| `is_pro` | true or false | optional | Whether the user holds a paid or professional account. |",
    ]
