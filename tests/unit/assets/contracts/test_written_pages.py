from pathlib import Path

import pytest

from assets.contracts.written_pages import StalePage, WrittenPart


@pytest.fixture
def part(tmp_path: Path) -> WrittenPart:
    written = WrittenPart(tmp_path / "page.md", "make page", "the numbers", lambda: "one\ntwo\n")
    written.page.write_text(f"# Page\n{written.start}old\n{written.end}after\n")
    return written


def test_check_names_the_command_of_a_stale_page_and_write_makes_it_true(part: WrittenPart) -> None:
    with pytest.raises(StalePage, match=r"page\.md is not what the numbers say; run `make page` and commit"):
        part.check()
    part.write()
    part.check()
    assert part.page.read_text() == f"# Page\n{part.start}\none\ntwo\n\n{part.end}after\n"


def test_check_refuses_a_page_without_a_place_for_the_part(part: WrittenPart, tmp_path: Path) -> None:
    bare = tmp_path / "bare.md"
    bare.write_text("# Nothing\n")
    with pytest.raises(StalePage, match=r"bare\.md has no place .* put <!-- Written from the numbers by `make page`"):
        part.check(bare)
    with pytest.raises(StalePage, match="no place"):
        part.write(bare)
