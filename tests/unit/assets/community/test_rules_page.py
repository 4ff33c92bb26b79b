from assets.community.publishing import published_tables
from assets.community.rules_page import PART, render_rules
from assets.community.suites import statements
from assets.contracts.community import PHOTOS
from assets.contracts.settings import PROJECT_ROOT


def test_the_committed_page_is_true_of_the_suites() -> None:
    PART.check()


def test_render_rules_lists_every_statement_of_every_table() -> None:
    text = render_rules(published_tables())
    assert len(published_tables()) > 5
    for contract in published_tables():
        section = text.partition(f"## `{contract.key}`\n")[2].partition("\n## ")[0]
        listed = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
        assert listed == [statement.name for statement in statements(contract)]


def test_render_rules_says_what_is_refused_and_what_to_do() -> None:
    lines = render_rules([PHOTOS]).splitlines()
    assert (
        "| `user_id_is_in_users` | `user_id` names a published row of `users`. | the month, for one such row | "
        "Add the missing rows to `users` (`beautyflow rejected` shows those that did not land), "
        "or take these out, and import again. |"
    ) in lines
    volume = next(line for line in lines if line.startswith("| `volume_has_not_exploded`"))
    assert "until its size is accepted | " in volume
    assert "`beautyflow materialize --accept-volume YYYY-MM`" in volume
    assert "| accepted | holds until the month shrinks or grows by a factor of 5 |" in lines


def test_the_page_is_linked_from_where_people_bring_data() -> None:
    guide = PROJECT_ROOT / "docs" / "how-to" / "bring-your-own-community.md"
    assert f"](../{PART.page.name})" in guide.read_text(encoding="utf-8")
