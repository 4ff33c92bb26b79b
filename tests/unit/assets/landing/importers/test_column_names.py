import pytest

from assets.landing.importers.column_names import likely_column


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("uploaded_at", "upload_time"),
        ("uploaded_at", "uploadedAt"),
        ("uploaded_at", "date_uploaded"),
        ("uploaded_at", "timestamp"),
        ("joined_at", "registration_date"),
        ("created_at", "CREATED"),
        ("opted_in", "optin"),
        ("is_public", "public"),
        ("photo_id", "photoid"),
    ],
)
def test_likely_column_knows_what_is_meant(wanted, name):
    assert likely_column(wanted, ["hat", name, "shoe_size"]) == name


@pytest.mark.parametrize("wanted", ["uploaded_at", "opted_in", "is_public", "photo_id"])
def test_likely_column_guesses_nothing_from_afar(wanted):
    assert likely_column(wanted, ["hat", "shoe_size", "private", "country"]) is None
    assert likely_column(wanted, []) is None
