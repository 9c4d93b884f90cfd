"""Addresses of servers and databases: without their passwords, and what is wrong with one.

Every address that is printed, logged, stored in a tag or part of an error goes through :func:`masked`. It errs on the
safe side: where an address can be read in two ways, more than the password is hidden.
"""

from __future__ import annotations

import re
from typing import TextIO
from urllib.parse import urlsplit

#: Up to the first colon after "//" there is the name of a user, or a host; up to the last "@" a password, which people
#: write with any character. A number after an IP address or localhost is a port. Lengths are limited, because a search
#: without limits takes minutes on some long texts.
_PASSWORD = re.compile(
    r"(?P<user>\b[a-z][a-z0-9+.-]{0,40}://(?!(?:localhost|[\d.]+):\d+(?:[/?#]|$))[^/?#:\s]{0,500}):\S{0,2000}@(?P<host>\S*)",
    flags=re.IGNORECASE,
)

#: A long name without a password is an access token: "https://<token>@host".
_TOKEN = re.compile(r"(\bhttps?://)[^/?#:@\s]{16,}@", flags=re.IGNORECASE)

#: Passwords and keys among an address's options, and in the form "host=... password=..." of PostgreSQL's programs.
_WORDS = "password|passwd|pwd|secret|token|signature|credential|api_?key|access_?key|account_?key"
_SECRET = rf"[\w.-]{{0,40}}(?:{_WORDS})[\w.-]{{0,40}}"
_OPTION = re.compile(rf"(?P<name>(?:[?&;]|\b){_SECRET}|[?&;]sig)=(?P<value>'[^'\s]*'|[^&#;\s]+)", flags=re.IGNORECASE)

#: What an HTTP client sends as its proof.
_HEADER = re.compile(r"(\bAuthorization['\"]?\s*[:=]\s*['\"]?(?:Basic|Bearer)\s+)[^\s'\"]+", flags=re.IGNORECASE)

#: Characters that end the name or the password of a user unless they are percent-encoded.
_RESERVED = {"@": "%40", "/": "%2F", "?": "%3F", "#": "%23", " ": "%20"}


def masked(text: str) -> str:
    """An address, or a text with addresses, without passwords, keys and tokens. The name of the user stays.

    Examples
    --------
    >>> masked("postgresql://lab:secret@server/studies")
    'postgresql://lab@server/studies'
    """
    if "=" not in text and "@" not in text and "uthorization" not in text:
        return text
    text = _TOKEN.sub(r"\1***@", _PASSWORD.sub(_without_password, text))
    return _HEADER.sub(r"\1***", _OPTION.sub(r"\g<name>=***", text))


def _without_password(found: re.Match[str]) -> str:
    return f"{found['user']}@{masked(found['host'])}"


def problem(address: str) -> str | None:
    """What is wrong with the form of an address, in a few words and without its password; None where it is well formed.

    Databases and servers read a badly written address in different ways, and show parts of a password in their errors.
    Nothing is connected to.
    """
    if not address.strip():
        return "it is empty"
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in address):
        return "it has a control character, or one that is not UTF-8"
    scheme, separator, rest = address.partition("://")
    if not separator:
        return "it has no '://'"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        return "it does not begin with a scheme such as http:// or postgresql://"
    visible = address.replace(" ", "_")
    if masked(visible) != visible and "@" in rest:
        # Everything up to the last "@" belongs to the user.
        wrong = [char for char in _RESERVED if char in rest.rpartition("@")[0]]
        if wrong:
            shown = ", ".join(f"{_RESERVED[char]} for '{char}'" for char in wrong)
            return f"the user's name or password has characters that must be percent-encoded: write {shown}"
    if " " in rest and scheme.lower() not in ("sqlite", "journal", "file"):
        return "it has a space"
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError as error:
        return "its port is not a number up to 65535" if "ort" in str(error) else "its host cannot be read"
    return None


class MaskedStream:
    """A stream of text that hides passwords in whatever is written to it; otherwise it is ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(masked(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)
