"""How the command line words what it counts and lists."""

from collections.abc import Collection
from itertools import islice


def counted(number: int, thing: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(1200, "file")
    ('1 file', '1,200 files')
    """
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def some_of(names: Collection[str], most: int = 3) -> str:
    """The first few names, and how many others there are.

    >>> some_of(["a", "b"]), some_of(["a", "b", "c"], most=1)
    ('a, b', 'a and 2 others')
    """
    more = len(names) - most
    shown = ", ".join(islice(names, most))
    return f"{shown} and {counted(more, 'other')}" if more > 0 else shown
