"""Addresses of servers and databases, as they may be shown to people."""

from __future__ import annotations

import re

#: What stands between the user's name and the host. A number there is a port, not a password.
_PASSWORD = re.compile(r"(//[^/?#@:\s]*):(?!\d+(?:[/?#\s]|$))[^?#\s]*@")

#: PostgreSQL's programs also take the password as an option of the address.
_PASSWORD_OPTION = re.compile(r"([?&](?:ssl)?password=)[^&#\s]*")


def masked(text: str) -> str:
    """An address, or a text with addresses, without their passwords. The name of the user stays.

    Examples
    --------
    >>> masked("postgresql://lab:secret@server/studies")
    'postgresql://lab@server/studies'
    """
    return _PASSWORD_OPTION.sub(r"\1***", _PASSWORD.sub(r"\1@", text))
