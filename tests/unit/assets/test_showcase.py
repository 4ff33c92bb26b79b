from pathlib import Path

import duckdb

from assets.contracts.settings import Settings
from assets.dbt.publish import publish_warehouse
from assets.showcase import show_results


def test_show_results_counts_those_found_and_says_why_the_simulator_counts_others(tmp_path: Path) -> None:
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    settings.warehouse.parent.mkdir()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            """
            create table fct_talented_unseen_users as
            select
                range as user_id, 7 as photos, 0.9 - range / 100 as beauty_shrunken, 3 as favorites_received,
                if(range < 4, 0, 2) as followers, 0.25 as recognition_percentile
            from range(1, 13)
            """
        )
        connection.execute(
            """
            create table stg_lake__matching_experiments as
            select
                'exposure_to_quality' as experiment, 'beauty gained' as outcome, 'not credible' as verdict,
                0.01234 as effect, -0.005 as lower, 0.03 as upper, 0.002 as naive_effect
            """
        )
        connection.execute(
            """
            create table fct_recommendations as
            select
                1 as user_id, 1 as rank, 12 as recommended_user_id, 0.2 as score, 0.81 as recommended_beauty,
                7 as recommended_followers, true as is_to_talented_unseen, '2 people you follow follow them' as reason
            """
        )
        connection.execute(
            """
            create table stg_lake__recommender_evaluation as
            select 'beauty_flow' as recommender, 'recall' as metric, 0.25 as value
            """
        )
    publish_warehouse(settings)
    text = show_results(settings)
    assert "Found 12 talented unseen users" in text
    said = " ".join(text.split())
    assert "1 of the 12 are recommended to somebody; 3 of them have no follower" in said
    assert "The simulator counts another number" in " ".join(text.split())
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()]
    assert ["1", "12", "0.81", "7", "2 people you follow follow them"] in cells
    assert any(row[:2] == ["beauty_flow", "0.25"] for row in cells)
    assert "the last three months (in communities without times a tenth of all links)" in " ".join(text.split())
    assert ["exposure to quality", "beauty gained", "not credible", "0.012", "-0.005", "0.03", "0.002"] in [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()
    ]
    assert [line.split()[0] for line in text.splitlines() if line.endswith(" 25.0")] == [str(n) for n in range(1, 11)]
