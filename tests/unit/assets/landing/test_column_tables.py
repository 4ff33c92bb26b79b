from assets.contracts.community import USERS
from assets.landing.column_tables import PART, render_columns
from assets.landing.importers.format import landing_tables


def test_the_committed_page_is_true_of_the_contracts():
    PART.check()


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
