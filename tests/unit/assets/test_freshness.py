from pathlib import Path

from assets import freshness
from assets.contracts.settings import Settings
from assets.landing.watching import landing_fingerprint


def test_is_up_to_date_until_something_lands_even_while_building(tmp_path: Path) -> None:
    settings = Settings(tmp_path, str(tmp_path / "lake"))
    source = settings.landing / "community"
    source.mkdir(parents=True)
    (source / "users.csv").write_text("user_id\n1\n")
    assert not freshness.is_up_to_date(settings)
    before = landing_fingerprint(settings.landing)
    freshness.remember(settings, before)
    assert freshness.is_up_to_date(settings)
    (source / "edges.csv").write_text("follower_id,followee_id\n1,2\n")
    freshness.remember(settings, before)
    assert not freshness.is_up_to_date(settings)
