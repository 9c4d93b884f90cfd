"""The error that a user can correct."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Something that the user can correct: the message says what is wrong, where, and what to do.

    The command line prints it as one line and exits with code 2.
    """


class LeftOut(UserError):
    """The data has no folds of a protocol, so it is left out; ``reason`` says why in one line."""

    def __init__(self, protocol: str, reason: str) -> None:
        super().__init__(f"{protocol} is left out: {reason}")
        self.protocol, self.reason = protocol, reason


def nearest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known word nearest to ``word``, else the list of all known words."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known are: " + ", ".join(words) if words else "none are known"
