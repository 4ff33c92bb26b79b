from assets.landing.intake import changed_months

BEFORE = {
    "a/users/2016-01": "u1",
    "a/photos/2016-01": "p1",
    "a/favorites/2016-01": "f1",
    "a/favorites/2016-02": "f2",
    "a/edges/2016-03": "e3",
}


def test_changed_months_without_news_is_empty() -> None:
    assert changed_months(BEFORE, BEFORE) == []


def test_changed_months_names_every_month_at_first() -> None:
    assert changed_months({}, BEFORE) == ["2016-01", "2016-02", "2016-03"]


def test_changed_months_of_a_favorite_is_its_month_alone() -> None:
    assert changed_months(BEFORE, {**BEFORE, "a/favorites/2016-02": "new"}) == ["2016-02"]


def test_changed_months_of_a_user_reaches_later_months() -> None:
    now = {**BEFORE, "a/users/2016-02": "new"}
    assert changed_months(BEFORE, now) == ["2016-02", "2016-03"]


def test_changed_months_of_undated_photos_reaches_all_months() -> None:
    now = {**BEFORE, "a/photos/undated": "new"}
    assert changed_months(BEFORE, now) == ["2016-01", "2016-02", "2016-03", "undated"]


def test_changed_months_keeps_a_month_that_lost_its_last_row() -> None:
    now = {key: sha for key, sha in BEFORE.items() if not key.endswith("2016-03")}
    assert changed_months(BEFORE, now) == ["2016-03"]
