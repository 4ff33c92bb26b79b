from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from assets.cli import app
from assets.contracts.settings import Settings
from assets.dbt.publish import publish_warehouse
from assets.dbt.query import QueryFailure
from assets.suggested import print_recommendations

TABLES = """
    create table fct_recommendations as
    from (
        values
            (1, 2, 8, 0.01, 0.1, false, '1 person you follow follows them; 3 followers'),
            (1, 1, 9, 0.02, 0.2, true, '2 people you follow follow them; beauty 0.81; 12 followers')
    ) as t (user_id, rank, recommended_user_id, score, acceptance, is_to_talented_unseen, reason);
    create table dim_users as from (values (1, 3), (2, 0), (3, 1), (4, 2)) as t (user_id, followees);
    create table stg_lake__link_candidates as from (values (1, 8), (1, 9), (4, 1)) as t (user_id, candidate_id);
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = Settings(tmp_path, str(tmp_path / "lake"))
    found.warehouse.parent.mkdir()
    with duckdb.connect(str(found.warehouse)) as connection:
        connection.execute(TABLES)
    publish_warehouse(found)
    return found


def test_print_recommendations_gives_the_best_first(settings: Settings) -> None:
    lines = print_recommendations(settings, 1, "csv").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [["1", "9"], ["2", "8"]]
    assert "2 people you follow follow them; beauty 0.81; 12 followers" in lines[1]
    assert len(print_recommendations(settings, 1, "csv", rows=1).splitlines()) == 2


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (7, "there is no user 7"),
        (2, "user 2 follows nobody"),
        (3, "follows everybody already whom their followees follow"),
        (4, "all 1 candidates of user 4 are taken up elsewhere"),
    ],
)
def test_print_recommendations_says_why_there_are_none(settings: Settings, user: int, reason: str) -> None:
    with pytest.raises(QueryFailure, match=reason):
        print_recommendations(settings, user)


def test_print_recommendations_tells_that_nothing_was_made_yet(settings: Settings) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("delete from fct_recommendations")
    publish_warehouse(settings)
    with pytest.raises(QueryFailure, match="run `beautyflow materialize`"):
        print_recommendations(settings, 1)


def test_recommend_answers_and_refuses_on_the_command_line(settings: Settings) -> None:
    answered = CliRunner().invoke(app, ["--home", str(settings.home), "recommend", "--user", "1"])
    assert answered.exit_code == 0
    assert "12 followers" in answered.output
    refused = CliRunner().invoke(app, ["--home", str(settings.home), "recommend", "--user", "7"])
    assert refused.exit_code == 2
    assert "there is no user 7" in refused.output
