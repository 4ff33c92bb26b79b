import pytest

from assets.landing.file_names import is_image, is_unfinished


@pytest.mark.parametrize("name", [".hidden", "a.part", "a.csv.TMP", "a.Part"])
def test_is_unfinished_knows_hidden_and_half_copied_files(name: str) -> None:
    assert is_unfinished(name)
    assert not is_unfinished(f"{name}.csv".lstrip("."))


@pytest.mark.parametrize(
    ("name", "image"), [("a.JPG", True), ("7", True), ("a", False), ("7.tar", False), ("7.", False)]
)
def test_is_image_goes_by_ending_or_number(name: str, image: bool) -> None:
    assert is_image(name) == image
