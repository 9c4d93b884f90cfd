"""The error that a user can correct."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: Characters of a message that are kept at its beginning and at its end.
_HEAD, _TAIL = 1200, 700


class UserError(Exception):
    """Something that the user can correct: the message says what is wrong, where, and what to do.

    The command line prints it as one line and exits with code 2. A name in a message may be as long as a file, so the
    middle of a very long message is left out; what to do stands at its end.
    """

    def __init__(self, message: object = "") -> None:
        text = str(message)
        super().__init__(text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]} ... {text[-_TAIL:]}")


class LeftOut(UserError):
    """The data has no folds of a protocol, so it is left out; ``reason`` says why in one line."""

    def __init__(self, protocol: str, reason: str) -> None:
        super().__init__(f"{protocol} is left out: {reason}")
        self.protocol, self.reason = protocol, reason


def brief(error: object, length: int = 300) -> str:
    """What an error of a library says, on one line of at most ``length`` characters: it may quote a whole file.

    Examples
    --------
    >>> brief(ValueError("line 3\\n  is too long"), 12)
    'line 3 is...'
    """
    text = " ".join(str(error).split())
    return text if len(text) <= length else f"{text[: length - 3].rstrip()}..."


def nearest(word: str, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known word nearest to ``word``, else the list of all known words."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return "known are: " + ", ".join(words) if words else "none are known"
