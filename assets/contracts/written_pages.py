"""Parts of documentation pages that are written from code, and compared with it so that none goes stale."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class StalePage(RuntimeError):
    """A committed page does not say what the code does; the message says how to write it again."""


@dataclass(frozen=True)
class WrittenPart:
    """The part of a page between two comments, which a command writes.

    Attributes:
        page: The committed page.
        command: Command that writes it.
        origin: What it is written from, for people who want to change it.
        render: Gives the part as Markdown.
    """

    page: Path
    command: str
    origin: str
    render: Callable[[], str]

    @property
    def start(self) -> str:
        """The line before the part."""
        return f"<!-- Written from {self.origin} by `{self.command}`; change these, not what follows. -->\n"

    @property
    def end(self) -> str:
        """The line after the part."""
        return "<!-- End of what is written. -->\n"

    def check(self, path: Path | None = None) -> None:
        """Compare a page, the committed one by default, with the code.

        Raises:
            StalePage: They differ, or the page has no place for the part.
        """
        page = path or self.page
        if page.read_text(encoding="utf-8") != self._rewritten(page):
            raise StalePage(f"{page.name} is not what {self.origin} say; run `{self.command}` and commit the result")

    def write(self, path: Path | None = None) -> None:
        """Write the part into a page, the committed one by default.

        Raises:
            StalePage: The page has no place for the part.
        """
        page = path or self.page
        page.write_text(self._rewritten(page), encoding="utf-8")

    def _rewritten(self, page: Path) -> str:
        before, start, rest = page.read_text(encoding="utf-8").partition(self.start)
        _, end, after = rest.partition(self.end)
        if not start or not end:
            raise StalePage(
                f"{page.name} has no place for what is written; put {self.start.strip()} and {self.end.strip()} there"
            )
        return f"{before}{start}\n{self.render()}\n{end}{after}"
