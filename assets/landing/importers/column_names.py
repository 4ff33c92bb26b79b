"""Columns that are there under another name: spelt nearly alike, or called what other people call them."""

import difflib
import re
from collections.abc import Iterable

_TIMES = (
    "time",
    "timestamp",
    "date",
    "datetime",
    "day",
    "at",
    "on",
    "ts",
    "created",
    "inserted",
    "posted",
)
_SYNONYMS = {
    "joined_at": ("join", "joined", "signup", "signed_up", "registered", "registration", "since", *_TIMES),
    "uploaded_at": ("upload", "uploaded", "published", "taken", *_TIMES),
    "created_at": ("favorited", "liked", "followed", "blocked", *_TIMES),
    "rated_at": ("rated", "rating", "answer", "answered", "submitted", *_TIMES),
    "opted_in": ("optin", "opt_in", "consent", "consents", "consented", "consent_given", "agreed", "agrees"),
    "is_public": ("public", "visible", "is_visible", "visibility"),
}
_TIME_WORDS = ("at", "on", "date", "day", "time", "timestamp", "datetime", "ts")
_LIKENESS = 0.75


def likely_column(wanted: str, there: Iterable[str]) -> str | None:
    """The column that is most likely meant by a name that is not there; None if none is.

    A known synonym counts before a name that is spelt alike.

    >>> likely_column("uploaded_at", ["photo_id", "upload_time"]), likely_column("opted_in", ["hat", "Opted-In"])
    ('upload_time', 'Opted-In')
    >>> likely_column("opted_in", ["hat"]) is None
    True

    Args:
        wanted: Name in the contract.
        there: Columns that nothing else is read from.
    """
    plain = {_plain(name): name for name in there}
    known = {_without_time_words(synonym) for synonym in (wanted, *_SYNONYMS.get(wanted, ()))}
    for name, as_written in plain.items():
        if name == _plain(wanted) or _without_time_words(name) in known:
            return as_written
    near = difflib.get_close_matches(_plain(wanted), plain, n=1, cutoff=_LIKENESS)
    return plain[near[0]] if near else None


def _plain(name: str) -> str:
    """Words in lower case, joined by underscores, however they were told apart.

    >>> _plain("dateUploaded"), _plain("Opted-In")
    ('date_uploaded', 'opted_in')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", apart.lower()).strip("_")


def _without_time_words(name: str) -> str:
    """What a column of times is about: ``date_uploaded`` and ``upload_time`` are about an upload."""
    words = [word for word in _plain(name).split("_") if word not in _TIME_WORDS]
    return "_".join(words) or _plain(name)
