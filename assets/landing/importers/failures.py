"""The one error of importers: a file that cannot be used at all. Single bad rows go to quarantine instead."""

from pathlib import Path


class ImportFailure(ValueError):
    """A file that is unusable as a whole; nothing in the lake has changed.

    Args:
        problem: What was found.
        file: File or folder at fault.
        line: Line at fault, from 1.
        column: Column at fault.
        expected: What should have been there.
        remedy: What to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        column: str | None = None,
        expected: str = "",
        remedy: str = "",
    ) -> None:
        self.problem = problem
        self.file = None if file is None else str(file)
        self.line = line
        self.column = column
        self.expected = expected
        self.remedy = remedy
        super().__init__(self._message())

    def _message(self) -> str:
        where = [self.file] if self.file else []
        where += [f"line {self.line}"] if self.line is not None else []
        where += [f"column {self.column!r}"] if self.column is not None else []
        message = f"{', '.join(where)}: {self.problem}" if where else self.problem
        if self.expected:
            message += f"; expected {self.expected}"
        if self.remedy:
            message += f". {self.remedy}"
        return message
