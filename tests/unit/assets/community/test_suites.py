import subprocess
import sys

import pytest

from assets.community.publishing import published_tables
from assets.community.suites import MONTHS, ROWS, statements, suite_of
from assets.contracts.community import EDGES, PHOTOS
from assets.contracts.table import TableContract


@pytest.mark.parametrize("contract", published_tables(), ids=lambda contract: contract.key)
def test_suite_of_tests_every_statement_once(contract: TableContract) -> None:
    tested = [e.meta["statement"] for frame in (ROWS, MONTHS) for e in suite_of(contract, frame).expectations]
    assert sorted(tested) == sorted(s.name for s in statements(contract))


def test_statements_cover_what_links_must_fulfil() -> None:
    assert {
        "followee_id_is_in_users",
        "follower_id_is_not_followee_id",
        "removed_at_is_not_before_created_at",
        "created_at_is_not_before_joined_at_of_followee_id",
        "event_month_is_the_partition",
        "keys_are_unique",
        "volume_has_not_collapsed",
    } <= {s.name for s in statements(EDGES)}


def test_statements_read_as_sentences() -> None:
    described = {s.name: s.description for s in statements(PHOTOS)}
    assert described["uploaded_at_is_not_before_joined_at_of_user_id"] == (
        "`uploaded_at` is not before `joined_at` of the row of `users` that `user_id` names."
    )
    assert described["photo_id_is_in_range"] == "`photo_id` lies in [0, inf)."


def test_statements_do_not_import_great_expectations() -> None:
    program = (
        "import sys; from assets.community import audit, publishing, suites;"
        "[suites.statements(c) for c in publishing.published_tables()];"
        "print('great_expectations' in sys.modules, 'dagster' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]
